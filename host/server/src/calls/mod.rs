//! Calls: one task each, from the first message on its socket to the last.
//!
//! - `lines/`: what a call is held over
//! - `driver.rs`: carries what happens to the call, and what the call wants to everybody else
//! - `scene.rs`: what is known before the call begins
//! - `transfer.rs`: putting the caller through
//! - `watching.rs`: what happens, in the words of those who watch
//! - `recall.rs`: what was kept in earlier calls
//! - `providers/`: the component sessions of one call
//! - `stages.rs`: what each stage of it took
//! - `usage.rs`: what it used of its providers, and what that costs

mod driver;
pub mod lines;
mod providers;
pub mod recall;
mod scene;
pub mod stages;
mod transfer;
pub mod usage;
mod watching;

pub use providers::{How, Moved, Phrases};
pub use scene::nameless;
pub use watching::ending_name;

use crate::access::PublicAddress;
use crate::app::{App, Shared};
use crate::config::Facts;
use crate::figures::TurnedAway;
use crate::registry::{Attached, Control, Known, Live};
use crate::routing::Route;
use axum::extract::ws::WebSocket;
use call::persona::Direction;
use lines::{Begun, CallLine, GatherLine, RelaySocket, StreamSocket};
use std::sync::Arc;
use tokio::sync::mpsc;
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
pub async fn serve_stream(
    socket: WebSocket,
    admission: Admission,
    address: Option<PublicAddress>,
    app: Shared,
) {
    let mut socket = StreamSocket::new(socket, admission.local);
    let Some(start) = socket.started().await else { return socket.close().await };
    let Start { account_sid, call_sid, custom_parameters: parameters, .. } = start;
    let begun = Begun { account_sid, call_sid, parameters };
    serve(CallLine::Stream(socket), begun, admission, address, app).await;
}

/// The same for a session of ConversationRelay.
pub async fn serve_relay(
    socket: WebSocket,
    admission: Admission,
    address: Option<PublicAddress>,
    app: Shared,
) {
    let mut socket = RelaySocket::new(socket);
    let Some(begun) = socket.started().await else {
        return socket.refuse("the session did not begin").await;
    };
    serve(CallLine::Relay(socket), begun, admission, address, app).await;
}

async fn serve(
    line: CallLine,
    begun: Begun,
    admission: Admission,
    address: Option<PublicAddress>,
    app: Shared,
) {
    let known = match known(&begun, &admission, &app) {
        Ok(known) => known,
        Err(why) => {
            tracing::warn!(call_sid = begun.call_sid, "a stream was refused: {why}");
            return line.refuse(why).await;
        }
    };
    // many may have been let in at once that had not begun
    if !known.is_announced() && !known.is_live() && app.is_full() {
        tracing::warn!(
            call_sid = known.id,
            "a call was turned away: there are as many as the host may carry"
        );
        app.figures.turned_away(TurnedAway::Full);
        return line.refuse("there are as many calls as this host may carry").await;
    }
    match known.attach() {
        Ok(Attached::First(controls)) => {
            known.reached_at(address);
            hold(line, begun, known, app, controls).await;
        }
        Ok(Attached::Again(conversation)) => {
            if let Err(refused) = conversation.send(Control::Back(Box::new(line))).await
                && let Control::Back(line) = refused.0
            {
                line.refuse("this call is over").await;
            }
        }
        Err(why) => {
            tracing::warn!(call_sid = known.id, "a stream was refused: {why}");
            line.refuse(why).await;
        }
    }
}

/// Holds one conversation over this line to its end.
async fn hold(
    line: CallLine,
    begun: Begun,
    known: Arc<Known>,
    app: Shared,
    controls: mpsc::Receiver<Control>,
) {
    let _live = Live(known.clone());
    known.set_line(line.kind());
    let set = scene::set(&begun, line.kind(), &known, &app).await;
    driver::drive(line, begun, set, known, app.clone(), controls).await;
}

/// Begins a conversation that is held over webhooks, unless the call has one; `before`: said by the host
/// before anything else.
pub fn begin_gather(app: &Shared, known: &Arc<Known>, before: Option<String>) {
    let Some(controls) = known.begin() else { return };
    let route = route_of(app, known);
    let config = &route.config;
    let line =
        GatherLine::new(app.clone(), known.clone(), config.gather.clone(), config.language.clone(), before);
    let begun = Begun { call_sid: known.sid(), ..Begun::default() };
    tokio::spawn(hold(CallLine::Gather(line), begun, known.clone(), app.clone(), controls));
}

/// How a call is served of which Twilio has told.
pub fn route_of(app: &App, known: &Known) -> Arc<Route> {
    let details = known.call_details();
    let direction = known.direction();
    let number = match direction {
        Direction::Inbound => details.to,
        Direction::Outbound => details.from,
    };
    let number = Some(number).filter(|number| !number.is_empty());
    let facts = Facts { direction, number: number.as_deref(), parameters: &details.parameters };
    app.services.route(facts).clone()
}

/// The call whose stream this is. An error: it is not that of the call, or not of the account, that it
/// was let in for.
fn known(begun: &Begun, admission: &Admission, app: &Shared) -> Result<Arc<Known>, &'static str> {
    let ours = app.access.account_sid.as_deref();
    if admission.account && ours.is_some() && begun.account_sid.as_deref() != ours {
        return Err("it is not a stream of our account (`twilio.account_sid`)");
    }
    let sid = begun.call_sid.as_deref().filter(|sid| !sid.is_empty());
    let Some(call) = &admission.call else {
        let name = sid.map_or_else(scene::nameless, str::to_owned);
        return Ok(app.registry.streamed(&name, scene::direction(begun)));
    };
    // one that another host has announced
    let known =
        app.registry.find(call).unwrap_or_else(|| app.registry.streamed(call, scene::direction(begun)));
    if known.is_console() {
        // whoever holds the token is nobody's telephone: no other name of theirs is believed
        return match (sid, known.route()) {
            (Some(told), _) if told != known.id => Err("its token was made for another call"),
            (_, None) => Err("what this call was to be served with is not known any more: begin another"),
            _ => Ok(known),
        };
    }
    match (known.sid(), sid) {
        (Some(known), Some(told)) if known != told => Err("its token was made for another call"),
        (None, Some(told)) => {
            app.registry.bind(&known, told);
            Ok(known)
        }
        _ => Ok(known),
    }
}
