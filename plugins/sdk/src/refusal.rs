//! A response that says no, and why: what vendors and the servers that imitate them put into it.

use crate::{Cause, Failure, Head};
use serde_json::Value;

/// So much of its body is read for its message.
const LONGEST: usize = 16 * 1024;
/// So much of a body that is not JSON is quoted.
const QUOTED: usize = 200;

/// A response whose status is no success. Its body comes in pieces.
#[derive(Clone, Debug)]
pub struct Refusal {
    head: Head,
    body: Vec<u8>,
}

impl Refusal {
    /// The head of a response that is a success is given back.
    pub fn new(head: Head) -> Result<Self, Head> {
        match crate::cause_of_status(head.status) {
            Some(_) => Ok(Self { head, body: Vec::new() }),
            None => Err(head),
        }
    }

    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// More of its body.
    pub fn push(&mut self, piece: &[u8]) {
        let room = LONGEST.saturating_sub(self.body.len());
        self.body.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// What it means for the one who asked. Too little money looks like too many requests, but does
    /// not pass.
    pub fn failure(&self) -> Failure {
        let body = String::from_utf8_lossy(&self.body);
        let (code, message) =
            error(&body).unwrap_or_else(|| (String::new(), body.chars().take(QUOTED).collect()));
        let cause = match code.as_str() {
            "insufficient_quota" | "billing_hard_limit_reached" => Cause::Denied,
            _ => crate::cause_of_status(self.head.status).unwrap_or(Cause::Garbled),
        };
        Failure {
            cause,
            message: format!("status {}: {message}", self.head.status),
            retry_after: crate::retry_after(&self.head.headers),
        }
    }
}

/// Code and message out of the body of an error, in the shapes that servers use.
pub fn error(body: &str) -> Option<(String, String)> {
    let body: Value = serde_json::from_str(body).ok()?;
    let error = body.get("error")?;
    let field = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(match error {
        Value::String(message) => (String::new(), message.clone()),
        _ => (field("code"), field("message")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Header;

    fn failure(status: u16, body: &str) -> Failure {
        let headers = vec![Header { name: "Retry-After".into(), value: "3".into() }];
        let mut refusal = Refusal::new(Head { status, headers }).unwrap();
        for piece in body.as_bytes().chunks(7) {
            refusal.push(piece);
        }
        refusal.failure()
    }

    #[test]
    fn a_refusal_says_what_the_vendor_said_and_when_to_come_back() {
        let denied = failure(401, r#"{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}"#);
        assert_eq!(denied.message, "status 401: Incorrect API key");
        assert_eq!((denied.cause, denied.retry_after), (Cause::Denied, Some(3000)));
        assert_eq!(failure(400, r#"{"error":"no such voice"}"#).message, "status 400: no such voice");
        assert_eq!(failure(503, "<html>").message, "status 503: <html>");
        assert_eq!(failure(500, &"x".repeat(100_000)).message.len(), "status 500: ".len() + QUOTED);
    }

    #[test]
    fn no_money_is_not_too_many_requests() {
        let quota = r#"{"error":{"message":"You have no money","code":"insufficient_quota"}}"#;
        assert_eq!(failure(429, quota).cause, Cause::Denied);
        assert_eq!(failure(429, "slow").cause, Cause::Busy);
    }

    #[test]
    fn a_success_is_no_refusal() {
        assert_eq!(Refusal::new(Head { status: 200, headers: vec![] }).unwrap_err().status, 200);
    }
}
