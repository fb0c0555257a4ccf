//! Twilio's error codes, in plain words that say what to do.
//!
//! Source: Twilio, "Error and warning dictionary". Only those that making and steering calls leads to;
//! the ones about webhooks are not answers of REST, but stand in Twilio's debugger beside the call.

/// What a code means and what to do about it, if it is one that calls lead to.
pub fn meaning(code: u32) -> Option<&'static str> {
    Some(match code {
        11200 => "Twilio's request to a webhook failed: look at what the webhook answered",
        11205 => {
            "Twilio could not connect to a webhook, or had no answer within 15 s: check that the public URL \
             reaches this host"
        }
        12100 => "what a webhook answered is no TwiML: look at its answer",
        12300 => "a webhook answered with a Content-Type that Twilio does not read: text/xml is right",
        20003 => {
            "the account SID and the secret do not belong together, or the account is suspended: check the auth \
             token, or the API key and its secret, and that they are of the region that is set"
        }
        20404 => {
            "Twilio has nothing by that name in this account: check the SID; calls that are long over are \
             forgotten"
        }
        20429 => {
            "too many requests at once; nothing was done: try again later, and make fewer calls at a time"
        }
        21200 => "the request lacks who to call, who calls, or what to do then",
        21201 => "the number to call is missing",
        21203 => "the account may not call abroad: allow it in Twilio's console, or call within the country",
        21205 => "the webhook's URL is not one that Twilio can reach: it must be public, and http or https",
        21210 => {
            "the calling number is neither the account's nor verified: buy it or verify it in Twilio's console"
        }
        21211 => "the number to call is not one: write it with + and its country, like +15555550100",
        21212 => "the calling number is not one: write it with + and its country, like +15555550100",
        21213 => "the calling number is missing",
        21214 => "the number to call cannot be reached from Twilio",
        21215 => {
            "the account may not call that country: allow it under geographic permissions in Twilio's console"
        }
        21216 => "Twilio does not call that number: it is blocked",
        21217 => "a number is in a form that Twilio does not understand: write it with + and its country",
        21218 => "there is no application by that SID in this account",
        21219 | 573_005 => {
            "an account on trial calls only numbers that are verified: verify this one in Twilio's console, or \
             upgrade the account"
        }
        21220 => "the call is over, or was not answered yet: there is nothing to steer",
        21262 => "answering machines are detected, and nobody is told: give it a callback URL",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::meaning;

    #[test]
    fn every_code_that_calls_lead_to_has_a_meaning_that_fits_into_a_sentence() {
        let codes = (21210..=21220).chain([20003, 20404, 20429, 21200, 21201, 21203, 21205, 573_005]);
        for code in codes {
            let meaning = meaning(code).unwrap();
            assert!(!meaning.ends_with('.') && !meaning.contains("  "), "{code}: {meaning}");
        }
        assert_eq!(meaning(99_999), None);
    }
}
