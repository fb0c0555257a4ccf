//! What a call used of its providers, and what that costs.
//!
//! A component says itself what was consumed, as its vendor counts it. Where it says nothing, the host
//! counts what it gave: audio to the recogniser, characters to the voice. Tokens only the model knows.
//!
//! Money is counted in millionths of millionths, as integers, and rounded once, at the end, half up, to
//! six digits behind the point.

use crate::calls::stages::Stage;
use crate::config::{PriceList, Prices};
use audio::TELEPHONE;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Units with a price; whatever else a component names is not kept.
pub const UNITS: [&str; 4] = ["input-tokens", "output-tokens", "characters", "audio-ms"];

/// By provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// a handful, found without making a key: a recogniser is given audio fifty times a second
    providers: Vec<Used>,
}

/// Of one provider, by unit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Used {
    stage: Stage,
    provider: String,
    told: BTreeMap<&'static str, u64>,
    given: BTreeMap<&'static str, u64>,
}

/// What is to be paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    pub currency: String,
    /// a decimal number with six digits behind the point
    pub amount: String,
}

impl Usage {
    /// The component says that this was consumed.
    pub fn told(&mut self, stage: Stage, provider: &str, used: &call::Usage) {
        let Some(unit) = UNITS.into_iter().find(|unit| *unit == used.unit) else { return };
        self.note(stage, provider, |provider| add(&mut provider.told, unit, used.amount));
    }

    /// So many bytes of the line's audio, a sample each, were given to the recogniser.
    pub fn gave_audio(&mut self, provider: &str, bytes: usize) {
        // kept as samples until somebody asks, or every piece would be rounded
        self.note(Stage::Stt, provider, |used| add(&mut used.given, "samples", bytes as u64));
    }

    /// This text was given to the voice.
    pub fn gave_text(&mut self, provider: &str, text: &str) {
        let characters = text.chars().count() as u64;
        self.note(Stage::Tts, provider, |used| add(&mut used.given, "characters", characters));
    }

    fn note(&mut self, stage: Stage, provider: &str, note: impl FnOnce(&mut Used)) {
        match self.providers.iter_mut().find(|used| used.stage == stage && used.provider == provider) {
            Some(used) => note(used),
            None => {
                let (told, given) = (BTreeMap::new(), BTreeMap::new());
                let mut used = Used { stage, provider: provider.to_owned(), told, given };
                note(&mut used);
                self.providers.push(used);
            }
        }
    }

    /// Every provider with what was used of it: unit and amount.
    pub fn amounts(&self) -> impl Iterator<Item = (Stage, &str, &'static str, u64)> {
        self.providers.iter().flat_map(|used| {
            used.amounts()
                .into_iter()
                .map(|(unit, amount)| (used.stage, used.provider.as_str(), unit, amount))
        })
    }

    /// `{"openai-llm": {"stage": "llm", "input_tokens": 20, "output_tokens": 9}, …}`
    pub fn json(&self) -> Value {
        let mut providers = serde_json::Map::new();
        for (stage, provider, unit, amount) in self.amounts() {
            let used = providers.entry(provider).or_insert_with(|| json!({ "stage": stage.name() }));
            if let Value::Object(used) = used {
                used.insert(unit.replace('-', "_"), amount.into());
            }
        }
        Value::Object(providers)
    }

    /// The sum over the providers that have prices; none: nothing that was used has one.
    pub fn cost(&self, prices: &Prices) -> Option<Cost> {
        let costs = self
            .amounts()
            .filter_map(|(_, provider, unit, amount)| prices.providers.get(provider)?.of(unit, amount));
        let sum = costs.reduce(u128::saturating_add)?;
        let millionths = sum.saturating_add(500_000) / 1_000_000;
        let amount = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
        Some(Cost { currency: prices.currency.clone(), amount })
    }
}

fn add(amounts: &mut BTreeMap<&'static str, u64>, unit: &'static str, amount: u64) {
    let known = amounts.entry(unit).or_default();
    *known = known.saturating_add(amount);
}

