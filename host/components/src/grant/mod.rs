//! What a component may do: the intersection of what its manifest asks and what the operator
//! grants. Neither side widens it.
//!
//! For the components that Cordboard ships, the operator grants by default what the shipped
//! manifest asks; a file that replaces one of them by its id gets no more than that. Any other
//! component gets nothing that `cordboard.toml` does not name.
//!
//! A manifest names addresses through settings (`{base_url}/v1`), so what is granted, and where a
//! secret goes, follows the address that the operator sets. A secret goes only where both of them
//! send it. A private address is reached where the operator wrote one, or said `private = true`.
//!
//! - `settings.rs`: the settings, and which variables may give them
//! - `variant.rs`: what holds for one use of a component alone

mod settings;
#[cfg(test)]
mod tests;
mod variant;

pub use settings::{Origin, Settings};
pub use variant::Variant;

use crate::egress::{Prefix, Rules};
use crate::manifest::{self, CEILING, Limits, Manifest, SettingKind};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
    #[serde(default)]
    pub secrets: Secrets,
    /// names in `egress` may lead to private addresses; false: only numbers, and names that the
    /// public DNS does not have
    #[serde(default)]
    pub private: bool,
    /// Of a persona: tools that may be carried out twice, because the second time changes nothing. A
    /// request of theirs is made again where the persona breaks before its answer.
    #[serde(default)]
    pub idempotent: Vec<String>,
}

/// Which secrets, and to whom.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged, expecting = "a list of names, or a table of names with the URL that each goes to")]
pub enum Secrets {
    /// to the one server that is granted
    Names(Vec<String>),
    /// each to everything at or below its URL
    At(BTreeMap<String, String>),
}

impl Default for Secrets {
    fn default() -> Self {
        Self::Names(Vec::new())
    }
}

/// Limits that the operator sets; none: as in the manifest, as far as that may ask.
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
    #[error(
        "the grant of {id} names secrets and more than one server: say where each goes, as in \
         secrets = {{ {name} = \"{url}\" }}"
    )]
    WhichServer { id: String, name: String, url: String },
}

/// What a component may do, settled.
#[derive(Clone, Debug)]
pub struct Grant {
    pub(crate) rules: Rules,
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    /// the names of those that are put into requests
    pub(crate) secrets: BTreeSet<String>,
    /// tools of a persona that may be carried out twice
    pub(crate) idempotent: BTreeSet<String>,
    /// what the manifest asks for and does not get: for the operator to read
    pub refused: Vec<String>,
}

/// What a use of a component may do, for people.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Allowed {
    /// URLs: everything at or below them, by WebSocket too
    pub egress: Vec<String>,
    /// the variables that hold the secrets which are put into its requests
    pub secrets: BTreeSet<String>,
    /// some of `egress` may lead into the own network
    pub private: bool,
    /// of a persona: tools that may be carried out twice
    pub idempotent: BTreeSet<String>,
    /// what it asks for and does not get
    pub refused: Vec<String>,
}

