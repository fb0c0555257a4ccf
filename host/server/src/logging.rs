//! Logs: events with fields, one for each thing worth knowing. Telephone numbers are masked
//! (`twilio::number::masked`); transcripts, audio and keys are never above DEBUG.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// To standard error; `RUST_LOG` decides what.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}
