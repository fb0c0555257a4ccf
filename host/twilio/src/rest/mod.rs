//! Twilio's REST API, as far as calls need it: make one, ask for it, end it, send it elsewhere, and look
//! at the account and its numbers.
//!
//! Source: Twilio, "Programmable Voice: Call resource"; the OpenAPI description `twilio_api_v2010`.
//! Everything ends: connecting, one request, and all tries together have a time ([`Patience`]).
//!
//! **A call is never made twice.** [`Client::create_call`] is repeated only as long as it is certain that
//! Twilio has done nothing. After that it says [`RestError::OutcomeUnknown`], and nobody may repeat it.
//!
//! No redirects are followed, and no proxy of the environment is used: both would carry the credentials
//! elsewhere.

mod account;
mod call;
mod codes;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod new_call;
mod patience;
mod sending;
mod settings;

pub use account::{Account, IncomingNumber};
pub use call::Call;
pub use codes::meaning;
pub use error::RestError;
pub use new_call::{DetectionMode, Instructions, MachineDetection, NewCall};
pub use patience::{Jitter, Patience};
pub use settings::{Credentials, Settings, SettingsError, Shape};

use crate::number::Number;
use patience::Repeat;
use sending::{Answer, Asked};
use std::sync::Arc;

/// Twilio, for one account. A clone is the same client, with the same connections.
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    credentials: Credentials,
    /// of the account, without `.json`
    url: String,
    patience: Patience,
}

impl Client {
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let address = settings.address()?;
        let Settings { credentials, patience, .. } = settings;
        let url = format!("{address}/2010-04-01/Accounts/{}", credentials.account_sid());
        let http = sending::http(&patience).map_err(|e| SettingsError::Client(sending::reason(e)))?;
        Ok(Self(Arc::new(Inner { http, credentials, url, patience })))
    }

    /// Has Twilio call somebody. It answers at once, with a call that is queued.
    pub async fn create_call(&self, call: &NewCall) -> Result<Call, RestError> {
        let doing = format!("calling {}", call.to.masked());
        let form = match call.form() {
            Ok(form) => form,
            Err(problem) => return Err(RestError::Invalid { doing, problem }),
        };
        let asked = Asked { doing, path: "/Calls.json".into(), form: Some(form), repeat: Repeat::Never };
        Call::read(self.ask(asked).await?)
    }

    /// How the call is.
    pub async fn call(&self, sid: &str) -> Result<Call, RestError> {
        let doing = format!("asking for the call {sid:?}");
        let asked = Asked { path: path_of(sid, &doing)?, doing, form: None, repeat: Repeat::Harmless };
        Call::read(self.ask(asked).await?)
    }

    /// Hangs up, or stops calling if nobody has answered yet. If the call was over already, the error
    /// [is that](RestError::is_over), or the call comes back as it ended.
    pub async fn end_call(&self, sid: &str) -> Result<Call, RestError> {
        self.update(format!("ending the call {sid:?}"), sid, ("Status", "completed"), Repeat::Harmless).await
    }

    /// Stops calling. A call that was answered goes on.
    pub async fn cancel_call(&self, sid: &str) -> Result<Call, RestError> {
        self.update(format!("cancelling the call {sid:?}"), sid, ("Status", "canceled"), Repeat::Harmless)
            .await
    }

    /// Has a call that was answered do something else from now on. Its stream ends. It is not repeated
    /// after it may have been done: what the TwiML says, such as calling somebody, would begin again.
    pub async fn redirect_call(&self, sid: &str, twiml: &str) -> Result<Call, RestError> {
        let doing = format!("sending the call {sid:?} elsewhere");
        if let Err(problem) = new_call::check_twiml(twiml) {
            return Err(RestError::Invalid { doing, problem });
        }
        self.update(doing, sid, ("Twiml", twiml), Repeat::Never).await
    }

    /// Whose account it is. It answers whether the credentials are right, and what time it is at Twilio.
    pub async fn account(&self) -> Result<Account, RestError> {
        let doing = "asking for the account".to_owned();
        let asked = Asked { doing, path: ".json".into(), form: None, repeat: Repeat::Harmless };
        Account::read(self.ask(asked).await?)
    }

    /// The number, if it is one of the account's.
    pub async fn incoming_number(&self, number: &Number) -> Result<Option<IncomingNumber>, RestError> {
        let doing = format!("asking for the number {}", number.masked());
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("PhoneNumber", number.as_str())
            .finish();
        let path = format!("/IncomingPhoneNumbers.json?{query}");
        let asked = Asked { doing, path, form: None, repeat: Repeat::Harmless };
        IncomingNumber::find(self.ask(asked).await?, number)
    }

    async fn update(
        &self,
        doing: String,
        sid: &str,
        (name, value): (&str, &str),
        repeat: Repeat,
    ) -> Result<Call, RestError> {
        let path = path_of(sid, &doing)?;
        let form = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
        Call::read(self.ask(Asked { doing, path, form: Some(form), repeat }).await?)
    }

    async fn ask(&self, asked: Asked) -> Result<Answer, RestError> {
        let Inner { http, credentials, url, patience } = &*self.0;
        let url = format!("{url}{}", asked.path);
        let json = patience.run(asked.repeat, || asked.once(http, credentials, &url)).await?;
        Ok(json)
    }
}

/// Calls are asked for by whoever asks us: what is no SID must not become a path.
fn path_of(sid: &str, doing: &str) -> Result<String, RestError> {
    let fits =
        sid.starts_with("CA") && sid.len() <= 64 && sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits {
        return Ok(format!("/Calls/{sid}.json"));
    }
    let problem = "that is no SID of a call; one is CA and 32 hexadecimal digits".into();
    Err(RestError::Invalid { doing: doing.chars().take(120).collect(), problem })
}
