//! Calls: one task each, from the first message on its socket to the last.
//!
//! - `socket.rs`: the media stream as a socket
//! - `driver.rs`: carries what happens to the call, and what the call wants to everybody else
//! - `scene.rs`: what is known before the call begins
//! - `transfer.rs`: putting the caller through
//! - `watching.rs`: what happens, in the words of those who watch
//! - `recall.rs`: what was kept in earlier calls
//! - `providers/`: the component sessions of one call
//! - `stages.rs`: what each stage of it took
//! - `usage.rs`: what it used of its providers, and what that costs

mod driver;
mod providers;
pub mod recall;
mod scene;
mod socket;
pub mod stages;
mod transfer;
pub mod usage;
mod watching;

pub use providers::{How, Moved, Phrases};
pub use socket::StreamSocket;
pub use watching::ending_name;

use crate::access::PublicAddress;
use crate::app::Shared;
use crate::figures::TurnedAway;
use crate::registry::{Attached, Control, Known, Live};
use axum::extract::ws::WebSocket;
use std::sync::Arc;
use twilio::stream::Start;

/// As whose stream a socket was let in.
pub struct Admission {
    /// the far end is on this machine, and may bring words
    pub local: bool,
    /// the call that its token was made for
    pub call: Option<String>,
    /// Twilio asked for it: the stream has to be one of our account's
    pub account: bool,
}

/// Serves one media stream to its end. `address`: where it reached us.
pub async fn serve(socket: WebSocket, admission: Admission, address: Option<PublicAddress>, app: Shared) {
    let mut socket = StreamSocket::new(socket, admission.local);
    let Some(start) = socket.started().await else {
        return socket.close().await;
    };
    let known = match known(&start, &admission, &app) {
        Ok(known) => known,
        Err(why) => {
            tracing::warn!(call_sid = start.call_sid, "a stream was refused: {why}");
            return socket.refuse(why).await;
        }
    };
    // many may have been let in at once that had not begun
    if !known.is_announced() && !known.is_live() && app.is_full() {
        tracing::warn!(
            call_sid = known.id,
            "a call was turned away: there are as many as the host may carry"
        );
        app.figures.turned_away(TurnedAway::Full);
        return socket.refuse("there are as many calls as this host may carry").await;
    }
    match known.attach() {
        Ok(Attached::First(controls)) => {
            let _live = Live(known.clone());
            known.reached_at(address);
            let scene = scene::set(&start, &known, &app).await;
            driver::drive(socket, start, scene, known, app.clone(), controls).await;
        }
        Ok(Attached::Again(conversation)) => {
            if let Err(refused) = conversation.send(Control::Back(Box::new(socket))).await
                && let Control::Back(socket) = refused.0
            {
                socket.refuse("this call is over").await;
            }
        }
        Err(why) => {
            tracing::warn!(call_sid = known.id, "a stream was refused: {why}");
            socket.refuse(why).await;
        }
    }
}

/// The call whose stream this is. An error: it is not that of the call, or not of the account, that it
/// was let in for.
fn known(start: &Start, admission: &Admission, app: &Shared) -> Result<Arc<Known>, &'static str> {
    let ours = app.access.account_sid.as_deref();
    if admission.account && ours.is_some() && start.account_sid.as_deref() != ours {
        return Err("it is not a stream of our account (`twilio.account_sid`)");
    }
    let sid = start.call_sid.as_deref().filter(|sid| !sid.is_empty());
    let Some(call) = &admission.call else {
        let name = sid.map_or_else(scene::nameless, str::to_owned);
        return Ok(app.registry.streamed(&name, scene::direction(start)));
    };
    // one that another host has announced
    let known =
        app.registry.find(call).unwrap_or_else(|| app.registry.streamed(call, scene::direction(start)));
    match (known.sid(), sid) {
        (Some(known), Some(told)) if known != told => Err("its token was made for another call"),
        (None, Some(told)) => {
            app.registry.bind(&known, told);
            Ok(known)
        }
        _ => Ok(known),
    }
}
