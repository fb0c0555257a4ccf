//! Recordings: every call in a file of its own, written while it goes on.
//!
//! - `tape.rs`: both sides on one clock
//! - `file.rs`: the WAV file
//!
//! One thread writes for all calls, so that a slow disk holds up no call: what it cannot take in
//! time is missing from the recording, in its place is silence, and the log says so.

mod file;
mod tape;

use crate::config::Recording as Settings;
use crate::vitals::Vital;
use anyhow::Context;
use audio::g711::SILENCE;
use file::StereoFile;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tape::Tape;

/// So many pieces may wait for the thread, of all calls.
const QUEUE: usize = 4096;
/// So much is collected before it goes to the thread, in samples of one side: half a second.
const PIECE: usize = 4000;

/// Where recordings are made. Dropped after the last of them, it waits for what is still to be
/// written.
pub struct Recorder {
    settings: Settings,
    /// in the names of the files
    port: AtomicU16,
    /// how the disk is doing
    vital: Arc<Vital>,
    /// none: it ends
    thread: Option<(SyncSender<Job>, JoinHandle<()>)>,
    last: AtomicU64,
}

/// The recording of one call. It ends with its last handle.
pub struct Recording {
    number: u64,
    /// the file's
    name: String,
    call_sid: String,
    tape: Tape,
    /// samples of one side that were given to the thread
    given: usize,
    thread: SyncSender<Job>,
    warned: bool,
}

/// What the thread is asked to do, and for which recording.
struct Job {
    recording: u64,
    task: Task,
}

enum Task {
    Begin {
        path: PathBuf,
        call_sid: String,
    },
    /// left and right in turn; `from`: where it lies, in samples of one side
    Write {
        from: usize,
        samples: Vec<u8>,
    },
    End,
}

impl Recorder {
    /// Prepares the folder and the thread. Fails where the folder cannot be made.
    pub fn start(settings: &Settings) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&settings.folder).with_context(|| {
            format!(
                "recordings cannot go to {}: choose another `recording.folder`, or set `recording.enabled = false`",
                settings.folder.display()
            )
        })?;
        let (thread, jobs) = sync_channel(QUEUE);
        let vital = Arc::new(Vital::default());
        let writing = Writing { settings: settings.clone(), vital: vital.clone(), open: HashMap::new() };
        let running = std::thread::Builder::new()
            .name("recordings".into())
            .spawn(move || writing.run(&jobs))
            .context("the thread that writes recordings could not be started")?;
        let thread = Some((thread, running));
        let (port, last) = (AtomicU16::new(0), AtomicU64::new(0));
        Ok(Self { settings: settings.clone(), port, vital, thread, last })
    }

    pub fn vital(&self) -> &Vital {
        &self.vital
    }

    /// The server listens there.
    pub fn listens(&self, port: u16) {
        self.port.store(port, Ordering::Relaxed);
    }

    /// Begins the recording of a call.
    pub fn begin(&self, call_sid: &str, direction: &str) -> Option<Recording> {
        let (thread, _) = self.thread.as_ref()?;
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let name = file_name(self.port.load(Ordering::Relaxed), direction, call_sid, jiff::Timestamp::now());
        let path = self.settings.folder.join(&name);
        let recording = Recording {
            number,
            name,
            call_sid: call_sid.to_owned(),
            tape: Tape::default(),
            given: 0,
            thread: thread.clone(),
            warned: false,
        };
        if !recording.thread_does(Task::Begin { path, call_sid: call_sid.to_owned() }) {
            tracing::warn!(call_sid, "the disk is too slow for the recordings: this call has none");
            return None;
        }
        Some(recording)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some((thread, running)) = self.thread.take() {
            drop(thread);
            if running.join().is_err() {
                tracing::error!("the thread that writes recordings broke");
            }
        }
    }
}

fn file_name(port: u16, direction: &str, call_sid: &str, now: jiff::Timestamp) -> String {
    let timestamp = now.strftime("%Y%m%d_%H%M%S");
    let sid = name_of_call(call_sid);
    format!("server_{port}_{direction}_recording_{timestamp}_{sid}.wav")
}

/// A call's id for the name of a file. It comes from outside: it names no other folder.
pub fn name_of_call(call_sid: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    call_sid.chars().map(safe).take(64).collect()
}

