//! Who takes over a caller where a call cannot go on: `last_resort` of a route, one of its `transfers` or a
//! number.

use super::{Config, Route};
use anyhow::bail;
use components::manifest::nearest;
use twilio::number::Number;

impl Route {
    /// Where the caller goes; none: nowhere.
    pub fn last_resort(&self) -> Option<&str> {
        self.last_resort.as_deref().filter(|to| !to.trim().is_empty())
    }

    /// The number behind a name, if the operator has named one. The last resort may be a number itself.
    pub fn named(&self, to: &str) -> Option<&str> {
        let own = || self.last_resort().filter(|own| *own == to);
        self.transfers.get(to).map(String::as_str).or_else(own)
    }
}

impl Config {
    /// Some caller is put through where a call cannot go on.
    pub fn has_last_resort(&self) -> bool {
        let of_rule = |rule: &super::Rule| rule.over(&self.route).last_resort().is_some();
        self.route.last_resort().is_some() || self.routes.iter().any(of_rule)
    }

    /// Found out when a caller is to be put through, it would be found out too late.
    pub(super) fn check_last_resorts(&self) -> anyhow::Result<()> {
        check("route", &self.route)?;
        for (key, _, rule) in self.rules() {
            check(&key, &rule.over(&self.route))?;
        }
        if self.has_last_resort() && self.speech.connecting.trim().is_empty() {
            bail!(
                "`speech.connecting` is empty: a caller who is put through to a last resort has to be told so"
            );
        }
        Ok(())
    }
}

fn check(key: &str, route: &Route) -> anyhow::Result<()> {
    let Some(to) = route.last_resort() else { return Ok(()) };
    if route.transfers.contains_key(to) {
        return Ok(());
    }
    let Err(wrong) = to.parse::<Number>() else { return Ok(()) };
    let names = || route.transfers.keys().map(String::as_str);
    let hint = match nearest(to, names()) {
        Some(near) => format!("did you mean {near:?}?"),
        None if route.transfers.is_empty() => format!("name it in [{key}.transfers], or leave it empty"),
        None => format!("its transfers are: {}", names().collect::<Vec<_>>().join(", ")),
    };
    bail!("`{key}.last_resort`: {to:?} is none of its `transfers`, and no number: {wrong}; {hint}")
}
