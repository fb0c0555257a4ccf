//! `standins`: a vendor's place at the end of the wire, on this machine, until Ctrl-C.

use anyhow::Context;
use clap::{Parser, Subcommand};
use standins::deepgram::{Grammar, ScriptedLine};
use standins::{Fault, Record, Server, cartesia, deepgram, openai};
use std::{path::PathBuf, time::Duration};

/// Local servers that speak the vendors' protocols, to try Cordboard without their keys.
///
/// For tests and benchmarks only. Each serves on 127.0.0.1 until Ctrl-C and prints which environment
/// variables make Cordboard use it, and at the end what was wrong with what it was asked.
#[derive(Parser)]
#[command(name = "standins", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    vendor: Vendor,
}

const EXAMPLES: &str = "Examples:
  standins deepgram --port 9101 --phrase \"my soup was cold\" --phrase \"yes please\"
  standins deepgram --port 9101 --line \"My soup was cold.\" --line \"Yes, please.\"
  standins openai --port 9102 --say \"I am sorry to hear that.\" --token-delay-ms 20
  standins cartesia --port 9103 --fault close --fault-times 1";

#[derive(Subcommand)]
enum Vendor {
    /// Deepgram's live transcription, with PocketSphinx as the recogniser, or a script.
    ///
    /// With phrases or a grammar it recognises these and nothing else, and needs a Python with
    /// PocketSphinx (`pip install pocketsphinx`): `python3`, or the one that the environment variable
    /// CORDBOARD_PYTHON names. With lines it takes whatever is said for the next line.
    Deepgram {
        #[command(flatten)]
        common: Common,
        /// A phrase to recognise, in plain words ("room four one two"); may be given many times
        #[arg(long = "phrase", value_name = "WORDS", required_unless_present_any = ["grammar", "lines"])]
        phrases: Vec<String>,
        /// Also recognise several phrases in one breath
        #[arg(long)]
        repeated: bool,
        /// A JSGF grammar to recognise, instead of phrases
        #[arg(long, value_name = "FILE", conflicts_with_all = ["phrases", "repeated"])]
        grammar: Option<PathBuf>,
        /// What the next utterance is taken for, instead of recognising it; may be given many times.
        /// A bar stands where the speaker pauses: "My soup | was cold."
        #[arg(long = "line", value_name = "TEXT", conflicts_with_all = ["phrases", "repeated", "grammar"])]
        lines: Vec<String>,
        /// How long a final takes once the end of speech is detected; with lines, once the last
        /// audio with a voice in it has arrived [default: 0; with lines 100]
        #[arg(long, value_name = "MS")]
        final_delay_ms: Option<u64>,
    },
    /// OpenAI's chat completions, speech and transcriptions.
    ///
    /// Completions answer from a script, speech has a real voice. Recordings are recognised as
    /// Deepgram's stand-in does it, or taken for lines; without either, they are refused.
    Openai {
        #[command(flatten)]
        common: Common,
        /// Answer everything with this; {said} stands for what the user said
        #[arg(long, value_name = "TEXT", default_value = "You said: {said}")]
        say: String,
        /// Wait before the first token
        #[arg(long, value_name = "MS", default_value_t = 0)]
        first_token_delay_ms: u64,
        /// Wait between two tokens
        #[arg(long, value_name = "MS", default_value_t = 0)]
        token_delay_ms: u64,
        /// Wait before the first audio of a text
        #[arg(long, value_name = "MS", default_value_t = 0)]
        first_audio_delay_ms: u64,
        /// A phrase to recognise in recordings; may be given many times
        #[arg(long = "phrase", value_name = "WORDS")]
        phrases: Vec<String>,
        /// What the next recording is taken for, instead of recognising it; may be given many times
        #[arg(long = "line", value_name = "TEXT", conflicts_with = "phrases")]
        lines: Vec<String>,
        /// Wait before the text of a recording
        #[arg(long, value_name = "MS", default_value_t = 0)]
        transcription_delay_ms: u64,
    },
    /// Cartesia's speech over a WebSocket, with a real voice.
    Cartesia {
        #[command(flatten)]
        common: Common,
        /// Wait before the first audio of a text
        #[arg(long, value_name = "MS", default_value_t = 0)]
        first_audio_delay_ms: u64,
        /// How long a context takes more text after its last audio
        #[arg(long, value_name = "MS", default_value_t = 1000)]
        context_lifetime_ms: u64,
    },
}