impl Grant {
    /// What it allows.
    pub fn allowed(&self) -> Allowed {
        let mut egress: Vec<String> = self.rules.reaches().map(ToString::to_string).collect();
        egress.dedup();
        Allowed {
            egress,
            secrets: self.secrets.clone(),
            private: self.rules.reaches().any(Prefix::may_be_private),
            idempotent: self.idempotent.clone(),
            refused: self.refused.clone(),
        }
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Nothing but these limits.
    pub(crate) fn nothing(limits: Limits) -> Self {
        Self {
            rules: Rules::default(),
            settings: Settings::default(),
            limits,
            secrets: BTreeSet::new(),
            idempotent: BTreeSet::new(),
            refused: Vec::new(),
        }
    }

    /// `shipped`: the manifest of the component that ships with Cordboard under this id.
    pub fn settle(
        manifest: &Manifest,
        shipped: Option<&Manifest>,
        operator: &dyn Operator,
    ) -> Result<Self, GrantError> {
        Self::settle_as(manifest, shipped, operator, &Variant::default())
    }

    /// The same, for one use of it.
    pub fn settle_as(
        manifest: &Manifest,
        shipped: Option<&Manifest>,
        operator: &dyn Operator,
        variant: &Variant,
    ) -> Result<Self, GrantError> {
        let id = &manifest.id;
        let name = variant.name.as_deref().unwrap_or(id);
        let settings = Settings::resolve_beside(manifest, shipped, operator, variant)?;
        let entry = variant.over(operator.entry(id));
        let given = match (entry.grant.as_ref(), shipped) {
            (Some(granted), _) => by_entry(name, granted)?,
            (None, Some(shipped)) => by_shipped(shipped, operator, variant)?,
            (None, None) => Given::default(),
        };

        let mut rules = Rules::default();
        let (mut refused, mut secrets) = (Vec::new(), BTreeSet::new());
        for egress in &manifest.egress {
            let (url, _) = settings.expand(&egress.url);
            let asked = Prefix::parse(&url);
            match asked.and_then(|asked| Some((given.reaches(&asked)?, asked))) {
                Some((private, asked)) => rules.allow(asked.private(private)),
                None => refused.push(format!("to reach {url}")),
            }
        }
        for asked in &manifest.secrets {
            let (url, _) = settings.expand(&asked.url);
            let places = given.places(&asked.name, Prefix::parse(&url));
            if places.is_empty() {
                refused.push(format!("to use the secret {} at {url}", asked.name));
            }
            // not having it is no refusal: the vendor will say so
            let value = operator.variable(&asked.name).filter(|value| !value.trim().is_empty());
            let Some(value) = value else { continue };
            if !places.is_empty() {
                secrets.insert(asked.name.clone());
            }
            for (at, manner) in places {
                let manner = manner.unwrap_or(asked);
                rules.inject(at, &manner.header, &manner.format, Secret::new(value.trim()));
            }
        }
        let private = entry.grant.as_ref().is_some_and(|grant| grant.private);
        secrets.extend(variant.allow(name, private, operator, &mut rules)?);
        let is_set = |name: &str| entry.settings.contains_key(name) || variant.settings.contains_key(name);
        for (setting, env) in settings::withheld(manifest, shipped, is_set) {
            refused.push(format!(
                "to read {env} for its setting {setting:?} (set it in [component.{id}.settings])"
            ));
        }
        let (limits, capped) = limits(manifest.limits, shipped, entry.limits);
        if capped {
            refused.push(format!("for more than the default limits (set them in [component.{id}.limits])"));
        }
        // it is about what the operator's servers do, so no manifest has a say in it
        let idempotent = entry.grant.into_iter().flat_map(|grant| grant.idempotent).collect();
        Ok(Self { rules, settings, limits, secrets, idempotent, refused })
    }
}

/// What the operator gives, before it is compared with what the manifest asks.
#[derive(Default)]
struct Given<'a> {
    egress: Vec<Prefix>,
    secrets: Vec<GivenSecret<'a>>,
}

struct GivenSecret<'a> {
    name: &'a str,
    at: Prefix,
    /// how it is put there; none: as the manifest that asks says
    manner: Option<&'a manifest::Secret>,
}

impl<'a> Given<'a> {
    /// Whether what lies there may be private; none: it is not granted.
    fn reaches(&self, asked: &Prefix) -> Option<bool> {
        self.egress.iter().filter(|granted| granted.covers(asked)).map(Prefix::may_be_private).max()
    }

    /// Where a secret goes that is asked for at this address, and how it is put there.
    fn places(&self, name: &str, asked: Option<Prefix>) -> Vec<(Prefix, Option<&'a manifest::Secret>)> {
        let Some(asked) = asked else { return Vec::new() };
        let of_name = self.secrets.iter().filter(|given| given.name == name);
        of_name.filter_map(|given| Some((given.at.common(&asked)?, given.manner))).collect()
    }
}

