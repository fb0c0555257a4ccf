//! What answers a request to Twilio's REST API: Twilio, a gateway before it, or somebody else.

use super::{fuzz, lines};
use ::twilio::number::Number;
use ::twilio::rest::RestError;
use ::twilio::rest::fuzzing::{account, call, incoming_number};
use fuzz::Target;
use std::mem::discriminant;

/// Lines: the status, the headers `date` and `retry-after`, and then the body.
#[test]
fn an_answer_of_anything_is_read_and_what_it_says_fits_into_a_log() {
    let dictionary = &[
        "\"sid\":\"CA1\"",
        "\"status\":",
        "\"code\":21220",
        "\"message\":",
        "\"more_info\":",
        "\"title\":",
        "\"detail\":",
        "\"type\":\"https://",
        "\"incoming_phone_numbers\":[",
        "\"phone_number\":\"+15555550100\"",
        "+15555550100",
        "Sun, 25 Mar 2018 09:53:19 +0000",
        "429",
        "201",
        "18446744073709551615",
    ];
    fuzz(&Target::new("rest").dictionary(dictionary), |input| {
        let mut parts = input.splitn(4, |byte| *byte == b'\n');
        let mut next = || parts.next().unwrap_or_default();
        let (status, date, pause, body) = (next(), next(), next(), next());
        let status = String::from_utf8_lossy(status).trim().parse().unwrap_or(200);
        let (date, pause) = (String::from_utf8_lossy(date), String::from_utf8_lossy(pause));
        let number: Number = "+15555550100".parse().unwrap();
        let call = call(status, &date, &pause, body);
        if let Ok(call) = &call {
            assert!(!call.sid.is_empty());
        }
        let found = incoming_number(status, body, &number);
        if let Ok(Some(found)) = &found {
            assert_eq!(found.phone_number, number);
        }
        [
            what(call.map(|call| format!("{:?} {}", discriminant(&call.status), call.duration.is_some()))),
            what(found.map(|found| format!("{:?}", found.map(|found| found.voice)))),
            what(account(status, &date, body).map(|account| format!("{}", account.date.is_some()))),
        ]
    });
}

fn what(result: Result<String, RestError>) -> String {
    let error = match result {
        Ok(kind) => return kind,
        Err(error) => error,
    };
    let said = error.to_string();
    assert!(said.len() <= 4 * 1024, "{} bytes", said.len());
    if let RestError::Refused { status, code, message, more_info, retry_after, .. } = &error {
        assert!(!message.contains(char::is_control), "{message:?}");
        let mut words = message.split(|c: char| !c.is_alphanumeric());
        let is_number = |word: &str| word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_digit());
        assert!(!words.any(is_number), "a number is shown: {message}");
        assert!(
            more_info.iter().all(|link| link.starts_with("https://") && lines(link.as_bytes()).count() == 1)
        );
        assert_ne!(*code, Some(0));
        return format!(
            "{} {} {} {}",
            status / 100,
            code.is_some(),
            more_info.is_some(),
            retry_after.is_some()
        );
    }
    format!("{:?}", discriminant(&error))
}
