//! `standins`: a vendor's place at the end of the wire, on this machine, until Ctrl-C.

use anyhow::Context;
use clap::{Parser, Subcommand};
use standins::{deepgram, openai};
use std::{path::PathBuf, time::Duration};

/// Local servers that speak the vendors' protocols, to try Cordboard without their keys.
///
/// For tests and benchmarks only. Each serves on 127.0.0.1 until Ctrl-C and prints which environment
/// variables make Cordboard use it.
#[derive(Parser)]
#[command(name = "standins", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    vendor: Vendor,
}

const EXAMPLES: &str = "Examples:
  standins deepgram --port 9101 --phrase \"my soup was cold\" --phrase \"yes please\"
  standins openai --port 9102 --say \"I am sorry to hear that.\" --token-delay-ms 20";

#[derive(Subcommand)]
enum Vendor {
    /// Deepgram's live transcription, with PocketSphinx as the recogniser.
    ///
    /// Recognises a few phrases and nothing else. Needs a Python with PocketSphinx (`pip install
    /// pocketsphinx`): `python3`, or the one that the environment variable CORDBOARD_PYTHON names.
    Deepgram {
        #[command(flatten)]
        place: Place,
        /// A phrase to recognise, in plain words ("room four one two"); may be given many times
        #[arg(long = "phrase", value_name = "WORDS", required_unless_present = "grammar")]
        phrases: Vec<String>,
        /// Also recognise several phrases in one breath
        #[arg(long)]
        repeated: bool,
        /// A JSGF grammar to recognise, instead of phrases
        #[arg(long, value_name = "FILE", conflicts_with_all = ["phrases", "repeated"])]
        grammar: Option<PathBuf>,
        /// How long a final takes once the end of speech is detected
        #[arg(long, value_name = "MS", default_value_t = 0)]
        final_delay_ms: u64,
    },
    /// OpenAI's chat completions, answering from a script.
    Openai {
        #[command(flatten)]
        place: Place,
        /// Answer everything with this; {said} stands for what the user said
        #[arg(long, value_name = "TEXT", default_value = "You said: {said}")]
        say: String,
        /// Wait before the first token
        #[arg(long, value_name = "MS", default_value_t = 0)]
        first_token_delay_ms: u64,
        /// Wait between two tokens
        #[arg(long, value_name = "MS", default_value_t = 0)]
        token_delay_ms: u64,
    },
}

#[derive(clap::Args)]
struct Place {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The key that clients must present; any word will do
    #[arg(long, default_value = "standin")]
    key: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let logs = tracing_subscriber::EnvFilter::try_from_default_env();
    let logs = logs.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(logs).with_writer(std::io::stderr).init();
    match arguments.vendor {
        Vendor::Deepgram { place, phrases, repeated, grammar, final_delay_ms } => {
            let grammar = match grammar {
                Some(path) => deepgram::Grammar::jsgf(
                    std::fs::read_to_string(&path)
                        .with_context(|| format!("cannot read {}", path.display()))?,
                ),
                None if repeated => deepgram::Grammar::phrases(&phrases).repeated(),
                None => deepgram::Grammar::phrases(&phrases),
            };
            let server = deepgram::Server::start(deepgram::Config {
                port: place.port,
                final_delay: Duration::from_millis(final_delay_ms),
                ..deepgram::Config::new(&place.key, grammar)
            })
            .await?;
            serve("DEEPGRAM", &server.base_url()).await?;
            let seen = server.seen();
            println!("connections: {}, finals: {}", seen.connections, seen.finals.len());
            report(&seen.finals, &seen.violations);
        }
        Vendor::Openai { place, say, first_token_delay_ms, token_delay_ms } => {
            let server = openai::Server::start(openai::Config {
                port: place.port,
                script: openai::Script::always(say),
                first_token_delay: Duration::from_millis(first_token_delay_ms),
                token_delay: Duration::from_millis(token_delay_ms),
                ..openai::Config::new(&place.key)
            })
            .await?;
            serve("OPENAI", &server.base_url()).await?;
            let seen = server.seen();
            println!("requests: {}, cancelled: {}", seen.requests.len(), seen.cancelled);
            report(&[], &seen.violations);
        }
    }
    Ok(())
}

/// Says where the stand-in is and waits for Ctrl-C.
async fn serve(vendor: &str, base_url: &str) -> anyhow::Result<()> {
    println!("Serving on {base_url} until Ctrl-C. For Cordboard, set");
    println!("  {vendor}_BASE_URL={base_url}");
    println!("  {vendor}_API_KEY=(what --key says, by default \"standin\")");
    tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")
}

fn report(heard: &[String], violations: &[String]) {
    for text in heard {
        println!("  {text}");
    }
    if !violations.is_empty() {
        println!("breaches of the protocol:");
        for text in violations {
            println!("  {text}");
        }
    }
}
