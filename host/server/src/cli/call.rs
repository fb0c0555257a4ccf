//! `cordboard call`: a caller without a telephone, on any of the three lines; whoever calls may type.

use super::client::{here, http};
use crate::config::{self, Flags, Loaded};
use anyhow::{Context, bail};
use caller::{Ending, Plan, Step, Told, Typed, gather};
use clap::{ArgMatches, Args, ValueEnum};
use components::grant::Operator;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use twilio::signature::{AuthToken, SIGNATURE_HEADER};

pub const EXAMPLES: &str = "Examples:
  cordboard call --say \"My soup was cold today.\" --say \"Thank you, goodbye.\"
  cordboard call --wav question.wav --out heard.wav
  cordboard call --interrupt \"Wait!\" --press 42# --url wss://example.com/ws
  cordboard call --line relay --type
  cordboard call --line gather --say \"My soup was cold today.\"

With --type, each line that is typed is said at once. /press 12# presses keys, /hangup puts the
receiver down, and so does the end of the input; an empty line says nothing, and waits.";

/// How words get to the agent, and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Line {
    /// Sound, on a media stream
    Stream,
    /// Words, on ConversationRelay: whatever the webhook answers with is followed
    Relay,
    /// Words, by <Gather>: whatever the webhook answers with is followed
    Gather,
}

#[derive(Args)]
pub struct Arguments {
    /// How to call
    #[arg(long, value_enum, default_value_t = Line::Stream)]
    line: Line,
    /// The media stream to call [default: the /ws of the configured address]; on the other lines the
    /// webhook [default: its /voice/incoming]
    #[arg(long)]
    url: Option<String>,
    /// Read what to say from the terminal, line by line; not on a media stream
    #[arg(long = "type")]
    typed: bool,
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
    match arguments.line {
        Line::Stream if arguments.typed => bail!("--type needs words: add --line relay or --line gather"),
        Line::Stream => on_stream(&loaded, arguments, steps),
        Line::Relay | Line::Gather => on_words(&loaded, arguments, steps),
    }
}

fn on_stream(loaded: &Loaded, arguments: Arguments, steps: Vec<Step>) -> anyhow::Result<ExitCode> {
    let url =
        arguments.url.unwrap_or_else(|| format!("{}/ws", here(&loaded.config).replacen("http", "ws", 1)));
    let plan = Plan {
        steps,
        out: arguments.out,
        parameters: arguments.parameters,
        patience: seconds(arguments.patience, "--patience")?,
        limit: seconds(arguments.limit, "--limit")?,
        ..plan(url, loaded)?
    };
    let has_sound_only = plan.steps.iter().any(|step| matches!(step, Step::Play { .. }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(caller::call(plan, |told| print(&told, has_sound_only)))?;
    Ok(code(outcome.problem()))
}

/// A call that begins at the webhook, and goes where that sends it.
fn on_words(loaded: &Loaded, arguments: Arguments, steps: Vec<Step>) -> anyhow::Result<ExitCode> {
    for (is_given, name) in
        [(arguments.out.is_some(), "--out"), (!arguments.parameters.is_empty(), "--parameter")]
    {
        if is_given {
            bail!("{name} is for a media stream: leave it out, or add --line stream");
        }
    }
    let url = arguments.url.unwrap_or_else(|| format!("{}/voice/incoming", here(&loaded.config)));
    let mut plan = gather::Plan::new(url, http()?);
    plan.steps = steps;
    plan.patience = seconds(arguments.patience, "--patience")?;
    plan.limit = seconds(arguments.limit, "--limit")?;
    if let Some(account) = &loaded.config.twilio.account_sid {
        plan.identity.account_sid.clone_from(account);
    }
    if let Some(token) = token(loaded)? {
        plan.sign = Arc::new(move |url, form| vec![(SIGNATURE_HEADER.into(), token.sign(url, form))]);
    }
    if arguments.typed {
        plan.typed = Some(terminal());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(gather::call(plan, |told| print(&told, false)))?;
    for warning in &outcome.warnings {
        eprintln!("warning: {warning}");
    }
    Ok(code(outcome.problem()))
}

fn code(problem: Option<String>) -> ExitCode {
    let Some(problem) = problem else { return ExitCode::SUCCESS };
    eprintln!("error: {problem}");
    ExitCode::FAILURE
}

fn seconds(seconds: f64, name: &str) -> anyhow::Result<Duration> {
    Duration::try_from_secs_f64(seconds).with_context(|| format!("{name} is not a number of seconds"))
}

/// What is typed, read by a thread that ends with the program: nothing can end a read from outside.
fn terminal() -> Typed {
    let (sender, typed) = Typed::new();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            match step(&line) {
                Ok(step) => {
                    let hangs_up = step == Step::HangUp;
                    // a call that is over reads no more
                    if sender.blocking_send(step).is_err() || hangs_up {
                        return;
                    }
                }
                Err(problem) => eprintln!("error: {problem}"),
            }
        }
        let _ = sender.blocking_send(Step::HangUp);
    });
    typed
}

/// A line that was typed.
fn step(line: &str) -> Result<Step, String> {
    let line = line.trim();
    match line.strip_prefix('/') {
        None => Ok(Step::Say(line.to_owned())),
        Some("hangup") => Ok(Step::HangUp),
        Some(command) => match command.split_once(' ') {
            Some(("press", pressed)) => keys(pressed.trim()).map(Step::Press),
            _ => Err(format!("there is no /{command}; there are /press KEYS and /hangup")),
        },
    }
}

/// A call as our own account's, signed as Twilio would: a server with the same auth token takes it.
pub fn plan(url: String, loaded: &Loaded) -> anyhow::Result<Plan> {
    let mut plan = Plan::new(url);
    if let Some(account) = &loaded.config.twilio.account_sid {
        plan.identity.account_sid.clone_from(account);
    }
    if let Some(token) = token(loaded)? {
        plan.headers.push((SIGNATURE_HEADER.into(), token.sign(&plan.url, &[])));
    }
    Ok(plan)
}

fn token(loaded: &Loaded) -> anyhow::Result<Option<AuthToken>> {
    let token = loaded.variable("TWILIO_AUTH_TOKEN");
    token.map(|token| AuthToken::new(token.trim()).context("TWILIO_AUTH_TOKEN")).transpose()
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
                Ending::Agent { departure: Some(why) } => format!("the call ended ({why})"),
                Ending::Agent { departure: None } => "the agent hung up".into(),
                Ending::Caller => "the caller hung up".into(),
                Ending::Dropped => "the connection was dropped".into(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_a_step() {
        assert_eq!(step(" My soup was cold. "), Ok(Step::Say("My soup was cold.".into())));
        assert_eq!(step(""), Ok(Step::Say(String::new())));
        assert_eq!(step("/press 12#"), Ok(Step::Press("12#".into())));
        assert_eq!(step("/hangup"), Ok(Step::HangUp));
        for wrong in ["/press", "/press soup", "/sing"] {
            assert!(step(wrong).is_err(), "{wrong}");
        }
    }
}
