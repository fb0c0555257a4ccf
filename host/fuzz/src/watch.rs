//! The input that runs is always in a file: one that overflows the stack, takes all memory or never
//! comes back can be looked at.

use crate::corpus::CorpusError;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// An input that takes longer than this is not waited for.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Watch {
    path: PathBuf,
    file: File,
    runs: Arc<AtomicU64>,
    /// closed with the watch
    _over: Sender<()>,
}

impl Watch {
    /// Also: the input within which an earlier process ended, if one did.
    pub(crate) fn begin(name: &'static str, path: PathBuf) -> Result<(Self, Option<Vec<u8>>), CorpusError> {
        let earlier = std::fs::read(&path).ok();
        if earlier.is_some() {
            say(&format!(
                "{name}: an earlier run ended within the input in {}: it goes first",
                path.display()
            ));
        }
        let file = File::create(&path).map_err(|source| CorpusError::Write { path: path.clone(), source })?;
        let runs = Arc::new(AtomicU64::new(0));
        let (over, is_over) = channel();
        let (seen, shown) = (runs.clone(), path.clone());
        std::thread::spawn(move || {
            let mut before = u64::MAX;
            while is_over.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let now = seen.load(Ordering::Relaxed);
                if now == before {
                    give_up(name, &shown);
                }
                before = now;
            }
        });
        Ok((Self { path, file, runs, _over: over }, earlier))
    }

    pub(crate) fn about_to_run(&mut self, input: &[u8]) -> Result<(), CorpusError> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let written = self.file.set_len(input.len() as u64).and_then(|()| self.file.write_all_at(input, 0));
        written.map_err(|source| CorpusError::Write { path: self.path.clone(), source })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // whoever is dropped is alive; a file that stays is only in the way
        let _ = std::fs::remove_file(&self.path);
    }
}

/// There is no way to stop the thread that runs it.
fn give_up(name: &str, path: &Path) {
    say(&format!("{name}: an input did not come back within {PATIENCE:?}. It is in {}.", path.display()));
    std::process::abort();
}

/// Past the test harness, which keeps what is printed, and loses it with the process.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
