//! Takes an insurance claim by telephone: tells a claim number, collects the date, the status and the
//! amount of the claim, confirms each, reads everything back, and lets the caller correct it.
//!
//! A caller who has called before goes on with that claim: its number is said, pressed, or came with the
//! call, or the caller is known by the telephone number. What was kept of it is not asked for again.
//!
//! What is collected is kept at once, so that a caller who hangs up leaves it. It works by its own rules
//! (`parse`); a model, where there is one, is asked only about what they do not understand.
//!
//! Silence ends the call after it was asked about three times, because nobody is there. A piece that is
//! not understood after it was asked for again three times is kept as null, and the rest is still taken:
//! half a claim is worth more than none. What nobody verifies never becomes `done`.

mod claim;
mod intake;
mod kept;
mod model;
mod parse;
#[cfg(test)]
mod tests;

use claim::{Claim, PIECES, number_from};
use intake::{End, Progress, Speaking, Step};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kept::can_be_told;
use parse::{Calendar, Statuses, Understood, is_claim_number, understand};
use persona::{Call, Departure, Direction, Either, Heard, Level, Turn, first, log};
use serde::{Deserialize, Serialize};
use std::time::Duration;

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
#[serde(default)]
struct State {
    begun: bool,
    progress: Progress,
    /// how it was before the last turn, which may come again with more words
    before: Progress,
    /// the number of the last turn
    turn: u32,
    /// how often in a row the caller said nothing
    silences: u32,
    /// the keys of a claim number, as far as they were pressed
    keys: String,
}

const MOST_SILENCES: u32 = 3;

/// So long the greeting waits for what is known of the caller.
const GREETING_WAITS: Duration = Duration::from_millis(700);

/// A number that is pressed is whole when no key follows for so long.
const KEYS_END: Duration = Duration::from_secs(4);

const KEYS: usize = 10;

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
        let heard = hear(call, state).await;
        let calendar = calendar(call);
        let speaking =
            Speaking { today: calendar.today, currency: &settings.currency, statuses: statuses.names() };
        let reply = match heard {
            Some(Heard::Silence(_)) => {
                state.silences += 1;
                if state.silences > MOST_SILENCES {
                    break (End::Silence, "I cannot hear you any more. I have kept what you told me.".into());
                }
                let question = state.progress.question(&speaking);
                if state.silences == 1 { format!("Are you still there? {question}") } else { question }
            }
            Some(Heard::Key(key)) => {
                state.silences = 0;
                if !pressed(state, key) {
                    continue;
                }
                take_keys(call, state, &speaking).await
            }
            None => take_keys(call, state, &speaking).await,
            Some(Heard::Said(turn)) => {
                state.silences = 0;
                // who speaks does not press the rest
                state.keys.clear();
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
        End::AsItWas => "the claim was complete before",
        End::NotUnderstood => "the caller was not understood",
        End::Silence => "the caller fell silent",
    };
    call.outcome(outcome);
    // who hangs up during the goodbye has not left early
    call.at_end(|_, _| {});
    call.say(format!("{last_words} {}", settings.goodbye)).to_the_end().await;
}

/// None: keys were pressed, and no more of them come.
async fn hear(call: &Call, state: &State) -> Option<Heard> {
    if state.keys.is_empty() {
        return Some(call.hear(state).await);
    }
    match first(call.hear(state), call.sleep(KEYS_END)).await {
        Either::A(heard) => Some(heard),
        Either::B(()) => None,
    }
}

/// The greeting, and the claim number.
async fn begin(call: &Call, settings: &Settings, statuses: &Statuses, state: &mut State) {
    let opening = call.opening();
    let earlier = opening.parameters.iter().find(|parameter| parameter.name == "claim_id");
    let earlier = earlier.map(|parameter| parameter.value.trim()).filter(|number| can_be_told(number));
    state.progress = Progress::new(number_from(opening.seed), earlier);
    state.begun = true;
    keep(call, None, &state.progress.claim);
    remember(call, earlier, &mut state.progress).await;
    state.before = state.progress.clone();
    let today = calendar(call).today;
    let speaking = Speaking { today, currency: &settings.currency, statuses: statuses.names() };
    let greeting = opening.initial_message.as_ref().unwrap_or(&settings.greeting);
    call.say(format!("{greeting} {}", state.progress.question(&speaking))).await;
}

/// What is known of the claim whose number came with the call, or else of the caller.
async fn remember(call: &Call, earlier: Option<&str>, progress: &mut Progress) {
    if let Some(number) = earlier {
        if let Some(fields) = call.recall("claim_id", number).await {
            let before = progress.claim.clone();
            progress.know(kept::claim(number, &fields));
            keep(call, Some(&before), &progress.claim);
        }
    } else if let Some(caller) = caller(call)
        && let Either::A(Some(fields)) =
            first(call.recall("caller", caller), call.sleep(GREETING_WAITS)).await
        && let Some(claim) = kept::unfinished(&fields)
    {
        progress.offer(claim, caller.to_owned());
    }
}

/// The number of the one who calls, if it tells who that is.
fn caller(call: &Call) -> Option<&str> {
    // what Twilio puts in place of a number that is withheld: ANONYMOUS, RESTRICTED and so on, as keys
    const WITHHELD: [&str; 5] = ["+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"];
    let opening = call.opening();
    let caller = opening.caller.as_deref().filter(|_| opening.direction == Direction::Inbound)?;
    let digits = caller.strip_prefix('+').filter(|digits| digits.len() >= 7)?;
    (digits.bytes().all(|b| b.is_ascii_digit()) && !WITHHELD.contains(&caller)).then_some(caller)
}

/// Whether a number is whole with this key.
fn pressed(state: &mut State, key: char) -> bool {
    if !state.progress.takes_number() {
        return false;
    }
    match key {
        '#' => return !state.keys.is_empty(),
        '*' => state.keys.clear(),
        key => state.keys.push(key),
    }
    state.keys.len() >= KEYS
}

/// What to say about the keys that were pressed.
async fn take_keys(call: &Call, state: &mut State, speaking: &Speaking<'_>) -> String {
    let keys = std::mem::take(&mut state.keys);
    let said = match is_claim_number(&keys) {
        true => Understood { number: Some(keys), ..Understood::default() },
        false => Understood { misheard: Some(keys), ..Understood::default() },
    };
    let kept = state.progress.claim.clone();
    let reply = answer(call, state, &said, speaking).await;
    keep(call, Some(&kept), &state.progress.claim);
    // more words of the last turn do not take it back
    state.before = state.progress.clone();
    reply
}

/// What to say about what was understood, once the claim that is meant was looked up.
async fn answer(call: &Call, state: &mut State, said: &Understood, speaking: &Speaking<'_>) -> String {
    let found = match state.progress.to_look_up(said) {
        Some(number) => call.recall("claim_id", number).await.map(|fields| kept::claim(number, &fields)),
        None => None,
    };
    state.progress.hear(said, found, speaking)
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
    let reply = answer(call, state, &said, &speaking).await;
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
