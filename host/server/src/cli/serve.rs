//! `cordboard serve`: answers calls, until it is asked to stop.

use super::catalogue;
use crate::app::{App, Leaving, Shared};
use crate::config::{self, Flags};
use crate::figures;
use crate::records::keep_no_longer;
use crate::routes::router;
use crate::serving;
use crate::slots;
use anyhow::Context;
use clap::Args;
use futures_util::future::join_all;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Calls that are asked to end have this long for their apology.
const APOLOGY: Duration = Duration::from_secs(15);
/// Calls that are cut off have this long to put their affairs in order.
const CUT: Duration = Duration::from_secs(5);
/// Twilio asks what follows on a stream as soon as that has ended.
const LAST_QUESTIONS: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(20);

#[derive(Args, Clone)]
pub struct Listen {
    /// Where to listen: HOST:PORT, HOST or :PORT [default: 127.0.0.1:8765]
    #[arg(long, value_name = "ADDRESS", value_parser = config::parse_bind)]
    bind: Option<(Option<String>, Option<u16>)>,
    /// Log all that happens in calls, what is said included
    #[arg(long)]
    test: bool,
}

impl Listen {
    pub fn or(self, other: Self) -> Self {
        Self { bind: self.bind.or(other.bind), test: self.test || other.test }
    }
}

pub fn serve(mut flags: Flags, arguments: Listen) -> anyhow::Result<ExitCode> {
    if let Some((host, port)) = arguments.bind {
        flags.values.extend(host.map(|host| ("--bind", "server.host", host)));
        flags.values.extend(port.map(|port| ("--bind", "server.port", port.to_string())));
    }
    let loaded = config::load(&flags)?;
    let _logging = crate::logging::start(&loaded.config.logs, arguments.test)?;
    let catalogue = catalogue(&loaded)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let app = Arc::new(runtime.block_on(App::set_up(&Arc::new(loaded), catalogue))?);
    runtime.block_on(listen(app))?;
    Ok(ExitCode::SUCCESS)
}

async fn listen(app: Shared) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let services = &app.services;
    let (host, port) = services.config.server.address();
    let listener = TcpListener::bind((host.as_str(), port)).await.with_context(|| {
        format!("cannot listen on {host}:{port}; choose another address with --bind, HOST or PORT")
    })?;
    let address = listener.local_addr()?;
    services.listens(address.port());
    println!("Cordboard {} answers on http://{address}\n", env!("CARGO_PKG_VERSION"));
    println!("{}\n", services.table());
    if let Some(folder) = services.recordings() {
        println!("Calls are recorded into {} (CORDBOARD_RECORDING=false: they are not)", folder.display());
    }
    if services.journals().is_some() {
        let folder = services.config.journal.folder.display();
        println!("Calls are written down in {folder}, word for word (CORDBOARD_JOURNAL=false: they are not)");
    }
    if let Some(warning) = app.access.warning() {
        println!("{warning}");
    }
    if let Some(store) = app.records.store() {
        let health = store.health();
        println!("Conversations are kept in {} (DATABASE_URL=none: they are not)", store.place());
        if let Some((_, why)) = health.away {
            println!("which is away, and what is to be kept waits for it: {why}");
        }
        for (name, sql) in store.by_hand() {
            println!("\n-- {name}\n{}", sql.trim_end());
        }
    }
    println!("Call it, and watch calls, in a browser:  http://{}/console", near(address));
    println!(
        "Call it from here:  cordboard call --url ws://{}/ws --say \"My soup was cold today.\"",
        near(address)
    );
    if let Some(nodes) = &app.nodes {
        let records = app.clone();
        nodes.on_node_lost(move |node, calls| {
            tracing::warn!(node, calls = calls.len(), "a node is gone; the calls that it held are lost");
            let (records, calls) = (records.clone(), calls.to_vec());
            tokio::spawn(async move { records.records.end_of_calls(&calls).await });
        });
        println!("{}", nodes.join(&app, address).await?);
    }
    let public = app.access.public().map_or("https://YOUR-ADDRESS/".into(), |public| public.http("/"));
    println!("Call it by Twilio:  set a number's webhook to {public} (POST)");

    if let Some(folder) = services.config.components.clone() {
        slots::watch(services.loader().clone(), folder);
    }
    let (records, started) = (app.clone(), jiff::Timestamp::now());
    tokio::spawn(async move { records.records.end_what_was_cut_off(started).await });
    tokio::spawn(keep_no_longer(app.clone()));
    tokio::spawn(figures::follow(app.clone()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serving::serve(listener, router(app.clone()), async {
        // dropped: the same
        let _ = stopped.await;
    }));
    leave(&app, &mut signals).await;
    if let Some(nodes) = &app.nodes {
        nodes.leave(&app).await;
    }
    drop(stop);
    let served = serving.await.context("the server broke");
    app.records.close().await;
    if let Some(traces) = &app.traces {
        traces.flush().await;
    }
    served
}

/// Waits until the host is asked to stop, and lets its calls end.
async fn leave(app: &Shared, signals: &mut Signals) {
    signals.next().await;
    let drain = app.services.config.server.drain.0;
    let calls = app.registry.count();
    app.leaving.send_replace(Leaving::Draining);
    tracing::info!(calls, drain_s = drain.as_secs(), "stopping: no new calls; asked again, it stops at once");
    let mut now = false;
    tokio::select! {
        () = until_idle(app) => {}
        () = tokio::time::sleep(drain) => {
            tracing::warn!(calls = app.registry.live(), "calls that did not end in time are asked to");
            app.leaving.send_replace(Leaving::Ending);
        }
        () = signals.next() => now = true,
    }
    stop_ringing(app).await;
    if !now {
        tokio::select! {
            () = until_ended(app) => {}
            () = tokio::time::sleep(APOLOGY) => {}
            () = signals.next() => {}
        }
    }
    if app.registry.live() > 0 {
        app.leaving.send_replace(Leaving::Now);
        if tokio::time::timeout(CUT, until_ended(app)).await.is_err() {
            tracing::warn!("calls that did not end in time are cut off");
        }
    }
    let answered = async {
        while app.registry.awaits_questions(LAST_QUESTIONS) {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = answered => {}
        () = signals.next(), if !now => {}
    }
}

/// Calls of ours that still ring are waited for too: somebody may pick up.
async fn until_idle(app: &App) {
    while app.registry.count() > 0 || app.registry.placed() > 0 {
        tokio::time::sleep(LOOK).await;
    }
}

async fn until_ended(app: &App) {
    while app.registry.live() > 0 {
        tokio::time::sleep(LOOK).await;
    }
}

/// Whoever picks up now would find nobody.
async fn stop_ringing(app: &App) {
    let Some(twilio) = &app.twilio else { return };
    let ringing = app.registry.ringing();
    let ended = join_all(ringing.iter().map(|sid| twilio.end_call(sid)));
    if tokio::time::timeout(CUT, ended).await.is_err() {
        tracing::warn!("Twilio does not answer; calls may ring where nobody is any more");
    }
}

/// An address that this machine can connect to.
fn near(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) if address.ip().is_unspecified() => ([127, 0, 0, 1], address.port()).into(),
        SocketAddr::V6(_) if address.ip().is_unspecified() => {
            (std::net::Ipv6Addr::LOCALHOST, address.port()).into()
        }
        address => address,
    }
}

/// How the operator, or whatever runs this program, asks it to stop.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> anyhow::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
