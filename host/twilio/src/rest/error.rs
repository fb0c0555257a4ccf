//! What can go wrong when Twilio is asked, sorted by what to do about it.

use crate::number::masked;
use crate::rest::codes::meaning;
use reqwest::StatusCode;
use serde_json::Value;
use std::time::Duration;

const NOT_TWICE: &str = "never ask for the same call twice";

/// Who reads one needs to know first of all whether anything was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestError {
    /// Found out here: what was asked for cannot be right. Nothing was sent.
    #[error("{doing}: {problem}")]
    Invalid { doing: String, problem: String },
    /// Twilio answered, and did not do it; with a 5xx it [may have](Self::may_have_been_done).
    #[error("{doing}: {}", refusal(*status, *code, message, more_info.as_deref(), *retry_after))]
    Refused {
        doing: String,
        status: u16,
        /// Twilio's own; see [`meaning`].
        code: Option<u32>,
        /// In Twilio's words, with numbers masked.
        message: String,
        more_info: Option<String>,
        retry_after: Option<Duration>,
    },
    /// It never left this machine: safe to try again.
    #[error(
        "{doing}: Twilio was not reached, and nothing was sent: {reason}; check the network, and the address \
         of Twilio if one is set, then try again"
    )]
    NotSent { doing: String, reason: String },
    /// It may have been done, or not. A call that was asked for must not be asked for again: it may be
    /// ringing.
    #[error("{doing}: Twilio gave no answer, and may have done it: {reason}; {NOT_TWICE}")]
    OutcomeUnknown { doing: String, reason: String },
    /// Twilio did it, and what it answered is not understood.
    #[error("{doing}: Twilio agreed with {status}, and its answer is not understood: {reason}")]
    Unreadable { doing: String, status: u16, reason: String },
}

impl RestError {
    /// Not certain that nothing was done. Whoever asked for a call must not ask for it again.
    pub fn may_have_been_done(&self) -> bool {
        match self {
            Self::Invalid { .. } | Self::NotSent { .. } => false,
            Self::Refused { status, .. } => *status >= 500,
            Self::OutcomeUnknown { .. } | Self::Unreadable { .. } => true,
        }
    }

    /// There is no such call, or number, or account.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. } | Self::Refused { code: Some(20404), .. })
    }

    /// The call has ended, and what was asked for came too late. Twilio says the same of a call that is to
    /// go elsewhere and was not answered yet.
    pub fn is_over(&self) -> bool {
        self.code() == Some(21220)
    }

    /// The account, the key or their secret is wrong.
    pub fn is_authentication(&self) -> bool {
        matches!(self, Self::Refused { status: 401, .. } | Self::Refused { code: Some(20003), .. })
    }

    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Refused { code, .. } => *code,
            _ => None,
        }
    }

    /// How long Twilio wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Of a response that is no success. Both shapes of Twilio's errors are read, the older one
    /// (`code`, `message`, `more_info`) and RFC 9457 (`title`, `detail`, `type`).
    pub(super) fn refused(
        doing: String,
        status: StatusCode,
        retry_after: Option<Duration>,
        body: &[u8],
    ) -> Self {
        let json = serde_json::from_slice::<Value>(body).ok().filter(Value::is_object);
        let (code, message, more_info) = match &json {
            Some(json) => (code(json), message(json), more_info(json)),
            None => (None, plain(body), None),
        };
        let message = match message {
            Some(message) => hide_numbers(&one_line(&message)),
            None => status.canonical_reason().unwrap_or("no reason given").to_owned(),
        };
        Self::Refused { doing, status: status.as_u16(), code, message, more_info, retry_after }
    }
}

fn code(json: &Value) -> Option<u32> {
    let code = json.get("code")?;
    let number = code.as_u64().or_else(|| code.as_str()?.trim().parse().ok());
    number.and_then(|number| number.try_into().ok()).filter(|code| *code != 0)
}

fn text<'a>(json: &'a Value, name: &str) -> Option<&'a str> {
    json.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

fn message(json: &Value) -> Option<String> {
    if let Some(message) = text(json, "message") {
        return Some(message.to_owned());
    }
    match (text(json, "title"), text(json, "detail")) {
        (Some(title), Some(detail)) => Some(format!("{title}: {detail}")),
        (title, detail) => title.or(detail).map(str::to_owned),
    }
}

fn more_info(json: &Value) -> Option<String> {
    let link = |name| text(json, name).filter(|text| text.starts_with("https://"));
    link("more_info").or_else(|| link("type")).map(one_line)
}

/// What a gateway says that is not Twilio's API. A page says nothing that its status does not.
fn plain(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    (!text.is_empty() && !text.starts_with(['<', '{', '['])).then(|| text.to_owned())
}

/// For a line of a log.
fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(300).collect()
}

/// Twilio's words name the number that was called; a log must not.
fn hide_numbers(text: &str) -> String {
    let mut hidden = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_alphanumeric()) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c: char| !c.is_alphanumeric()).unwrap_or(from.len()));
        // a word with letters is an id
        let is_number = word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_digit());
        match before.strip_suffix('+') {
            Some(before) if is_number => hidden.extend([before, masked(&format!("+{word}")).as_str()]),
            _ if is_number => hidden.extend([before, masked(word).as_str()]),
            _ => hidden.extend([before, word]),
        }
        rest = after;
    }
    hidden + rest
}

