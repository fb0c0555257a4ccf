//! Models that fail, in every way and at every moment of an answer; another one goes on, and every letter of
//! the answer is heard once.
//!
//! | | before the first word | in the middle of the answer | between turns |
//! |---|---|---|---|
//! | refused: no connection, 401, 429, 500 | × | – | – |
//! | closed | – | × | × |
//! | silent, or done without a word | × | × | – |
//! | says that it cannot | × | × | – |
//! | says nonsense | × | × | – |
//! | traps, computes without end | × | × | – |
//!
//! – : what is answered is refused no longer; an answer that is closed before its first word is one without a
//! word; and between turns, as in the greeting, no model is asked. Only the connection that waits for the next
//! question may go meanwhile, which nobody must notice.

use super::table::*;
use crate::house::Server;
use standins::openai::{Reply, Rule, Script, When};
use standins::{Fault, Turn, cartesia, openai};
use std::time::Duration;

const GREETING: &str = "Hello there!";
const ANSWER: &str = "I am very sorry to hear that, and the kitchen shall hear about everything today.";

/// What one of them does: each is a call.
type Row = (&'static str, &'static [fn() -> Fault]);

const ROWS: [Row; 5] = [
    ("closed", &[|| Fault::CloseMidWord]),
    ("silent", &[|| Fault::Silent, || Fault::MidWord(Turn::Silent)]),
    ("nothing", &[|| Fault::Nothing, || refused(500)]),
    ("error", &[|| Fault::Error, || Fault::MidWord(Turn::Error)]),
    ("garbage", &[|| Fault::Garbage, || Fault::MidWord(Turn::Garbage)]),
];

fn refused(status: u16) -> Fault {
    Fault::Refuse { status, retry_after: None }
}

/// A model that goes on where another has broken off.
fn config() -> openai::Config {
    let script = Script::new(vec![Rule::new(When::Always, Reply::GoOn(ANSWER.into()))]);
    openai::Config { script, ..openai::Config::new(KEY) }
}

async fn model() -> openai::Server {
    openai::Server::start(config()).await.unwrap()
}

async fn voice() -> cartesia::Server {
    cartesia::Server::start(cartesia::Config { spells: true, ..cartesia::Config::new(KEY) }).await.unwrap()
}

fn cast(voice: &cartesia::Server, second: &openai::Server) -> Cast {
    let toml = format!(
        "[route]\nstt = \"none\"\nllm = \"second-llm\"\ntts = \"cartesia-tts\"\n\
         [component.guest-relations.settings]\ngreeting = {GREETING:?}\n\
         [component.cartesia-tts.settings]\nbase_url = \"{}\"\n",
        voice.base_url()
    );
    Cast::new(&toml).provider("second-llm", "openai-llm", &second.base_url())
}

fn route(cast: Cast, row: &str) -> Cast {
    cast.route(row, &format!("llm = [{row:?}, \"second-llm\"]"))
}

/// A call in which the answer is heard whole, and once.
async fn answered(server: &Server, row: &str, call: &str, leaves: Leaves, passed: &[(&str, &str)]) {
    let went = super::table::call(server, row, call, &[SAID], leaves, |_, _| {}).await;
    assert_eq!(went.letters(), letters(&[GREETING, ANSWER]), "{went}\n{}", server.log());
    assert_eq!(went.agent, [GREETING, ANSWER]);
    went.passed(server, passed);
}

#[tokio::test]
async fn whenever_a_model_fails_every_letter_of_the_answer_is_heard_once() {
    let (voice, second) = (voice().await, model().await);
    let mut cast = cast(&voice, &second);
    let mut vendors = Vec::new();
    for (row, faults) in ROWS {
        let vendor = model().await;
        cast = route(cast.provider(row, "openai-llm", &vendor.base_url()), row);
        vendors.push((row, vendor, faults));
    }
    cast = cast.provider("nowhere", "openai-llm", &nowhere().await);
    let villains = ["trap-at-open", "trap-at-handle", "trap-at-word", "loop-at-handle", "loop-at-word"];
    for row in villains {
        cast = cast.villain("llm", row);
    }
    let alone = [&villains[..], &["nowhere"]].concat();
    for row in &alone {
        cast = route(cast, row);
    }
    let server = cast.start().await;
    let rows = vendors.iter().map(async |(row, vendor, faults)| {
        for (n, fault) in faults.iter().enumerate() {
            let halts = fault() == Fault::MidWord(Turn::Silent);
            vendor.set_fault(Some(fault()));
            let leaves = if halts { Leaves::Patiently } else { Leaves::AtOnce };
            answered(&server, row, &format!("{row}{n}"), leaves, &[(*row, "second-llm")]).await;
        }
        // twice in a row is no reason not to ask it again
        vendor.set_fault(None);
        answered(&server, row, &format!("{row}-well"), Leaves::AtOnce, &[]).await;
    });
    let alone_rows = alone.iter().map(async |row| {
        answered(&server, row, row, Leaves::AtOnce, &[(*row, "second-llm")]).await;
    });
    tokio::join!(futures_util::future::join_all(rows), futures_util::future::join_all(alone_rows));

    let figures = figures(&server).await;
    let counted = |row: &str| {
        let over = figure(&figures, "failovers_total", &[("from", row), ("to", "second-llm")]);
        (over, figure(&figures, "failures_total", &[("stage", "llm"), ("provider", row)]))
    };
    for (row, _, faults) in &vendors {
        assert_eq!(counted(row), (faults.len() as f64, faults.len() as f64), "{row}\n{figures}");
    }
    for row in &alone {
        assert_eq!(counted(row), (1.0, 1.0), "{row}\n{figures}");
    }
    assert_eq!(counted("second-llm").1, 0.0);
    let asked = vendors.iter().map(|(.., faults)| faults.len()).sum::<usize>() + alone.len();
    assert_eq!(second.requests().len(), asked, "once for each failure");
    assert_eq!(second.violations(), [""; 0]);
}

#[tokio::test]
async fn a_connection_that_goes_while_no_model_is_asked_is_noticed_by_nobody() {
    let (voice, second, first) = (voice().await, model().await, model().await);
    let cast = cast(&voice, &second).provider("restarted", "openai-llm", &first.base_url());
    let server = route(cast, "restarted").start().await;
    let port = first.addr().port();
    answered(&server, "restarted", "restarted0", Leaves::AtOnce, &[]).await;
    drop(first);
    let again = async {
        loop {
            match openai::Server::start(openai::Config { port, ..config() }).await {
                Ok(server) => return server,
                // the port is still being given back
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let first = tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();
    answered(&server, "restarted", "restarted1", Leaves::AtOnce, &[]).await;
    assert_eq!((first.requests().len(), second.requests().len()), (1, 0));
}

#[tokio::test]
async fn a_model_that_refuses_our_key_is_not_asked_by_the_next_call() {
    let (voice, second, first) = (voice().await, model().await, model().await);
    let cast = cast(&voice, &second).provider("denied", "openai-llm", &first.base_url());
    let server = route(cast, "denied").start().await;
    first.set_fault(Some(refused(401)));
    answered(&server, "denied", "denied0", Leaves::AtOnce, &[("denied", "second-llm")]).await;
    until_state(&server, "denied", "resting").await;
    answered(&server, "denied", "denied1", Leaves::AtOnce, &[]).await;
    assert_eq!((first.requests().len(), second.requests().len()), (1, 2));
}
