//! A call that there is, is to end or to go elsewhere.

use super::super::network::Order;
use super::super::seen::Status;
use super::create::document;
use super::{Asking, Done, Refusal, resources};

const KNOWN: &[&str] = &[
    "Status",
    "Url",
    "Method",
    "Twiml",
    "FallbackUrl",
    "FallbackMethod",
    "StatusCallback",
    "StatusCallbackMethod",
    "TimeLimit",
];

pub(super) fn update(asking: &Asking) -> Result<Done, Refusal> {
    asking.check_names(KNOWN);
    let sid = asking.sid();
    let mut call = asking.network.call(sid).ok_or_else(|| asking.not_found())?;
    let over = || Refusal::invalid(21220, "Call is not in-progress. Cannot redirect.");
    let source = document(asking)?;
    if asking.parameter("Url").is_some() && asking.parameter("Twiml").is_some() {
        let message = "Url and Twiml are given; a call can be sent to one of them.";
        return Err(Refusal::invalid(20001, message));
    }
    if call.status.is_terminal() {
        return Err(over());
    }
    let order = match (asking.parameter("Status"), source) {
        (Some("completed"), None) => {
            call.status = if call.started.is_some() { Status::Completed } else { Status::Canceled };
            Order::Complete
        }
        // a call in progress does not mind
        (Some("canceled"), None) if call.status == Status::InProgress => return Ok(answer(asking, &call)),
        (Some("canceled"), None) => {
            call.status = Status::Canceled;
            Order::Cancel
        }
        (None, Some(source)) if call.status == Status::InProgress => Order::Redirect(source),
        (None, Some(_)) => return Err(over()),
        (Some(status), None) => {
            return Err(Refusal::invalid(20001, format!("Status {status:?} is not completed or canceled.")));
        }
        (Some(_), Some(_)) => {
            return Err(Refusal::invalid(20001, "A call can be ended or sent elsewhere, not both."));
        }
        (None, None) => {
            return Err(Refusal::invalid(20001, "Nothing of this call is to be changed."));
        }
    };
    // it may have ended since it was looked at
    if asking.network.order(sid, order) { Ok(answer(asking, &call)) } else { Err(over()) }
}

fn answer(asking: &Asking, call: &super::super::seen::CallSeen) -> Done {
    Done::ok(resources::call(&asking.network, call))
}
