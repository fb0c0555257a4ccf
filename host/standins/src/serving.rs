//! What every stand-in stands on: a port of this machine, a thread of its own, and what is kept of
//! what happens there.
//!
//! The thread keeps a stand-in apart from the code under test: neither starves the other, and
//! dropping a [`Server`] ends every connection and child process at once, as a vendor's outage would.

use crate::fault::{Blow, Condition, Fault, Faults};
use axum::Router;
use axum::serve::ListenerExt;
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{net::TcpListener, runtime::Runtime, sync::watch};

/// A stand-in at work, until it is dropped. How it is started, and what else it tells, is its
/// vendor's: [`deepgram::Server`](crate::deepgram::Server), [`openai::Server`](crate::openai::Server),
/// [`cartesia::Server`](crate::cartesia::Server).
pub struct Server<R> {
    addr: SocketAddr,
    kept: Kept<R>,
    /// Some until dropped.
    runtime: Option<Runtime>,
}

/// What a vendor's stand-in keeps of what happens.
pub trait Record: Clone + Default + Send + Sync + 'static {
    /// The vendor, as its threads and log entries are named.
    const VENDOR: &'static str;

    /// Every breach of the protocol.
    fn violations(&self) -> &[String];

    fn add_violation(&mut self, text: String);
}

impl<R: Record> Server<R> {
    /// Serves what `router` prepares on 127.0.0.1; port 0 is any free one.
    pub(crate) async fn serve<P>(
        port: u16,
        fault: Option<Fault>,
        router: impl FnOnce(Kept<R>) -> P,
    ) -> io::Result<Self>
    where
        P: Future<Output = io::Result<Router>> + Send + 'static,
    {
        let kept = Kept { seen: Arc::default(), faults: Arc::new(Faults::new(fault)) };
        let router = router(kept.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(format!("standin-{}", R::VENDOR))
            .enable_all()
            .build()?;
        let addr = SocketAddr::from(([127, 0, 0, 1], port));
        let bound = runtime.spawn(async move {
            let router = router.await?;
            let listener = TcpListener::bind(addr).await.map_err(|e| {
                io::Error::new(e.kind(), format!("cannot listen on {addr}: {e}; choose another port"))
            })?;
            Ok::<_, io::Error>((listener.local_addr()?, listener, router))
        });
        // from here on the runtime ends with the server, also where starting it fails
        let mut server = Self { addr, kept, runtime: Some(runtime) };
        let (addr, listener, router) = bound.await.map_err(io::Error::other)??;
        server.addr = addr;
        if let Some(runtime) = &server.runtime {
            // small messages go at once, not when the ones before are acknowledged
            let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
            runtime.spawn(async move {
                if let Err(error) = axum::serve(listener, router).await {
                    tracing::error!(%error, "stand-in stopped");
                }
            });
        }
        tracing::info!(vendor = R::VENDOR, %addr, "stand-in serves");
        Ok(server)
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn seen(&self) -> R {
        self.kept.seen.borrow().clone()
    }

    pub fn violations(&self) -> Vec<String> {
        self.look(|seen| seen.violations().to_vec())
    }

    /// Waits for something to happen; the caller bounds it in time.
    pub async fn until(&self, condition: impl Fn(&R) -> bool) {
        // the sender is ours: waiting cannot fail
        let _ = self.kept.seen.subscribe().wait_for(|seen| condition(seen)).await;
    }

    /// From now on everything has this fault, connections that are open included; with None, nothing
    /// has one any more.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.kept.faults.set(fault);
    }

    /// The next `times` connections (WebSocket) or requests (HTTP) have this fault, for as long as
    /// they last; what is open now and what comes afterwards has none.
    pub fn set_fault_times(&self, fault: Fault, times: usize) {
        self.kept.faults.set_times(fault, times);
    }

    /// This happens now to every WebSocket that is open.
    pub fn strike(&self, blow: Blow) {
        self.kept.faults.strike(blow);
    }

    pub(crate) fn look<T>(&self, at: impl FnOnce(&R) -> T) -> T {
        at(&self.kept.seen.borrow())
    }
}

impl<R> Drop for Server<R> {
    fn drop(&mut self) {
        // in the background: waiting is not allowed where servers are dropped, in async tests
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a server and its connections share: the record, and the faults that are wanted.
pub(crate) struct Kept<R> {
    seen: Arc<watch::Sender<R>>,
    faults: Arc<Faults>,
}

impl<R> Clone for Kept<R> {
    fn clone(&self) -> Self {
        Self { seen: self.seen.clone(), faults: self.faults.clone() }
    }
}

impl<R: Record> Kept<R> {
    /// Notes what happened.
    pub(crate) fn note(&self, note: impl FnOnce(&mut R)) {
        self.seen.send_modify(note);
    }

    pub(crate) fn violation(&self, text: impl Into<String>) {
        let text = text.into();
        tracing::warn!(vendor = R::VENDOR, violation = text, "breach of the protocol");
        self.note(|seen| seen.add_violation(text));
    }

    /// The condition of the connection or request that begins now.
    pub(crate) fn condition(&self) -> Condition {
        Faults::begin(&self.faults)
    }
}
