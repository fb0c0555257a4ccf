//! What is known before the call, out of the `with` lines of a talk.

use super::file::{Mistake, Talk};
use super::line::answerer;
use call::persona::Direction;
use components::grant::{Entry, LimitsSet, Operator};
use components::manifest::{Limits, Manifest, SettingKind};
use components::{LineAbilities, Scene};

/// Monday, the 5th of January 2026, 9:00 UTC, in milliseconds since 1970.
const BEGAN: u64 = 1_767_603_600_000;
const DAY: u64 = 86_400_000;

/// A call as it begins.
pub(crate) struct Opening {
    pub(crate) scene: Scene,
    pub(crate) began: u64,
    pub(crate) desk: Desk,
}

/// An operator who gives one component the settings of the talk, and the limits that it asks.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    entry: Entry,
}

impl Desk {
    /// Nothing but the limits.
    pub fn new(manifest: &Manifest) -> Self {
        Self { entry: Entry { limits: as_asked(manifest.limits), ..Entry::default() } }
    }

    /// Where the manifest has no default, a value that will do.
    pub fn with_examples(manifest: &Manifest) -> Self {
        let mut desk = Self::new(manifest);
        for (name, setting) in manifest.settings.iter().filter(|(_, setting)| setting.default.is_none()) {
            let number = setting.min.or(setting.max).unwrap_or(1.0);
            let value = match setting.kind {
                SettingKind::Text => toml::Value::from("example"),
                SettingKind::Url => toml::Value::from("https://example.com"),
                SettingKind::Integer => toml::Value::from(number as i64),
                SettingKind::Number => toml::Value::from(number),
                SettingKind::Boolean => toml::Value::from(false),
            };
            desk.entry.settings.insert(name.clone(), value);
        }
        desk
    }
}

impl Operator for Desk {
    fn entry(&self, _: &str) -> Option<&Entry> {
        Some(&self.entry)
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

fn as_asked(limits: Limits) -> LimitsSet {
    LimitsSet {
        memory_mb: Some(limits.memory_mb),
        call_ms: Some(limits.call_ms),
        effects: Some(limits.effects),
        frame_kb: Some(limits.frame_kb),
        connections: Some(limits.connections),
        queue: Some(limits.queue),
    }
}

/// Somebody calls, of whom nothing is known.
pub fn nobody() -> Scene {
    let words = LineAbilities {
        hears_audio: false,
        speaks_audio: false,
        can_speak_unasked: true,
        can_send_digits: true,
    };
    Scene { seed: 7, line: words, ..Scene::with_nobody() }
}

pub(crate) fn opening(talk: &Talk, manifest: &Manifest) -> Result<Opening, Vec<Mistake>> {
    let mut opening = Opening { scene: nobody(), began: BEGAN, desk: Desk::with_examples(manifest) };
    let mut mistakes = Vec::new();
    for (at, what, value) in talk.withs() {
        if let Err(problem) = opening.with(what, value) {
            mistakes.push(Mistake { line: at + 1, problem });
        }
    }
    if mistakes.is_empty() { Ok(opening) } else { Err(mistakes) }
}

impl Opening {
    fn with(&mut self, what: &str, value: &str) -> Result<(), String> {
        let named = || {
            let named = value.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.trim()));
            named.ok_or_else(|| format!("write it like `with {what} name = value`"))
        };
        let scene = &mut self.scene;
        match what {
            "setting" => {
                let (name, value) = named()?;
                self.desk.entry.settings.insert(name, setting(value));
            }
            "parameter" => {
                let (name, value) = named()?;
                scene.parameters.push((name, value.trim_matches('"').to_owned()));
            }
            "caller" => scene.caller = Some(value.to_owned()),
            "called" => scene.called = Some(value.to_owned()),
            "language" => scene.language = value.to_owned(),
            "timezone" => scene.timezone = value.to_owned(),
            "message" => scene.initial_message = Some(value.to_owned()),
            "answerer" => scene.answered_by = answerer(value)?,
            "direction" => {
                scene.direction = match value {
                    "inbound" => Direction::Inbound,
                    "outbound" => Direction::Outbound,
                    _ => return Err("a call is inbound or outbound".into()),
                }
            }
            "date" => self.began = days(value)? * DAY + self.began % DAY,
            "time" => self.began = self.began - self.began % DAY + time(value)?,
            _ => {}
        }
        Ok(())
    }
}

/// As TOML, or the text that it is.
fn setting(text: &str) -> toml::Value {
    let parsed = format!("value = {text}").parse::<toml::Table>();
    let parsed = parsed.ok().and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// Days since 1970 of `2026-11-21`.
fn days(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no day; write it like 2026-11-21");
    let numbers: Vec<u64> = text.split('-').filter_map(|part| part.parse().ok()).collect();
    let [year, month, day] = numbers[..] else { return Err(wrong()) };
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Err(wrong());
    }
    // the year begins in March: then the day that some years have more is its last
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    days.checked_sub(719_468).ok_or_else(wrong)
}

/// Milliseconds since midnight of `10:30`, in UTC.
fn time(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no time of day; write it like 10:30, in UTC");
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    match (hours.parse::<u64>(), minutes.parse::<u64>()) {
        (Ok(hours @ 0..24), Ok(minutes @ 0..60)) => Ok((hours * 60 + minutes) * 60_000),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_calendars_do() {
        assert_eq!(days("1970-01-01"), Ok(0));
        assert_eq!(days("2000-03-01"), Ok(11_017));
        assert_eq!(days("2026-01-05"), Ok(BEGAN / DAY));
        assert!(days("2026-13-01").is_err() && days("tomorrow").is_err());
        assert_eq!(time("09:00"), Ok(BEGAN % DAY));
        assert!(time("25:00").is_err());
    }

    #[test]
    fn a_setting_is_what_it_looks_like() {
        assert_eq!(setting("4"), toml::Value::from(4));
        assert_eq!(setting("\"4\""), toml::Value::from("4"));
        assert_eq!(setting("the Fork"), toml::Value::from("the Fork"));
    }
}
