//! What every stand-in stands on: a port of this machine and a thread of its own.
//!
//! The thread keeps a stand-in apart from the code under test: neither starves the other, and
//! dropping [`Serving`] ends every connection and child process at once, as a vendor's outage would.

use axum::Router;
use std::{io, net::SocketAddr};
use tokio::{net::TcpListener, runtime::Runtime};

pub(crate) struct Serving {
    addr: SocketAddr,
    /// Some until dropped.
    runtime: Option<Runtime>,
}

impl Serving {
    /// Serves what `router` prepares on 127.0.0.1; port 0 is any free one.
    pub(crate) async fn start(
        name: &str,
        port: u16,
        router: impl Future<Output = io::Result<Router>> + Send + 'static,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(format!("standin-{name}"))
            .enable_all()
            .build()?;
        let mut serving = Self { addr: SocketAddr::from(([127, 0, 0, 1], port)), runtime: Some(runtime) };
        let addr = serving.addr;
        let bound = serving.spawn(async move {
            let router = router.await?;
            let listener = TcpListener::bind(addr).await.map_err(|e| {
                io::Error::new(e.kind(), format!("cannot listen on {addr}: {e}; choose another port"))
            })?;
            Ok::<_, io::Error>((listener.local_addr()?, listener, router))
        });
        let (addr, listener, router) = match bound {
            Some(task) => task.await.map_err(io::Error::other)??,
            None => return Err(io::Error::other("the stand-in is already stopped")),
        };
        serving.addr = addr;
        serving.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "stand-in stopped");
            }
        });
        tracing::info!(name, %addr, "stand-in serves");
        Ok(serving)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Option<tokio::task::JoinHandle<T>> {
        self.runtime.as_ref().map(|runtime| runtime.spawn(task))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // in the background: waiting is not allowed where servers are dropped, in async tests
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
