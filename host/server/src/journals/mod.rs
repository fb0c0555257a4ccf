//! Journals: what the components of a call were told and what they said about it, in a file for each call
//! (`components::journal`), for `cordboard replay`.
//!
//! One thread writes for all calls. What it cannot take at once, and what a full disk does not take, ends
//! the journal of that call, which then says that it is not whole; the call goes on.
//!
//! A journal holds the conversation, word for word: only this user may read it.

use crate::config::Journal as Settings;
use crate::recording::name_of_call;
use crate::vitals::Vital;
use anyhow::Context;
use components::journal::{Journal, Sink};
use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// So many pieces may wait for the thread, of all calls.
const QUEUE: usize = 2048;
/// So much is collected before it goes to the thread, in bytes, and for so long: a crash costs no more.
const PIECE: usize = 8 * 1024;
const PERIOD: Duration = Duration::from_secs(1);
/// How the files end.
const ENDING: &str = "journal";

/// Where journals are made. Dropped after the last of them, it waits for what is still to be written.
pub struct Journals {
    folder: PathBuf,
    /// how the disk is doing
    vital: Arc<Vital>,
    /// none: it ends
    thread: Option<(SyncSender<Job>, JoinHandle<()>)>,
    last: AtomicU64,
}

/// What the thread is asked to do, and for which journal.
struct Job {
    journal: u64,
    task: Task,
}

enum Task {
    Begin { path: PathBuf, call_sid: String },
    Write(Vec<u8>),
    End,
}

impl Journals {
    /// Prepares the folder and the thread. Fails where the folder cannot be made.
    pub fn start(settings: &Settings) -> anyhow::Result<Self> {
        let folder = settings.folder.clone();
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).with_context(|| {
            format!(
                "journals cannot go to {}: choose another `journal.folder`, or set `journal.on = false`",
                folder.display()
            )
        })?;
        let (thread, jobs) = sync_channel(QUEUE);
        let vital = Arc::new(Vital::default());
        let writing = Writing { vital: vital.clone(), open: HashMap::new() };
        let running = std::thread::Builder::new()
            .name("journals".into())
            .spawn(move || writing.run(&jobs))
            .context("the thread that writes journals could not be started")?;
        Ok(Self { folder, vital, thread: Some((thread, running)), last: AtomicU64::new(0) })
    }

    pub fn vital(&self) -> &Vital {
        &self.vital
    }

    /// Begins the journal of a call.
    pub fn begin(&self, call_sid: &str) -> Option<Journal> {
        let (thread, _) = self.thread.as_ref()?;
        let journal = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let path = self.folder.join(file_name(call_sid, jiff::Timestamp::now()));
        let page = Page { journal, thread: thread.clone(), waiting: Mutex::default() };
        if !page.thread_does(Task::Begin { path, call_sid: call_sid.to_owned() }) {
            tracing::warn!(call_sid, "the disk is too slow for the journals: this call has none");
            return None;
        }
        Some(Journal::new(page))
    }
}

impl Drop for Journals {
    fn drop(&mut self) {
        if let Some((thread, running)) = self.thread.take() {
            drop(thread);
            if running.join().is_err() {
                tracing::error!("the thread that writes journals broke");
            }
        }
    }
}

/// `20261121_143005_CA….journal`
fn file_name(call_sid: &str, now: jiff::Timestamp) -> String {
    format!("{}_{}.{ENDING}", now.strftime("%Y%m%d_%H%M%S"), name_of_call(call_sid))
}

/// Where the journal of one call goes.
struct Page {
    journal: u64,
    thread: SyncSender<Job>,
    waiting: Mutex<Waiting>,
}

/// What was not given to the thread yet.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// none: nothing waits
    since: Option<Instant>,
}

impl Page {
    /// Whether the thread can take it.
    fn thread_does(&self, task: Task) -> bool {
        self.thread.try_send(Job { journal: self.journal, task }).is_ok()
    }
}

impl Sink for Page {
    fn take(&self, piece: Vec<u8>) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.bytes.extend_from_slice(&piece);
        let since = *waiting.since.get_or_insert_with(Instant::now);
        if waiting.bytes.len() < PIECE && since.elapsed() < PERIOD {
            return true;
        }
        let bytes = std::mem::take(&mut *waiting).bytes;
        self.thread_does(Task::Write(bytes))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let written = waiting.bytes.is_empty() || self.thread_does(Task::Write(waiting.bytes));
        if !written || !self.thread_does(Task::End) {
            // an end must not get lost, or the file would stay open; nobody waits for it here
            let (thread, journal) = (self.thread.clone(), self.journal);
            std::thread::spawn(move || thread.send(Job { journal, task: Task::End }));
        }
    }
}

/// The thread's own.
struct Writing {
    vital: Arc<Vital>,
    open: HashMap<u64, Open>,
}

struct Open {
    file: File,
    path: PathBuf,
    call_sid: String,
}