impl Used {
    fn amounts(&self) -> BTreeMap<&'static str, u64> {
        let mut amounts = self.told.clone();
        for (unit, amount) in &self.given {
            let (unit, amount) = match *unit {
                "samples" => ("audio-ms", amount.saturating_mul(1000) / u64::from(TELEPHONE.hertz())),
                unit => (unit, *amount),
            };
            amounts.entry(unit).or_insert(amount);
        }
        amounts
    }
}

impl PriceList {
    /// In millionths of millionths. What is charged by the million costs as many of these as its price
    /// has millionths.
    fn of(&self, unit: &str, amount: u64) -> Option<u128> {
        let amount = u128::from(amount);
        let by_million = |price: Option<crate::config::Price>| Some(amount * u128::from(price?.millionths));
        match unit {
            "input-tokens" => by_million(self.input_per_million),
            "output-tokens" => by_million(self.output_per_million),
            "characters" => by_million(self.characters_per_million),
            "audio-ms" => {
                let by_minute = amount * u128::from(self.per_minute?.millionths);
                Some(by_minute.saturating_mul(1_000_000) / 60_000)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Price;

    fn price(millionths: u64) -> Option<Price> {
        Some(Price { millionths })
    }

    fn prices(lists: &[(&str, PriceList)]) -> Prices {
        let providers = lists.iter().map(|(provider, list)| ((*provider).to_owned(), *list)).collect();
        Prices { currency: "EUR".into(), providers }
    }

    fn told(unit: &str, amount: u64) -> call::Usage {
        call::Usage { unit: unit.into(), amount }
    }

    #[test]
    fn what_a_component_says_of_itself_holds_and_the_host_counts_where_it_says_nothing() {
        let mut usage = Usage::default();
        usage.gave_text("quiet", "Grüße");
        usage.gave_text("talkative", "Hello!");
        usage.told(Stage::Tts, "talkative", &told("characters", 5));
        for _ in 0..3 {
            // a fraction of a millisecond each
            usage.gave_audio("ear", 12);
        }
        usage.told(Stage::Llm, "mind", &told("input-tokens", 20));
        usage.told(Stage::Llm, "mind", &told("input-tokens", 11));
        usage.told(Stage::Llm, "mind", &told("bananas", 3));
        let expected = json!({
            "ear": { "stage": "stt", "audio_ms": 4 },
            "mind": { "stage": "llm", "input_tokens": 31 },
            "quiet": { "stage": "tts", "characters": 5 },
            "talkative": { "stage": "tts", "characters": 5 },
        });
        assert_eq!(usage.json(), expected);
    }

    #[test]
    fn a_cost_is_exact_and_rounded_once() {
        let list = PriceList {
            input_per_million: price(150_000),
            output_per_million: price(600_000),
            ..PriceList::default()
        };
        let ear = PriceList { per_minute: price(4300), ..PriceList::default() };
        let prices = prices(&[("mind", list), ("ear", ear)]);
        let cost = |amounts: &[(Stage, &str, &str, u64)]| {
            let mut usage = Usage::default();
            for (stage, provider, unit, amount) in amounts {
                usage.told(*stage, provider, &told(unit, *amount));
            }
            usage.cost(&prices).map(|cost| cost.amount)
        };
        assert_eq!(cost(&[]), None);
        assert_eq!(cost(&[(Stage::Tts, "mouth", "characters", 100)]), None, "it has no price");
        assert_eq!(cost(&[(Stage::Llm, "mind", "input-tokens", 1_000_000)]).unwrap(), "0.150000");
        // 3 × 0.00000015 + 1 × 0.0000006 = 0.00000105
        let little = [(Stage::Llm, "mind", "input-tokens", 3), (Stage::Llm, "mind", "output-tokens", 1)];
        assert_eq!(cost(&little).unwrap(), "0.000001");
        // 0.0000015: half a millionth goes up
        assert_eq!(cost(&[(Stage::Llm, "mind", "input-tokens", 10)]).unwrap(), "0.000002");
        // ninety seconds
        assert_eq!(cost(&[(Stage::Stt, "ear", "audio-ms", 90_000)]).unwrap(), "0.006450");
        assert_eq!(cost(&[(Stage::Llm, "mind", "input-tokens", 0)]).unwrap(), "0.000000");
    }
}
