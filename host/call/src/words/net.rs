//! Requests as data (`wit/net.wit`): the part that a script's `fetch` uses.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<Header>,
    pub body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    pub headers: Vec<Header>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Forbidden,
    Unreachable,
    Refused,
    Timeout,
    TooLarge,
    Protocol,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub fault: Fault,
    /// the HTTP status where the handshake was refused; otherwise 0
    pub code: u16,
    pub message: String,
    pub headers: Vec<Header>,
}

impl Failure {
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, code: 0, message: message.into(), headers: Vec::new() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            Fault::Forbidden => "forbidden",
            Fault::Unreachable => "unreachable",
            Fault::Refused => "refused",
            Fault::Timeout => "timeout",
            Fault::TooLarge => "too large",
            Fault::Protocol => "protocol",
            Fault::Cancelled => "cancelled",
        };
        write!(f, "{fault}: {}", self.message)
    }
}

/// A whole response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub head: Head,
    pub body: Vec<u8>,
}
