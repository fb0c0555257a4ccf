//! The personas that calls may ask for by name: those that are components, and those that the operator
//! makes out of one, `[persona.NAME]`. They are read, not loaded.
//!
//! - `page.rs`: what has to be known of a page outside of the component that plays it

mod page;

use crate::config::{self, Config, Loaded};
use anyhow::{Context, bail};
use components::Catalogue;
use components::grant::Variant;
use components::manifest::{Kind, nearest};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Debug, Default)]
pub struct Personas {
    named: BTreeMap<String, Named>,
}

/// What `[persona.NAME]` is.
#[derive(Clone, Debug)]
pub struct Named {
    pub component: String,
    pub variant: Variant,
}

impl Personas {
    /// Reads the pages. Fails where one cannot be used, and where a component is not there.
    pub fn read(loaded: &Loaded, catalogue: &Catalogue) -> anyhow::Result<Self> {
        let mut named = BTreeMap::new();
        for (name, persona) in &loaded.config.persona {
            if catalogue.get(name).is_some() {
                bail!("[persona.{name}] has the name of a component; choose another");
            }
            let of = || format!("[persona.{name}] cannot be used");
            catalogue.find(&persona.component, Kind::Persona).with_context(of)?;
            let variant = variant(name, persona, &loaded.folder).with_context(of)?;
            named.insert(name.clone(), Named { component: persona.component.clone(), variant });
        }
        Ok(Self { named })
    }

    /// What stands behind the name of a persona, and these settings besides. An error: there is no such
    /// persona, and who was probably meant.
    pub fn find(
        &self,
        id: &str,
        settings: &BTreeMap<String, toml::Value>,
        catalogue: &Catalogue,
    ) -> anyhow::Result<Named> {
        let of_component = || Named { component: id.to_owned(), variant: Variant::default() };
        // one of another kind is found too: whoever loads it says what is wrong
        let there = catalogue.get(id).map(|_| of_component());
        let Some(mut named) = self.named.get(id).cloned().or(there) else {
            let components = catalogue.manifests().filter(|manifest| manifest.kind == Kind::Persona);
            let components = components.map(|manifest| manifest.id.as_str());
            let known: Vec<&str> = components.chain(self.named.keys().map(String::as_str)).collect();
            let hint = nearest(id, known.iter().copied()).map(|near| format!("; did you mean {near:?}?"));
            let hint = hint.unwrap_or_else(|| format!("; there are: {}", known.join(", ")));
            bail!("there is no persona {id:?}{hint}");
        };
        named.variant.settings.extend(settings.clone());
        Ok(named)
    }

    /// All that can be asked for, and what each is: the operator's, then those that are components.
    pub fn all(&self, catalogue: &Catalogue) -> Vec<(String, String)> {
        let about = |component: &str| {
            let manifest = catalogue.get(component).map(|artifact| &artifact.manifest);
            manifest.map(|manifest| manifest.about.clone()).unwrap_or_default()
        };
        let named = self.named.iter().map(|(name, named)| (name.clone(), about(&named.component)));
        let components = catalogue.manifests().filter(|manifest| manifest.kind == Kind::Persona);
        named.chain(components.map(|manifest| (manifest.id.clone(), manifest.about.clone()))).collect()
    }

    /// Settles what each of them may do, and each with what a route says of it. Nothing is compiled.
    pub fn check(&self, config: &Config, operator: &Loaded, catalogue: &Catalogue) -> anyhow::Result<()> {
        let settle = |named: &Named| {
            let settled = catalogue.settle(&named.component, Kind::Persona, operator, &named.variant);
            settled.map(drop)
        };
        for (name, named) in &self.named {
            settle(named).with_context(|| format!("[persona.{name}] cannot be used"))?;
        }
        for (_, name, rule) in config.rules() {
            let id = rule.persona.as_ref().unwrap_or(&config.route.persona);
            let named = self.find(id, &rule.settings, catalogue);
            named
                .and_then(|named| Ok(settle(&named)?))
                .with_context(|| format!("the persona of the route {name:?} cannot be used"))?;
        }
        Ok(())
    }
}

fn variant(name: &str, persona: &config::Persona, folder: &Path) -> anyhow::Result<Variant> {
    let mut variant = Variant {
        name: Some(name.to_owned()),
        settings: persona.settings.clone(),
        grant: persona.grant.clone(),
        limits: persona.limits,
        ..Variant::default()
    };
    if let Some(path) = &persona.page {
        let page = page::read(&folder.join(path))?;
        known_tools(persona.grant.as_ref().map_or(&[], |grant| &grant.idempotent), &page.tools)?;
        variant.settings.insert("page".into(), page.text.into());
        variant.egress = page.egress;
        variant.secrets = page.secrets;
    }
    Ok(variant)
}

/// What is said of a tool that the page does not have is a mistake.
fn known_tools(named: &[String], tools: &[String]) -> anyhow::Result<()> {
    let Some(unknown) = named.iter().find(|name| !tools.contains(name)) else { return Ok(()) };
    let hint = nearest(unknown, tools.iter().map(String::as_str))
        .map(|near| format!("; did you mean {near:?}?"))
        .unwrap_or_else(|| format!("; its tools are: {}", tools.join(", ")));
    bail!("`grant.idempotent`: the page has no tool {unknown:?}{hint}")
}
