//! Calls that are served otherwise than `[route]` says, and personas that the operator makes out of a
//! component: `[[routes]]` and `[persona.NAME]`.

use super::{Config, Fallback, Gather, LineKind, Route};
use anyhow::bail;
use call::persona::Direction;
use components::grant::{Granted, LimitsSet};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use twilio::number::{Number, NumberError};

/// The name of what `[route]` says.
pub const DEFAULT: &str = "default";

/// One of `[[routes]]`: which calls, and what they get. The first one that takes a call serves it. What
/// it does not say is as in `[route]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// for logs and tables
    pub name: Option<String>,

    // -- which calls: those for which all of this holds
    /// ours: the one that is called, or that calls are placed from
    pub number: Option<Numbers>,
    pub direction: Option<Way>,
    /// of the stream, or of whoever placed the call
    pub parameters: BTreeMap<String, String>,

    // -- what they get
    pub persona: Option<String>,
    pub stt: Option<Providers>,
    pub llm: Option<Providers>,
    pub tts: Option<Providers>,
    pub language: Option<String>,
    pub timezone: Option<String>,
    pub voice: Option<String>,
    pub record: Option<bool>,
    pub journal: Option<bool>,
    pub announcement: Option<String>,
    /// in place of those of `[route]`
    pub transfers: Option<BTreeMap<String, String>>,
    /// empty: nobody
    pub last_resort: Option<String>,
    /// of the persona, over its other ones
    pub settings: BTreeMap<String, toml::Value>,
    pub line: Option<LineKind>,
    pub fallback: Option<Fallback>,
    /// in place of that of `[route]`
    pub relay: Option<BTreeMap<String, String>>,
    /// in place of that of `[route]`
    pub gather: Option<Gather>,
}

/// Who does a job, and who stands in for whom: ids of components, in the order in which they are wanted.
/// Written as one, as a list, or with commas between them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "OneOrSeveral", into = "OneOrSeveral")]
pub struct Providers(pub Vec<String>);

#[derive(Deserialize, Serialize)]
#[serde(untagged, expecting = "the id of a component like \"deepgram-stt\", or a list of them")]
enum OneOrSeveral {
    One(String),
    Several(Vec<String>),
}

impl Providers {
    pub fn one(id: &str) -> Self {
        Self(vec![id.to_owned()])
    }
}

impl TryFrom<OneOrSeveral> for Providers {
    type Error = &'static str;

    fn try_from(written: OneOrSeveral) -> Result<Self, Self::Error> {
        let ids = match written {
            OneOrSeveral::One(ids) => ids.split(',').map(|id| id.trim().to_owned()).collect(),
            OneOrSeveral::Several(ids) => ids,
        };
        match ids.iter().any(|id: &String| id.is_empty()) || ids.is_empty() {
            true => Err("a component has no name: write its id, or leave it out"),
            false if ids.len() > 1 && ids.iter().any(|id| id == "none") => {
                Err("`none` and somebody besides: take one of them out")
            }
            false => Ok(Self(ids)),
        }
    }
}

impl From<Providers> for OneOrSeveral {
    fn from(Providers(mut ids): Providers) -> Self {
        match ids.pop() {
            Some(only) if ids.is_empty() => Self::One(only),
            last => Self::Several(ids.into_iter().chain(last).collect()),
        }
    }
}

impl fmt::Display for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// One number or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "OneOrMany")]
pub struct Numbers(pub Vec<Number>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a number like \"+15555550100\", or a list of them")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl TryFrom<OneOrMany> for Numbers {
    type Error = NumberError;

    fn try_from(written: OneOrMany) -> Result<Self, NumberError> {
        let numbers = match written {
            OneOrMany::One(number) => vec![number],
            OneOrMany::Many(numbers) => numbers,
        };
        numbers.iter().map(|number| number.parse()).collect::<Result<_, _>>().map(Self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    Inbound,
    Outbound,
}

/// What decides how a call is served.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub direction: Direction,
    /// our side of it; none: not known
    pub number: Option<&'a str>,
    pub parameters: &'a BTreeMap<String, String>,
}

impl Rule {
    /// Whether this call is one of its own.
    pub fn takes(&self, call: Facts<'_>) -> bool {
        let number = || call.number.and_then(|number| number.parse::<Number>().ok());
        let is_ours =
            self.number.as_ref().is_none_or(|ours| number().is_some_and(|number| ours.0.contains(&number)));
        let direction = match call.direction {
            Direction::Inbound => Way::Inbound,
            Direction::Outbound => Way::Outbound,
        };
        let has = |(name, value): (&String, &String)| call.parameters.get(name) == Some(value);
        is_ours && self.direction.is_none_or(|wanted| wanted == direction) && self.parameters.iter().all(has)
    }

