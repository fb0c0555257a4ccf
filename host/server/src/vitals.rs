//! How the providers are doing, as far as calls have shown.

use components::manifest::Kind;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use twilio::rest::RestError;
use utoipa::ToSchema;

/// One provider, or Twilio itself.
#[derive(Default)]
pub struct Vital {
    /// what is in `trouble`, readable without waiting
    state: AtomicU8,
    /// since the start
    failures: AtomicU64,
    trouble: Mutex<Option<Trouble>>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Trouble {
    pub since: String,
    /// the last of it
    pub reason: String,
    pub failures: u32,
}

const UNUSED: u8 = 0;
const WELL: u8 = 1;
const FAILING: u8 = 2;

impl Vital {
    /// It did what it is for. Costs next to nothing where that is nothing new.
    pub fn works(&self) {
        if self.state.load(Ordering::Relaxed) != WELL {
            self.state.store(WELL, Ordering::Relaxed);
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    pub fn fails(&self, reason: &str) {
        self.begins_to_fail(reason);
    }

    /// The same; whether that is news.
    pub fn begins_to_fail(&self, reason: &str) -> bool {
        let news = self.state.swap(FAILING, Ordering::Relaxed) != FAILING;
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let since = || jiff::Timestamp::now().to_string();
        let known =
            trouble.get_or_insert_with(|| Trouble { since: since(), reason: String::new(), failures: 0 });
        reason.clone_into(&mut known.reason);
        known.failures = known.failures.saturating_add(1);
        news
    }

    /// How a request to Twilio went. That it refuses what was asked for is no failure of its.
    pub fn note<T>(&self, asked: Result<T, RestError>) -> Result<T, RestError> {
        match &asked {
            Ok(_) => self.works(),
            Err(error) if error.is_authentication() => self.fails(&error.to_string()),
            Err(RestError::Invalid { .. }) => {}
            Err(RestError::Refused { status: 400..=499, .. }) => self.works(),
            Err(error) => self.fails(&error.to_string()),
        }
        asked
    }

    /// How often it has failed since the start.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// `unused`, `ok` or `failing`, and in the last case what is known of it.
    pub fn state(&self) -> (&'static str, Option<Trouble>) {
        match self.state.load(Ordering::Relaxed) {
            UNUSED => ("unused", None),
            WELL => ("ok", None),
            _ => ("failing", self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        }
    }
}

/// All of them.
#[derive(Default)]
pub struct Vitals {
    /// by what they are for, and their names
    providers: Mutex<BTreeMap<(Kind, String), Arc<Vital>>>,
    pub twilio: Vital,
}

/// One service in `/health`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Service {
    /// which component does it; null: none
    pub component: Option<String>,
    /// `off`: there is none; `unused`: nobody has needed it yet; `ok` or `failing`: how it went last
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

impl Vitals {
    /// Of one provider, or one persona.
    pub fn of(&self, kind: Kind, id: &str) -> Arc<Vital> {
        let mut providers = self.providers.lock().unwrap_or_else(PoisonError::into_inner);
        providers.entry((kind, id.to_owned())).or_default().clone()
    }

    /// As they are. The first of a kind goes by its kind, every other one has its name besides.
    pub fn report<'a>(
        &self,
        providers: impl IntoIterator<Item = (Kind, Option<&'a str>)>,
        twilio: Option<&str>,
    ) -> BTreeMap<String, Service> {
        let service = |vital: &Vital, component: Option<&str>| {
            let (state, trouble) = match component {
                Some(_) => vital.state(),
                None => ("off", None),
            };
            Service { component: component.map(str::to_owned), state, trouble }
        };
        let mut report = BTreeMap::from([("twilio".to_owned(), service(&self.twilio, twilio))]);
        for (kind, id) in providers {
            let first = !report.contains_key(&kind.to_string());
            let name = match id {
                _ if first => kind.to_string(),
                Some(id) => format!("{kind}:{id}"),
                // nothing more to tell
                None => continue,
            };
            let vital = id.map(|id| self.of(kind, id)).unwrap_or_default();
            report.insert(name, service(&vital, id));
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_unused_then_as_well_as_it_was_last() {
        let vitals = Vitals::default();
        let stt = vitals.of(Kind::Stt, "deepgram-stt");
        let state = || vitals.report([(Kind::Stt, Some("deepgram-stt"))], None)["stt"].clone();
        assert_eq!(state().state, "unused");
        stt.works();
        assert_eq!(state().state, "ok");
        stt.fails("no connection");
        stt.fails("refused: 401");
        let failing = state();
        assert_eq!((failing.state, failing.trouble.as_ref().unwrap().failures), ("failing", 2));
        assert_eq!(failing.trouble.unwrap().reason, "refused: 401");
        stt.works();
        assert_eq!(state().state, "ok");
        assert_eq!(vitals.report([(Kind::Stt, None)], None)["stt"].state, "off");
    }

    #[test]
    fn every_provider_that_a_route_uses_has_its_own_state() {
        let vitals = Vitals::default();
        vitals.of(Kind::Llm, "large").fails("refused: 401");
        vitals.of(Kind::Llm, "small").works();
        let there = [(Kind::Llm, Some("large")), (Kind::Llm, Some("small")), (Kind::Llm, None)];
        let report = vitals.report(there, Some("rest"));
        let states: Vec<_> = report.iter().map(|(name, service)| (name.as_str(), service.state)).collect();
        assert_eq!(states, [("llm", "failing"), ("llm:small", "ok"), ("twilio", "unused")]);
    }
}