fn refusal(
    status: u16,
    code: Option<u32>,
    message: &str,
    more_info: Option<&str>,
    retry_after: Option<Duration>,
) -> String {
    let failed = status >= 500;
    let mut text = format!("Twilio {} with {status}", if failed { "failed" } else { "refused" });
    if let Some(code) = code {
        text += &format!(" (error {code})");
    }
    text += ": ";
    text += message.trim_end_matches('.');
    if let Some(meaning) = code.and_then(meaning) {
        text += &format!("; {meaning}");
    } else if let Some(more_info) = more_info {
        text += &format!("; see {more_info}");
    }
    if failed {
        text += &format!("; it may have been done all the same: {NOT_TWICE}");
    } else if let Some(pause) = retry_after.filter(|pause| !pause.is_zero()) {
        text += &format!("; Twilio asks for a pause of {} s", crate::whole_seconds(pause));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> RestError {
        let status = StatusCode::from_u16(status).unwrap();
        RestError::refused("calling +1555***0101".into(), status, None, body.as_bytes())
    }

    fn parts(error: &RestError) -> (Option<u32>, &str, Option<&str>) {
        let RestError::Refused { code, message, more_info, .. } = error else { panic!("{error:?}") };
        (*code, message, more_info.as_deref())
    }

    #[test]
    fn the_older_shape_is_read_and_says_what_to_do() {
        let error = refused(
            400,
            r#"{"code":21211,"message":"The 'To' number +15555550101 is not a valid phone number.",
                "more_info":"https://www.twilio.com/docs/errors/21211","status":400}"#,
        );
        let (code, message, more_info) = parts(&error);
        assert_eq!(code, Some(21211));
        assert_eq!(message, "The 'To' number +1555***0101 is not a valid phone number.");
        assert_eq!(more_info, Some("https://www.twilio.com/docs/errors/21211"));
        let shown = error.to_string();
        assert!(
            shown.starts_with("calling +1555***0101: Twilio refused with 400 (error 21211): The"),
            "{shown}"
        );
        assert!(shown.contains(meaning(21211).unwrap()), "{shown}");
    }

    #[test]
    fn the_newer_shape_is_read_too() {
        let body = r#"{"type":"https://www.twilio.com/docs/errors/20404","title":"Not found",
                       "status":404,"code":"20404","detail":"no call with that SID"}"#;
        let error = refused(404, body);
        assert_eq!(parts(&error).0, Some(20404));
        assert_eq!(parts(&error).1, "Not found: no call with that SID");
        assert_eq!(parts(&error).2, Some("https://www.twilio.com/docs/errors/20404"));
        assert!(error.is_not_found());
        let bare = refused(400, r#"{"type":"about:blank","title":"Bad request","code":null}"#);
        assert_eq!(parts(&bare), (None, "Bad request", None));
    }

    #[test]
    fn what_is_no_json_is_a_refusal_all_the_same() {
        assert_eq!(parts(&refused(502, "<html><h1>502</h1></html>")), (None, "Bad Gateway", None));
        assert_eq!(
            parts(&refused(503, "upstream\n  connect\u{7} error ")),
            (None, "upstream connect error", None)
        );
        assert_eq!(parts(&refused(500, "")), (None, "Internal Server Error", None));
        assert_eq!(parts(&refused(500, "{\"code\":2")), (None, "Internal Server Error", None));
        assert_eq!(parts(&refused(500, "[1]")), (None, "Internal Server Error", None));
        assert_eq!(
            parts(&refused(500, "{\"code\":-1,\"message\":\" \"}")),
            (None, "Internal Server Error", None)
        );
    }

    #[test]
    fn who_asks_what_kind_it_is_is_told() {
        assert!(refused(401, r#"{"code":20003,"message":"Authenticate"}"#).is_authentication());
        assert!(refused(401, "").is_authentication());
        assert!(refused(404, "").is_not_found());
        let over = refused(400, r#"{"code":21220,"message":"Call is not in-progress. Cannot redirect."}"#);
        assert!(over.is_over() && !over.is_not_found() && !over.is_authentication());
        assert!(!refused(400, "").is_over());
        let lost = RestError::OutcomeUnknown { doing: String::new(), reason: String::new() };
        assert!(!lost.is_over() && !lost.is_not_found() && !lost.is_authentication());
    }

    #[test]
    fn whether_it_may_have_been_done_is_said_where_it_matters() {
        let lost = RestError::OutcomeUnknown { doing: "calling".into(), reason: "reset".into() };
        let unread = RestError::Unreadable { doing: "calling".into(), status: 201, reason: "cut".into() };
        for error in [lost, unread, refused(500, ""), refused(504, "<html>")] {
            assert!(error.may_have_been_done(), "{error}");
        }
        let unsent = RestError::NotSent { doing: "calling".into(), reason: "refused".into() };
        for error in [unsent, refused(429, ""), refused(400, ""), refused(307, "")] {
            assert!(!error.may_have_been_done(), "{error}");
        }
        let failed = refused(502, "").to_string();
        assert_eq!(
            failed,
            "calling +1555***0101: Twilio failed with 502: Bad Gateway; it may have been done all the same: never \
             ask for the same call twice"
        );
    }

    #[test]
    fn a_number_in_twilios_words_is_masked_and_an_id_is_not() {
        assert_eq!(
            hide_numbers("call +15555550101, not 15555550102."),
            "call +1555***0101, not 1555***0102."
        );
        assert_eq!(
            hide_numbers("CA00000000000000000000000000000001 (21211)"),
            "CA00000000000000000000000000000001 (21211)"
        );
        assert_eq!(hide_numbers(""), "");
        assert_eq!(hide_numbers("+"), "+");
        assert_eq!(hide_numbers("é + 1234567"), "é + ***");
    }
}
