//! What the operator says of one use of a component, beyond its `[component.ID]`: a name, settings for
//! this use alone, and what a page of his own has it reach.
//!
//! All of it is the operator's word, so nothing of it needs a manifest that asks.

use super::{Entry, GrantError, Granted, LimitsSet, Operator};
use crate::egress::{Prefix, Rules};
use crate::manifest::{Egress, Secret};
use crate::secret;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct Variant {
    /// none: it goes by its id
    pub name: Option<String>,
    /// over those of its entry, and over variables
    pub settings: BTreeMap<String, toml::Value>,
    /// in place of its entry's; none: that one
    pub grant: Option<Granted>,
    /// over those of its entry, one by one
    pub limits: LimitsSet,
    /// what it may reach besides
    pub egress: Vec<Egress>,
    /// what is added to its requests besides; to those that lie below more than one of them, the one with
    /// the longest URL
    pub secrets: Vec<Secret>,
}

impl Variant {
    /// What is said of it in all, but for the settings of this use, which are stronger.
    pub(super) fn over(&self, entry: Option<&Entry>) -> Entry {
        let mut entry = entry.cloned().unwrap_or_default();
        entry.grant = self.grant.clone().or(entry.grant);
        entry.limits = self.limits.or(entry.limits);
        entry
    }

    /// Allows what is reached besides, and puts the secrets there.
    pub(super) fn allow(
        &self,
        name: &str,
        private: bool,
        operator: &dyn Operator,
        rules: &mut Rules,
    ) -> Result<Vec<String>, GrantError> {
        let parse = |url: &str| {
            Prefix::parse(url).ok_or_else(|| GrantError::BadUrl { id: name.to_owned(), url: url.to_owned() })
        };
        for egress in &self.egress {
            let at = parse(&egress.url)?;
            let private = private || at.is_local();
            rules.allow(at.private(private));
        }
        let mut put = Vec::new();
        // of two for one header, the later one is sent
        let mut secrets: Vec<&Secret> = self.secrets.iter().collect();
        secrets.sort_by_key(|secret| secret.url.len());
        for asked in secrets {
            let at = parse(&asked.url)?;
            // not having it is no refusal: the server will say so
            let value = operator.variable(&asked.name).filter(|value| !value.trim().is_empty());
            if let Some(value) = value {
                put.push(asked.name.clone());
                rules.inject(at, &asked.header, &asked.format, secret::Secret::new(value.trim()));
            }
        }
        Ok(put)
    }
}

impl LimitsSet {
    /// These; where one is not set, the other's.
    fn or(self, other: Self) -> Self {
        Self {
            memory_mb: self.memory_mb.or(other.memory_mb),
            call_ms: self.call_ms.or(other.call_ms),
            effects: self.effects.or(other.effects),
            frame_kb: self.frame_kb.or(other.frame_kb),
            connections: self.connections.or(other.connections),
            queue: self.queue.or(other.queue),
        }
    }
}
