//! All that a request may need: what serves calls, who may do what, which calls there are.

use crate::access::Access;
use crate::config::Loaded;
use crate::outbound::Limits;
use crate::registry::Registry;
use crate::services::Services;
use anyhow::Context;
use components::Catalogue;
use components::grant::Operator;
use std::sync::Arc;
use tokio::sync::watch;
use twilio::rest::{Client, Credentials, Settings};

pub type Shared = Arc<App>;

pub struct App {
    pub services: Services,
    pub access: Access,
    pub registry: Registry,
    /// none: there are no credentials
    pub twilio: Option<Client>,
    pub limits: Limits,
    pub leaving: watch::Sender<Leaving>,
}

/// How far the host is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leaving {
    No,
    /// no new calls; live ones go on
    Draining,
    /// live calls apologise and end
    Ending,
    /// live calls end
    Now,
}

impl App {
    pub fn set_up(loaded: &Arc<Loaded>, catalogue: Catalogue) -> anyhow::Result<Self> {
        Ok(Self {
            access: Access::set_up(loaded)?,
            twilio: twilio(loaded)?,
            limits: Limits::new(&loaded.config.outbound),
            services: Services::set_up(loaded, catalogue)?,
            registry: Registry::default(),
            leaving: watch::Sender::new(Leaving::No),
        })
    }

    /// New calls are welcome.
    pub fn is_open(&self) -> bool {
        *self.leaving.borrow() == Leaving::No
    }

    /// There is no place for another call.
    pub fn is_full(&self) -> bool {
        self.registry.count() >= self.services.config.server.calls as usize
    }
}

/// Twilio's REST interface, where there are credentials for it.
pub fn twilio(loaded: &Loaded) -> anyhow::Result<Option<Client>> {
    let config = &loaded.config.twilio;
    let variable = |name| loaded.variable(name).unwrap_or_default();
    let (token, key, secret) =
        (variable("TWILIO_AUTH_TOKEN"), variable("TWILIO_API_KEY"), variable("TWILIO_API_SECRET"));
    let account = config.account_sid.as_deref().unwrap_or_default();
    let credentials = match (account.is_empty(), key.is_empty(), secret.is_empty(), token.is_empty()) {
        (true, _, _, _) | (_, true, true, true) => return Ok(None),
        (false, false, false, _) => Credentials::api_key(account, &key, &secret),
        (false, true, true, false) => Credentials::auth_token(account, &token),
        (false, _, _, _) => {
            anyhow::bail!("TWILIO_API_KEY and TWILIO_API_SECRET belong together: one of them is missing")
        }
    };
    let settings = Settings {
        base_url: config.base_url.clone(),
        region: config.region.clone(),
        edge: config.edge.clone(),
        ..Settings::new(credentials.context("Twilio's credentials")?)
    };
    Client::new(settings).context("Twilio's REST interface").map(Some)
}
