//! Putting the caller through.
//!
//! Blind where the call's TwiML goes on with us: what follows on the stream is a `<Dial>`. Where it does
//! not, Twilio is asked to go on with one. Warm: a call of its own goes to whoever it is; the routes
//! (`routes/transfers.rs`) say when they have picked up and heard the brief.

use crate::app::{App, Shared};
use crate::outbound::own_name;
use crate::registry::{Control, Known, Next, Order, Pending};
use crate::routes::{OPERATOR, OPERATOR_STATUS, own_number, put_through, transfer_url};
use std::sync::Arc;
use twilio::number::Number;
use twilio::rest::{Instructions, NewCall};

/// What has become of the wish.
pub enum Begun {
    /// the caller goes as soon as the stream is closed
    Now,
    /// `Control::Reached` will tell, with this name
    Pending(Option<String>),
    Refused(String),
}

pub fn begin(app: &Shared, known: &Arc<Known>, order: Order) -> Begun {
    if known.is_console() {
        return Begun::Refused(
            "the caller is in the console: there is no telephone call to put through".into(),
        );
    }
    let number = match number(app, known, &order.to) {
        Ok(number) => number,
        Err(why) => return Begun::Refused(why),
    };
    match order.warm {
        true => warm(app, known, number, order.brief),
        false => blind(app, known, Next::Dial { number, brief: order.brief }),
    }
}

/// A number, or a name that stands for one. What calls may cost holds for numbers that the operator has
/// not named.
fn number(app: &App, known: &Known, to: &str) -> Result<Number, String> {
    let route = known.route().unwrap_or_else(|| app.services.routes.default().clone());
    let named = route.config.named(to);
    let number: Number = named.unwrap_or(to).parse().map_err(|e| match named {
        Some(_) => format!("`{}.transfers.{to}`: {e}", route.key),
        None => format!("neither a name in `{}.transfers` nor a number: {e}", route.key),
    })?;
    if named.is_none() {
        app.limits.check("to", &number, app.registry.placed()).map_err(|problem| problem.detail)?;
    }
    Ok(number)
}

fn blind(app: &Shared, known: &Arc<Known>, next: Next) -> Begun {
    if known.continues() {
        known.set_next(Some(next));
        return Begun::Now;
    }
    let (Some(twilio), Some(sid), Some(address)) =
        (app.twilio.clone(), known.view().call_sid, known.address())
    else {
        return Begun::Refused(
            "the call's TwiML does not go on with this server, and without Twilio's credentials it cannot be changed"
                .into(),
        );
    };
    let twiml = put_through(app, known, &next, &address).to_string();
    known.set_next(Some(next));
    let (app, known) = (app.clone(), known.clone());
    tokio::spawn(async move {
        let redirected = app.services.vitals.twilio.note(twilio.redirect_call(&sid, &twiml).await);
        let outcome = redirected.map(drop).map_err(|error| error.to_string());
        let _ = known.control(Control::Reached { transfer: None, outcome, needed: None }).await;
    });
    Begun::Pending(None)
}

fn warm(app: &Shared, known: &Arc<Known>, number: Number, brief: Option<String>) -> Begun {
    if !known.continues() {
        return Begun::Refused(
            "the call's TwiML does not go on with this server: only a blind transfer is possible".into(),
        );
    }
    let (Some(twilio), Some(address)) = (app.twilio.clone(), known.address()) else {
        return Begun::Refused("Twilio's credentials are needed to call somebody else".into());
    };
    let Some(from) = own_number(app, known) else {
        return Begun::Refused("there is no number to call from: set TWILIO_PHONE_NUMBER".into());
    };
    let Ok(name) = own_name() else { return Begun::Refused("the call cannot be named".into()) };
    let url = |path: &str| transfer_url(&address, path, known, &name);
    let call = NewCall {
        status_callback: Some(url(OPERATOR_STATUS)),
        timeout: Some(app.services.config.outbound.ring.0),
        ..NewCall::new(number, from, Instructions::Url(url(OPERATOR)))
    };
    known.set_pending(Some(Pending { name: name.clone(), brief, briefed: false, sid: None }));
    known.set_next(Some(Next::Conference { room: name.clone() }));
    let transfer = name.clone();
    let (app, known) = (app.clone(), known.clone());
    tokio::spawn(async move {
        match app.services.vitals.twilio.note(twilio.create_call(&call).await) {
            // given up meanwhile
            Ok(call) if !known.set_pending_sid(&name, &call.sid) => drop(twilio.end_call(&call.sid).await),
            Ok(_) => {}
            Err(error) => {
                let outcome = Err(error.to_string());
                drop(known.control(Control::Reached { transfer: Some(name), outcome, needed: None }).await);
            }
        }
    });
    Begun::Pending(Some(transfer))
}

/// Gives up a transfer that is under way.
pub fn give_up(app: &App, known: &Known) {
    let pending = known.set_pending(None);
    if let (Some(twilio), Some(sid)) = (app.twilio.clone(), pending.and_then(|pending| pending.sid)) {
        tokio::spawn(async move {
            if let Err(error) = twilio.end_call(&sid).await {
                tracing::warn!(call_sid = sid, "a call to somebody who is not needed goes on: {error}");
            }
        });
    }
}
