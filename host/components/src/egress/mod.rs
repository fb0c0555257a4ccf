//! The network as components have it: they say what they want done, the host does it if the grant
//! allows, and tells what came of it.
//!
//! Every connection is a task of its own, which ends with exactly one `closed` or `failed`. What
//! arrives goes into the one channel of the call; when that is full the task waits, and so, by TCP,
//! does the vendor. What a component sends never waits: a queue that is full ends the connection.
//!
//! - `rules.rs`: which addresses, and which secrets go there
//! - `resolve.rs`: names to addresses, and which of those are private
//! - `websocket.rs`, `request.rs`: the two kinds of connection
//! - `scrub.rs`: a secret that a server sends back is taken out

mod request;
mod resolve;
mod rules;
mod scrub;
mod websocket;

pub(crate) use rules::{Prefix, Rules};

use crate::manifest::Limits;
use call::net::{Failure, Fault, Fetched, Head, Header, Request};
use request::Requests;
use scrub::Scrubber;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// For a name, a connection, TLS and a handshake together.
const CONNECT: Duration = Duration::from_secs(5);
/// For a server to begin or go on with its response.
const RESPONSE: Duration = Duration::from_secs(30);
/// For a server to take what it is sent.
const SEND: Duration = Duration::from_secs(10);
/// For a script's whole `fetch`.
const FETCH: Duration = Duration::from_secs(30);
/// The whole body of a script's `fetch`.
const LONGEST_FETCH: usize = 1024 * 1024;

/// Names one session of a component within a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(crate) u64);

/// What came from the network, for one of the sessions of a call.
#[derive(Debug)]
pub enum Arrival {
    /// on one of a session's connections: give it to that session
    Net { session: SessionId, event: NetEvent },
    /// a script's `fetch` is answered
    Fetched { id: u32, outcome: Result<Fetched, Failure> },
}

/// Opaque: only the session it belongs to can use it.
#[derive(Debug)]
pub struct NetEvent {
    pub(crate) connection: u32,
    pub(crate) outcome: Outcome,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    Opened,
    Head(Head),
    Frame(Frame),
    Body(Vec<u8>),
    Closed { code: u16, reason: String },
    Failed(Failure),
}

#[derive(Debug)]
pub enum Frame {
    Text(String),
    Binary(Vec<u8>),
}

/// What a component wants done.
#[derive(Debug)]
pub struct Action {
    pub(crate) connection: u32,
    pub(crate) what: What,
}

#[derive(Debug)]
pub enum What {
    Open { url: String, headers: Vec<Header>, protocols: Vec<String> },
    Request(Request),
    Send(Frame),
    Close,
}

/// The way out of one component, for all its sessions: they share its connections to servers.
#[derive(Debug)]
pub(crate) struct Egress {
    rules: Rules,
    limits: Limits,
    requests: Requests,
}

/// The connections of one session. Dropping it ends them all, websockets with a proper close.
#[derive(Debug)]
pub(crate) struct Connections {
    egress: Arc<Egress>,
    session: SessionId,
    arrivals: mpsc::Sender<Arrival>,
    open: BTreeMap<u32, Connection>,
    fetches: BTreeMap<u32, Task>,
}

#[derive(Debug)]
struct Connection {
    task: AbortHandle,
    /// to a websocket; none: a request
    outgoing: Option<mpsc::Sender<Outgoing>>,
}

impl Drop for Connection {
    /// A request is given up. A websocket is closed in its own time: its task sends what waits, and
    /// ends when nobody sends any more.
    fn drop(&mut self) {
        if self.outgoing.is_none() {
            self.task.abort();
        }
    }
}

#[derive(Debug)]
enum Outgoing {
    Frame(Frame),
    Close,
}

/// Ends with its owner.
#[derive(Debug)]
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where a connection's events go.
#[derive(Clone)]
struct Events {
    session: SessionId,
    connection: u32,
    arrivals: mpsc::Sender<Arrival>,
}

