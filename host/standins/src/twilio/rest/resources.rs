//! Calls, the account and its numbers, as JSON with Twilio's types: durations and prices are strings,
//! and what is not known yet is null.

use super::super::network::{Network, rfc2822};
use super::super::seen::{Asked, CallSeen};
use super::{Asking, Done, Refusal};
use jiff::Timestamp;
use serde_json::{Value, json};

/// So many are in a list at most.
const PAGE: usize = 50;

pub(super) fn read(asking: &Asking) -> Result<Done, Refusal> {
    let network = &asking.network;
    match asking.what {
        Asked::Fetch => {
            let found = network.call(asking.sid()).ok_or_else(|| asking.not_found())?;
            Ok(Done::ok(call(network, &found)))
        }
        Asked::List => Ok(Done::ok(calls(asking))),
        Asked::Account => Ok(Done::ok(account(network))),
        _ => Ok(Done::ok(numbers(asking))),
    }
}

pub(super) fn call(network: &Network, call: &CallSeen) -> Value {
    let CallSeen { sid, status, .. } = call;
    let account = &network.config.account_sid;
    let uri = format!("/2010-04-01/Accounts/{account}/Calls/{sid}");
    let time = |time: Option<Timestamp>| time.map(rfc2822);
    let duration = call.ended.zip(Some(call.started.or(call.ended).unwrap_or(call.created)));
    let duration = duration.map(|(ended, started)| {
        let milliseconds = ended.as_millisecond().saturating_sub(started.as_millisecond());
        (milliseconds.max(0) as u64).div_ceil(1000).to_string()
    });
    // what Twilio makes of a call in its own time
    let queued = status.as_str() == "queued";
    json!({
        "sid": sid,
        "account_sid": account,
        "parent_call_sid": call.parent_sid,
        "to": call.to,
        "to_formatted": call.to,
        "from": call.from,
        "from_formatted": call.from,
        "phone_number_sid": null,
        "status": status.as_str(),
        "direction": call.direction,
        "answered_by": call.answered_by,
        "api_version": "2010-04-01",
        "forwarded_from": null,
        "group_sid": null,
        "caller_name": null,
        "trunk_sid": "",
        "queue_time": "0",
        "duration": duration,
        "price": null,
        "price_unit": "USD",
        "annotation": null,
        "date_created": if queued { None } else { Some(rfc2822(call.created)) },
        "date_updated": if queued { None } else { Some(rfc2822(Timestamp::now())) },
        "start_time": time(call.started),
        "end_time": time(call.ended),
        "uri": format!("{uri}.json"),
        "subresource_uris": {
            "notifications": format!("{uri}/Notifications.json"),
            "recordings": format!("{uri}/Recordings.json"),
            "streams": format!("{uri}/Streams.json"),
        },
    })
}

/// The newest first.
fn calls(asking: &Asking) -> Value {
    asking.check_names(&["Status", "To", "From", "PageSize", "ParentCallSid"]);
    let wanted = |name, value: &str| asking.parameter(name).is_none_or(|wanted| wanted == value);
    let size = asking.parameter("PageSize").and_then(|size| size.parse().ok()).unwrap_or(PAGE);
    let mut found = Vec::new();
    asking.network.kept.note(|seen| {
        let matching = seen.calls.iter().rev().filter(|call| {
            wanted("Status", call.status.as_str())
                && wanted("To", &call.to)
                && wanted("From", &call.from)
                && wanted("ParentCallSid", call.parent_sid.as_deref().unwrap_or_default())
        });
        found = matching.take(size).map(|found| call(&asking.network, found)).collect();
    });
    page(asking, "calls", found, size)
}

fn account(network: &Network) -> Value {
    let account = &network.config.account_sid;
    let created = rfc2822(Timestamp::UNIX_EPOCH);
    json!({
        "sid": account,
        "owner_account_sid": account,
        "friendly_name": "Stand-in",
        "status": "active",
        "type": "Full",
        "auth_token": network.config.auth_token,
        "date_created": created,
        "date_updated": created,
        "uri": format!("/2010-04-01/Accounts/{account}.json"),
        "subresource_uris": {"calls": format!("/2010-04-01/Accounts/{account}/Calls.json")},
    })
}

fn numbers(asking: &Asking) -> Value {
    asking.check_names(&["PhoneNumber", "FriendlyName", "PageSize", "Beta", "Origin"]);
    let config = &asking.network.config;
    let size = asking.parameter("PageSize").and_then(|size| size.parse().ok()).unwrap_or(PAGE);
    // a part of a number finds it
    let wanted = asking.parameter("PhoneNumber").unwrap_or_default();
    let found = config.numbers.iter().enumerate().filter(|(_, number)| number.contains(wanted));
    let found = found.take(size).map(|(place, number)| {
        let sid = format!("PN{:032x}", place + 1);
        json!({
            "sid": sid,
            "account_sid": config.account_sid,
            "phone_number": number,
            "friendly_name": number,
            "voice_url": null,
            "voice_method": "POST",
            "voice_fallback_url": null,
            "voice_fallback_method": "POST",
            "voice_application_sid": "",
            "trunk_sid": null,
            "status_callback": "",
            "status_callback_method": "POST",
            "capabilities": {"voice": true, "sms": true, "mms": false, "fax": false},
            "api_version": "2010-04-01",
            "status": "in-use",
            "uri": format!("/2010-04-01/Accounts/{}/IncomingPhoneNumbers/{sid}.json", config.account_sid),
        })
    });
    page(asking, "incoming_phone_numbers", found.collect(), size)
}

fn page(asking: &Asking, name: &str, found: Vec<Value>, size: usize) -> Value {
    let path = asking.path.join("/");
    let uri =
        format!("/2010-04-01/Accounts/{}/{path}.json?PageSize={size}", asking.network.config.account_sid);
    json!({
        "page": 0,
        "page_size": size,
        "start": 0,
        "end": found.len().saturating_sub(1),
        "uri": format!("{uri}&Page=0"),
        "first_page_uri": format!("{uri}&Page=0"),
        "previous_page_uri": null,
        "next_page_uri": null,
        name: found,
    })
}
