//! `standins`: a vendor's place at the end of the wire, on this machine, until Ctrl-C.

use anyhow::Context;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use standins::deepgram::{Grammar, ScriptedLine};
use standins::{Fault, Record, Server, cartesia, deepgram, openai, twilio};
use std::{path::PathBuf, time::Duration};
use twilio::{Answers, Callee, Incoming, NUMBER, Person};

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
  standins cartesia --port 9103 --fault close --fault-times 1
  standins twilio --port 9104 --webhook http://127.0.0.1:8765/ --ring +15555550199 --say \"My soup was cold.\"";

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
    /// Twilio's REST interface for calls, and the telephone network behind it.
    ///
    /// Prints what every call goes through, as it happens. The key is the account's auth token.
    Twilio(Box<Telephony>),
}

#[derive(clap::Args)]
struct Telephony {
    #[command(flatten)]
    common: Common,
    /// A number that is yours; may be given many times
    #[arg(long = "number", value_name = "NUMBER", default_value = NUMBER)]
    numbers: Vec<String>,
    /// What your first number is configured with
    #[arg(long, value_name = "URL", requires = "ring")]
    webhook: Option<String>,
    /// Somebody with this number dials your first one; may be given many times
    #[arg(long, value_name = "NUMBER", requires = "webhook")]
    ring: Vec<String>,
    /// Who is at every other number: human, machine, busy, no-answer, fails
    #[arg(long, value_name = "WHO", default_value = "human", value_parser = callee)]
    callee: Callee,
    /// What whoever is on a telephone says, when the agent has finished; may be given many times
    #[arg(long, value_name = "TEXT")]
    say: Vec<String>,
    /// What they say while the agent speaks
    #[arg(long, value_name = "TEXT")]
    interrupt: Vec<String>,
    /// Which keys they press, when the agent has finished
    #[arg(long, value_name = "KEYS")]
    press: Vec<String>,
    /// How long they wait for the agent before they go on, and at the end hang up
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    patience: u64,
    /// Streams are exactly Twilio's: nothing tells Cordboard that it is not a real telephone, and it
    /// hears sound only
    #[arg(long)]
    exact: bool,
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
    let matches = Arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
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
        Vendor::Twilio(telephony) => {
            let steps = matches.subcommand_matches("twilio").map(|matches| steps(&telephony, matches));
            telephone(*telephony, steps.unwrap_or_default()).await?;
        }
    }
    Ok(())
}

/// Calls, until Ctrl-C.
async fn telephone(telephony: Telephony, steps: Vec<caller::Step>) -> anyhow::Result<()> {
    let Telephony { common, numbers, webhook, ring, callee, patience, exact, .. } = telephony;
    let patience = Duration::from_secs(patience);
    let person = Person { steps, patience, announces: !exact, ..Person::default() };
    let callee = match callee {
        Callee::Answers(answers) => Callee::Answers(Answers { person: person.clone(), ..answers }),
        other => other,
    };
    let own = numbers.first().context("at least one number has to be yours")?.clone();
    let server = twilio::Server::start(twilio::Config {
        port: common.port,
        auth_token: common.key.clone(),
        numbers,
        callee,
        ..twilio::Config::new()
    })
    .await?;
    set_fault(&server, &common);
    println!("Serving on {} until Ctrl-C. For Cordboard, set", server.base_url());
    println!("  TWILIO_BASE_URL={}", server.base_url());
    println!("  TWILIO_ACCOUNT_SID={}", server.account_sid());
    println!("  TWILIO_AUTH_TOKEN=(what --key says, by default \"standin\")");
    println!("  TWILIO_PHONE_NUMBER={own}");
    for from in ring {
        let incoming = Incoming::new(webhook.as_deref().unwrap_or_default());
        server.ring(Incoming { from, to: own.clone(), person: person.clone(), ..incoming });
    }
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped.context("cannot wait for Ctrl-C")?,
        () = narrate(&server) => {}
    }
    let seen = server.seen();
    println!("calls: {}, requests: {}", seen.calls.len(), seen.requests.len());
    report(&[], &seen.violations);
    Ok(())
}

/// Prints what happens, with the end of the call's sid.
async fn narrate(server: &twilio::Server) {
    let mut printed: Vec<usize> = Vec::new();
    loop {
        let count = |seen: &twilio::Seen| seen.calls.iter().map(|call| call.timeline.len()).sum::<usize>();
        let before = printed.iter().sum();
        server.until(|seen| count(seen) > before).await;
        let seen = server.seen();
        printed.resize(seen.calls.len(), 0);
        for (call, printed) in seen.calls.iter().zip(&mut printed) {
            let name = call.sid.get(call.sid.len().saturating_sub(6)..).unwrap_or_default();
            for event in call.timeline.iter().skip(*printed) {
                println!("{name} {:>13}  {event}", call.direction);
            }
            *printed = call.timeline.len();
        }
    }
}

/// What is said and pressed, in the order of the command line.
fn steps(telephony: &Telephony, matches: &ArgMatches) -> Vec<caller::Step> {
    use caller::Step;
    let places = |name: &str| matches.indices_of(name).into_iter().flatten();
    let mut steps = Vec::new();
    steps.extend(places("say").zip(telephony.say.iter().cloned().map(Step::Say)));
    steps.extend(places("interrupt").zip(telephony.interrupt.iter().cloned().map(Step::Interrupt)));
    steps.extend(places("press").zip(telephony.press.iter().cloned().map(Step::Press)));
    steps.sort_by_key(|(place, _)| *place);
    steps.into_iter().map(|(_, step)| step).collect()
}

fn callee(text: &str) -> Result<Callee, String> {
    let after = Duration::from_secs(2);
    let who = |answered_by| {
        let time = Duration::from_secs(3);
        Callee::Answers(Answers {
            after,
            answered_by: Some(answered_by),
            verdict_after: time,
            ..Answers::default()
        })
    };
    match text {
        "human" => Ok(who("human")),
        "machine" => Ok(who("machine_start")),
        "busy" => Ok(Callee::Busy { after }),
        "no-answer" => Ok(Callee::NoAnswer { after: Duration::from_secs(600) }),
        "fails" => Ok(Callee::Fails),
        other => Err(format!("nobody is {other:?}; there are human, machine, busy, no-answer and fails")),
    }
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
    set_fault(server, common);
    println!("Serving on {base_url} until Ctrl-C. For Cordboard, set");
    println!("  {vendor}_BASE_URL={base_url}");
    println!("  {vendor}_API_KEY=(what --key says, by default \"standin\")");
    tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")
}

fn set_fault<R: Record>(server: &Server<R>, common: &Common) {
    match (&common.fault, common.fault_times) {
        (Some(fault), Some(times)) => server.set_fault_times(fault.clone(), times),
        (fault, _) => server.set_fault(fault.clone()),
    }
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