    /// What its calls get: this, over what `[route]` says.
    pub fn over(&self, route: &Route) -> Route {
        let text = |own: &Option<String>, other: &String| own.as_ref().unwrap_or(other).clone();
        Route {
            persona: text(&self.persona, &route.persona),
            stt: self.stt.as_ref().unwrap_or(&route.stt).clone(),
            llm: self.llm.as_ref().unwrap_or(&route.llm).clone(),
            tts: self.tts.as_ref().unwrap_or(&route.tts).clone(),
            language: text(&self.language, &route.language),
            timezone: text(&self.timezone, &route.timezone),
            voice: self.voice.clone().or_else(|| route.voice.clone()),
            record: self.record.unwrap_or(route.record),
            journal: self.journal.or(route.journal),
            // an empty one: none
            announcement: self
                .announcement
                .clone()
                .or_else(|| route.announcement.clone())
                .filter(|text| !text.trim().is_empty()),
            transfers: self.transfers.as_ref().unwrap_or(&route.transfers).clone(),
            line: self.line.unwrap_or(route.line),
            fallback: self.fallback.unwrap_or(route.fallback),
            relay: self.relay.as_ref().unwrap_or(&route.relay).clone(),
            gather: self.gather.as_ref().unwrap_or(&route.gather).clone(),
            last_resort: self.last_resort.clone().or_else(|| route.last_resort.clone()),
        }
    }

    /// Which calls it takes, for a person.
    pub fn conditions(&self) -> String {
        let numbers = self.number.iter().map(|numbers| {
            let numbers: Vec<&str> = numbers.0.iter().map(Number::as_str).collect();
            numbers.join(" or ")
        });
        let direction = self.direction.iter().map(|direction| direction.to_string());
        let parameters = self.parameters.iter().map(|(name, value)| format!("{name} = {value:?}"));
        numbers.chain(direction).chain(parameters).collect::<Vec<_>>().join(", ")
    }

    /// What it says of them, for a person.
    pub fn differences(&self) -> String {
        let named = [
            ("persona", &self.persona),
            ("language", &self.language),
            ("timezone", &self.timezone),
            ("voice", &self.voice),
            ("announcement", &self.announcement),
            ("last resort", &self.last_resort),
        ];
        let named = named.into_iter().filter_map(|(what, value)| Some(format!("{what} {}", value.as_ref()?)));
        let providers = [("stt", &self.stt), ("llm", &self.llm), ("tts", &self.tts)];
        let providers =
            providers.into_iter().filter_map(|(what, ids)| Some(format!("{what} {}", ids.as_ref()?)));
        let record = self.record.map(|record| if record { "recorded" } else { "not recorded" }.to_owned());
        let journal = self.journal.map(|on| if on { "with a journal" } else { "no journal" }.to_owned());
        let transfers = self.transfers.as_ref().map(|targets| match targets.is_empty() {
            true => "no transfers".to_owned(),
            false => format!("transfers to {}", targets.keys().cloned().collect::<Vec<_>>().join(", ")),
        });
        let line = self.line.map(|line| format!("line {line}"));
        let settings = self.settings.keys().cloned().collect::<Vec<_>>().join(", ");
        let settings = (!settings.is_empty()).then(|| format!("settings {settings}"));
        let all = named
            .chain(providers)
            .chain(record)
            .chain(journal)
            .chain(transfers)
            .chain(line)
            .chain(settings)
            .collect::<Vec<_>>()
            .join("; ");
        if all.is_empty() { "nothing".into() } else { all }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        })
    }
}

/// `[persona.NAME]`: a persona out of a component. NAME may stand wherever a persona's id may.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Persona {
    pub component: String,
    /// what it is given as its setting `page`: a TOML document of the operator's, whose tools say which
    /// servers are asked; its path counts from the folder of `cordboard.toml`
    pub page: Option<PathBuf>,
    /// over those of the component
    pub settings: BTreeMap<String, toml::Value>,
    /// none: as of the component
    pub grant: Option<Granted>,
    pub limits: LimitsSet,
}

impl Default for Persona {
    fn default() -> Self {
        Self {
            component: "prompted".into(),
            page: None,
            settings: BTreeMap::new(),
            grant: None,
            limits: LimitsSet::default(),
        }
    }
}

impl Config {
    /// Every one of `[[routes]]`, with its key and its name.
    pub fn rules(&self) -> impl Iterator<Item = (String, String, &Rule)> {
        self.routes.iter().enumerate().map(|(at, rule)| {
            let key = format!("routes[{at}]");
            let name = rule.name.clone().unwrap_or_else(|| key.clone());
            (key, name, rule)
        })
    }

    /// Some call is recorded.
    pub fn records(&self) -> bool {
        let mut routes = self.routes.iter().filter_map(|rule| rule.record);
        // where a route says nothing, it is as the default says
        self.recording.enabled && (self.route.record || routes.any(|record| record))
    }

