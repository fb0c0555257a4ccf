//! The query of the handshake, turned once into what a session needs.

use super::Refusal;
use audio::SampleRate;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameters {
    pub(super) model: String,
    pub(super) encoding: Encoding,
    pub(super) sample_rate: SampleRate,
    /// Silence that ends an utterance; None: endpoints are not detected.
    pub(super) endpointing: Option<Duration>,
    pub(super) interim_results: bool,
    /// Whether `SpeechStarted` is wanted.
    pub(super) vad_events: bool,
    /// The gap after the last word that `UtteranceEnd` reports.
    pub(super) utterance_end: Option<Duration>,
    /// Capitals and full stops: `smart_format` or `punctuate`.
    pub(super) punctuated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Encoding {
    Mulaw,
    /// 16 bit, little endian.
    Linear16,
}

/// The vendor's, when nothing else is asked for.
const ENDPOINTING: Duration = Duration::from_millis(10);

/// Names that the vendor knows (deepgram-sdk 7.17.0, `listen/v1`).
const KNOWN: &[&str] = &[
    "callback",
    "callback_method",
    "channels",
    "detect_entities",
    "diarize",
    "diarize_model",
    "dictation",
    "encoding",
    "endpointing",
    "extra",
    "interim_results",
    "keyterm",
    "keywords",
    "language",
    "language_hint",
    "mip_opt_out",
    "model",
    "multichannel",
    "no_delay",
    "numerals",
    "profanity_filter",
    "punctuate",
    "redact",
    "replace",
    "sample_rate",
    "search",
    "smart_format",
    "tag",
    "utterance_end_ms",
    "vad_events",
    "version",
];

/// Encodings without a header, which therefore need a `sample_rate`.
const RAW: &[&str] = &["linear16", "linear32", "alaw", "mulaw", "amr-nb", "amr-wb", "opus", "speex", "g729"];

impl Parameters {
    /// The parameters, and the names that the vendor does not know.
    pub(super) fn parse(query: &[(String, String)]) -> Result<(Self, Vec<String>), Refusal> {
        let unknown: Vec<String> =
            query.iter().map(|(name, _)| name).filter(|n| !KNOWN.contains(&n.as_str())).cloned().collect();
        let query = Asked(query);
        let model = query.value("model").filter(|m| !m.is_empty());
        let model = model.ok_or_else(|| Refusal::bad_request("Bad Request: model is required."))?.to_owned();
        let (encoding, sample_rate) = query.format()?;
        let interim_results = query.flag("interim_results")?;
        let utterance_end = query.millis("utterance_end_ms")?;
        if utterance_end.is_some() && !interim_results {
            return Err(Refusal::bad_request("Bad Request: utterance_end_ms needs interim_results=true."));
        }
        let endpointing = match query.value("endpointing") {
            Some("false") => None,
            None | Some("true") => Some(ENDPOINTING),
            Some(_) => query.millis("endpointing")?,
        };
        let parameters = Self {
            model,
            encoding,
            sample_rate,
            endpointing,
            interim_results,
            vad_events: query.flag("vad_events")?,
            utterance_end,
            punctuated: query.flag("smart_format")? || query.flag("punctuate")?,
        };
        Ok((parameters, unknown))
    }
}

struct Asked<'a>(&'a [(String, String)]);

impl Asked<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.value(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(bad(name, other, "true or false")),
        }
    }

    fn millis(&self, name: &str) -> Result<Option<Duration>, Refusal> {
        let parse = |v: &str| v.parse().map(Duration::from_millis).map_err(|_| bad(name, v, "milliseconds"));
        self.value(name).map(parse).transpose()
    }

    fn format(&self) -> Result<(Encoding, SampleRate), Refusal> {
        let name = self.value("encoding").unwrap_or_default();
        let rate = self.value("sample_rate");
        if RAW.contains(&name) && rate.is_none() {
            return Err(Refusal::bad_request(format!("Bad Request: encoding={name} needs a sample_rate.")));
        }
        let encoding = match name {
            "mulaw" => Encoding::Mulaw,
            "linear16" => Encoding::Linear16,
            other => return Err(bad("encoding", other, "mulaw or linear16 (all that the stand-in decodes)")),
        };
        for name in ["channels", "multichannel"] {
            if let Some(other) = self.value(name).filter(|v| !matches!(*v, "1" | "false")) {
                return Err(bad(name, other, "one channel (all that the stand-in hears)"));
            }
        }
        let rate = rate.unwrap_or_default();
        let sample_rate =
            rate.parse().ok().and_then(SampleRate::new).filter(|r| (8_000..=48_000).contains(&r.hertz()));
        Ok((encoding, sample_rate.ok_or_else(|| bad("sample_rate", rate, "between 8000 and 48000 Hz"))?))
    }
}

fn bad(name: &str, value: &str, wanted: &str) -> Refusal {
    Refusal::bad_request(format!("Bad Request: {name}={value} should be {wanted}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<(Parameters, Vec<String>), String> {
        let pairs: Vec<_> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect();
        Parameters::parse(&pairs).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn what_is_not_asked_for_is_as_the_vendor_has_it() {
        let (parameters, unknown) = parse("model=nova-3&encoding=mulaw&sample_rate=8000").unwrap();
        assert_eq!(unknown, [] as [&str; 0]);
        assert_eq!(parameters.endpointing, Some(Duration::from_millis(10)));
        assert!(!parameters.interim_results && !parameters.vad_events && !parameters.punctuated);
        assert_eq!(parameters.utterance_end, None);
    }

    #[test]
    fn endpointing_is_a_time_or_off() {
        let endpointing = |value: &str| {
            let query = format!("model=m&encoding=linear16&sample_rate=16000&endpointing={value}");
            parse(&query).map(|(p, _)| p.endpointing)
        };
        assert_eq!(endpointing("300"), Ok(Some(Duration::from_millis(300))));
        assert_eq!(endpointing("false"), Ok(None));
        assert!(endpointing("soon").unwrap_err().contains("endpointing=soon"));
    }

    #[test]
    fn a_misspelt_parameter_is_noticed() {
        let (_, unknown) = parse("model=m&encoding=mulaw&sample_rate=8000&interim_result=true").unwrap();
        assert_eq!(unknown, ["interim_result"]);
    }

    #[test]
    fn what_the_vendor_refuses_is_refused() {
        for (query, reason) in [
            ("encoding=mulaw&sample_rate=8000", "model is required"),
            ("model=m&encoding=mulaw", "needs a sample_rate"),
            ("model=m&encoding=mp3&sample_rate=8000", "encoding=mp3"),
            ("model=m&encoding=mulaw&sample_rate=8000&channels=2", "one channel"),
            ("model=m&encoding=mulaw&sample_rate=8000&vad_events=yes", "true or false"),
            ("model=m&encoding=mulaw&sample_rate=8000&utterance_end_ms=1000", "needs interim_results"),
        ] {
            assert!(parse(query).unwrap_err().contains(reason), "{query}");
        }
    }
}
