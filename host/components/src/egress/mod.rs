//! The network as components have it: they say what they want done, the host does it if the grant
//! allows, and tells what came of it.
//!
//! Every connection is a task of its own, which ends with exactly one `closed` or `failed`. What
//! arrives goes into the one channel of the call; when that is full the task waits, and so, by TCP,
//! does the vendor. What a component sends never waits: a queue that is full ends the connection. Both
//! ways, what waits is bounded in bytes for all connections of a session together.
//!
//! - `rules.rs`: which addresses, and which secrets go there
//! - `resolve.rs`: names to addresses, and which of those are private
//! - `websocket.rs`, `request.rs`: the two kinds of connection
//! - `fetches.rs`: a script's requests
//! - `headers.rs`, `scrub.rs`: what goes out and comes back, and a secret that comes back is taken out

mod fetches;
pub mod fuzzing;
mod headers;
mod request;
mod resolve;
mod rules;
mod scrub;
#[cfg(test)]
mod tests;
mod websocket;

pub(crate) use headers::steers;
pub(crate) use rules::{Prefix, Rules};

use crate::manifest::Limits;
use call::net::{Failure, Fault, Fetched, Head, Header, Request};
use fetches::Fetches;
use request::Requests;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::AbortHandle;

/// For a name, a connection, TLS and a handshake together.
const CONNECT: Duration = Duration::from_secs(5);
/// For a server to begin or go on with its response.
const RESPONSE: Duration = Duration::from_secs(30);
/// For a server to take what it is sent; and for all that waits, once nothing more will come.
const SEND: Duration = Duration::from_secs(10);

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
    /// which of those that had this number
    serial: u64,
    /// its share of what may wait to be told
    _waits: Option<OwnedSemaphorePermit>,
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
    /// connections begun so far
    begun: u64,
    fetches: Fetches,
    /// bytes that may still wait to be sent
    outbox: Arc<Semaphore>,
    /// bytes that may still wait to be told
    inbox: Arc<Semaphore>,
}

/// In use until its end was told.
#[derive(Debug)]
struct Connection {
    serial: u64,
    task: AbortHandle,
    way: Way,
}

/// What a component can still do on a connection.
#[derive(Debug)]
enum Way {
    /// give it up
    Request,
    /// send, and close: that is to drop this
    Websocket { queue: mpsc::Sender<Outgoing>, _open: oneshot::Sender<()> },
    /// nothing: it is ending
    Ending,
}

/// A frame, and its share of what may wait.
type Outgoing = (Frame, OwnedSemaphorePermit);

impl Drop for Connection {
    /// A request is given up. A websocket is closed in its own time: its task sends what waits, and
    /// ends when nobody sends any more.
    fn drop(&mut self) {
        if matches!(self.way, Way::Request) {
            self.task.abort();
        }
    }
}

/// Where a connection's events go.
#[derive(Clone)]
struct Events {
    session: SessionId,
    connection: u32,
    serial: u64,
    arrivals: mpsc::Sender<Arrival>,
    inbox: Arc<Semaphore>,
    /// as much as the inbox holds
    most: usize,
}

impl Events {
    /// Waits while the call has more than enough to do. An error: the call is gone.
    async fn tell(&self, outcome: Outcome) -> Result<(), Failure> {
        let gone = || Failure::new(Fault::Cancelled, "the call is over");
        let share = share(outcome.size().min(self.most));
        let waits = match share {
            // an end is told in any case
            0 => None,
            share => Some(self.inbox.clone().acquire_many_owned(share).await.map_err(|_| gone())?),
        };
        let event = NetEvent { connection: self.connection, outcome, serial: self.serial, _waits: waits };
        let arrival = Arrival::Net { session: self.session, event };
        self.arrivals.send(arrival).await.map_err(|_| gone())
    }
}

/// So many bytes, as permits of what may wait.
fn share(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl Outcome {
    /// How much of the component's doing or the server's it carries, in bytes.
    fn size(&self) -> usize {
        match self {
            Self::Frame(frame) => frame.size(),
            Self::Body(body) => body.len(),
            Self::Opened | Self::Head(_) | Self::Closed { .. } | Self::Failed(_) => 0,
        }
    }
}

impl Frame {
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(data) => data.len(),
        }
    }
}

impl Egress {
    pub(crate) fn new(rules: Rules, limits: Limits) -> Result<Self, reqwest::Error> {
        Ok(Self { rules, limits, requests: Requests::new()? })
    }

    pub(crate) fn connections(
        self: &Arc<Self>,
        session: SessionId,
        arrivals: mpsc::Sender<Arrival>,
    ) -> Connections {
        let waiting = || Arc::new(Semaphore::new(self.limits.transfer()));
        Connections {
            egress: self.clone(),
            session,
            arrivals,
            open: BTreeMap::new(),
            begun: 0,
            fetches: Fetches::default(),
            outbox: waiting(),
            inbox: waiting(),
        }
    }
}

