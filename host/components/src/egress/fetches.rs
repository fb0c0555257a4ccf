//! A script's requests: each is answered as a whole, once.

use super::Arrival;
use call::net::{Failure, Fault, Fetched};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// For one as a whole.
const FETCH: Duration = Duration::from_secs(30);

/// Those of one session, by their ids. They end with it.
#[derive(Debug, Default)]
pub(super) struct Fetches(BTreeMap<u32, Fetch>);

#[derive(Debug)]
struct Fetch {
    task: AbortHandle,
    answered: Arc<AtomicBool>,
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fetches {
    /// `most`: as many may be open at once; one more is answered at once with a failure.
    pub(super) fn begin(
        &mut self,
        id: u32,
        most: usize,
        arrivals: mpsc::Sender<Arrival>,
        fetching: impl Future<Output = Result<Fetched, Failure>> + Send + 'static,
    ) {
        self.forget_answered();
        let answered = Arc::new(AtomicBool::new(false));
        if self.0.len() >= most {
            let failure = Failure::new(Fault::TooLarge, format!("more than {most} fetches at once"));
            tokio::spawn(answer(id, Err(failure), arrivals, answered));
            return;
        }
        let open = answered.clone();
        let task = tokio::spawn(async move {
            let late = || Failure::new(Fault::Timeout, format!("no whole response in {} s", FETCH.as_secs()));
            let outcome = tokio::time::timeout(FETCH, fetching).await.unwrap_or_else(|_| Err(late()));
            answer(id, outcome, arrivals, open).await;
        });
        self.0.insert(id, Fetch { task: task.abort_handle(), answered });
    }

    /// Whether one of them is still to be answered.
    pub(super) fn is_any_open(&mut self) -> bool {
        self.forget_answered();
        !self.0.is_empty()
    }

    fn forget_answered(&mut self) {
        self.0.retain(|_, fetch| !fetch.answered.load(Ordering::Acquire));
    }

    pub(super) fn cancel(&mut self, id: u32) {
        self.0.remove(&id);
    }
}

async fn answer(
    id: u32,
    outcome: Result<Fetched, Failure>,
    arrivals: mpsc::Sender<Arrival>,
    answered: Arc<AtomicBool>,
) {
    // nobody is left to be told when the call is gone
    if let Ok(place) = arrivals.reserve().await {
        // before the script learns of it, and begins the next
        answered.store(true, Ordering::Release);
        place.send(Arrival::Fetched { id, outcome });
    }
}
