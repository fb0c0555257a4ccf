//! What may be wrong with a vendor, on purpose.
//!
//! A fault takes effect only on what the vendor would otherwise serve: a wrong key is refused as
//! ever. A breach of the protocol that a fault provokes (a client that gives up on a silent server
//! does not say goodbye) is not held against the client.

use axum::http::HeaderValue;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// What is wrong with a vendor.
///
/// | fault | Deepgram (a connection) | Cartesia (a connection) | OpenAI (a request) |
/// |---|---|---|---|
/// | `Silent` | accepts and hears, never says anything | the same | no response at all |
/// | `Slow` | every message comes later | the same | the response begins later |
/// | `Garbage` | other bytes and texts, at once and in place of every message | the same | 200 with a body that is something else |
/// | `CloseMidWord` | the connection breaks after the first interim, or in place of the first final | after half of the first piece's audio | the body breaks off in its middle |
/// | `Refuse` | the handshake is refused | the handshake; on an open connection, each new context | the request is refused |
/// | `Flood` | [`FLOOD`] interims where the first one is due, if any are wanted | [`FLOOD_OF_AUDIO`] with the first piece of each context | [`FLOOD`] tokens or words, [`FLOOD_OF_AUDIO`] of speech |
/// | `Twice` | every final with words comes twice | – | – |
/// | `InTwo` | every final of two words and more comes as two | – | – |
/// | `Late` | finals with words come later, and what follows them too | – | transcriptions come later |
/// | `Nothing` | voices are noticed, words are not | `done` without audio | an answer without text, without audio |
/// | `Error` | the vendor's error in place of every message, then it closes | in answer to every context | 200, and the error as the only event |
/// | `MidWord` | all is well until the first interim, then `Silent`, `Garbage` or `Error` | until half of the first piece's audio | until half of the body |
///
/// – : the fault makes no sense there and has no effect. "Breaks" is without a close frame or an end
/// of the body, as when a machine goes down.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    Silent,
    /// Added before every answer.
    Slow(Duration),
    Garbage,
    CloseMidWord,
    /// With the vendor's body and headers; `retry_after` is told in whole seconds.
    Refuse {
        status: u16,
        retry_after: Option<Duration>,
    },
    Flood,
    Twice,
    InTwo,
    Late(Duration),
    Nothing,
    Error,
    MidWord(Turn),
}

/// What becomes of an answer that has begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Turn {
    /// Nothing more comes of it, and nothing else on its connection.
    Silent,
    Garbage,
    /// The vendor says that something went wrong there.
    Error,
}

/// What happens to every WebSocket that is open, at once, whatever goes on in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Blow {
    /// It breaks, without a close frame.
    Break,
    /// The vendor closes it, as when it restarts.
    Close,
    Garbage,
    /// The vendor says that something went wrong.
    Error,
}

/// How many messages or words a flood has.
pub const FLOOD: usize = 20_000;
/// How much audio a flood has.
pub const FLOOD_OF_AUDIO: Duration = Duration::from_secs(600);

/// Texts that are no message of any vendor …
pub(crate) const GARBAGE_TEXTS: [&str; 4] =
    ["<html><body>502 Bad Gateway</body></html>", "{\"type\":", "[1, 2, 3]", "{\"type\": 7, \"data\": {}}"];
/// … and bytes that are not even text.
pub(crate) const GARBAGE_BYTES: &[u8] = b"\x00\xff\xfe\x80garbage\xc3\x28\xf0\x9f";

/// As the program takes them: `silent`, `slow:MS`, `garbage`, `close`, `refuse:STATUS[:SECONDS]`,
/// `flood`, `twice`, `in-two`, `late:MS`, `nothing`, `error`, `mid-word:silent|garbage|error`.
impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(turn) = text.strip_prefix("mid-word:") {
            return Ok(Self::MidWord(match turn {
                "silent" => Turn::Silent,
                "garbage" => Turn::Garbage,
                "error" => Turn::Error,
                other => {
                    return Err(format!(
                        "`mid-word` is followed by silent, garbage or error, not by `{other}`"
                    ));
                }
            }));
        }
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let mut number = |what: &str| {
            let part = parts.next().map(str::parse::<u64>).transpose();
            part.map_err(|_| format!("`{text}`: the {what} should be a whole number"))
        };
        let needed = |value: Option<u64>, what: &str| {
            value.map(Duration::from_millis).ok_or_else(|| format!("`{name}` needs {what}: `{name}:500`"))
        };
        let fault = match name {
            "silent" => Self::Silent,
            "slow" => Self::Slow(needed(number("time")?, "milliseconds")?),
            "garbage" => Self::Garbage,
            "close" => Self::CloseMidWord,
            "refuse" => {
                let status = number("status")?.and_then(|status| u16::try_from(status).ok());
                let status = status.filter(|status| (400..600).contains(status));
                let status = status.ok_or("`refuse` needs a status of 400 to 599: `refuse:429`")?;
                Self::Refuse { status, retry_after: number("time")?.map(Duration::from_secs) }
            }
            "flood" => Self::Flood,
            "twice" => Self::Twice,
            "in-two" => Self::InTwo,
            "late" => Self::Late(needed(number("time")?, "milliseconds")?),
            "nothing" => Self::Nothing,
            "error" => Self::Error,
            other => {
                return Err(format!(
                    "there is no fault `{other}`; there are silent, slow:MS, garbage, close, \
                     refuse:STATUS[:SECONDS], flood, twice, in-two, late:MS, nothing, error and \
                     mid-word:silent|garbage|error"
                ));
            }
        };
        match parts.next() {
            Some(more) => Err(format!("`{text}`: there is nothing for `{more}` to say")),
            None => Ok(fault),
        }
    }
}