#[derive(clap::Args)]
struct Common {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The key that clients must present; any word will do
    #[arg(long, default_value = "standin")]
    key: String,
    /// What is wrong with the vendor: silent, slow:MS, garbage, close (in the middle of a word),
    /// refuse:STATUS[:SECONDS], flood, twice, in-two, late:MS (finals), nothing
    #[arg(long)]
    fault: Option<Fault>,
    /// Only so many connections or requests have the fault, then all is well
    #[arg(long, value_name = "N", requires = "fault")]
    fault_times: Option<usize>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let logs = tracing_subscriber::EnvFilter::try_from_default_env();
    let logs = logs.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(logs).with_writer(std::io::stderr).init();
    match arguments.vendor {
        Vendor::Deepgram { common, phrases, repeated, grammar, lines, final_delay_ms } => {
            let config = if lines.is_empty() {
                deepgram::Config::new(&common.key, recognisable(&phrases, repeated, grammar)?)
            } else {
                deepgram::Config::scripted(&common.key, lines.iter().flat_map(|line| pieces(line)).collect())
            };
            let final_delay = final_delay_ms.map_or(config.final_delay, Duration::from_millis);
            let config = deepgram::Config { port: common.port, final_delay, ..config };
            let server = deepgram::Server::start(config).await?;
            serve(&server, &common, "DEEPGRAM", &server.base_url()).await?;
            let seen = server.seen();
            println!("connections: {}, finals: {}", seen.connections, seen.finals.len());
            report(&seen.finals, &seen.violations);
        }
        Vendor::Openai {
            common,
            say,
            first_token_delay_ms,
            token_delay_ms,
            first_audio_delay_ms,
            phrases,
            lines,
            transcription_delay_ms,
        } => {
            let ear = match (phrases.is_empty(), lines.is_empty()) {
                (true, true) => openai::Ear::Deaf,
                (false, _) => openai::Ear::Recogniser(Grammar::phrases(&phrases)),
                (true, false) => openai::Ear::Script(lines),
            };
            let server = openai::Server::start(openai::Config {
                port: common.port,
                script: openai::Script::always(say),
                first_token_delay: Duration::from_millis(first_token_delay_ms),
                token_delay: Duration::from_millis(token_delay_ms),
                first_audio_delay: Duration::from_millis(first_audio_delay_ms),
                transcription_delay: Duration::from_millis(transcription_delay_ms),
                ear,
                ..openai::Config::new(&common.key)
            })
            .await?;
            serve(&server, &common, "OPENAI", &server.base_url()).await?;
            let seen = server.seen();
            println!("completions: {}, cancelled: {}", seen.requests.len(), seen.cancelled);
            println!("speeches: {}, transcriptions: {}", seen.speeches.len(), seen.transcriptions.len());
            let texts: Vec<String> = seen.transcriptions.into_iter().map(|t| t.text).collect();
            report(&texts, &seen.violations);
        }
        Vendor::Cartesia { common, first_audio_delay_ms, context_lifetime_ms } => {
            let server = cartesia::Server::start(cartesia::Config {
                port: common.port,
                first_audio_delay: Duration::from_millis(first_audio_delay_ms),
                context_lifetime: Duration::from_millis(context_lifetime_ms),
                ..cartesia::Config::new(&common.key)
            })
            .await?;
            serve(&server, &common, "CARTESIA", &server.base_url()).await?;
            println!("connections: {}, contexts:", server.seen().connections);
            report(&server.texts(), &server.violations());
        }
    }
    Ok(())
}

fn recognisable(phrases: &[String], repeated: bool, grammar: Option<PathBuf>) -> anyhow::Result<Grammar> {
    let phrases = Grammar::phrases(phrases);
    Ok(match grammar {
        Some(path) => Grammar::jsgf(
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?,
        ),
        None if repeated => phrases.repeated(),
        None => phrases,
    })
}

fn pieces(line: &str) -> Vec<ScriptedLine> {
    ScriptedLine::in_pieces(&line.split('|').map(str::trim).collect::<Vec<_>>())
}

/// Says where the stand-in is, makes it as bad as it is to be, and waits for Ctrl-C.
async fn serve<R: Record>(
    server: &Server<R>,
    common: &Common,
    vendor: &str,
    base_url: &str,
) -> anyhow::Result<()> {
    match (&common.fault, common.fault_times) {
        (Some(fault), Some(times)) => server.set_fault_times(fault.clone(), times),
        (fault, _) => server.set_fault(fault.clone()),
    }
    println!("Serving on {base_url} until Ctrl-C. For Cordboard, set");
    println!("  {vendor}_BASE_URL={base_url}");
    println!("  {vendor}_API_KEY=(what --key says, by default \"standin\")");
    tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")
}

fn report(texts: &[String], violations: &[String]) {
    for text in texts {
        println!("  {text}");
    }
    if !violations.is_empty() {
        println!("breaches of the protocol:");
        for text in violations {
            println!("  {text}");
        }
    }
}
