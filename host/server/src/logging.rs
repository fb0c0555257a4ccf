//! Logs: events with fields, one for each thing worth knowing. Telephone numbers are masked
//! (`twilio::number::masked`); transcripts, audio and keys are never above DEBUG.
//!
//! They go to standard error, and, where a folder is named, into a file for each day (UTC). Those files
//! are written by a thread of their own: a slow or full disk costs lines, and never a call.

use crate::config::{LogFormat, Logs};
use anyhow::Context;
use std::io::IsTerminal;
use std::path::Path;
use tracing::Subscriber;
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Files are `cordboard.2026-11-21.log`.
const NAME: &str = "cordboard";
const ENDING: &str = "log";

/// While it lives, lines are written; dropped, the last of them are.
pub struct Logging {
    _file: Option<WorkerGuard>,
}

/// Starts the logs. `RUST_LOG` decides what is in them; `detailed`: all that happens in calls, words
/// included, whatever it says. Fails where the folder cannot be written to.
pub fn start(logs: &Logs, detailed: bool) -> anyhow::Result<Logging> {
    let mut filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    if detailed {
        // our crates' names begin like this
        filter = filter.add_directive("cordboard=debug".parse()?);
    }
    let file = logs.folder.as_deref().map(|folder| file(folder, logs.keep_days)).transpose()?;
    let (file, guard) = file.unzip();
    let terminal = std::io::stderr().is_terminal();
    let lines = vec![lines(logs.format, std::io::stderr, terminal)]
        .into_iter()
        .chain(file.map(|file: NonBlocking| lines(logs.format, file, false)))
        .collect::<Vec<_>>();
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    Ok(Logging { _file: guard })
}

fn lines<S, W>(format: LogFormat, writer: W, colours: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_target(false).with_ansi(colours).with_writer(writer);
    match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(false).boxed(),
    }
}

fn file(folder: &Path, keep_days: u32) -> anyhow::Result<(NonBlocking, WorkerGuard)> {
    Ok(tracing_appender::non_blocking(appender(folder, keep_days)?))
}

/// A file for each day, and those of so many days before today's.
fn appender(folder: &Path, keep_days: u32) -> anyhow::Result<RollingFileAppender> {
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(NAME)
        .filename_suffix(ENDING)
        .max_log_files(usize::try_from(keep_days)?.saturating_add(1))
        .build(folder)
        .with_context(|| {
            format!(
                "`logs.folder`, or CORDBOARD_LOGS: nothing can be written into {}; let this user write there, \
                 or choose another folder",
                folder.display()
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn names(folder: &Path) -> Vec<String> {
        let files = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_named_by_its_day_and_as_many_are_kept_as_were_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        // the oldest is the one that was made first
        let mut last = std::time::SystemTime::UNIX_EPOCH;
        for day in 1..=5 {
            let path = folder.path().join(format!("cordboard.2020-01-0{day}.log"));
            last = loop {
                std::fs::write(&path, "a line\n").unwrap();
                let made = std::fs::metadata(&path).unwrap().created().unwrap();
                if made > last {
                    break made;
                }
                std::fs::remove_file(&path).unwrap();
            };
        }
        std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        let mut appender = appender(folder.path(), 3).unwrap();
        appender.write_all(b"a line\n").unwrap();
        let today = jiff::Timestamp::now().strftime("cordboard.%Y-%m-%d.log").to_string();
        let names = names(folder.path());
        assert_eq!(names.len(), 5, "three days, today, and what is none of ours: {names:?}");
        assert!(names.contains(&today) && names.contains(&"notes.txt".to_owned()), "{names:?}");
        assert!(!names.contains(&"cordboard.2020-01-01.log".to_owned()), "{names:?}");
        assert_eq!(std::fs::read_to_string(folder.path().join(today)).unwrap(), "a line\n");
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_an_error_that_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("logs");
        std::fs::write(&taken, "a file").unwrap();
        let said = format!("{:#}", appender(&taken, 30).unwrap_err());
        assert!(said.contains("`logs.folder`") && said.contains("choose another folder"), "{said}");
    }
}