impl Writing {
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            self.job(job);
        }
    }

    fn job(&mut self, Job { journal, task }: Job) {
        match task {
            Task::Begin { path, call_sid } => {
                match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                    Ok(file) => {
                        self.open.insert(journal, Open { file, path, call_sid });
                        self.vital.works();
                    }
                    Err(error) => self.cannot_write(&call_sid, &path, &error),
                }
            }
            Task::Write(bytes) => {
                // one whose file fails is given up: its last record is torn, and it has no end
                if let Some(open) = self.open.get_mut(&journal)
                    && let Err(error) = open.file.write_all(&bytes)
                    && let Some(open) = self.open.remove(&journal)
                {
                    self.cannot_write(&open.call_sid, &open.path, &error);
                }
            }
            Task::End => {
                self.open.remove(&journal);
            }
        }
    }

    /// A full disk concerns all calls, and is said once.
    fn cannot_write(&self, call_sid: &str, path: &Path, error: &std::io::Error) {
        let (path, what) = (path.display(), "calls go on without journals");
        if self.vital.begins_to_fail(&format!("{path} cannot be written: {error}")) {
            tracing::error!(call_sid, "{what}: {path} cannot be written: {error}");
        } else {
            tracing::debug!(call_sid, "{what}: {path} cannot be written: {error}");
        }
    }
}

/// Deletes journals that nobody has written to for so long; how many.
pub fn delete_older(folder: &Path, age: Duration) -> usize {
    let now = SystemTime::now();
    let is_old = |path: &Path| {
        let written = path.metadata().and_then(|metadata| metadata.modified());
        written.is_ok_and(|written| now.duration_since(written).is_ok_and(|since| since > age))
    };
    delete(folder, |path, _| is_old(path))
}

/// Deletes the journals of these calls; how many.
pub fn delete_of(folder: &Path, calls: &[String]) -> usize {
    let endings: Vec<String> = calls.iter().map(|call| format!("_{}.{ENDING}", name_of_call(call))).collect();
    // behind the time, which has one `_`
    let is_of = |name: &str| {
        let (_, rest) = name.split_once('_').unwrap_or_default();
        endings
            .iter()
            .any(|ending| rest.split_once('_').is_some_and(|(_, call)| ending.get(1..) == Some(call)))
    };
    if calls.is_empty() { 0 } else { delete(folder, |_, name| is_of(name)) }
}

fn delete(folder: &Path, which: impl Fn(&Path, &str) -> bool) -> usize {
    let Ok(files) = std::fs::read_dir(folder) else { return 0 };
    let mut deleted = 0;
    for path in files.filter_map(|file| Some(file.ok()?.path())) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_journal = path.extension().is_some_and(|extension| extension == ENDING);
        if is_journal && which(&path, name) {
            match std::fs::remove_file(&path) {
                Ok(()) => deleted += 1,
                Err(error) => {
                    tracing::warn!(path = %path.display(), "a journal cannot be deleted: {error}");
                }
            }
        }
    }
    deleted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let files = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_journals_of_a_call_are_deleted_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let now = "2026-11-21T14:30:05Z".parse().unwrap();
        for call in ["CA1", "x_CA1", "CA12", "../CA1"] {
            std::fs::write(folder.path().join(file_name(call, now)), "").unwrap();
        }
        std::fs::write(folder.path().join("20261121_143005_CA1.wav"), "").unwrap();
        assert_eq!(delete_of(folder.path(), &["CA1".into(), "CA3".into()]), 1);
        let left = names(folder.path());
        assert!(left.len() == 4 && !left.contains(&"20261121_143005_CA1.journal".to_owned()), "{left:?}");
        assert_eq!(delete_of(folder.path(), &["../CA1".into()]), 1, "under the name that it was given");
        assert_eq!(delete_of(folder.path(), &[]), 0);
    }

    #[test]
    fn what_nobody_has_written_to_for_too_long_is_deleted() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["new.journal", "old.journal", "old.wav"] {
            let file = File::create(folder.path().join(name)).unwrap();
            let age = Duration::from_secs(if name.starts_with("old") { 49 * 3600 } else { 0 });
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        assert_eq!(delete_older(folder.path(), Duration::from_secs(48 * 3600)), 1);
        assert_eq!(names(folder.path()), ["new.journal", "old.wav"]);
        assert_eq!(delete_older(Path::new("/nowhere"), Duration::ZERO), 0);
    }

    #[test]
    fn a_file_is_for_this_user_alone_and_holds_what_was_written_in_its_order() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { on: true, folder: folder.path().join("journals") };
        let journals = Journals::start(&settings).unwrap();
        let (thread, _) = journals.thread.as_ref().unwrap();
        let path = settings.folder.join("one.journal");
        let page = Page { journal: 1, thread: thread.clone(), waiting: Mutex::default() };
        assert!(page.thread_does(Task::Begin { path: path.clone(), call_sid: "CA1".into() }));
        assert!((0..3u8).all(|n| page.take(vec![n; PIECE / 2])));
        drop(page);
        drop(journals);
        let expected: Vec<u8> = (0..3u8).flat_map(|n| vec![n; PIECE / 2]).collect();
        assert_eq!(std::fs::read(&path).unwrap(), expected);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(settings.folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
}
