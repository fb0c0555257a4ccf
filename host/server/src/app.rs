//! All that a request may need: what serves calls, who may do what, which calls there are.

use crate::access::Access;
use crate::config::Loaded;
use crate::figures::Figures;
use crate::nodes::Nodes;
use crate::outbound::Limits;
use crate::records::Records;
use crate::registry::Registry;
use crate::services::Services;
use crate::traces::Traces;
use anyhow::Context;
use components::Catalogue;
use components::grant::Operator;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::watch;
use twilio::rest::{Client, Credentials, Settings};

pub type Shared = Arc<App>;

pub struct App {
    pub services: Services,
    pub access: Access,
    pub registry: Registry,
    /// none: this server is alone
    pub nodes: Option<Arc<Nodes>>,
    /// none: there are no credentials
    pub twilio: Option<Client>,
    pub limits: Limits,
    pub records: Records,
    pub leaving: watch::Sender<Leaving>,
    pub figures: Figures,
    /// none: they go nowhere
    pub traces: Option<Traces>,
    pub began: SystemTime,
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
    pub async fn set_up(loaded: &Arc<Loaded>, catalogue: Catalogue) -> anyhow::Result<Self> {
        let services = Services::set_up(loaded, catalogue)?;
        let figures = Figures::new()?;
        for (kind, component) in services.routes.providers() {
            component.inspect(|id| figures.expect(kind.name(), id));
        }
        let traces = Traces::set_up(loaded)?;
        if let Some(traces) = &traces {
            figures.watch_queue("traces", traces.waiting());
        }
        // also where none are made any more: there may be earlier ones
        let records = Records::open(loaded, loaded.config.recording.folder.clone()).await?;
        if let Some(store) = records.store().cloned() {
            let health = store.clone();
            figures.watch_queue("store", move || health.health().queued as u64);
            figures.watch_queue("spool", move || store.health().spooled);
        }
        Ok(Self {
            access: Access::set_up(loaded)?,
            nodes: Nodes::set_up(&loaded.config.nodes)?.map(Arc::new),
            twilio: twilio(loaded)?,
            limits: Limits::new(&loaded.config.outbound),
            records,
            services,
            registry: Registry::default(),
            leaving: watch::Sender::new(Leaving::No),
            figures,
            traces,
            began: SystemTime::now(),
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
