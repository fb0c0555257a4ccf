//! A call that is to be made, as the form that asks for it. What Twilio would refuse for certain is
//! refused here, in words that say why.

use crate::number::Number;
use crate::whole_seconds;
use reqwest::Url;
use std::time::Duration;

/// What a request may carry of TwiML.
const LONGEST_TWIML: usize = 4000;
const MOST_DIGITS: usize = 32;
/// Twilio lets nothing ring for longer.
const LONGEST_RINGING: Duration = Duration::from_secs(600);

#[derive(Clone, Debug, PartialEq)]
pub struct NewCall {
    pub to: Number,
    /// One that the account owns, or has verified.
    pub from: Number,
    pub instructions: Instructions,
    /// Told when the call is initiated, ringing, answered and over; see [`Progress`](crate::progress).
    pub status_callback: Option<String>,
    /// How long it rings: 60 s, if nothing is said, and at most 600 s.
    pub timeout: Option<Duration>,
    /// The longest that the call may last.
    pub time_limit: Option<Duration>,
    pub machine_detection: Option<MachineDetection>,
    /// Keys that are pressed once it is answered: digits, `*`, `#`, and `w` for half a second. Twilio
    /// then does not detect machines.
    pub send_digits: Option<String>,
    /// Who is shown to be calling, if it is not `from`.
    pub caller_id: Option<String>,
}