impl Events {
    /// Waits while the call has more than enough to do. An error: the call is gone.
    async fn tell(&self, outcome: Outcome) -> Result<(), Failure> {
        let event = NetEvent { connection: self.connection, outcome };
        let arrival = Arrival::Net { session: self.session, event };
        let gone = |_| Failure::new(Fault::Cancelled, "the call is over");
        self.arrivals.send(arrival).await.map_err(gone)
    }
}

impl Egress {
    pub(crate) fn new(rules: Rules, limits: Limits) -> Result<Self, reqwest::Error> {
        let requests = Requests::new(&rules)?;
        Ok(Self { rules, limits, requests })
    }

    pub(crate) fn connections(
        self: &Arc<Self>,
        session: SessionId,
        arrivals: mpsc::Sender<Arrival>,
    ) -> Connections {
        let (open, fetches) = (BTreeMap::new(), BTreeMap::new());
        Connections { egress: self.clone(), session, arrivals, open, fetches }
    }
}

impl Connections {
    /// Does what the component wants, or says what it must not want.
    pub(crate) fn perform(&mut self, action: Action) -> Result<(), String> {
        let Action { connection, what } = action;
        match what {
            What::Open { url, headers, protocols } => {
                let (to, outgoing) = mpsc::channel(self.egress.limits.queue.max(1) as usize);
                let egress = self.egress.clone();
                self.begin(connection, Some(to), move |events| async move {
                    websocket::run(&egress, &url, &headers, &protocols, outgoing, &events).await
                })
            }
            What::Request(request) => {
                let egress = self.egress.clone();
                self.begin(connection, None, move |events| async move {
                    request::run(&egress, request, &events).await
                })
            }
            // on a connection that has ended, which the component may not know yet
            What::Send(_) | What::Close if !self.open.contains_key(&connection) => Ok(()),
            What::Send(frame) => {
                let size = match &frame {
                    Frame::Text(text) => text.len(),
                    Frame::Binary(data) => data.len(),
                };
                let limit = self.egress.limits.frame();
                if size > limit {
                    return Err(format!("it sent a frame of {size} bytes, and may send {limit}"));
                }
                self.queue(connection, Outgoing::Frame(frame))
            }
            What::Close => self.queue(connection, Outgoing::Close),
        }
    }

    /// Nothing of what was begun is wanted any more.
    pub(crate) fn close_all(&mut self) {
        self.open.clear();
        self.fetches.clear();
    }

    /// A script's request; its response comes as one piece.
    pub(crate) fn fetch(&mut self, id: u32, request: Request) {
        let (egress, arrivals) = (self.egress.clone(), self.arrivals.clone());
        let task = tokio::spawn(async move {
            let timeout = || Failure::new(Fault::Timeout, "no whole response in 30 s");
            let fetched = tokio::time::timeout(FETCH, request::fetch(&egress, request, LONGEST_FETCH)).await;
            let outcome = fetched.unwrap_or_else(|_| Err(timeout()));
            // nobody is left to be told when the call is gone
            let _ = arrivals.send(Arrival::Fetched { id, outcome }).await;
        });
        self.fetches.insert(id, Task(task.abort_handle()));
    }

    pub(crate) fn cancel_fetch(&mut self, id: u32) {
        self.fetches.remove(&id);
    }

    /// An event is being given to the component: afterwards it may use the number again.
    pub(crate) fn delivered(&mut self, event: &NetEvent) {
        if matches!(event.outcome, Outcome::Closed { .. } | Outcome::Failed(_)) {
            self.open.remove(&event.connection);
        }
    }

