//! How the providers are doing, as far as calls have shown.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use twilio::rest::RestError;
use utoipa::ToSchema;

/// One provider, or Twilio itself.
#[derive(Default)]
pub struct Vital {
    /// what is in `trouble`, readable without waiting
    state: AtomicU8,
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
        self.state.store(FAILING, Ordering::Relaxed);
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let since = || jiff::Timestamp::now().to_string();
        let known =
            trouble.get_or_insert_with(|| Trouble { since: since(), reason: String::new(), failures: 0 });
        reason.clone_into(&mut known.reason);
        known.failures = known.failures.saturating_add(1);
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

    /// `unused`, `ok` or `failing`, and in the last case what is known of it.
    pub fn state(&self) -> (&'static str, Option<Trouble>) {
        match self.state.load(Ordering::Relaxed) {
            UNUSED => ("unused", None),
            WELL => ("ok", None),
            _ => ("failing", self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        }
    }
}

/// All of them, by what they are for.
#[derive(Default)]
pub struct Vitals {
    pub persona: Vital,
    pub stt: Vital,
    pub llm: Vital,
    pub tts: Vital,
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
    /// As they are, given what there is.
    pub fn report<'a>(
        &self,
        services: impl IntoIterator<Item = (&'static str, Option<&'a str>)>,
    ) -> BTreeMap<&'static str, Service> {
        let of = |kind: &str| match kind {
            "persona" => &self.persona,
            "stt" => &self.stt,
            "llm" => &self.llm,
            "tts" => &self.tts,
            _ => &self.twilio,
        };
        let service = |(kind, component): (&'static str, Option<&str>)| {
            let (state, trouble) = match component {
                Some(_) => of(kind).state(),
                None => ("off", None),
            };
            (kind, Service { component: component.map(str::to_owned), state, trouble })
        };
        services.into_iter().map(service).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_unused_then_as_well_as_it_was_last() {
        let vitals = Vitals::default();
        let state = || vitals.report([("stt", Some("deepgram-stt"))])["stt"].clone();
        assert_eq!(state().state, "unused");
        vitals.stt.works();
        assert_eq!(state().state, "ok");
        vitals.stt.fails("no connection");
        vitals.stt.fails("refused: 401");
        let failing = state();
        assert_eq!((failing.state, failing.trouble.as_ref().unwrap().failures), ("failing", 2));
        assert_eq!(failing.trouble.unwrap().reason, "refused: 401");
        vitals.stt.works();
        assert_eq!(state().state, "ok");
        assert_eq!(vitals.report([("stt", None)])["stt"].state, "off");
    }
}
