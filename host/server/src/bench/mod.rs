//! `cordboard bench`: how many calls one core carries, and how well.
//!
//! This very program serves, in a process of its own on one core; callers and the vendors' stand-ins
//! share the other cores. Every caller is paced like a telephone. The delays of the stand-ins are
//! fixed, so that what is measured is what lies between them.
//!
//! - `server.rs`: the process under test, its CPU time and its memory
//! - `telephone.rs`: one caller
//! - `speech.rs`: what callers say, and when that begins and ends
//! - `report.rs`: figures, and the table
//!
//! Measured, each from one end of the wire to the same end:
//! - greeting: from connecting to the first frame that is not silence
//! - voice to voice: from sending the last frame of speech to receiving the first of the reply
//! - barge-in: from sending the first frame of speech over the agent's to receiving `clear`
//! - gaps: how often the telephone ran dry for more than 20 ms within what the agent said

mod report;
mod server;
mod speech;
mod telephone;

use anyhow::{Context, bail};
use clap::Args;
use report::{Figures, Load, Row};
use server::Server;
use speech::Speech;
use standins::{cartesia, deepgram, openai};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use telephone::{Plan, Telephone};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// After the end of speech.
const STT_DELAY: Duration = Duration::from_millis(100);
const FIRST_TOKEN_DELAY: Duration = Duration::from_millis(100);
const TOKEN_DELAY: Duration = Duration::from_millis(10);
const FIRST_AUDIO_DELAY: Duration = Duration::from_millis(50);

const KEY: &str = "bench";
const SAID: &str = "My soup was cold today and nobody came to help me.";
const REPLY: &str = "I am very sorry to hear that. I have noted it for the kitchen, and somebody will call \
                     you back this afternoon. Is there anything else I can do for you?";

#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// How many calls at once; one measurement for each number
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_value = "1,10,50,100,200")]
    calls: Vec<usize>,
    /// How long each measurement lasts
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u64,
    /// Who decides that the caller has finished
    #[arg(long, value_enum, default_value_t = Owner::Both)]
    turns: Owner,
    /// Only with more than this share of the calls going wrong has a measurement failed
    #[arg(long, value_name = "SHARE", default_value_t = 0.02, hide = true)]
    tolerance: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Owner {
    /// the shipped defaults: detector and recogniser together
    Host,
    /// the recogniser owns the turn
    Recogniser,
    Both,
}

/// Runs the measurements and prints them. Fails where a call goes wrong.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.calls.iter().any(|calls| !(1..=2000).contains(calls)) {
        bail!("--calls takes numbers from 1 to 2000");
    }
    if !(10..=3600).contains(&arguments.seconds) {
        bail!("--seconds takes 10 to 3600: a call has to say something in it");
    }
    let cores = server::cores()?;
    println!("{}\n", report::heading(&cores, arguments.seconds));
    let speech = Arc::new(Speech::new(SAID)?);
    let settings: &[Owner] = match arguments.turns {
        Owner::Both => &[Owner::Host, Owner::Recogniser],
        Owner::Host => &[Owner::Host],
        Owner::Recogniser => &[Owner::Recogniser],
    };
    let mut well = true;
    for owner in settings {
        let name = match owner {
            Owner::Recogniser => "recogniser owns the turn",
            _ => "shipped defaults",
        };
        println!("{name}");
        println!("{}", report::columns());
        for calls in &arguments.calls {
            let row = measure(*calls, *owner, arguments.seconds, &cores, &speech)
                .with_context(|| format!("{calls} calls, {name}"))?;
            println!("{row}");
            for problem in row.problems() {
                println!("      {problem}");
            }
            well &= row.is_well(arguments.tolerance);
        }
        println!();
    }
    println!("{}", report::LEGEND);
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One row: a server of its own, so many calls, so long.
fn measure(
    calls: usize,
    owner: Owner,
    seconds: u64,
    cores: &server::Cores,
    speech: &Arc<Speech>,
) -> anyhow::Result<Row> {
    // everything but the server runs on the other cores, from here on
    cores.leave_the_servers()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stt = deepgram::Server::start(deepgram::Config {
            final_delay: STT_DELAY,
            ..deepgram::Config::scripted(KEY, vec![deepgram::ScriptedLine::new(SAID)])
        })
        .await?;
        let llm = openai::Server::start(openai::Config {
            first_token_delay: FIRST_TOKEN_DELAY,
            token_delay: TOKEN_DELAY,
            script: openai::Script::always(REPLY),
            ..openai::Config::new(KEY)
        })
        .await?;
        let tts = cartesia::Server::start(cartesia::Config {
            first_audio_delay: FIRST_AUDIO_DELAY,
            ..cartesia::Config::new(KEY)
        })
        .await?;
        let environment = [
            ("DEEPGRAM_API_KEY", KEY.to_owned()),
            ("DEEPGRAM_BASE_URL", stt.base_url()),
            ("DEEPGRAM_TURNS", (owner == Owner::Recogniser).to_string()),
            ("OPENAI_API_KEY", KEY.to_owned()),
            ("OPENAI_BASE_URL", llm.base_url()),
            ("CARTESIA_API_KEY", KEY.to_owned()),
            ("CARTESIA_BASE_URL", tts.base_url()),
            ("CARTESIA_VOICE_ID", "bench".to_owned()),
            ("CORDBOARD_CALLS", (calls + 8).to_string()),
        ];
        let server = Server::start(cores, &environment).await?;
        // the first call of a process pays for what all others share
        warm_up(&server, speech).await?;
        let idle = server.private_memory()?;

        let spread = Duration::from_millis(20) * u32::try_from(calls)?;
        let begins = Instant::now() + Duration::from_millis(100);
        let ends = begins + spread + Duration::from_secs(seconds);
        let mut running = JoinSet::new();
        for n in 0..calls {
            let plan = Plan {
                url: server.url(),
                number: n,
                begins: begins + Duration::from_millis(20) * u32::try_from(n)?,
                ends,
                speech: speech.clone(),
                interrupts: true,
            };
            running.spawn(Telephone::call(plan));
        }
        tokio::time::sleep_until(begins + spread).await;
        let before = Load::now(&server)?;
        // just before the end, while all calls are there
        tokio::time::sleep_until(ends - Duration::from_millis(500)).await;
        let memory = server.private_memory()?.saturating_sub(idle);
        let load = Load::now(&server)?.since(&before);
        let mut figures = Figures::default();
        while let Some(call) = running.join_next().await {
            figures.add(call.context("a caller broke")?);
        }
        let refused = [("stt", stt.violations()), ("llm", llm.violations()), ("tts", tts.violations())];
        for (vendor, violations) in refused {
            if let Some(first) = violations.first() {
                figures
                    .problem(format!("{vendor}: {} breaches of the protocol, as: {first}", violations.len()));
            }
        }
        server.stop().await?;
        Ok(Row { calls, figures, load, memory })
    })
}

async fn warm_up(server: &Server, speech: &Arc<Speech>) -> anyhow::Result<()> {
    let plan = Plan {
        url: server.url(),
        number: usize::MAX,
        begins: Instant::now(),
        ends: Instant::now() + Duration::from_secs(14),
        speech: speech.clone(),
        interrupts: false,
    };
    let call = Telephone::call(plan).await;
    match call.problem {
        Some(problem) => bail!("the first call went wrong: {problem}"),
        None if call.voice_to_voice.is_empty() => bail!("the first call had no answer"),
        None => Ok(()),
    }
}