    fn begin<F>(
        &mut self,
        connection: u32,
        outgoing: Option<mpsc::Sender<Outgoing>>,
        run: impl FnOnce(Events) -> F,
    ) -> Result<(), String>
    where
        F: Future<Output = Result<Outcome, Failure>> + Send + 'static,
    {
        if self.open.contains_key(&connection) {
            return Err(format!("it opened the connection {connection}, which is open"));
        }
        let most = self.egress.limits.connections as usize;
        if self.open.len() >= most {
            return Err(format!("it opened more than {most} connections at once"));
        }
        let events = Events { session: self.session, connection, arrivals: self.arrivals.clone() };
        let running = run(events.clone());
        let task = tokio::spawn(async move {
            let last = running.await.unwrap_or_else(Outcome::Failed);
            let _ = events.tell(last).await;
        });
        self.open.insert(connection, Connection { task: task.abort_handle(), outgoing });
        Ok(())
    }

    fn queue(&mut self, connection: u32, outgoing: Outgoing) -> Result<(), String> {
        let Some(open) = self.open.get(&connection) else { return Ok(()) };
        let closes = matches!(outgoing, Outgoing::Close);
        match &open.outgoing {
            None if closes => {}
            None => return Err(format!("it sent a frame on the request {connection}")),
            Some(queue) => match queue.try_send(outgoing) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => return Ok(()),
                // a close does not wait behind what is stuck
                Err(mpsc::error::TrySendError::Full(_)) => {}
            },
        }
        // given up here: the task can no longer tell, so the end is told for it
        let outcome = if closes {
            Outcome::Closed { code: if open.outgoing.is_some() { 1006 } else { 0 }, reason: String::new() }
        } else {
            Outcome::Failed(Failure::new(Fault::TooLarge, "the server does not take what it is sent"))
        };
        open.task.abort();
        let (session, arrivals) = (self.session, self.arrivals.clone());
        tokio::spawn(async move {
            let _ = Events { session, connection, arrivals }.tell(outcome).await;
        });
        Ok(())
    }
}

/// TLS with the roots that Mozilla trusts.
fn tls(alpn: &[&[u8]]) -> rustls::ClientConfig {
    static BASE: OnceLock<rustls::ClientConfig> = OnceLock::new();
    let base = BASE.get_or_init(|| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(rustls::DEFAULT_VERSIONS);
        // the versions are those that the provider has
        #[allow(clippy::expect_used)]
        let builder = builder.expect("ring serves TLS 1.2 and 1.3");
        builder.with_root_certificates(roots).with_no_client_auth()
    });
    let mut config = base.clone();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config
}

/// Headers that a component may set, as they go out: without those that steer the connection, and
/// with the secrets in place of what it set under their names.
fn headers(
    set: &[Header],
    injected: &[(&reqwest::header::HeaderName, &reqwest::header::HeaderValue)],
) -> Result<reqwest::header::HeaderMap, Failure> {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    const STEERING: [&str; 8] =
        ["host", "connection", "upgrade", "content-length", "transfer-encoding", "te", "trailer", "expect"];
    let mut headers = HeaderMap::new();
    headers.insert(reqwest::header::USER_AGENT, HeaderValue::from_static("cordboard"));
    for Header { name, value } in set {
        let wrong = || Failure::new(Fault::Protocol, format!("{name:?} is no header"));
        let name = HeaderName::try_from(name.as_str()).map_err(|_| wrong())?;
        let value = HeaderValue::try_from(value.as_str()).map_err(|_| wrong())?;
        let steers = STEERING.contains(&name.as_str())
            || name.as_str().starts_with("sec-websocket-")
            || name.as_str().starts_with("proxy-");
        if !steers {
            headers.append(name, value);
        }
    }
    for (name, value) in injected {
        headers.insert(*name, (*value).clone());
    }
    Ok(headers)
}

/// The headers of a response, as a component sees them.
fn seen(headers: &reqwest::header::HeaderMap, scrubber: &Scrubber) -> Vec<Header> {
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| Header { name: name.to_string(), value: scrubber.text(text(value)) })
        .collect()
}
