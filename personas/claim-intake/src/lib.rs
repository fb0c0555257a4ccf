//! Takes an insurance claim by telephone: tells a claim number, collects the date, the status and the
//! amount of the claim, confirms each, reads everything back, and lets the caller correct it.
//!
//! What is collected is kept at once, so that a caller who hangs up leaves it. It works by its own rules
//! (`parse`); a model, where there is one, is asked only about what they do not understand.
//!
//! Silence ends the call after it was asked about three times, because nobody is there. A piece that is
//! not understood after it was asked for again three times is kept as null, and the rest is still taken:
//! half a claim is worth more than none. What nobody verifies never becomes `done`.

mod claim;
mod intake;
mod model;
mod parse;
#[cfg(test)]
mod tests;

use claim::{Claim, PIECES, number_from};
use intake::{End, Progress, Speaking, Step};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use parse::{Calendar, Statuses, understand};
use persona::{Call, Departure, Either, Heard, Level, Turn, first, log};
use serde::{Deserialize, Serialize};

/// From the operator, checked against the manifest.
#[derive(Deserialize)]
struct Settings {
    greeting: String,
    goodbye: String,
    statuses: String,
    currency: String,
    use_model: bool,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    begun: bool,
    progress: Progress,
    /// how it was before the last turn, which may come again with more words
    before: Progress,
    /// the number of the last turn
    turn: u32,
    /// how often in a row the caller said nothing
    silences: u32,
}

const MOST_SILENCES: u32 = 3;

/// The longest claim number that another system may give.
const LONGEST_NUMBER: usize = 40;

async fn talk(call: Call, settings: Settings, mut state: State) {
    call.at_end(|call, departure| {
        if departure == Departure::Caller {
            call.outcome("the caller hung up");
        }
    });
    if let Either::A(_) = first(call.machine(), conversation(&call, &settings, &mut state)).await {
        // a claim is taken from nobody else
        call.outcome("reached a machine");
    }
    call.hang_up();
}

/// From the greeting to the goodbye.
async fn conversation(call: &Call, settings: &Settings, state: &mut State) {
    let statuses = Statuses::new(&settings.statuses);
    if !state.begun {
        begin(call, settings, &statuses, state).await;
    }
    let (end, last_words) = loop {
        let heard = call.hear(&*state).await;
        let calendar = calendar(call);
        let speaking =
            Speaking { today: calendar.today, currency: &settings.currency, statuses: statuses.names() };
        let reply = match heard {
            Heard::Key(_) => continue,
            Heard::Silence(_) => {
                state.silences += 1;
                if state.silences > MOST_SILENCES {
                    break (End::Silence, "I cannot hear you any more. I have kept what you told me.".into());
                }
                let question = state.progress.question(&speaking);
                if state.silences == 1 { format!("Are you still there? {question}") } else { question }
            }
            Heard::Said(turn) => {
                state.silences = 0;
                take_turn(call, settings, state, &turn, &calendar, &statuses).await
            }
        };
        if let Step::Over(end) = state.progress.step {
            break (end, reply);
        }
        call.say(reply).await;
    };
    let outcome = match end {
        End::Verified => "the claim is complete",
        End::Goodbye => "the caller said goodbye",
        End::NotUnderstood => "the caller was not understood",
        End::Silence => "the caller fell silent",
    };
    call.outcome(outcome);
    // who hangs up during the goodbye has not left early
    call.at_end(|_, _| {});
    call.say(format!("{last_words} {}", settings.goodbye)).to_the_end().await;
}

/// The greeting, and the claim number.
async fn begin(call: &Call, settings: &Settings, statuses: &Statuses, state: &mut State) {
    let opening = call.opening();
    let earlier = opening.parameters.iter().find(|parameter| parameter.name == "claim_id");
    let earlier = earlier.map(|parameter| parameter.value.trim()).filter(|number| can_be_told(number));
    let number = earlier.map_or_else(|| number_from(opening.seed), str::to_owned);
    state.progress = Progress::new(number, earlier.is_some());
    state.before = state.progress.clone();
    state.begun = true;
    keep(call, None, &state.progress.claim);
    let today = calendar(call).today;
    let speaking = Speaking { today, currency: &settings.currency, statuses: statuses.names() };
    let greeting = opening.initial_message.as_ref().unwrap_or(&settings.greeting);
    call.say(format!("{greeting} {}", state.progress.question(&speaking))).await;
}

fn can_be_told(number: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '.' | '_' | ' ');
    number.len() <= LONGEST_NUMBER && number.chars().all(plain) && number.chars().any(char::is_alphanumeric)
}

/// What to say about it.
async fn take_turn(
    call: &Call,
    settings: &Settings,
    state: &mut State,
    turn: &Turn,
    calendar: &Calendar,
    statuses: &Statuses,
) -> String {
    let kept = state.progress.claim.clone();
    // a turn that comes again, with more words, replaces what came of it
    if turn.number == state.turn {
        state.progress = state.before.clone();
    }
    state.turn = turn.number;
    state.before = state.progress.clone();
    let speaking =
        Speaking { today: calendar.today, currency: &settings.currency, statuses: statuses.names() };
    let text = &turn.said.text;
    let mut said = understand(text, calendar, statuses, &state.progress.expected());
    if settings.use_model && !state.progress.is_answered_by(&said) {
        let question = state.progress.question(&speaking);
        let read = model::read(call, text, &question, calendar, statuses).await;
        if state.progress.is_answered_by(&read) {
            said = read;
        }
    }
    let reply = state.progress.hear(&said, &speaking);
    keep(call, Some(&kept), &state.progress.claim);
    reply
}

/// Keeps what is not as it was.
fn keep(call: &Call, before: Option<&Claim>, claim: &Claim) {
    if before.is_none_or(|before| before.number != claim.number) {
        call.keep("claim_id", &claim.number);
    }
    if before.is_none_or(|before| before.stage != claim.stage) {
        call.keep("state", claim.stage);
    }
    for piece in PIECES {
        let slot = claim.slot(piece);
        let is = |before: &Claim| {
            (&before.slot(piece).value, before.slot(piece).given_up) == (&slot.value, slot.given_up)
        };
        if before.is_some_and(|before| !is(before)) {
            call.keep(piece.field(), &slot.value);
        }
    }
}

/// Today, where the caller is.
fn calendar(call: &Call) -> Calendar {
    let opening = call.opening();
    let zone = TimeZone::get(&opening.timezone).unwrap_or_else(|_| {
        log(Level::Warn, "the time zone of the call is not known: days are counted in UTC");
        TimeZone::UTC
    });
    let now = i64::try_from(call.now()).ok().and_then(|now| Timestamp::from_millisecond(now).ok());
    let today: Date = now.unwrap_or_default().to_zoned(zone).date();
    // where English is spoken, only Americans put the month first
    let month_first = matches!(opening.language.as_str(), "en" | "en-US" | "en-us" | "en_US");
    Calendar { today, month_first }
}

persona::persona!(talk);
