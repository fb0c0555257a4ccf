//! Answers of Twilio, for `host/fuzz`: nothing is asked and nothing is sent.

use super::account::{Account, IncomingNumber};
use super::call::Call;
use super::error::RestError;
use super::sending::{Answer, pause};
use crate::number::Number;
use crate::webhook::time;
use reqwest::StatusCode;

/// What becomes of this answer to something about a call. The texts are the headers.
pub fn call(status: u16, date: &str, retry_after: &str, body: &[u8]) -> Result<Call, RestError> {
    Call::read(answer(status, date, retry_after, body)?)
}

pub fn account(status: u16, date: &str, body: &[u8]) -> Result<Account, RestError> {
    Account::read(answer(status, date, "", body)?)
}

pub fn incoming_number(
    status: u16,
    body: &[u8],
    number: &Number,
) -> Result<Option<IncomingNumber>, RestError> {
    IncomingNumber::find(answer(status, "", "", body)?, number)
}

fn answer(status: u16, date: &str, retry_after: &str, body: &[u8]) -> Result<Answer, RestError> {
    let doing = "asking".to_owned();
    let status = StatusCode::from_u16(status).unwrap_or_default();
    let date = time(date);
    if !status.is_success() {
        return Err(RestError::refused(doing, status, pause(retry_after, date), body));
    }
    let status = status.as_u16();
    match serde_json::from_slice(body) {
        Ok(json) => Ok(Answer { doing, status, date, json }),
        Err(e) => Err(RestError::Unreadable { doing, status, reason: e.to_string() }),
    }
}
