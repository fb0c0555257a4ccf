//! How loud a call is, for those who watch it: told only while somebody wants to see it.

use super::Known;
use crate::registry::Event;
use tokio::sync::broadcast;

/// Whoever is behind by more than this has missed some of it, which does no harm: it is five a second.
const WATCHED: usize = 16;

impl Known {
    /// How loud it is, from there on.
    pub fn watch_levels(&self) -> broadcast::Receiver<Event> {
        self.levels.get_or_init(|| broadcast::Sender::new(WATCHED)).subscribe()
    }

    /// Somebody wants to see it.
    pub fn shows_levels(&self) -> bool {
        self.levels.get().is_some_and(|levels| levels.receiver_count() > 0)
    }

    pub fn publish_levels(&self, event: Event) {
        if let Some(levels) = self.levels.get() {
            // they may have gone meanwhile
            let _ = levels.send(event);
        }
    }
}
