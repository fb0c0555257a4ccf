//! A call is to be made: everything that Twilio would refuse is refused.

use super::super::callbacks::Gate;
use super::super::dial::is_e164;
use super::super::network::Source;
use super::super::outbound::{Detection, Wanted};
use super::super::people::Method;
use super::super::twiml::is_keys;
use super::super::webhook::Target;
use super::{Asking, Done, Refusal, resources};
use axum::http::StatusCode;
use std::time::Duration;
use tokio::sync::oneshot;
use url::Url;

/// All that a create may have. Source: twilio-oai `twilio_api_v2010`, calls.
const KNOWN: &[&str] = &[
    "To",
    "From",
    "Url",
    "Twiml",
    "ApplicationSid",
    "Method",
    "FallbackUrl",
    "FallbackMethod",
    "StatusCallback",
    "StatusCallbackEvent",
    "StatusCallbackMethod",
    "SendDigits",
    "Timeout",
    "Record",
    "RecordingChannels",
    "RecordingStatusCallback",
    "RecordingStatusCallbackMethod",
    "RecordingStatusCallbackEvent",
    "RecordingTrack",
    "RecordingConfigurationId",
    "SipAuthUsername",
    "SipAuthPassword",
    "MachineDetection",
    "MachineDetectionTimeout",
    "MachineDetectionSpeechThreshold",
    "MachineDetectionSpeechEndThreshold",
    "MachineDetectionSilenceTimeout",
    "AsyncAmd",
    "AsyncAmdStatusCallback",
    "AsyncAmdStatusCallbackMethod",
    "Trim",
    "CallerId",
    "Byoc",
    "CallReason",
    "CallToken",
    "TimeLimit",
    "ClientNotificationUrl",
    "Passports",
];
const EVENTS: [&str; 4] = ["initiated", "ringing", "answered", "completed"];
/// The longest `Twiml`: characters.
pub(super) const LONGEST: usize = 4000;
/// So long it rings: seconds.
const TIMEOUT: u64 = 60;
/// So long detection may take: seconds.
const DETECTION: u64 = 30;
/// What a parameter is refused with that has no code of its own.
const INVALID: u32 = 20001;

pub(super) async fn create(asking: &Asking) -> Result<Done, Refusal> {
    asking.check_names(KNOWN);
    let wanted = wanted(asking)?;
    let (gate, told) = Gate::new();
    let (begins, begin) = oneshot::channel();
    let call = asking.network.make(wanted, begin, gate);
    asking.note(|request| request.sid = Some(call.sid.clone()));
    let body = resources::call(&asking.network, &call);
    if asking.network.config.callback_first {
        // whether it is received or not
        let _ = begins.send(());
        // or there was nothing to tell
        let _ = told.await;
        return Ok(Done { status: StatusCode::CREATED, body, begins: None });
    }
    Ok(Done { status: StatusCode::CREATED, body, begins: Some(begins) })
}

fn wanted(asking: &Asking) -> Result<Wanted, Refusal> {
    let given = |name| asking.parameter(name);
    let missing = |name| Refusal::invalid(21200, format!("The '{name}' parameter is required."));
    let to = given("To").ok_or_else(|| missing("To"))?;
    let from = given("From").ok_or_else(|| missing("From"))?;
    if !is_e164(to) {
        return Err(Refusal::invalid(21211, format!("The 'To' number {to} is not a valid phone number.")));
    }
    if !is_e164(from) {
        let message = format!("The 'From' number {from} is not a valid phone number.");
        return Err(Refusal::invalid(21212, message));
    }
    if !asking.network.config.numbers.iter().any(|number| number == from) {
        let message =
            format!("The source phone number provided, {from}, is not yet verified for your account.");
        return Err(Refusal::invalid(21210, message));
    }
    if given("ApplicationSid").is_some() {
        return Err(Refusal::invalid(21218, "There is no such application."));
    }
    let source = document(asking)?.ok_or_else(|| missing("Url"))?;
    let callback = address(asking, "StatusCallback", "StatusCallbackMethod", 21609)?;
    let mut events: Vec<String> = asking
        .parameters
        .iter()
        .filter(|(name, _)| name == "StatusCallbackEvent")
        .map(|e| e.1.clone())
        .collect();
    if let Some(event) = events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
        let message =
            format!("StatusCallbackEvent {event:?} is invalid; each event is a parameter of its own");
        return Err(Refusal::invalid(21626, message));
    }
    if events.is_empty() {
        events.push("completed".into());
    }
    let keys = given("SendDigits");
    if keys.is_some_and(|keys| keys.len() > 32 || !is_keys(keys)) {
        return Err(Refusal::invalid(INVALID, "SendDigits is up to 32 of 0-9, A-D, #, *, w and W."));
    }
    let seconds = |name, most| number(asking, name, 1, most);
    let timeout = seconds("Timeout", 600)?.unwrap_or(TIMEOUT);
    let time_limit = seconds("TimeLimit", 86_400)?;
    Ok(Wanted {
        to: to.to_owned(),
        from: from.to_owned(),
        source,
        fallback: address(asking, "FallbackUrl", "FallbackMethod", 21205)?,
        callback,
        events,
        timeout: asking.network.seconds(timeout),
        time_limit: time_limit.map(|seconds| asking.network.seconds(seconds)),
        send_digits: keys.map(str::to_owned),
        detection: detection(asking)?,
    })
}

