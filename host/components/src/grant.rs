//! What a component may do: the intersection of what its manifest asks and what the operator
//! grants. Neither side widens it.
//!
//! For the components that Cordboard ships, the operator grants by default what the shipped
//! manifest asks; a file that replaces one of them by its id gets no more than that. Any other
//! component gets nothing that `cordboard.toml` does not name.
//!
//! A manifest names addresses through settings (`{base_url}/v1`), so what is granted, and where a
//! secret goes, follows the address that the operator sets. Only addresses that the operator
//! himself wrote may be private ones.

use crate::egress::{Prefix, Rules};
use crate::manifest::{CEILING, Limits, Manifest, SettingKind, nearest, placeholders};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What the operator says about one component: `[component.ID]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    #[serde(default)]
    pub settings: BTreeMap<String, toml::Value>,
    /// none: the default for a component that ships with Cordboard, nothing for any other
    pub grant: Option<Granted>,
    #[serde(default)]
    pub limits: LimitsSet,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// URLs: everything at or below them
    #[serde(default)]
    pub egress: Vec<String>,
    /// names of secrets
    #[serde(default)]
    pub secrets: Vec<String>,
}

/// Limits that the operator sets; none: as in the manifest.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsSet {
    pub memory_mb: Option<u32>,
    pub call_ms: Option<u32>,
    pub effects: Option<u32>,
    pub frame_kb: Option<u32>,
    pub connections: Option<u32>,
    pub queue: Option<u32>,
}

/// What the operator gives: his entries, and the variables that settings and secrets may name.
pub trait Operator {
    fn entry(&self, id: &str) -> Option<&Entry>;
    fn variable(&self, name: &str) -> Option<String>;
}

/// The settings of a component, checked, defaults filled in.
#[derive(Clone, Debug)]
pub struct Settings {
    values: BTreeMap<String, (toml::Value, Origin)>,
}

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Manifest,
    /// `cordboard.toml`
    Entry,
    /// a variable of the environment or of `.env`
    Variable(String),
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GrantError {
    #[error("{id} has no setting {name:?}{hint}")]
    UnknownSetting { id: String, name: String, hint: String },
    #[error("the setting {name:?} of {id} ({origin}): {problem}")]
    BadSetting { id: String, name: String, origin: String, problem: String },
    #[error(
        "{id} needs the setting {name:?}: put it into cordboard.toml under [component.{id}.settings]{or}"
    )]
    MissingSetting { id: String, name: String, or: String },
    #[error("the grant of {id} names {url:?}, which is not a URL with http, https, ws or wss")]
    BadUrl { id: String, url: String },
}

/// What a component may do, settled.
#[derive(Clone, Debug)]
pub struct Grant {
    pub(crate) rules: Rules,
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    /// what the manifest asks for and does not get: for the operator to read
    pub refused: Vec<String>,
}

impl Settings {
    /// Fails where the operator gave what the manifest does not know, or not what it wants.
    pub fn resolve(manifest: &Manifest, operator: &dyn Operator) -> Result<Self, GrantError> {
        let id = &manifest.id;
        let given = operator.entry(id).map(|entry| &entry.settings);
        if let Some(name) =
            given.into_iter().flat_map(|g| g.keys()).find(|name| !manifest.settings.contains_key(*name))
        {
            let known = nearest(name, manifest.settings.keys().map(String::as_str));
            let hint = known.map(|known| format!("; did you mean {known:?}?")).unwrap_or_default();
            return Err(GrantError::UnknownSetting { id: id.clone(), name: name.clone(), hint });
        }
        let mut values = BTreeMap::new();
        for (name, setting) in &manifest.settings {
            let variable = setting.env.as_ref().and_then(|env| Some((env, operator.variable(env)?)));
            let (value, origin) = if let Some((env, text)) = variable {
                (setting.parse(&text), Origin::Variable(env.clone()))
            } else if let Some(value) = given.and_then(|given| given.get(name)) {
                (value.clone(), Origin::Entry)
            } else if let Some(default) = &setting.default {
                (default.clone(), Origin::Manifest)
            } else {
                let or = setting.env.as_ref().map(|env| format!(", or set {env}")).unwrap_or_default();
                return Err(GrantError::MissingSetting { id: id.clone(), name: name.clone(), or });
            };
            setting.check(&value).map_err(|problem| GrantError::BadSetting {
                id: id.clone(),
                name: name.clone(),
                origin: origin.to_string(),
                problem,
            })?;
            values.insert(name.clone(), (value, origin));
        }
        Ok(Self { values })
    }

    /// Every setting: its name, its value and where it came from.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &toml::Value, &Origin)> {
        self.values.iter().map(|(name, (value, origin))| (name.as_str(), value, origin))
    }

    /// As the component gets them.
    pub(crate) fn json(&self) -> String {
        let values: serde_json::Map<String, serde_json::Value> = self
            .values
            .iter()
            .map(|(name, (value, _))| {
                // settings are texts, numbers and booleans: all of them are JSON
                (name.clone(), serde_json::to_value(value).unwrap_or_default())
            })
            .collect();
        serde_json::Value::Object(values).to_string()
    }

    /// The template with the settings it names, and whether the operator wrote where it points.
    fn expand(&self, template: &str) -> (String, bool) {
        let mut url = template.to_owned();
        let mut by_operator = false;
        for name in placeholders(template) {
            if let Some((toml::Value::String(value), origin)) = self.values.get(name) {
                url = url.replace(&format!("{{{name}}}"), value.trim_end_matches('/'));
                by_operator |= *origin != Origin::Manifest;
            }
        }
        (url, by_operator)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest => f.write_str("the component's default"),
            Self::Entry => f.write_str("cordboard.toml"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

impl Grant {
    /// `shipped`: the manifest of the component that ships with Cordboard under this id.
    pub fn settle(
        manifest: &Manifest,
        shipped: Option<&Manifest>,
        operator: &dyn Operator,
    ) -> Result<Self, GrantError> {
        let settings = Settings::resolve(manifest, operator)?;
        let entry = operator.entry(&manifest.id);
        let (granted, secrets) = match (entry.and_then(|entry| entry.grant.as_ref()), shipped) {
            (Some(granted), _) => (by_entry(manifest, granted)?, granted.secrets.clone()),
            (None, Some(shipped)) => (
                by_shipped(manifest, shipped, operator)?,
                shipped.secrets.iter().map(|secret| secret.name.clone()).collect(),
            ),
            (None, None) => (Vec::new(), Vec::new()),
        };

        let mut rules = Rules::default();
        let mut refused = Vec::new();
        for egress in &manifest.egress {
            let (url, by_operator) = settings.expand(&egress.url);
            match Prefix::parse(&url) {
                Some(asked) if granted.iter().any(|granted| granted.covers(&asked)) => {
                    // the operator's own words, in a setting or in the grant itself
                    let private =
                        by_operator || granted.iter().any(|g| g.may_be_private() && g.covers(&asked));
                    rules.allow(asked.private(private));
                }
                _ => refused.push(format!("to reach {url}")),
            }
        }
        for secret in &manifest.secrets {
            let (url, _) = settings.expand(&secret.url);
            let granted_there = Prefix::parse(&url)
                .filter(|at| granted.iter().any(|granted| granted.covers(at) || at.covers(granted)));
            match granted_there.filter(|_| secrets.contains(&secret.name)) {
                // not having it is no refusal: the vendor will say so
                Some(at) => {
                    if let Some(value) = operator.variable(&secret.name).filter(|v| !v.trim().is_empty()) {
                        rules.inject(at, &secret.header, &secret.format, Secret::new(value.trim()));
                    }
                }
                None => refused.push(format!("to use the secret {}", secret.name)),
            }
        }
        let limits = limits(manifest.limits, entry.map(|entry| entry.limits).unwrap_or_default());
        Ok(Self { rules, settings, limits, refused })
    }
}

/// The URLs that the operator wrote.
fn by_entry(manifest: &Manifest, granted: &Granted) -> Result<Vec<Prefix>, GrantError> {
    let parse = |url: &String| match Prefix::parse(url) {
        Some(prefix) => Ok(prefix.private(true)),
        None => Err(GrantError::BadUrl { id: manifest.id.clone(), url: url.clone() }),
    };
    granted.egress.iter().map(parse).collect()
}

/// What the shipped manifest asks, at the addresses that *its* settings give: a replacement cannot
/// move them.
fn by_shipped(
    manifest: &Manifest,
    shipped: &Manifest,
    operator: &dyn Operator,
) -> Result<Vec<Prefix>, GrantError> {
    /// What the operator gave for the replacement, as far as the shipped one knows it.
    struct Known<'a>(Entry, &'a dyn Operator);
    impl Operator for Known<'_> {
        fn entry(&self, _: &str) -> Option<&Entry> {
            Some(&self.0)
        }
        fn variable(&self, name: &str) -> Option<String> {
            self.1.variable(name)
        }
    }
    let mut entry = operator.entry(&manifest.id).cloned().unwrap_or_default();
    entry.settings.retain(|name, value| {
        let known = shipped.settings.get(name);
        known.is_some_and(|setting| setting.kind == SettingKind::Url && setting.check(value).is_ok())
    });
    let settings = Settings::resolve(shipped, &Known(entry, operator))?;
    let urls = shipped.egress.iter().map(|egress| settings.expand(&egress.url));
    Ok(urls.filter_map(|(url, by_operator)| Some(Prefix::parse(&url)?.private(by_operator))).collect())
}

/// The operator's word counts, up to the ceiling.
fn limits(asked: Limits, set: LimitsSet) -> Limits {
    Limits {
        memory_mb: set.memory_mb.unwrap_or(asked.memory_mb),
        call_ms: set.call_ms.unwrap_or(asked.call_ms),
        effects: set.effects.unwrap_or(asked.effects),
        frame_kb: set.frame_kb.unwrap_or(asked.frame_kb),
        connections: set.connections.unwrap_or(asked.connections),
        queue: set.queue.unwrap_or(asked.queue),
    }
    .at_most(CEILING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Desk {
        entries: BTreeMap<String, Entry>,
        variables: BTreeMap<&'static str, &'static str>,
    }

    impl Operator for Desk {
        fn entry(&self, id: &str) -> Option<&Entry> {
            self.entries.get(id)
        }
        fn variable(&self, name: &str) -> Option<String> {
            self.variables.get(name).map(|value| (*value).to_owned())
        }
    }

    fn desk(variables: &[(&'static str, &'static str)], entry: &str) -> Desk {
        let entries = BTreeMap::from([("parrot-llm".to_owned(), toml::from_str(entry).unwrap())]);
        Desk { entries, variables: variables.iter().copied().collect() }
    }

    fn manifest(base: &str, egress: &str) -> Manifest {
        Manifest::parse(&format!(
            r#"
            id = "parrot-llm"
            version = "1.0.0"
            kind = "llm"
            contract = "0.1"
            [settings.base_url]
            type = "url"
            default = "{base}"
            env = "PARROT_BASE_URL"
            [[egress]]
            url = "{egress}"
            [[secrets]]
            name = "PARROT_KEY"
            url = "{{base_url}}"
            header = "authorization"
            format = "Bearer {{}}"
            "#
        ))
        .unwrap()
    }

    fn ours() -> Manifest {
        manifest("https://api.example.com/v1", "{base_url}/say")
    }

    const KEY: (&str, &str) = ("PARROT_KEY", "s3cret");

    fn may(grant: &Grant, url: &str) -> bool {
        grant.rules.check(url).is_ok()
    }

    fn gets_key(grant: &Grant, url: &str) -> bool {
        grant.rules.check(url).is_ok_and(|allowed| !allowed.headers.is_empty())
    }

    #[test]
    fn a_shipped_component_gets_what_it_asks_and_its_secret_goes_there_only() {
        let grant = Grant::settle(&ours(), Some(&ours()), &desk(&[KEY], "")).unwrap();
        assert!(grant.refused.is_empty());
        assert!(gets_key(&grant, "https://api.example.com/v1/say?x=1"));
        assert!(gets_key(&grant, "wss://api.example.com/v1/say/loud"));
        for url in [
            "http://api.example.com/v1/say",
            "https://api.example.com/v1/sayings",
            "https://api.example.com/v1/say/../admin",
            "https://api.example.com/v1/other",
            "https://api.example.com:444/v1/say",
            "https://api.example.com.evil.org/v1/say",
            "https://user:pw@api.example.com/v1/say",
            "file:///etc/passwd",
            "nonsense",
        ] {
            assert!(!may(&grant, url), "{url}");
        }
    }

    #[test]
    fn grant_and_secret_follow_the_address_that_the_operator_sets() {
        let variables = [KEY, ("PARROT_BASE_URL", "http://127.0.0.1:9/prefix/v1/")];
        let grant = Grant::settle(&ours(), Some(&ours()), &desk(&variables, "")).unwrap();
        let allowed = grant.rules.check("ws://127.0.0.1:9/prefix/v1/say").unwrap();
        assert!(allowed.private, "the operator named it");
        assert_eq!(allowed.headers.len(), 1);
        assert!(!may(&grant, "https://api.example.com/v1/say"));
    }

    #[test]
    fn a_file_that_replaces_a_shipped_component_gets_no_more_than_that() {
        let elsewhere = manifest("https://evil.example.org/v1", "{base_url}/say");
        let grant = Grant::settle(&elsewhere, Some(&ours()), &desk(&[KEY], "")).unwrap();
        assert!(!may(&grant, "https://evil.example.org/v1/say"));
        assert_eq!(
            grant.refused,
            ["to reach https://evil.example.org/v1/say", "to use the secret PARROT_KEY"]
        );
        let wider = manifest("https://api.example.com", "{base_url}/");
        let grant = Grant::settle(&wider, Some(&ours()), &desk(&[KEY], "")).unwrap();
        assert!(!may(&grant, "https://api.example.com/v1/say"), "it asked for more than there is");
        let same = Grant::settle(&ours(), Some(&ours()), &desk(&[KEY], "")).unwrap();
        assert!(gets_key(&same, "https://api.example.com/v1/say"));
    }

    #[test]
    fn a_stranger_gets_what_the_operator_names_and_nothing_else() {
        let nothing = Grant::settle(&ours(), None, &desk(&[KEY], "")).unwrap();
        assert!(!may(&nothing, "https://api.example.com/v1/say"));
        assert_eq!(nothing.refused.len(), 2);
        let entry = r#"grant = { egress = ["https://api.example.com/v1"] }"#;
        let without_key = Grant::settle(&ours(), None, &desk(&[KEY], entry)).unwrap();
        assert!(may(&without_key, "https://api.example.com/v1/say"));
        assert!(!gets_key(&without_key, "https://api.example.com/v1/say"));
        assert!(!may(&without_key, "https://api.example.com/v1/other"), "it never asked for that");
        let entry = r#"grant = { egress = ["https://api.example.com/v1"], secrets = ["PARROT_KEY"] }"#;
        let with_key = Grant::settle(&ours(), None, &desk(&[KEY], entry)).unwrap();
        assert!(gets_key(&with_key, "https://api.example.com/v1/say"));
    }

    #[test]
    fn an_entry_narrows_what_a_shipped_component_gets() {
        let grant = Grant::settle(&ours(), Some(&ours()), &desk(&[KEY], "grant = {}")).unwrap();
        assert!(!may(&grant, "https://api.example.com/v1/say"));
    }

    #[test]
    fn settings_that_do_not_fit_say_what_is_wrong() {
        let problem = |entry| Grant::settle(&ours(), None, &desk(&[], entry)).unwrap_err().to_string();
        let typo = problem("settings.base_ulr = \"https://x.org\"");
        assert_eq!(typo, r#"parrot-llm has no setting "base_ulr"; did you mean "base_url"?"#);
        let number = problem("settings.base_url = 7");
        assert!(number.contains("cordboard.toml") && number.contains("7 is not a URL"), "{number}");
        let variable = desk(&[("PARROT_BASE_URL", "example.com")], "");
        let problem = Grant::settle(&ours(), None, &variable).unwrap_err().to_string();
        assert!(problem.contains("PARROT_BASE_URL") && problem.contains("not a URL"), "{problem}");
    }

    #[test]
    fn the_operator_sets_limits_up_to_the_ceiling() {
        let entry = "limits = { memory_mb = 1, call_ms = 9000 }";
        let grant = Grant::settle(&ours(), None, &desk(&[], entry)).unwrap();
        assert_eq!((grant.limits.memory_mb, grant.limits.call_ms), (1, CEILING.call_ms));
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let grant = Grant::settle(&ours(), Some(&ours()), &desk(&[KEY], "")).unwrap();
        assert!(!format!("{grant:?}").contains("s3cret"));
    }
}
