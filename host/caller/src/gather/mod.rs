//! A call at a webhook: Twilio's part of a voice call that begins with a request for a document, and the
//! caller behind it.
//!
//! The documents are followed as Twilio follows them: what it says and plays, `<Gather>` with what the
//! caller says or presses, and where it goes from there. A `<Connect>` is handed to the line that it
//! names, with the steps that are left; when that is over, its `action` or the next verb follows.
//!
//! This is a telephone to try a server with, not a judge of it: what it does not know it leaves out, and
//! says so in the outcome. `<Dial>` ends the call. What is chosen for `<Gather>`:
//! - The caller does one step, when the prompts are over. Who interrupts cuts in on the first of them, when
//!   half of it was said, or after a second.
//! - Where somebody types, their line is waited for, and there is no timeout; an empty one says nothing.
//! - With no step left the caller stays as long as there is patience, and hangs up.

mod document;
mod phone;

use crate::line::{self, CallError, Told};
use crate::plan::{Identity, Step, Typed};
use std::sync::Arc;
use std::time::Duration;

/// The headers that sign a request: of its URL, and of its form, which is empty for a socket and for a
/// request whose parameters are in the URL.
pub type Sign = Arc<dyn Fn(&str, &[(String, String)]) -> Vec<(String, String)> + Send + Sync>;

/// A call, from Twilio's side.
#[derive(Clone)]
pub struct Plan {
    /// Asked for the first document: http or https.
    pub url: String,
    /// Asks. It follows no redirects.
    pub http: reqwest::Client,
    /// Default: nothing is signed.
    pub sign: Sign,
    /// Default: a fresh call of nobody's account.
    pub identity: Identity,
    /// Who calls, and whom.
    pub from: String,
    pub to: String,
    /// More parameters of every request. Default: none.
    pub parameters: Vec<(String, String)>,
    pub steps: Vec<Step>,
    /// More steps, while the call goes on, but not on a media stream. Default: none.
    pub typed: Option<Typed>,
    /// How sure Twilio is of what it understands. Default: 0.92.
    pub confidence: f32,
    /// How long it takes to say one character; 0: everything is said at once. Default: 60 ms.
    pub pace: Duration,
    /// How long a second takes that a document counts. Default: 1 s.
    pub second: Duration,
    /// How long the caller waits for the agent before going on, or, at the end, before hanging up.
    pub patience: Duration,
    /// The caller hangs up after this long in any case.
    pub limit: Duration,
}

impl Plan {
    pub fn new(url: impl Into<String>, http: reqwest::Client) -> Self {
        Self {
            url: url.into(),
            http,
            sign: Arc::new(|_, _| Vec::new()),
            identity: Identity::default(),
            from: "+15555550199".into(),
            to: "+15555550100".into(),
            parameters: Vec::new(),
            steps: Vec::new(),
            typed: None,
            confidence: 0.92,
            pace: Duration::from_millis(60),
            second: Duration::from_secs(1),
            patience: Duration::from_secs(15),
            limit: Duration::from_secs(600),
        }
    }
}

/// How a call went.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub ending: line::Ending,
    /// Whether anything was heard of the agent.
    pub heard: bool,
    /// steps of the plan that were not reached
    pub left: usize,
    /// What was left out of the documents, and what Twilio would have minded on a line.
    pub warnings: Vec<String>,
}

impl Outcome {
    /// Why it did not go well; none: it did.
    pub fn problem(&self) -> Option<String> {
        match &self.ending {
            line::Ending::Dropped => Some("the connection was dropped".into()),
            line::Ending::Agent { departure: Some(why) } => Some(format!("the call ended because of: {why}")),
            _ if !self.heard => Some("nothing was heard of the agent".into()),
            _ if self.left > 0 => Some(format!("the call ended with {} steps left", self.left)),
            _ => None,
        }
    }
}

/// Places the call and sees it through.
pub async fn call(plan: Plan, mut tell: impl FnMut(Told)) -> Result<Outcome, CallError> {
    phone::Phone::new(plan, &mut tell).run().await
}