impl Connections {
    /// Does what the component wants, or says what it must not want.
    pub(crate) fn perform(&mut self, action: Action) -> Result<(), String> {
        let Action { connection, what } = action;
        match what {
            What::Open { url, headers, protocols } => {
                let (queue, outgoing) = mpsc::channel(self.egress.limits.queue.max(1) as usize);
                let (open, ending) = oneshot::channel();
                let egress = self.egress.clone();
                self.begin(connection, Way::Websocket { queue, _open: open }, move |events| async move {
                    let running = websocket::run(&egress, &url, &headers, &protocols, outgoing, &events);
                    tokio::select! {
                        ended = running => ended,
                        () = overdue(ending) => Ok(Outcome::Closed { code: 1006, reason: String::new() }),
                    }
                })
            }
            What::Request(request) => {
                let waits = self.waits(request.body.len());
                let egress = self.egress.clone();
                self.begin(connection, Way::Request, move |events| async move {
                    let _waits = waits?;
                    request::run(&egress, request, &events).await
                })
            }
            What::Send(frame) => self.send(connection, frame),
            What::Close => {
                self.close(connection);
                Ok(())
            }
        }
    }

    /// Nothing of what was begun is wanted any more.
    pub(crate) fn close_all(&mut self) {
        self.open.clear();
        self.fetches = Fetches::default();
    }

    /// A script's request; its response comes as one piece.
    pub(crate) fn fetch(&mut self, id: u32, request: Request) {
        let (egress, waits) = (self.egress.clone(), self.waits(request.body.len()));
        let most = self.egress.limits.connections as usize;
        self.fetches.begin(id, most, self.arrivals.clone(), async move {
            let _waits = waits?;
            request::fetch(&egress, request).await
        });
    }

    /// Whether a script's request is still to be answered.
    pub(crate) fn is_fetching(&mut self) -> bool {
        self.fetches.is_any_open()
    }

    pub(crate) fn cancel_fetch(&mut self, id: u32) {
        self.fetches.cancel(id);
    }

    /// Whether an event is to be given to the component: what comes of a connection after its end
    /// is not. After an end it may use the number again.
    pub(crate) fn is_awaited(&mut self, event: &NetEvent) -> bool {
        let awaited = self.open.get(&event.connection).is_some_and(|open| open.serial == event.serial);
        if awaited && matches!(event.outcome, Outcome::Closed { .. } | Outcome::Failed(_)) {
            self.open.remove(&event.connection);
        }
        awaited
    }

    fn begin<F>(&mut self, connection: u32, way: Way, run: impl FnOnce(Events) -> F) -> Result<(), String>
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
        self.begun += 1;
        let serial = self.begun;
        let events = self.events(connection, serial);
        let running = run(events.clone());
        let task = tokio::spawn(async move {
            let last = running.await.unwrap_or_else(Outcome::Failed);
            let _ = events.tell(last).await;
        });
        self.open.insert(connection, Connection { serial, task: task.abort_handle(), way });
        Ok(())
    }

    fn events(&self, connection: u32, serial: u64) -> Events {
        Events {
            session: self.session,
            connection,
            serial,
            arrivals: self.arrivals.clone(),
            inbox: self.inbox.clone(),
            most: self.egress.limits.transfer(),
        }
    }

    /// So many more bytes that wait to be sent.
    fn waits(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Failure> {
        let full = |_| Failure::new(Fault::TooLarge, "too much waits to be sent already");
        self.outbox.clone().try_acquire_many_owned(share(bytes)).map_err(full)
    }

    fn send(&mut self, connection: u32, frame: Frame) -> Result<(), String> {
        let size = frame.size();
        let limit = self.egress.limits.frame();
        // one that has ended the component may not know of yet
        let Some(open) = self.open.get(&connection) else { return Ok(()) };
        if size > limit {
            return Err(format!("it sent a frame of {size} bytes, and may send {limit}"));
        }
        let queue = match &open.way {
            Way::Request => return Err(format!("it sent a frame on the request {connection}")),
            Way::Websocket { queue, .. } => queue,
            Way::Ending => return Ok(()),
        };
        let failure = match self.waits(size).map(|waits| queue.try_send((frame, waits))) {
            // a task that has ended tells so itself
            Ok(Ok(()) | Err(mpsc::error::TrySendError::Closed(_))) => return Ok(()),
            Ok(Err(mpsc::error::TrySendError::Full(_))) => {
                Failure::new(Fault::TooLarge, "the server does not take what it is sent")
            }
            Err(failure) => failure,
        };
        self.give_up(connection, Outcome::Failed(failure));
        Ok(())
    }

    fn close(&mut self, connection: u32) {
        let Some(open) = self.open.get_mut(&connection) else { return };
        match open.way {
            Way::Request => self.give_up(connection, Outcome::Closed { code: 0, reason: String::new() }),
            // its task sends what waits, and tells its end
            Way::Websocket { .. } => open.way = Way::Ending,
            Way::Ending => {}
        }
    }

    /// Its task can no longer tell, so the end is told for it. If the task has just told one, the
    /// component sees the first of the two.
    fn give_up(&mut self, connection: u32, outcome: Outcome) {
        let Some(open) = self.open.get_mut(&connection) else { return };
        open.way = Way::Ending;
        open.task.abort();
        let serial = open.serial;
        let events = self.events(connection, serial);
        tokio::spawn(async move {
            let _ = events.tell(outcome).await;
        });
    }
}

/// Nothing more will be sent, and what waits has had its time.
async fn overdue(ending: oneshot::Receiver<()>) {
    // nothing is ever sent on it
    let _ = ending.await;
    tokio::time::sleep(SEND).await;
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
