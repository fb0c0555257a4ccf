//! The commands.
//!
//! - `serve.rs`: answers calls, until it is asked to stop
//! - `call.rs`: a caller without a telephone
//! - `dial.rs`: places a call, by a server that runs
//! - `smoke.rs`: tries every route of a server that runs
//! - `doctor/`: what is missing or wrong here
//! - `migrate.rs`: the database as this version wants it
//! - `author.rs`: what authors of components need, `new` to `dev`
//! - `client.rs`: how `dial`, `smoke` and `doctor` reach a server

mod author;
mod call;
pub mod client;
mod dial;
mod doctor;
mod migrate;
mod serve;
mod smoke;

pub use client::http;

use crate::bench;
use crate::config::{self, Flags, Loaded};
use crate::services::known_components;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use components::Catalogue;
use std::path::PathBuf;
use std::process::ExitCode;

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
    serve: serve::Listen,
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

#[derive(Subcommand)]
enum Command {
    /// Answer calls (this is also what happens without a command)
    Serve(serve::Listen),
    /// Call a server, as Twilio would: speak, listen, cut in, press keys
    ///
    /// The steps are done in the order in which they are given; each waits until the agent has
    /// finished. The call ends when the server ends it, or when nobody speaks any more. The exit
    /// code is 0 if it ended well.
    #[command(after_help = call::EXAMPLES)]
    Call(call::Arguments),
    /// Have a running server call a number, and follow the call
    ///
    /// The server needs Twilio's credentials; this command needs CORDBOARD_API_KEY (or
    /// CORDBOARD_API_KEY_CALL), unless the server has none. Calls cost money. Ctrl-C stops following; the
    /// call goes on. The exit code is 0 if there was a conversation and it did not fail.
    #[command(after_help = dial::EXAMPLES)]
    Dial(dial::Arguments),
    /// Try every route of a running server, without a telephone
    ///
    /// Webhooks are signed with TWILIO_AUTH_TOKEN, if it is set. Nobody is called; one call of a few
    /// seconds is held over the media stream.
    Smoke(smoke::Arguments),
    /// Check what calls need, and say what to do where something is missing
    ///
    /// Credentials, the address that Twilio is to reach, its certificate, the clock, limits of the system,
    /// components and keys. The exit code is 0 if nothing is wrong.
    Doctor,
    /// Print the configuration, and where each value comes from
    Config,
    /// Bring the database to what this version wants, or print the SQL for it
    ///
    /// A server does it by itself when it starts. Printed, it is for those who let nobody else change
    /// their database, and for Supabase, whose tables its REST interface cannot make.
    Migrate(migrate::Arguments),
    /// Measure how many calls one core carries, and how well
    ///
    /// Starts this program once more on a core of its own, with stand-ins for the vendors, and calls
    /// it. Nothing leaves this machine, and nothing of your configuration is used.
    Bench(bench::Arguments),
    #[command(flatten)]
    Author(author::Command),
}

pub fn run() -> anyhow::Result<ExitCode> {
    let matches = Arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches)?;
    let mut flags = Flags { file: arguments.common.config, values: Vec::new() };
    if let Some(folder) = arguments.common.components {
        flags.values.push(("--components", "components", folder.display().to_string()));
    }
    match arguments.command {
        None => serve::serve(flags, arguments.serve),
        Some(Command::Serve(own)) => serve::serve(flags, own.or(arguments.serve)),
        Some(Command::Config) => {
            let (loaded, catalogue) = read(&flags)?;
            println!("{}", config::report(&loaded, &catalogue)?);
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Migrate(arguments)) => migrate::migrate(&flags, &arguments),
        Some(Command::Author(command)) => author::run(&flags, command),
        Some(Command::Bench(arguments)) => bench::run(&arguments),
        Some(Command::Dial(arguments)) => dial::dial(&flags, arguments),
        Some(Command::Smoke(arguments)) => smoke::smoke(&flags, arguments),
        Some(Command::Doctor) => doctor::doctor(&flags),
        Some(Command::Call(arguments)) => {
            let steps = matches.subcommand_matches("call").map(|m| call::steps(&arguments, m)).transpose()?;
            call::call(&flags, arguments, steps.unwrap_or_default())
        }
    }
}

fn read(flags: &Flags) -> anyhow::Result<(Loaded, Catalogue)> {
    let loaded = config::load(flags)?;
    let catalogue = catalogue(&loaded)?;
    Ok((loaded, catalogue))
}

fn catalogue(loaded: &Loaded) -> anyhow::Result<Catalogue> {
    let catalogue = Catalogue::read(loaded.config.components.as_deref())?;
    known_components(&loaded.config, &catalogue)?;
    Ok(catalogue)
}