/// What the operator wrote.
fn by_entry<'a>(id: &str, granted: &'a Granted) -> Result<Given<'a>, GrantError> {
    let parse = |url: &String| {
        Prefix::parse(url).ok_or_else(|| GrantError::BadUrl { id: id.to_owned(), url: url.clone() })
    };
    let mut egress = Vec::new();
    for url in &granted.egress {
        let prefix = parse(url)?;
        let private = granted.private || prefix.is_local();
        egress.push(prefix.private(private));
    }
    let mut secrets = Vec::new();
    match &granted.secrets {
        Secrets::Names(names) => {
            let mut servers: Vec<Prefix> = egress.iter().map(Prefix::server).collect();
            servers.dedup();
            if let ([_, _, ..], [name, ..], [.., url]) = (&servers[..], &names[..], &granted.egress[..]) {
                let (id, name, url) = (id.to_owned(), name.clone(), url.clone());
                return Err(GrantError::WhichServer { id, name, url });
            }
            for at in servers {
                secrets.extend(names.iter().map(|name| GivenSecret { name, at: at.clone(), manner: None }));
            }
        }
        Secrets::At(places) => {
            for (name, url) in places {
                secrets.push(GivenSecret { name, at: parse(url)?, manner: None });
            }
        }
    }
    Ok(Given { egress, secrets })
}

/// What the shipped manifest asks, at the addresses that *its* settings give, and with its headers:
/// a replacement cannot move them.
fn by_shipped<'a>(
    shipped: &'a Manifest,
    operator: &dyn Operator,
    variant: &Variant,
) -> Result<Given<'a>, GrantError> {
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
    let is_known = |name: &String, value: &mut toml::Value| {
        let known = shipped.settings.get(name);
        known.is_some_and(|setting| setting.kind == SettingKind::Url && setting.check(value).is_ok())
    };
    let mut entry = operator.entry(&shipped.id).cloned().unwrap_or_default();
    entry.settings.retain(is_known);
    let mut variant = Variant { settings: variant.settings.clone(), ..Variant::default() };
    variant.settings.retain(is_known);
    let settings = Settings::resolve_beside(shipped, Some(shipped), &Known(entry, operator), &variant)?;
    let prefix = |template: &str| {
        let (url, by_operator) = settings.expand(template);
        let prefix = Prefix::parse(&url)?;
        let private = by_operator && prefix.is_local();
        Some(prefix.private(private))
    };
    let secret = |secret: &'a manifest::Secret| {
        Some(GivenSecret { name: &secret.name, at: prefix(&secret.url)?, manner: Some(secret) })
    };
    Ok(Given {
        egress: shipped.egress.iter().filter_map(|egress| prefix(&egress.url)).collect(),
        secrets: shipped.secrets.iter().filter_map(secret).collect(),
    })
}

/// The operator's word counts, up to the ceiling. A manifest may ask for less than the defaults, and
/// for more only if it ships. Also: whether it asked for more than it gets.
fn limits(asked: Limits, shipped: Option<&Manifest>, set: LimitsSet) -> (Limits, bool) {
    let most = shipped.map_or_else(Limits::default, |shipped| shipped.limits.at_least(Limits::default()));
    let else_set = |asked: Limits| Limits {
        memory_mb: set.memory_mb.unwrap_or(asked.memory_mb),
        call_ms: set.call_ms.unwrap_or(asked.call_ms),
        effects: set.effects.unwrap_or(asked.effects),
        frame_kb: set.frame_kb.unwrap_or(asked.frame_kb),
        connections: set.connections.unwrap_or(asked.connections),
        queue: set.queue.unwrap_or(asked.queue),
    };
    let limits = else_set(asked.at_most(most));
    (limits.at_most(CEILING), limits != else_set(asked))
}