/// The faults that a server is to have.
pub(crate) struct Faults {
    wanted: Mutex<Wanted>,
    blows: watch::Sender<Option<Blow>>,
}

enum Wanted {
    /// Everything has it, from now on.
    Always(Option<Fault>),
    /// So many more connections have it.
    Times(Fault, usize),
}

impl Faults {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        Self { wanted: Mutex::new(Wanted::Always(fault)), blows: watch::Sender::new(None) }
    }

    pub(crate) fn strike(&self, blow: Blow) {
        self.blows.send_replace(Some(blow));
    }

    pub(crate) fn set(&self, fault: Option<Fault>) {
        self.with(|wanted| *wanted = Wanted::Always(fault));
    }

    pub(crate) fn set_times(&self, fault: Fault, times: usize) {
        self.with(|wanted| *wanted = Wanted::Times(fault, times));
    }

    /// A connection or request begins.
    pub(crate) fn begin(faults: &Arc<Self>) -> Condition {
        let own = faults.with(|wanted| match wanted {
            Wanted::Times(fault, times) if *times > 0 => {
                *times -= 1;
                Some(fault.clone())
            }
            _ => None,
        });
        Condition { own, faults: faults.clone(), blows: faults.blows.subscribe() }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Wanted) -> T) -> T {
        // nothing that could panic happens under the lock
        change(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is wrong with one connection or request.
#[derive(Clone)]
pub(crate) struct Condition {
    /// One of a number of times.
    own: Option<Fault>,
    faults: Arc<Faults>,
    blows: watch::Receiver<Option<Blow>>,
}

impl Condition {
    /// Waits for the next blow that this connection takes.
    pub(crate) async fn struck(&mut self) -> Blow {
        loop {
            // whoever would strike is kept by this condition itself
            if self.blows.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            if let Some(blow) = *self.blows.borrow_and_update() {
                return blow;
            }
        }
    }

    pub(crate) fn fault(&self) -> Option<Fault> {
        self.own.clone().or_else(|| {
            self.faults.with(|wanted| match wanted {
                Wanted::Always(fault) => fault.clone(),
                Wanted::Times(..) => None,
            })
        })
    }
}

/// The value of `retry-after`.
pub(crate) fn retry_after(time: Duration) -> HeaderValue {
    HeaderValue::from(time.as_millis().div_ceil(1000) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_written_as_the_program_takes_it() {
        let parse = |text: &str| text.parse::<Fault>();
        assert_eq!(parse("slow:250"), Ok(Fault::Slow(Duration::from_millis(250))));
        assert_eq!(parse("refuse:503"), Ok(Fault::Refuse { status: 503, retry_after: None }));
        let busy = Fault::Refuse { status: 429, retry_after: Some(Duration::from_secs(2)) };
        assert_eq!(parse("refuse:429:2"), Ok(busy));
        assert_eq!(parse("in-two"), Ok(Fault::InTwo));
        assert_eq!(parse("mid-word:error"), Ok(Fault::MidWord(Turn::Error)));
        for wrong in
            ["slow", "slow:soon", "refuse", "refuse:200", "silent:1", "loud", "refuse:429:2:1", "mid-word"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_fault_that_comes_a_few_times_spares_what_is_open_and_what_comes_after() {
        let faults = Arc::new(Faults::new(None));
        let open = Faults::begin(&faults);
        faults.set_times(Fault::Silent, 1);
        let struck = Faults::begin(&faults);
        let after = Faults::begin(&faults);
        assert_eq!([&open, &struck, &after].map(Condition::fault), [None, Some(Fault::Silent), None]);
        faults.set(Some(Fault::Garbage));
        assert_eq!(open.fault(), Some(Fault::Garbage), "what is open is not spared by a lasting one");
        assert_eq!(struck.fault(), Some(Fault::Silent));
        faults.set(None);
        assert_eq!([open, after].map(|c| c.fault()), [None, None]);
    }
}