/// Where the call's instructions come from, if the request says so.
pub(super) fn document(asking: &Asking) -> Result<Option<Source>, Refusal> {
    if let Some(target) = address(asking, "Url", "Method", 21205)? {
        return Ok(Some(Source::At(target)));
    }
    let Some(twiml) = asking.parameter("Twiml") else { return Ok(None) };
    let length = twiml.chars().count();
    if length > LONGEST {
        let message = format!("Twiml has {length} characters; there may be {LONGEST}.");
        return Err(Refusal::invalid(INVALID, message));
    }
    Ok(Some(Source::Twiml(twiml.to_owned())))
}

pub(super) fn address(
    asking: &Asking,
    name: &'static str,
    method: &'static str,
    code: u32,
) -> Result<Option<Target>, Refusal> {
    let method = Method::of(one_of(asking, method, &["GET", "POST"])?);
    let Some(text) = asking.parameter(name) else { return Ok(None) };
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.filter(|url| name != "StatusCallback" || !url.host_str().unwrap_or_default().contains('_'));
    let url = url.ok_or_else(|| Refusal::invalid(code, format!("{name} {text:?} is not a valid URL.")))?;
    Ok(Some(Target::new(url, method)))
}

fn detection(asking: &Asking) -> Result<Option<Detection>, Refusal> {
    let mode = one_of(asking, "MachineDetection", &["Enable", "DetectMessageEnd"])?;
    let timeout = number(asking, "MachineDetectionTimeout", 3, 59)?.unwrap_or(DETECTION);
    number(asking, "MachineDetectionSpeechThreshold", 1000, 6000)?;
    number(asking, "MachineDetectionSpeechEndThreshold", 500, 5000)?;
    number(asking, "MachineDetectionSilenceTimeout", 2000, 10_000)?;
    let is_async = one_of(asking, "AsyncAmd", &["true", "false"])? == Some("true");
    let callback = address(asking, "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod", 21609)?;
    let Some(mode) = mode else { return Ok(None) };
    let timeout: Duration = asking.network.seconds(timeout);
    let to_the_end = mode == "DetectMessageEnd";
    match (is_async, callback) {
        (false, _) => Ok(Some(Detection { to_the_end, timeout, asynchronous: None })),
        (true, Some(callback)) => Ok(Some(Detection { to_the_end, timeout, asynchronous: Some(callback) })),
        (true, None) => {
            asking.network.kept.violation("21262: AsyncAmd without AsyncAmdStatusCallback");
            Ok(None)
        }
    }
}

fn one_of<'a>(asking: &'a Asking, name: &str, words: &[&str]) -> Result<Option<&'a str>, Refusal> {
    match asking.parameter(name) {
        Some(value) if !words.contains(&value) => {
            Err(Refusal::invalid(INVALID, format!("{name} {value:?} is not one of {}.", words.join(", "))))
        }
        value => Ok(value),
    }
}

fn number(asking: &Asking, name: &str, least: u64, most: u64) -> Result<Option<u64>, Refusal> {
    let Some(value) = asking.parameter(name) else { return Ok(None) };
    match value.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
        _ => Err(Refusal::invalid(INVALID, format!("{name} {value:?} is not from {least} to {most}."))),
    }
}