/// What happens when somebody answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// This is asked for TwiML.
    Url(String),
    /// At most 4000 characters.
    Twiml(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineDetection {
    pub mode: DetectionMode,
    /// Who is told, while the call goes on at once. Without it, the call waits until it is known who
    /// answered, and the request to [`Instructions::Url`] says so; TwiML that came along never learns it.
    pub asynchronous: Option<String>,
    /// After so long it is `unknown`: 30 s, if nothing is said.
    pub timeout: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetectionMode {
    /// Tells as soon as it is known.
    Enable,
    /// Of a machine, tells when its greeting is over: to leave a message.
    DetectMessageEnd,
}

impl NewCall {
    pub fn new(to: Number, from: Number, instructions: Instructions) -> Self {
        Self {
            to,
            from,
            instructions,
            status_callback: None,
            timeout: None,
            time_limit: None,
            machine_detection: None,
            send_digits: None,
            caller_id: None,
        }
    }

    /// The form, or what cannot be right.
    pub(super) fn form(&self) -> Result<String, String> {
        self.check()?;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("To", self.to.as_str());
        form.append_pair("From", self.from.as_str());
        match &self.instructions {
            Instructions::Url(url) => form.append_pair("Url", url),
            Instructions::Twiml(twiml) => form.append_pair("Twiml", twiml),
        };
        if let Some(url) = &self.status_callback {
            form.append_pair("StatusCallback", url);
            for event in ["initiated", "ringing", "answered", "completed"] {
                form.append_pair("StatusCallbackEvent", event);
            }
        }
        if let Some(detection) = &self.machine_detection {
            let mode = match detection.mode {
                DetectionMode::Enable => "Enable",
                DetectionMode::DetectMessageEnd => "DetectMessageEnd",
            };
            form.append_pair("MachineDetection", mode);
            if let Some(url) = &detection.asynchronous {
                form.append_pair("AsyncAmd", "true");
                form.append_pair("AsyncAmdStatusCallback", url);
            }
        }
        let seconds = [
            ("Timeout", self.timeout),
            ("TimeLimit", self.time_limit),
            (
                "MachineDetectionTimeout",
                self.machine_detection.as_ref().and_then(|detection| detection.timeout),
            ),
        ];
        for (name, length) in seconds {
            if let Some(length) = length {
                form.append_pair(name, &whole_seconds(length).to_string());
            }
        }
        for (name, text) in [("SendDigits", &self.send_digits), ("CallerId", &self.caller_id)] {
            if let Some(text) = text {
                form.append_pair(name, text);
            }
        }
        Ok(form.finish())
    }

    fn check(&self) -> Result<(), String> {
        match &self.instructions {
            Instructions::Url(url) => check_url("the URL for instructions", url)?,
            Instructions::Twiml(twiml) => check_twiml(twiml)?,
        }
        if let Some(url) = &self.status_callback {
            check_url("the URL of the status callback", url)?;
        }
        if let Some(url) =
            self.machine_detection.as_ref().and_then(|detection| detection.asynchronous.as_ref())
        {
            check_url("the URL of the callback about machines", url)?;
        }
        if let Some(timeout) = self.timeout
            && !(Duration::from_secs(1)..=LONGEST_RINGING).contains(&timeout)
        {
            let most = LONGEST_RINGING.as_secs();
            return Err(format!("it is to ring for {} s; Twilio takes 1 to {most}", timeout.as_secs_f64()));
        }
        if self.time_limit == Some(Duration::ZERO) {
            return Err("it is to last no longer than 0 s; give it a second, or no limit".into());
        }
        if let Some(digits) = &self.send_digits {
            let fits = |byte| matches!(byte, b'0'..=b'9' | b'A'..=b'D' | b'*' | b'#' | b'w' | b'W');
            if digits.len() > MOST_DIGITS || !digits.bytes().all(fits) {
                return Err(format!(
                    "the keys to press are at most {MOST_DIGITS} of 0-9, A-D, *, # and w for half a second"
                ));
            }
        }
        Ok(())
    }
}

impl MachineDetection {
    pub fn new(mode: DetectionMode) -> Self {
        Self { mode, asynchronous: None, timeout: None }
    }
}

pub(super) fn check_twiml(twiml: &str) -> Result<(), String> {
    match twiml.chars().count() {
        0 => Err("the TwiML is empty; to hang up, write <Response/>".into()),
        1..=LONGEST_TWIML => Ok(()),
        length => Err(format!(
            "the TwiML has {length} characters; Twilio takes {LONGEST_TWIML} with a request, so put it behind \
             a URL"
        )),
    }
}

/// Twilio requests it from the outside. That it is reached cannot be known here.
fn check_url(what: &str, text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|error| format!("{what} is none: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("{what} is {}, and Twilio requests http or https", url.scheme()));
    }
    if url.host_str().unwrap_or_default().contains('_') {
        return Err(format!("{what} has a host with an underscore, which Twilio does not take"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(instructions: Instructions) -> NewCall {
        NewCall::new("+15555550101".parse().unwrap(), "+15555550100".parse().unwrap(), instructions)
    }

    fn by_url() -> NewCall {
        call(Instructions::Url("https://agent.example.com/outbound-twiml?id=1&x=a b".into()))
    }

    fn form(call: &NewCall) -> Vec<(String, String)> {
        form_urlencoded::parse(call.form().unwrap().as_bytes()).into_owned().collect()
    }

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn a_plain_call_is_to_from_and_what_to_do() {
        let written = by_url().form().unwrap();
        assert_eq!(
            written,
            "To=%2B15555550101&From=%2B15555550100\
             &Url=https%3A%2F%2Fagent.example.com%2Foutbound-twiml%3Fid%3D1%26x%3Da+b"
        );
        let twiml = form(&call(Instructions::Twiml("<Response/>".into())));
        assert_eq!(twiml[2], ("Twiml".into(), "<Response/>".into()));
    }

    #[test]
    fn everything_that_can_be_said_about_a_call_is_in_the_form() {
        let call = NewCall {
            status_callback: Some("https://agent.example.com/status".into()),
            timeout: Some(Duration::from_millis(24_100)),
            time_limit: Some(Duration::from_secs(600)),
            machine_detection: Some(MachineDetection {
                mode: DetectionMode::DetectMessageEnd,
                asynchronous: Some("https://agent.example.com/machine".into()),
                timeout: Some(Duration::from_secs(20)),
            }),
            send_digits: Some("ww1#".into()),
            caller_id: Some("+15555550102".into()),
            ..by_url()
        };
        let expected = pairs([
            ("StatusCallback", "https://agent.example.com/status"),
            ("StatusCallbackEvent", "initiated"),
            ("StatusCallbackEvent", "ringing"),
            ("StatusCallbackEvent", "answered"),
            ("StatusCallbackEvent", "completed"),
            ("MachineDetection", "DetectMessageEnd"),
            ("AsyncAmd", "true"),
            ("AsyncAmdStatusCallback", "https://agent.example.com/machine"),
            ("Timeout", "25"),
            ("TimeLimit", "600"),
            ("MachineDetectionTimeout", "20"),
            ("SendDigits", "ww1#"),
            ("CallerId", "+15555550102"),
        ]);
        assert_eq!(form(&call)[3..], expected);
    }

    #[test]
    fn detection_that_the_call_waits_for_has_no_callback() {
        let machine_detection = Some(MachineDetection::new(DetectionMode::Enable));
        let call = NewCall { machine_detection, ..by_url() };
        assert_eq!(form(&call)[3..], pairs([("MachineDetection", "Enable")]));
    }

    #[test]
    fn what_twilio_would_refuse_for_certain_is_refused_here() {
        let url = |url: &str| call(Instructions::Url(url.into()));
        let wrong = [
            (url("/outbound-twiml"), "the URL for instructions is none"),
            (url("wss://agent.example.com"), "requests http or https"),
            (url("https://my_agent.example.com"), "underscore"),
            (call(Instructions::Twiml(String::new())), "is empty"),
            (call(Instructions::Twiml("é".repeat(4001))), "has 4001 characters"),
            (NewCall { status_callback: Some("status".into()), ..by_url() }, "the status callback is none"),
            (NewCall { timeout: Some(Duration::ZERO), ..by_url() }, "ring for 0 s"),
            (NewCall { timeout: Some(Duration::from_secs(601)), ..by_url() }, "ring for 601 s"),
            (NewCall { time_limit: Some(Duration::ZERO), ..by_url() }, "no longer than 0 s"),
            (NewCall { send_digits: Some("1,2".into()), ..by_url() }, "the keys to press"),
            (NewCall { send_digits: Some("w".repeat(33)), ..by_url() }, "the keys to press"),
        ];
        for (call, said) in wrong {
            let problem = call.form().unwrap_err();
            assert!(problem.contains(said), "{problem}");
        }
        assert!(call(Instructions::Twiml("é".repeat(4000))).form().is_ok());
        let asynchronous = Some("machine".to_owned());
        let detection = MachineDetection { asynchronous, ..MachineDetection::new(DetectionMode::Enable) };
        assert!(NewCall { machine_detection: Some(detection), ..by_url() }.form().is_err());
    }
}
