//! What is kept only for a while: recordings, journals, transcripts, events, whole conversations.

use super::Records;
use crate::app::Shared;
use crate::config::Retention;
use crate::journals;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use store::{Error, Store};

const EVERY: Duration = Duration::from_secs(3600);

/// Looks now and every hour for what is too old. Never ends.
pub async fn keep_no_longer(app: Shared) {
    let retention = app.services.config.retention;
    let store = app.records.store().filter(|_| !retention.is_for_ever());
    if store.is_none() && retention.journals_days.is_none() {
        return;
    }
    loop {
        if let Some(store) = store
            && let Err(error) = forget(&app.records, store, &retention, Timestamp::now()).await
        {
            tracing::warn!("what is too old is still kept, and looked for again in an hour: {error}");
        }
        // the files say themselves how old they are
        if let Some(days) = retention.journals_days {
            let age = Duration::from_secs(u64::from(days) * 24 * 3600);
            log("journals", journals::delete_older(&app.services.config.journal.folder, age) as u64);
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
    let recordings = retention.recordings_days.into_iter().chain(retention.conversations_days).min();
    if let Some(before) = before(recordings) {
        let gone = store.forget_recordings(before, records.node(), |name| records.delete_recording(name));
        log("recordings", gone.await?);
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
        records.delete_journals(&gone.calls);
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
    /// How many of these files of this host are gone now.
    pub fn delete_recordings(&self, names: &[String]) -> usize {
        names.iter().filter(|name| self.recording(name).is_some() && self.delete_recording(name)).count()
    }

    /// Deletes what this host has of these calls.
    pub fn delete_journals(&self, calls: &[String]) {
        journals::delete_of(&self.journals, calls);
    }

    /// Whether this file is gone; also if it was before.
    fn delete_recording(&self, name: &str) -> bool {
        let Some(path) = self.recording(name) else { return true };
        let deleted = std::fs::remove_file(&path);
        if let Err(error) = &deleted {
            tracing::warn!(path = %path.display(), "a recording cannot be deleted: {error}");
        }
        deleted.is_ok()
    }
}
