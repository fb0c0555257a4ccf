//! `cordboard doctor`: what is missing or wrong here, and what to do about it.
//!
//! It looks and changes nothing: no call is placed, no folder is made, no provider is used. No secret is
//! shown. Everything that waits for somebody else has a bound, and the rest is told without it.
//!
//! - `configuration.rs`: values, components, who does what, keys of the interface
//! - `account.rs`: Twilio's credentials, account and number
//! - `public.rs`: the address that Twilio reaches
//! - `system.rs`: what this machine gives
//! - `finding.rs`: how all that is told
//!
//! Not here: whether a running server answers as it should. That is `cordboard smoke`'s.

mod account;
mod configuration;
mod finding;
mod public;
mod system;

use crate::config::{self, Flags, Loaded};
use finding::{Finding, State};
use jiff::{SignedDuration, Timestamp};
use std::process::ExitCode;
use std::time::Duration;

/// For one answer of somebody else's.
const BOUND: Duration = Duration::from_secs(10);
/// A clock that is so wrong is worth a word.
const ODD: Duration = Duration::from_secs(5);
/// A token that admits a stream expires after this.
const TOKENS: Duration = Duration::from_secs(60);

pub fn doctor(flags: &Flags) -> anyhow::Result<ExitCode> {
    let loaded = match config::load(flags) {
        Ok(loaded) => loaded,
        Err(error) => {
            let unread = Finding::wrong("configuration", format!("{error:#}"));
            return Ok(conclude(&[unread.advise("set this right first: the rest follows from it")]));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(examine(&loaded));
    // a look-up of a name cannot be called off, and nobody waits for it any more
    runtime.shutdown_background();
    Ok(conclude(&findings))
}

async fn examine(loaded: &Loaded) -> Vec<Finding> {
    let (account, public, port) =
        tokio::join!(account::examine(loaded), public::examine(loaded), system::port(loaded));
    let twilios = account.clock.map(|ahead| ("Twilio", ahead));
    let clock = twilios.or(public.clock.map(|ahead| ("the public address", ahead)));
    let mut findings = configuration::examine(loaded);
    findings.extend(account.findings);
    findings.push(self::clock(clock));
    findings.extend(public.findings);
    findings.push(port);
    findings.extend(system::examine(&loaded.config));
    findings
}

/// What was found out of somebody else's answers.
struct Examined {
    findings: Vec<Finding>,
    /// how far our clock is ahead of theirs; none: nothing tells
    clock: Option<SignedDuration>,
}

/// How far our clock is ahead of one that said this just now.
fn ahead_of(date: Timestamp) -> SignedDuration {
    Timestamp::now().duration_since(date)
}

fn clock(compared: Option<(&str, SignedDuration)>) -> Finding {
    let what = "clock";
    let Some((whose, ahead)) = compared else {
        return Finding::none(what, "not compared: nobody answered who knows what time it is");
    };
    let off = ahead.unsigned_abs();
    // theirs is told in whole seconds
    let found = match (off < Duration::from_secs(2), ahead.is_positive()) {
        (true, _) => return Finding::ok(what, format!("that of {whose}")),
        (false, true) => format!("{} s ahead of that of {whose}", off.as_secs()),
        (false, false) => format!("{} s behind that of {whose}", off.as_secs()),
    };
    let advice = "set it by NTP (`timedatectl set-ntp true`): streams are admitted for a minute, by the clock \
                  of the host that takes them, and certificates are checked by it";
    match off {
        off if off > TOKENS => Finding::wrong(what, found).advise(advice),
        off if off > ODD => Finding::warn(what, found).advise(advice),
        _ => Finding::ok(what, found),
    }
}

/// Tells it all.
fn conclude(findings: &[Finding]) -> ExitCode {
    for finding in findings {
        println!("{finding}");
    }
    let count = |state: State| findings.iter().filter(|finding| finding.state == state).count();
    let (wrong, warnings) = (count(State::Wrong), count(State::Warn));
    let wrongs = match wrong {
        0 => "Nothing is wrong".to_owned(),
        1 => "One thing is wrong".to_owned(),
        many => format!("{many} things are wrong"),
    };
    let warnings = match warnings {
        0 => String::new(),
        1 => "; one is worth a look".to_owned(),
        many => format!("; {many} are worth a look"),
    };
    println!("\n{wrongs}{warnings}.");
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