impl Recording {
    /// The file's name in the folder of recordings.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn caller(&mut self, at: Duration, audio: &[u8]) {
        self.tape.caller(at, audio);
        if self.tape.waiting() >= PIECE {
            let samples = self.tape.take(at);
            self.give(samples);
        }
    }

    pub fn agent(&mut self, at: Duration, audio: &[u8]) {
        self.tape.agent(at, audio);
    }

    pub fn clear(&mut self, at: Duration) {
        self.tape.clear(at);
    }

    pub fn pause(&mut self, at: Duration, paused: bool) {
        self.tape.pause(at, paused);
    }

    /// The call is over.
    pub fn end(mut self, at: Duration) {
        let samples = self.tape.take_rest(at);
        self.give(samples);
    }

    fn give(&mut self, samples: Vec<u8>) {
        let from = self.given;
        self.given += samples.len() / 2;
        if !samples.is_empty() && !self.thread_does(Task::Write { from, samples }) && !self.warned {
            self.warned = true;
            tracing::warn!(
                call_sid = self.call_sid,
                "the disk is too slow for the recordings: silence is in their place"
            );
        }
    }

    /// Whether the thread can take it.
    fn thread_does(&self, task: Task) -> bool {
        match self.thread.try_send(Job { recording: self.number, task }) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if !self.thread_does(Task::End) {
            // an end must not get lost, or the file would stay open; nobody waits for it here
            let (thread, recording) = (self.thread.clone(), self.number);
            std::thread::spawn(move || thread.send(Job { recording, task: Task::End }));
        }
    }
}

/// The thread's own.
struct Writing {
    settings: Settings,
    vital: Arc<Vital>,
    open: HashMap<u64, Open>,
}

struct Open {
    file: StereoFile,
    call_sid: String,
    /// samples of one side
    written: usize,
    flushed: Instant,
}

impl Writing {
    fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            match jobs.recv_timeout(self.settings.flush.0.max(Duration::from_millis(100))) {
                Ok(job) => self.job(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.flush();
        }
    }

    fn job(&mut self, Job { recording, task }: Job) {
        match task {
            Task::Begin { path, call_sid } => match StereoFile::create(&path, self.settings.format) {
                Ok(file) => {
                    tracing::debug!(call_sid, path = %path.display(), "recording");
                    let open = Open { file, call_sid, written: 0, flushed: Instant::now() };
                    self.open.insert(recording, open);
                    self.vital.works();
                }
                Err(error) => self.cannot_write(&call_sid, &path, &error),
            },
            Task::Write { from, samples } => {
                self.attempt(recording, |open| {
                    // what the thread could not take in time
                    let missing = from.saturating_sub(open.written);
                    open.file.write(&vec![SILENCE; missing * 2])?;
                    open.file.write(&samples)?;
                    open.written = from + samples.len() / 2;
                    Ok(())
                });
            }
            Task::End => {
                self.attempt(recording, |open| open.file.flush());
                self.open.remove(&recording);
            }
        }
    }

    /// Flushes what was not for long.
    fn flush(&mut self) {
        let period = self.settings.flush.0;
        let due: Vec<u64> =
            self.open.iter().filter(|(_, open)| open.flushed.elapsed() >= period).map(|(n, _)| *n).collect();
        for recording in due {
            self.attempt(recording, |open| {
                open.flushed = Instant::now();
                open.file.flush()
            });
        }
    }

    /// A recording whose file fails is given up; its call goes on.
    fn attempt(&mut self, recording: u64, what: impl FnOnce(&mut Open) -> std::io::Result<()>) {
        let Some(open) = self.open.get_mut(&recording) else { return };
        if let Err(error) = what(open)
            && let Some(open) = self.open.remove(&recording)
        {
            self.cannot_write(&open.call_sid, open.file.path(), &error);
        }
    }

    /// A full disk concerns all calls, and is said once.
    fn cannot_write(&self, call_sid: &str, path: &Path, error: &std::io::Error) {
        let (path, what) = (path.display(), "calls go on without recordings");
        if self.vital.begins_to_fail(&format!("{path} cannot be written: {error}")) {
            tracing::error!(call_sid, "{what}: {path} cannot be written: {error}");
        } else {
            tracing::debug!(call_sid, "{what}: {path} cannot be written: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_says_which_server_direction_time_and_call() {
        let now = "2026-11-21T14:30:05Z".parse().unwrap();
        assert_eq!(
            file_name(8765, "inbound", "CA12ab", now),
            "server_8765_inbound_recording_20261121_143005_CA12ab.wav"
        );
        assert_eq!(
            file_name(1, "outbound", "../../etc/passwd", now),
            "server_1_outbound_recording_20261121_143005_______etc_passwd.wav"
        );
    }

    #[test]
    fn what_the_thread_was_not_given_is_silence_and_the_time_stays_right() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { folder: folder.path().to_owned(), ..Settings::default() };
        let path = folder.path().join("call.wav");
        let mut writing = Writing { settings, vital: Arc::default(), open: HashMap::new() };
        let mut job = |task| writing.job(Job { recording: 1, task });
        job(Task::Begin { path: path.clone(), call_sid: "CA1".into() });
        job(Task::Write { from: 0, samples: vec![1; 20] });
        job(Task::Write { from: 30, samples: vec![2; 20] });
        job(Task::End);
        let bytes = std::fs::read(&path).unwrap();
        let samples = &bytes[bytes.len() - 80..];
        assert_eq!(samples, [vec![1; 20], vec![SILENCE; 40], vec![2; 20]].concat());
    }
}
