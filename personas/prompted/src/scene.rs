//! What is known of a call, for the places in a page's texts.

use crate::fields::Fields;
use crate::page::{Page, Place};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use persona::{Call, Level, log};
use serde_json::{Value, json};

/// What stands in this place; none: nobody knows.
pub(crate) fn value(call: &Call, page: &Page, fields: Option<&Fields>, place: &Place) -> Option<Value> {
    let opening = call.opening();
    match place {
        Place::Name => Some(json!(page.name)),
        Place::Caller => opening.caller.as_ref().map(|caller| json!(caller)),
        Place::Called => opening.called.as_ref().map(|called| json!(called)),
        Place::Date => Some(json!(now(call).strftime("%A, %-d %B %Y").to_string())),
        Place::Time => Some(json!(now(call).strftime("%H:%M").to_string())),
        Place::Parameter(name) => {
            let parameter = opening.parameters.iter().find(|parameter| parameter.name == *name);
            parameter.map(|parameter| json!(parameter.value))
        }
        Place::Field(name) => fields?.known(name).map(|known| known.value.clone()),
        // a tool knows its own
        Place::Argument(_) => None,
    }
}

/// Now, where the caller is.
pub(crate) fn now(call: &Call) -> Zoned {
    let zone = TimeZone::get(&call.opening().timezone).unwrap_or_else(|_| {
        log(Level::Warn, "the time zone of the call is not known: it is taken for UTC");
        TimeZone::UTC
    });
    let now = i64::try_from(call.now()).ok().and_then(|now| Timestamp::from_millisecond(now).ok());
    now.unwrap_or_default().to_zoned(zone)
}
