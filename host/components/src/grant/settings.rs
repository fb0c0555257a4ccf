//! The settings of a component: what the operator gave, else what the manifest has as defaults.
//!
//! A manifest may name a variable of the environment for a setting. It is read only where the
//! manifest that ships under the same id names the same variable for the same setting: the
//! environment holds keys and much else, and whoever writes a manifest must not choose what is read
//! of it. What ships as the name of a secret is never read as a setting.

use super::{GrantError, Operator, Variant};
use crate::embedded;
use crate::manifest::{Manifest, Setting, nearest};
use std::collections::BTreeMap;
use std::fmt;

/// The settings of a component, checked, defaults filled in.
#[derive(Clone, Debug, Default)]
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

impl Settings {
    /// Fails where the operator gave what the manifest does not know, or not what it wants.
    pub fn resolve(manifest: &Manifest, operator: &dyn Operator) -> Result<Self, GrantError> {
        let shipped = embedded::manifests().get(&manifest.id);
        Self::resolve_beside(manifest, shipped, operator, &Variant::default())
    }

    /// `shipped`: the manifest of the component that ships with Cordboard under this id. The settings of
    /// a variant are stronger than variables: they are for one use, and a variable is for all.
    pub(super) fn resolve_beside(
        manifest: &Manifest,
        shipped: Option<&Manifest>,
        operator: &dyn Operator,
        variant: &Variant,
    ) -> Result<Self, GrantError> {
        let id = &manifest.id;
        let name_of_use = variant.name.as_ref().unwrap_or(id);
        let given = operator.entry(id).map(|entry| &entry.settings);
        for (whose, settings) in
            given.map(|given| (id, given)).into_iter().chain([(name_of_use, &variant.settings)])
        {
            if let Some(name) = settings.keys().find(|name| !manifest.settings.contains_key(*name)) {
                let known = nearest(name, manifest.settings.keys().map(String::as_str));
                let hint = known.map(|known| format!("; did you mean {known:?}?")).unwrap_or_default();
                return Err(GrantError::UnknownSetting { id: whose.clone(), name: name.clone(), hint });
            }
        }
        let mut values = BTreeMap::new();
        for (name, setting) in &manifest.settings {
            let env = setting.env.as_deref().filter(|env| may_be_read(env, name, shipped));
            let variable = env.and_then(|env| Some((env, operator.variable(env)?)));
            let (value, origin) = if let Some(value) = variant.settings.get(name) {
                (value.clone(), Origin::Entry)
            } else if let Some((env, text)) = variable {
                (setting.parse(&text), Origin::Variable(env.to_owned()))
            } else if let Some(value) = given.and_then(|given| given.get(name)) {
                (value.clone(), Origin::Entry)
            } else if let Some(default) = &setting.default {
                (default.clone(), Origin::Manifest)
            } else {
                return Err(GrantError::MissingSetting {
                    id: id.clone(),
                    name: name.clone(),
                    or: other_way(setting, env),
                });
            };
            setting.check(&value).map_err(|problem| GrantError::BadSetting {
                id: name_of_use.clone(),
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

    /// The template with the settings it names, and whether the operator wrote the server in it.
    pub(super) fn expand(&self, template: &str) -> (String, bool) {
        // once from left to right: what a setting says is not a template itself
        let mut parts = template.split('{');
        let mut url = parts.next().unwrap_or_default().to_owned();
        let mut by_operator = false;
        for part in parts {
            let named = part.split_once('}').and_then(|(name, after)| Some((self.values.get(name)?, after)));
            match named {
                Some(((toml::Value::String(value), origin), after)) => {
                    // what follows at once would be a part of the name
                    let is_server = url.is_empty() && (after.is_empty() || after.starts_with('/'));
                    by_operator |= is_server && *origin != Origin::Manifest;
                    url.push_str(value.trim_end_matches('/'));
                    url.push_str(after);
                }
                _ => {
                    url.push('{');
                    url.push_str(part);
                }
            }
        }
        (url, by_operator)
    }
}

/// The variables that the manifest names for settings and that are not read: name and variable. Not
/// those of settings that the operator has set another way.
pub(super) fn withheld<'a>(
    manifest: &'a Manifest,
    shipped: Option<&'a Manifest>,
    is_set: impl Fn(&str) -> bool,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let named = manifest.settings.iter().filter_map(|(name, s)| Some((name.as_str(), s.env.as_deref()?)));
    named.filter(move |(name, env)| !is_set(name) && !may_be_read(env, name, shipped))
}

/// Whether this variable may give this setting.
fn may_be_read(env: &str, name: &str, shipped: Option<&Manifest>) -> bool {
    let setting = shipped.and_then(|shipped| shipped.settings.get(name));
    let same = setting.and_then(|setting| setting.env.as_deref()) == Some(env);
    let mut secrets = embedded::manifests().values().chain(shipped).flat_map(|manifest| &manifest.secrets);
    same && !secrets.any(|secret| secret.name == env)
}

/// How else a setting that is missing can be given. `env`: the variable, if it may give it.
fn other_way(setting: &Setting, env: Option<&str>) -> String {
    match (env, &setting.env) {
        (Some(env), _) => format!(", or set {env}"),
        (None, Some(asked)) => format!(
            "; its manifest names the variable {asked}, and such names count only for what ships with Cordboard"
        ),
        (None, None) => String::new(),
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
