//! `cordboard config`: every value, and where it came from. Secrets are masked.

use super::Loaded;
use crate::personas::Personas;
use comfy_table::{Table, presets};
use components::Catalogue;
use components::grant::{Operator, Settings};
use std::collections::BTreeSet;

/// The report, as a person reads it. Fails where a component's settings are wrong, or a persona's.
pub fn report(loaded: &Loaded, catalogue: &Catalogue) -> anyhow::Result<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["key", "value", "from"]);
    for (key, value) in loaded.values() {
        let (origin, value) = (loaded.origin(&key), without_password(value));
        table.add_row([key, value, origin]);
    }
    Personas::read(loaded, catalogue)?.check(&loaded.config, loaded, catalogue)?;
    for manifest in catalogue.manifests() {
        let settings = Settings::resolve(manifest, loaded)?;
        for (name, value, origin) in settings.iter() {
            let key = format!("component.{}.settings.{name}", manifest.id);
            table.add_row([key, value.to_string(), origin.to_string()]);
        }
    }
    let vendors = catalogue.manifests().flat_map(|m| &m.secrets).map(|secret| secret.name.as_str());
    let secrets: BTreeSet<&str> = vendors.chain(crate::access::SECRETS).collect();
    for name in secrets {
        let (value, origin) = match loaded.variable(name) {
            Some(secret) => (mask(&secret), loaded.variable_origin(name).unwrap_or_default()),
            None => ("–".into(), "not set"),
        };
        table.add_row([name, &value, origin]);
    }
    Ok(table.to_string())
}

/// Enough to tell two keys apart, not enough to use one.
fn mask(secret: &str) -> String {
    let secret = secret.trim();
    let tail = secret.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    let long = secret.chars().count() >= 16;
    if long { format!("***{}", secret.get(tail..).unwrap_or_default()) } else { "***".into() }
}

/// An address may hold a password.
fn without_password(value: String) -> String {
    let Ok(mut url) = value.trim_matches('"').parse::<url::Url>() else { return value };
    let hidden = url.query().is_some_and(|query| query.contains("pass"));
    if url.password().is_none() && !hidden {
        return value;
    }
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "***".into();
    }
    if hidden {
        url.set_query(Some("***"));
    }
    format!("\"{url}\"")
}

#[cfg(test)]
mod tests {
    use super::{mask, without_password};

    #[test]
    fn the_password_in_an_address_is_not_printed() {
        let shown = |value: &str| without_password(value.into());
        assert_eq!(shown("\"postgres://me:swordfish@db/calls\""), "\"postgres://me:***@db/calls\"");
        assert_eq!(shown("\"redis://:secret@10.0.0.1:6379/0\""), "\"redis://:***@10.0.0.1:6379/0\"");
        assert_eq!(shown("redis+unix:///run/redis.sock?pass=secret"), "\"redis+unix:///run/redis.sock?***\"");
        for value in ["\"postgres://db/calls\"", "\"spool\"", "8765", "[\"+1\"]"] {
            assert_eq!(shown(value), value);
        }
    }

    #[test]
    fn a_key_is_masked_and_a_short_one_wholly() {
        assert_eq!(mask("sk-1234567890abcdef"), "***cdef");
        assert_eq!(mask("secret"), "***");
        assert_eq!(mask(""), "***");
    }
}