    /// Some call has a journal.
    pub fn journals(&self) -> bool {
        let default = self.route.journal.unwrap_or(self.journal.on);
        default || self.routes.iter().any(|rule| rule.journal == Some(true))
    }

    pub(super) fn check_routes(&self) -> anyhow::Result<()> {
        let mut names = BTreeSet::from([DEFAULT.to_owned()]);
        for (key, name, rule) in self.rules() {
            if rule.number.is_none() && rule.direction.is_none() && rule.parameters.is_empty() {
                bail!(
                    "`{key}` takes no call, as it has no condition: give it `number`, `direction` or \
                     `parameters`; what holds for all other calls stands in [route]"
                );
            }
            if rule.number.as_ref().is_some_and(|numbers| numbers.0.is_empty()) {
                bail!("`{key}.number`: the list is empty; name a number, or leave it out");
            }
            if !names.insert(name.clone()) {
                bail!("`{key}.name`: there is another route with the name {name:?}; choose another");
            }
        }
        for (name, persona) in &self.persona {
            let proper = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || name.len() > 64 || !name.chars().all(proper) {
                bail!("[persona.{name}]: its name is not lower-case words joined by hyphens");
            }
            if persona.page.is_some() && persona.settings.contains_key("page") {
                bail!("[persona.{name}]: `page` and `settings.page` say the same; take one of them out");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(toml: &str) -> Rule {
        toml::from_str(toml).unwrap()
    }

    fn takes(rule: &Rule, direction: Direction, number: Option<&str>, parameters: &[(&str, &str)]) -> bool {
        let parameters = parameters.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        rule.takes(Facts { direction, number, parameters: &parameters })
    }

    #[test]
    fn all_conditions_have_to_hold() {
        let rule = rule(
            "number = [\"+49 30 555501\", \"+4930555502\"]\ndirection = \"inbound\"\n\
             parameters = { tier = \"gold\", desk = \"2\" }",
        );
        let whole = [("tier", "gold"), ("desk", "2"), ("more", "x")];
        assert!(takes(&rule, Direction::Inbound, Some("+4930555501"), &whole));
        assert!(takes(&rule, Direction::Inbound, Some("+49 (30) 555502"), &whole), "it is a number");
        assert!(!takes(&rule, Direction::Outbound, Some("+4930555501"), &whole));
        assert!(!takes(&rule, Direction::Inbound, Some("+4930555503"), &whole));
        assert!(!takes(&rule, Direction::Inbound, Some("anonymous"), &whole));
        assert!(!takes(&rule, Direction::Inbound, None, &whole));
        assert!(!takes(&rule, Direction::Inbound, Some("+4930555501"), &[("tier", "gold")]));
        let other = [("tier", "silver"), ("desk", "2")];
        assert!(!takes(&rule, Direction::Inbound, Some("+4930555501"), &other));
    }

    #[test]
    fn what_a_route_does_not_say_is_as_in_the_default() {
        let default = Route {
            voice: Some("alto".into()),
            transfers: BTreeMap::from([("desk".into(), "+15555550142".into())]),
            record: false,
            ..Route::default()
        };
        let route = rule("direction = \"inbound\"\nlanguage = \"de-DE\"\ntransfers = {}").over(&default);
        assert_eq!((route.language.as_str(), route.timezone.as_str()), ("de-DE", "UTC"));
        assert_eq!(route.voice.as_deref(), Some("alto"));
        assert!(!route.record && route.transfers.is_empty());
    }

    #[test]
    fn calls_are_recorded_if_any_route_says_so() {
        let records = |toml: &str| toml::from_str::<Config>(toml).unwrap().records();
        assert!(records("[[routes]]\ndirection = \"inbound\"\nrecord = false"));
        assert!(records("[route]\nrecord = false\n[[routes]]\ndirection = \"inbound\"\nrecord = true"));
        assert!(!records("[route]\nrecord = false\n[[routes]]\ndirection = \"inbound\""));
        assert!(!records("[recording]\nenabled = false\n[[routes]]\ndirection = \"inbound\"\nrecord = true"));
    }

    #[test]
    fn a_route_may_have_journals_where_others_have_none_and_the_other_way_round() {
        let config = |toml: &str| toml::from_str::<Config>(toml).unwrap();
        let inbound = |journal| format!("[[routes]]\ndirection = \"inbound\"\njournal = {journal}\n");
        assert!(!config("").journals() && config("[journal]\non = true").journals());
        let one = config(&inbound(true));
        assert!(one.journals() && one.routes[0].over(&one.route).journal == Some(true));
        assert!(
            !config(&format!("[route]\njournal = false\n[journal]\non = true\n{}", inbound(false)))
                .journals()
        );
    }
}
