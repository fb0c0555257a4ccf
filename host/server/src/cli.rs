//! The commands.

use crate::bench;
use crate::config::{self, Flags, Loaded};
use crate::routes::{Shared, router};
use crate::services::{Services, known_components};
use anyhow::Context;
use axum::serve::ListenerExt;
use caller::{Plan, Step, Told};
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use components::Catalogue;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Live calls have this long to end when the host stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Answers telephone calls from Twilio and holds a spoken conversation.
///
/// Without a command it serves. Providers are chosen by the keys that are found (OPENAI_API_KEY,
/// DEEPGRAM_API_KEY …) in the environment or in .env; without any, an offline set answers.
#[derive(Parser)]
#[command(name = "cordboard", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Args, Clone)]
struct Common {
    /// The configuration file [default: cordboard.toml, if it is there]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// A folder of .wasm files that add to the components or replace them by id
    #[arg(long, value_name = "DIR", global = true)]
    components: Option<PathBuf>,
}

#[derive(Args, Clone)]
struct Serve {
    /// Where to listen: HOST:PORT, HOST or :PORT [default: 127.0.0.1:8765]
    #[arg(long, value_name = "ADDRESS", value_parser = config::parse_bind)]
    bind: Option<(Option<String>, Option<u16>)>,
}

#[derive(Subcommand)]
enum Command {
    /// Answer calls (this is also what happens without a command)
    Serve(Serve),
    /// Call a server, as Twilio would: speak, listen, cut in, press keys
    ///
    /// The steps are done in the order in which they are given; each waits until the agent has
    /// finished. The call ends when the server ends it, or when nobody speaks any more. The exit
    /// code is 0 if it ended well.
    #[command(after_help = EXAMPLES)]
    Call(CallArguments),
    /// Print the configuration, and where each value comes from
    Config,
    /// Measure how many calls one core carries, and how well
    ///
    /// Starts this program once more on a core of its own, with stand-ins for the vendors, and calls
    /// it. Nothing leaves this machine, and nothing of your configuration is used.
    Bench(bench::Arguments),
}

const EXAMPLES: &str = "Examples:
  cordboard call --say \"My soup was cold today.\" --say \"Thank you, goodbye.\"
  cordboard call --wav question.wav --out heard.wav
  cordboard call --interrupt \"Wait!\" --press 42# --url wss://example.com/ws";

#[derive(Args)]
struct CallArguments {
    /// The media stream to call [default: the /ws of the configured address]
    #[arg(long)]
    url: Option<String>,
    /// Say this when the agent has finished; may be given many times
    #[arg(long, value_name = "TEXT")]
    say: Vec<String>,
    /// Play this WAV file when the agent has finished
    #[arg(long, value_name = "FILE")]
    wav: Vec<PathBuf>,
    /// Say this while the agent is speaking, a second after it began
    #[arg(long, value_name = "TEXT")]
    interrupt: Vec<String>,
    /// Press these keys when the agent has finished
    #[arg(long, value_name = "KEYS", value_parser = keys)]
    press: Vec<String>,
    /// Write what is heard to this WAV file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A custom parameter of the stream, as a <Parameter> in TwiML would give it
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// How long to wait for the agent before going on or hanging up
    #[arg(long, value_name = "SECONDS", default_value_t = 15.0)]
    patience: f64,
    /// Hang up after this long in any case
    #[arg(long, value_name = "SECONDS", default_value_t = 600.0)]
    limit: f64,
}

pub fn run() -> anyhow::Result<ExitCode> {
    let matches = Arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches)?;
    let mut flags = Flags { file: arguments.common.config, values: Vec::new() };
    if let Some(folder) = arguments.common.components {
        flags.values.push(("--components", "components", folder.display().to_string()));
    }
    match arguments.command {
        None => serve(flags, arguments.serve),
        Some(Command::Serve(own)) => serve(flags, Serve { bind: own.bind.or(arguments.serve.bind) }),
        Some(Command::Config) => {
            let (loaded, catalogue) = read(&flags)?;
            println!("{}", config::report(&loaded, &catalogue)?);
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Bench(arguments)) => bench::run(&arguments),
        Some(Command::Call(arguments)) => {
            let steps = matches.subcommand_matches("call").map(|m| steps(&arguments, m)).transpose()?;
            call(&flags, arguments, steps.unwrap_or_default())
        }
    }
}

fn read(flags: &Flags) -> anyhow::Result<(Loaded, Catalogue)> {
    let loaded = config::load(flags)?;
    let catalogue = Catalogue::read(loaded.config.components.as_deref())?;
    known_components(&loaded.config, &catalogue)?;
    Ok((loaded, catalogue))
}

// -- serve

