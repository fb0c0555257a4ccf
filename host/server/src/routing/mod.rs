//! Which call is served how: `[route]`, and `[[routes]]` for the calls that they take.

use crate::config::{self, Config, DEFAULT, Facts, Rule};
use crate::slots::{Chain, Slot};
use comfy_table::{ContentArrangement, Table, presets};
use components::manifest::Kind;
use std::sync::Arc;

/// A terminal is so wide, in columns.
const WIDTH: u16 = 100;

/// What the calls of one route are served with.
pub struct Route {
    /// for logs
    pub name: String,
    /// where it stands in the configuration: `route`, `routes[0]`
    pub key: String,
    /// all that holds for it
    pub config: config::Route,
    pub persona: Arc<Slot>,
    /// nobody: words come with the line, or not at all
    pub stt: Chain,
    pub llm: Chain,
    pub tts: Chain,
}

pub struct Routes {
    default: Arc<Route>,
    /// the first one that takes a call serves it
    others: Vec<(Rule, Arc<Route>)>,
}

impl Routes {
    /// Every route, made by `make` of its name, its key, what holds for it, and what is its own.
    pub fn set_up(
        config: &Config,
        mut make: impl FnMut(String, String, config::Route, Option<&Rule>) -> anyhow::Result<Route>,
    ) -> anyhow::Result<Self> {
        let default = make(DEFAULT.into(), "route".into(), config.route.clone(), None)?;
        let others = config.rules().map(|(key, name, rule)| {
            let route = make(name, key, rule.over(&config.route), Some(rule))?;
            Ok((rule.clone(), Arc::new(route)))
        });
        Ok(Self { default: Arc::new(default), others: others.collect::<anyhow::Result<_>>()? })
    }

    /// Whose calls are all those that no other takes.
    pub fn default(&self) -> &Arc<Route> {
        &self.default
    }

    /// The one that serves this call.
    pub fn decide(&self, call: Facts<'_>) -> &Arc<Route> {
        let taken = self.others.iter().find(|(rule, _)| rule.takes(call));
        taken.map_or(&self.default, |(_, route)| route)
    }

    /// Who does what in any of them, the default first: the kind, and the name of the component (none:
    /// none).
    pub fn providers(&self) -> Vec<(Kind, Option<&str>)> {
        let mut providers = Vec::new();
        for route in [&self.default].into_iter().chain(self.others.iter().map(|(_, route)| route)) {
            for provider in route.providers() {
                if !providers.contains(&provider) {
                    providers.push(provider);
                }
            }
        }
        providers
    }

    /// Which calls are served otherwise than by default, and how; none: there are no such calls.
    pub fn table(&self) -> Option<String> {
        if self.others.is_empty() {
            return None;
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(["route", "takes", "differs in"]);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
        for (rule, route) in &self.others {
            table.add_row([&route.name, &rule.conditions(), &rule.differences()]);
        }
        Some(table.to_string())
    }
}

impl Route {
    fn providers(&self) -> Vec<(Kind, Option<&str>)> {
        let mut providers = vec![(Kind::Persona, Some(self.persona.id()))];
        for (kind, chain) in [(Kind::Stt, &self.stt), (Kind::Llm, &self.llm), (Kind::Tts, &self.tts)] {
            match chain.first() {
                Some(_) => providers.extend(chain.slots().map(|slot| (kind, Some(slot.id())))),
                None => providers.push((kind, None)),
            }
        }
        providers
    }
}
