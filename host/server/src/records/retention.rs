//! What is kept only for a while: recordings, transcripts, events, whole conversations.

use super::Records;
use crate::app::Shared;
use crate::config::Retention;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use store::{Error, Store};

const EVERY: Duration = Duration::from_secs(3600);

/// Looks now and every hour for what is too old. Never ends.
pub async fn keep_no_longer(app: Shared) {
    let retention = app.services.config.retention;
    let Some(store) = app.records.store().filter(|_| !retention.is_for_ever()) else { return };
    loop {
        if let Err(error) = forget(&app.records, store, &retention, Timestamp::now()).await {
            tracing::warn!("what is too old is still kept, and looked for again in an hour: {error}");
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn forget(
    records: &Records,
    store: &Store,
    retention: &Retention,
    now: Timestamp,
) -> Result<(), Error> {
    let before = |days: Option<u32>| {
        let age = SignedDuration::from_hours(i64::from(days?) * 24);
        now.checked_sub(age).ok()
    };
    if let Some(before) =
        before(retention.recordings_days.into_iter().chain(retention.conversations_days).min())
    {
        let names = store.forget_recordings(before, records.node()).await?;
        records.delete_recordings(&names);
    }
    if let Some(before) = before(retention.transcripts_days) {
        log("turns", store.forget_words(before).await?);
    }
    if let Some(before) = before(retention.events_days) {
        log("events", store.forget_events(before).await?);
    }
    if let Some(before) = before(retention.conversations_days) {
        let gone = store.forget_conversations(before).await?;
        records.delete_recordings(&gone.recordings);
        log("conversations", gone.conversations);
    }
    Ok(())
}

fn log(what: &str, rows: u64) {
    if rows > 0 {
        tracing::info!(what, rows, "too old, and kept no longer");
    }
}

impl Records {
    /// Files of this host; what is not there is gone already.
    pub fn delete_recordings(&self, names: &[String]) -> usize {
        let mut deleted = 0;
        for path in names.iter().filter_map(|name| self.recording(name)) {
            match std::fs::remove_file(&path) {
                Ok(()) => deleted += 1,
                Err(error) => {
                    tracing::warn!(path = %path.display(), "a recording cannot be deleted: {error}")
                }
            }
        }
        deleted
    }
}
