//! Figures, traces and logs; and what providers cost.

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Who may read `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Metrics {
    /// whoever may see calls: by a key, or from this machine where nothing tells Twilio from others
    #[default]
    Key,
    /// everybody who reaches this server
    Open,
    /// nobody
    Off,
}

/// Where spans go, over OTLP/HTTP.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traces {
    /// `http://collector:4318`; none: nowhere
    pub endpoint: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logs {
    pub format: LogFormat,
    /// One file for each day (UTC) goes here, besides what goes to standard error; none: no files.
    pub folder: Option<PathBuf>,
    /// Files of so many days are kept, today's not counted.
    pub keep_days: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// for people
    #[default]
    Text,
    /// one object a line, for programs
    Json,
}

impl Default for Logs {
    fn default() -> Self {
        Self { format: LogFormat::default(), folder: None, keep_days: 30 }
    }
}

/// What providers charge: `[prices.ID]` for each of them, in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prices {
    /// Only a name: nothing is converted.
    pub currency: String,
    pub providers: BTreeMap<String, PriceList>,
}

/// Of one provider; what it does not charge for is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PriceList {
    /// tokens of prompts
    pub input_per_million: Option<Price>,
    /// tokens of replies
    pub output_per_million: Option<Price>,
    /// characters spoken
    pub characters_per_million: Option<Price>,
    /// of audio heard
    pub per_minute: Option<Price>,
}

/// An amount of money in millionths, so that sums are exact. Written as a number, or as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    pub millionths: u64,
}

impl Default for Prices {
    fn default() -> Self {
        Self { currency: "USD".into(), providers: BTreeMap::new() }
    }
}

impl Price {
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 6 || !digits(whole) || !digits(fraction) {
            return None;
        }
        let fraction: u64 = format!("{fraction:0<6}").parse().ok()?;
        let millionths = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(fraction)?;
        Some(Self { millionths })
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06}", self.millionths / 1_000_000, self.millionths % 1_000_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Price;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a price like 0.15, with no more than six digits behind the point")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Price, E> {
                Price::parse(text).ok_or_else(|| {
                    let why = "it is not, or not one with at most six digits behind the point";
                    E::custom(format!("a price like 0.15 is needed, and {text:?}: {why}"))
                })
            }

            fn visit_u64<E: Error>(self, whole: u64) -> Result<Price, E> {
                self.visit_str(&whole.to_string())
            }

            fn visit_i64<E: Error>(self, whole: i64) -> Result<Price, E> {
                self.visit_str(&whole.to_string())
            }

            // the shortest decimal that means this number is the one that was written
            fn visit_f64<E: Error>(self, number: f64) -> Result<Price, E> {
                self.visit_str(&number.to_string())
            }
        }

        deserializer.deserialize_any(Written)
    }
}

impl Serialize for Prices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("currency", &self.currency)?;
        for (provider, prices) in &self.providers {
            map.serialize_entry(provider, prices)?;
        }
        map.end()
    }
}

/// By hand: flattened maps do not say which key is wrong.
impl<'de> Deserialize<'de> for Prices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lists;

        impl<'de> Visitor<'de> for Lists {
            type Value = Prices;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a `currency`, and a table for each provider")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Prices, A::Error> {
                let mut prices = Prices::default();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "currency" {
                        prices.currency = map.next_value()?;
                    } else {
                        prices.providers.insert(key, map.next_value()?);
                    }
                }
                Ok(prices)
            }
        }

        deserializer.deserialize_map(Lists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices(text: &str) -> Result<Prices, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_price_is_what_was_written_to_the_last_digit() {
        let of = |text: &str| Price::parse(text).map(|price| (price.millionths, price.to_string()));
        assert_eq!(of("0.15"), Some((150_000, "0.15".into())));
        assert_eq!(of("12"), Some((12_000_000, "12".into())));
        assert_eq!(of("0.0043"), Some((4300, "0.0043".into())));
        assert_eq!(of("0.000001"), Some((1, "0.000001".into())));
        for wrong in ["", "-1", "0.0000001", "1e3", "one", ".5", "99999999999999999999"] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn prices_are_numbers_or_text_and_what_is_not_known_is_refused() {
        let read = prices(
            "currency = \"EUR\"\n[openai-llm]\ninput_per_million = 0.15\noutput_per_million = \"0.6\"\n\
             [deepgram-stt]\nper_minute = 0.0043\n",
        )
        .unwrap();
        assert_eq!(read.currency, "EUR");
        let model = read.providers["openai-llm"];
        let millionths = |price: Option<Price>| price.map(|price| price.millionths);
        assert_eq!(millionths(model.input_per_million), Some(150_000));
        assert_eq!(millionths(model.output_per_million), Some(600_000));
        assert_eq!(millionths(read.providers["deepgram-stt"].per_minute), Some(4300));
        assert!(prices("[a]\nper_hour = 1\n").unwrap_err().contains("per_hour"));
        assert!(prices("[a]\nper_minute = -1\n").unwrap_err().contains("a price like 0.15"));
        assert!(prices("curency = \"EUR\"\n").is_err());
        // as it stands in the report of the configuration, it can be read again
        assert_eq!(prices(&toml::to_string(&read).unwrap()).unwrap(), read);
    }
}