fn serve(mut flags: Flags, arguments: Serve) -> anyhow::Result<ExitCode> {
    if let Some((host, port)) = arguments.bind {
        flags.values.extend(host.map(|host| ("--bind", "server.host", host)));
        flags.values.extend(port.map(|port| ("--bind", "server.port", port.to_string())));
    }
    crate::logging::start();
    let (loaded, catalogue) = read(&flags)?;
    let services = Arc::new(Services::set_up(&loaded, &catalogue)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(listen(services))?;
    Ok(ExitCode::SUCCESS)
}

async fn listen(services: Arc<Services>) -> anyhow::Result<()> {
    let (host, port) = services.config.server.address();
    let listener = TcpListener::bind((host.as_str(), port)).await.with_context(|| {
        format!("cannot listen on {host}:{port}; choose another address with --bind, HOST or PORT")
    })?;
    let address = listener.local_addr()?;
    services.listens(address.port());
    println!("Cordboard {} answers on http://{address}\n", env!("CARGO_PKG_VERSION"));
    println!("{}\n", services.table());
    if let Some(folder) = services.recordings() {
        println!("Calls are recorded into {} (CORDBOARD_RECORDING=false: they are not)", folder.display());
    }
    println!(
        "Call it from here:  cordboard call --url ws://{}/ws --say \"My soup was cold today.\"",
        near(address)
    );
    println!("Call it by Twilio:  set a number's webhook to https://YOUR-ADDRESS/ (POST)");

    let (stop, stopping) = watch::channel(false);
    let app = router(Shared { services: services.clone(), stopping });
    // a frame of audio must not wait for the next
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let serving = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move {
            asked_to_stop().await;
            tracing::info!("stopping");
            // nobody listens if there is no call
            let _ = stop.send(true);
        });
    serving.await?;
    let drained = async {
        while services.live.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!("calls that did not end in time are cut off");
    }
    Ok(())
}

/// An address that this machine can connect to.
fn near(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) if address.ip().is_unspecified() => ([127, 0, 0, 1], address.port()).into(),
        SocketAddr::V6(_) if address.ip().is_unspecified() => {
            (std::net::Ipv6Addr::LOCALHOST, address.port()).into()
        }
        address => address,
    }
}

async fn asked_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminated) => {
                tokio::select! {
                    _ = interrupted => {}
                    _ = terminated.recv() => {}
                }
            }
            Err(_) => drop(interrupted.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupted.await);
}

// -- call

/// The steps in the order in which they were given.
fn steps(arguments: &CallArguments, matches: &ArgMatches) -> anyhow::Result<Vec<Step>> {
    let mut steps: Vec<(usize, Step)> = Vec::new();
    let places = |name: &str| matches.indices_of(name).into_iter().flatten();
    steps.extend(places("say").zip(arguments.say.iter().cloned().map(Step::Say)));
    steps.extend(places("interrupt").zip(arguments.interrupt.iter().cloned().map(Step::Interrupt)));
    steps.extend(places("press").zip(arguments.press.iter().cloned().map(Step::Press)));
    for (place, path) in places("wav").zip(&arguments.wav) {
        let samples = audio::wav::read_for_telephone(path)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        steps.push((place, Step::Play { name, samples }));
    }
    steps.sort_by_key(|(place, _)| *place);
    Ok(steps.into_iter().map(|(_, step)| step).collect())
}

fn call(flags: &Flags, arguments: CallArguments, steps: Vec<Step>) -> anyhow::Result<ExitCode> {
    let url = match arguments.url {
        Some(url) => url,
        None => {
            let (host, port) = config::load(flags)?.config.server.address();
            let host = if host == "0.0.0.0" { "127.0.0.1".into() } else { host };
            format!("ws://{host}:{port}/ws")
        }
    };
    let seconds = |seconds: f64, name: &str| {
        Duration::try_from_secs_f64(seconds).with_context(|| format!("{name} is not a number of seconds"))
    };
    let plan = Plan {
        steps,
        out: arguments.out,
        parameters: arguments.parameters,
        patience: seconds(arguments.patience, "--patience")?,
        limit: seconds(arguments.limit, "--limit")?,
        ..Plan::new(url)
    };
    let has_sound_only = plan.steps.iter().any(|step| matches!(step, Step::Play { .. }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(caller::call(plan, |told| print(&told, has_sound_only)))?;
    match outcome.problem() {
        None => Ok(ExitCode::SUCCESS),
        Some(problem) => {
            eprintln!("error: {problem}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What happens, line by line, with the time since the call began.
fn print(told: &Told, has_sound_only: bool) {
    let line = |at: &Duration, who: &str, what: &str| println!("{:>7.1}  {who:<7} {what}", at.as_secs_f64());
    match told {
        Told::Connected { url } => println!("calling {url}"),
        Told::Offer { recogniser: Some(recogniser), .. } => println!("recogniser: {recogniser}"),
        Told::Offer { recogniser: None, said: true } => {
            println!("recogniser: none; the words are sent along with the sound");
            if has_sound_only {
                println!("            (what a WAV file says will not be understood)");
            }
        }
        Told::Offer { .. } => println!("recogniser: none"),
        Told::Says { at, what } => line(at, "caller", what),
        Told::Presses { at, key } => line(at, "caller", &format!("presses {key}")),
        Told::Understood { at, text } => line(at, "", &format!("understood: {text}")),
        Told::Agent { at, heard: Some(text), .. } => line(at, "agent", text),
        Told::Agent { at, heard: None, length } => {
            line(at, "agent", &format!("(speaks for {:.1} s)", length.as_secs_f64()));
        }
        Told::Waited { at, for_what } => line(at, "", &format!("waited in vain for {for_what}")),
        Told::Ended { at, ending } => {
            let how = match ending {
                caller::Ending::Agent { departure: Some(why) } => format!("the call ended ({why})"),
                caller::Ending::Agent { departure: None } => "the agent hung up".into(),
                caller::Ending::Caller => "the caller hung up".into(),
                caller::Ending::Dropped => "the connection was dropped".into(),
            };
            line(at, "", &how);
        }
    }
}

fn keys(text: &str) -> Result<String, String> {
    match text.chars().find(|c| !matches!(c, '0'..='9' | '*' | '#' | 'A'..='D')) {
        Some(other) => Err(format!("{other:?} is no key; there are 0 to 9, *, # and A to D")),
        None => Ok(text.to_owned()),
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a parameter is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
