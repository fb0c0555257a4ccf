//! `cordboard call`: a caller without a telephone.

use super::client::here;
use crate::config::{self, Flags, Loaded};
use anyhow::Context;
use caller::{Plan, Step, Told};
use clap::{ArgMatches, Args};
use components::grant::Operator;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use twilio::signature::{AuthToken, SIGNATURE_HEADER};

pub const EXAMPLES: &str = "Examples:
  cordboard call --say \"My soup was cold today.\" --say \"Thank you, goodbye.\"
  cordboard call --wav question.wav --out heard.wav
  cordboard call --interrupt \"Wait!\" --press 42# --url wss://example.com/ws";

#[derive(Args)]
pub struct Arguments {
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

/// The steps in the order in which they were given.
pub fn steps(arguments: &Arguments, matches: &ArgMatches) -> anyhow::Result<Vec<Step>> {
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

pub fn call(flags: &Flags, arguments: Arguments, steps: Vec<Step>) -> anyhow::Result<ExitCode> {
    let loaded = config::load(flags)?;
    let url =
        arguments.url.unwrap_or_else(|| format!("{}/ws", here(&loaded.config).replacen("http", "ws", 1)));
    let seconds = |seconds: f64, name: &str| {
        Duration::try_from_secs_f64(seconds).with_context(|| format!("{name} is not a number of seconds"))
    };
    let plan = Plan {
        steps,
        out: arguments.out,
        parameters: arguments.parameters,
        patience: seconds(arguments.patience, "--patience")?,
        limit: seconds(arguments.limit, "--limit")?,
        ..plan(url, &loaded)?
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

/// A call as our own account's, signed as Twilio would: a server with the same auth token takes it.
pub fn plan(url: String, loaded: &Loaded) -> anyhow::Result<Plan> {
    let mut plan = Plan::new(url);
    if let Some(account) = &loaded.config.twilio.account_sid {
        plan.identity.account_sid.clone_from(account);
    }
    if let Some(token) = loaded.variable("TWILIO_AUTH_TOKEN") {
        let token = AuthToken::new(token.trim()).context("TWILIO_AUTH_TOKEN")?;
        plan.headers.push((SIGNATURE_HEADER.into(), token.sign(&plan.url, &[])));
    }
    Ok(plan)
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
        Told::Spoken { at, text, cut } => {
            line(at, "agent", &format!("{text}{}", if *cut { " ..." } else { "" }));
        }
        Told::Played { at, source } => line(at, "agent", &format!("(plays {source})")),
        Told::Keyed { at, keys } => line(at, "agent", &format!("(presses {keys})")),
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

pub fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a parameter is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
