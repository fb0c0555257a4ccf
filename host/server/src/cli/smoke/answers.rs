//! What routes answer, and whether that is as it should be; if not, what to do.

use caller::{CallError, Outcome};
use serde_json::Value;

pub struct Answer {
    pub status: u16,
    /// its content type
    pub kind: String,
    pub text: String,
    /// null: it is none
    pub json: Value,
}

/// A word on what was found, or what is wrong.
pub type Judged = Result<String, Wrong>;
pub type Judge = fn(&Answer) -> Judged;

pub struct Wrong {
    pub found: String,
    pub advice: String,
}

impl Wrong {
    pub fn new(found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { found: found.into(), advice: advice.into() }
    }
}

impl Answer {
    fn field(&self, name: &str) -> &str {
        self.json.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// In the words of whoever answered, on one line.
    fn detail(&self) -> String {
        let said = Some(self.field("detail")).filter(|detail| !detail.is_empty()).unwrap_or(&self.text);
        let words: Vec<&str> = said.split_whitespace().collect();
        words.join(" ").chars().take(160).collect()
    }

    /// It is not what was wanted, and what that most probably means.
    fn wrong(&self, wanted: &str) -> Wrong {
        let advice = match self.status {
            401 | 403 => {
                "the server is configured otherwise than this command (TWILIO_AUTH_TOKEN, PUBLIC_URL, \
                 CORDBOARD_API_KEY): run it with the server's own configuration, in its folder or with --config"
            }
            404 | 405 | 415 => {
                "something else answers there, or a proxy between changes paths or methods; or the server has \
                 another version than this command: /health says which"
            }
            429 => "too many requests came from here: wait a minute, and try again",
            500.. => "look at the server's log of this moment",
            _ => "the server has another version than this command, or something else answers there",
        };
        Wrong::new(format!("wanted: {wanted}; {}", self.detail()), advice)
    }

    /// A refusal that says why.
    pub fn refused(&self, status: u16) -> Judged {
        match self.status == status && !self.field("detail").is_empty() {
            true => Ok(self.detail()),
            false => Err(self.wrong(&format!("{status}, with a detail"))),
        }
    }
}

pub fn health(answer: &Answer) -> Judged {
    let version = answer.field("version");
    match (answer.status, answer.field("status")) {
        (200, "healthy") => Ok(format!("healthy, version {version}")),
        (200, "stopping") => Err(Wrong::new("about to stop", "try again when the server is back")),
        (200, "degraded") => {
            let services = answer.json.get("services").and_then(Value::as_object).into_iter().flatten();
            let failing = services.filter_map(|(name, service)| {
                let reason = service.get("trouble")?.get("reason")?.as_str()?;
                Some(format!("{name}: {reason}"))
            });
            let found = format!("degraded; {}", failing.collect::<Vec<_>>().join("; "));
            let advice = "a service failed when it was needed last: check its key, its account and the way to \
                          it; the next call that it serves clears this";
            Err(Wrong::new(found, advice))
        }
        _ => Err(answer.wrong("200, with the health of a Cordboard")),
    }
}

pub fn ready(answer: &Answer) -> Judged {
    match answer.json.get("ready").and_then(Value::as_bool) {
        Some(true) if answer.status == 200 => Ok("takes calls".into()),
        Some(false) => Err(Wrong::new(answer.detail(), "try again when the server is back")),
        _ => Err(answer.wrong("200, with `ready`")),
    }
}

pub fn description(answer: &Answer) -> Judged {
    let paths = answer.json.get("paths").and_then(Value::as_object);
    match paths.filter(|paths| paths.contains_key("/outbound")) {
        Some(paths) => Ok(format!("{} paths", paths.len())),
        None => Err(answer.wrong("200, with an OpenAPI description")),
    }
}

pub fn page(answer: &Answer) -> Judged {
    match answer.status == 200 && answer.kind.starts_with("text/html") {
        true => Ok(String::new()),
        false => Err(answer.wrong("200, with a page")),
    }
}

/// The route of a stream, asked for without a WebSocket.
pub fn no_socket(answer: &Answer) -> Judged {
    match (400..500).contains(&answer.status) && answer.field("detail").contains("WebSocket") {
        true => Ok(answer.detail()),
        false => Err(answer.wrong("a refusal: streams connect by WebSocket")),
    }
}

pub fn nothing(answer: &Answer) -> Judged {
    if answer.status == 204 { Ok(String::new()) } else { Err(answer.wrong("204")) }
}

pub fn document(answer: &Answer) -> Judged {
    match answer.status == 200 && answer.kind.starts_with("text/xml") && answer.text.contains("<Response") {
        true => Ok("TwiML".into()),
        false => Err(answer.wrong("200, with TwiML")),
    }
}

/// A document that opens our stream. Where it leads is shown without the token in it.
pub fn stream(answer: &Answer) -> Judged {
    document(answer)?;
    if answer.text.contains("<Reject") {
        let advice = "the server has as many calls as it may carry (`server.calls`), or is about to stop: try \
                      again when some have ended";
        return Err(Wrong::new("busy", advice));
    }
    let url = answer.text.split_once("<Stream").and_then(|(_, rest)| rest.split_once("url=\""));
    let url = url.and_then(|(_, rest)| rest.split('"').next()).and_then(|url| url::Url::parse(url).ok());
    match url.filter(|url| matches!(url.scheme(), "ws" | "wss")) {
        Some(url) => Ok(format!("a stream to {}://{}", url.scheme(), url.authority())),
        None => Err(answer.wrong("TwiML with a stream")),
    }
}

pub fn unsigned(answer: &Answer) -> Judged {
    if answer.status == 403 {
        return Ok("refused, as it should be".into());
    }
    let advice = "the server does not check that it is Twilio who asks: start it with the TWILIO_AUTH_TOKEN \
                  that is set here, and without CORDBOARD_SIGNATURES=false";
    Err(Wrong::new("answered, though nothing says that it is Twilio's", advice))
}

/// With a key one of these is right, without one a refusal.
pub fn guarded(allowed: bool, wanted: &'static [u16]) -> impl FnOnce(&Answer) -> Judged {
    move |answer: &Answer| match (allowed, answer.status) {
        (true, 200) if wanted.contains(&200) => Ok(String::new()),
        (true, status) if wanted.contains(&status) => answer.refused(status),
        (true, _) => {
            let wanted: Vec<String> = wanted.iter().map(u16::to_string).collect();
            Err(answer.wrong(&wanted.join(" or ")))
        }
        (false, 401 | 403) => Ok("refused, as it should be without a key".into()),
        (false, _) => {
            let advice = "the server answers this to whoever reaches it: start it with TWILIO_AUTH_TOKEN and \
                          CORDBOARD_API_KEY, or keep others from reaching it";
            Err(Wrong::new("answered without a key", advice))
        }
    }
}

/// How the call went. One with a long greeting is hung up in its middle, which is as good.
pub fn held(outcome: Result<Outcome, CallError>) -> Judged {
    let see = "look at the server's log of this call; `cordboard call` shows one as it goes";
    let outcome = outcome.map_err(|error| Wrong::new(error.to_string(), see))?;
    if let Some(warning) = outcome.warnings.first() {
        return Err(Wrong::new(format!("Twilio would not take this: {warning}"), see));
    }
    let heard = outcome.heard.as_secs_f64();
    match (Outcome { left: 0, ..outcome }).problem() {
        Some(problem) => Err(Wrong::new(problem, see)),
        None => Ok(format!("the agent was heard for {heard:.1} s")),
    }
}
