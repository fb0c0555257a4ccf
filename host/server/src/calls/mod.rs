//! Calls: one task each, from the first message on its socket to the last.
//!
//! - `socket.rs`: the media stream as a socket
//! - `driver.rs`: carries what happens to the call, and what the call wants to everybody else
//! - `providers.rs`: the component sessions of one call

mod driver;
mod providers;
mod socket;

use crate::services::Services;
use axum::extract::ws::WebSocket;
use socket::StreamSocket;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

/// Serves one media stream to its end. `local`: the far end is on this machine, and may bring words.
pub async fn serve(socket: WebSocket, local: bool, services: Arc<Services>, stopping: watch::Receiver<bool>) {
    let mut socket = StreamSocket::new(socket, local);
    let Some(start) = socket.started().await else {
        return socket.close().await;
    };
    let live = Live::new(&services);
    driver::drive(socket, start, &services, stopping).await;
    drop(live);
}

/// Counts a call for as long as it lives.
struct Live<'a>(&'a Services);

impl<'a> Live<'a> {
    fn new(services: &'a Services) -> Self {
        services.live.fetch_add(1, Ordering::Relaxed);
        Self(services)
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::Relaxed);
    }
}
