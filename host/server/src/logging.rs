//! Logs: events with fields, one for each thing worth knowing. Telephone numbers are masked;
//! transcripts, audio and keys are never above DEBUG.

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

/// A telephone number with its middle hidden: `+1555***0100`.
pub fn masked(number: &str) -> String {
    let count = number.chars().count();
    if count < 8 {
        return "***".into();
    }
    let head: String = number.chars().take(count.min(12) - 7).collect();
    let tail: String = number.chars().skip(count - 4).collect();
    format!("{head}***{tail}")
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn the_middle_of_a_number_is_hidden() {
        assert_eq!(masked("+15555550100"), "+1555***0100");
        assert_eq!(masked("+4917612345678"), "+4917***5678");
        assert_eq!(masked("12345678"), "1***5678");
        assert_eq!(masked("555"), "***");
    }
}
