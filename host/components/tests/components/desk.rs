//! What the tests share: an operator, a host, components that are built when they are needed, and
//! somebody who drives a session.

use crate::guests;
use call::{Moment, llm};
use components::grant::{Entry, Operator};
use components::manifest::Kind;
use components::{Arrival, Artifact, Catalogue, EngineSettings, Generation, Host, LlmSession, Surroundings};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The operator's desk: entries as in `cordboard.toml`, and variables.
#[derive(Clone, Default)]
pub struct Desk {
    entries: BTreeMap<String, Entry>,
    variables: BTreeMap<String, String>,
}

impl Desk {
    pub fn entry(mut self, id: &str, toml: &str) -> Self {
        self.entries.insert(id.into(), toml::from_str(toml).unwrap());
        self
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }
}

impl Operator for Desk {
    fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }
}

/// One engine for all tests of the program: they run at the same time, as calls do.
pub fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
        Host::new(&EngineSettings { sessions: 256, cache: Some(cache) }).unwrap()
    })
}

/// The `.wasm` of a component that is only built for tests.
pub fn guest(package: &str) -> PathBuf {
    static BUILT: OnceLock<BTreeMap<&str, PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let packages = [
            "hostile-llm",
            "hostile-persona",
            "hostile-script",
            "hostile-start",
            "hostile-stt",
            "hostile-tts",
            "parrot-llm",
        ];
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        packages.into_iter().zip(guests::build(&workspace, &packages).unwrap()).collect()
    });
    built[package].clone()
}

pub fn shipped(id: &str, kind: Kind, desk: &Desk) -> Arc<Generation> {
    Catalogue::read(None).unwrap().load(host(), id, kind, desk).unwrap()
}

/// A component of the tests, which gets what the desk grants.
pub fn stranger(package: &str, desk: &Desk) -> Arc<Generation> {
    let path = guest(package);
    let artifact = Artifact::from_bytes(std::fs::read(&path).unwrap(), Some(path)).unwrap();
    Arc::new(Generation::load(host(), artifact, None, desk).unwrap())
}

/// A session's surroundings, and the channel of its call.
pub fn surroundings(call: &str) -> (Surroundings, mpsc::Receiver<Arrival>) {
    surroundings_with(call, 42)
}

pub fn surroundings_with(call: &str, seed: u64) -> (Surroundings, mpsc::Receiver<Arrival>) {
    let (arrivals, receiver) = mpsc::channel(64);
    (Surroundings::new(call, 1_800_000_000_000, seed, arrivals), receiver)
}

pub fn prompt(said: &str) -> llm::Prompt {
    llm::Prompt {
        messages: vec![
            call::chat::Message::System("Be kind.".into()),
            call::chat::Message::Caller(said.into()),
        ],
        tools: vec![],
        tool_choice: call::chat::ToolChoice::Auto,
        max_tokens: None,
        temperature: None,
        schema: None,
    }
}

/// Everything a model says to a prompt, until it has finished or failed.
pub async fn reply(generation: &Arc<Generation>, call: &str, said: &str) -> Vec<llm::Effect> {
    let (surroundings, mut arrivals) = surroundings(call);
    let began = Instant::now();
    let now = || Moment::since_start(began.elapsed());
    let (mut session, mut effects) = generation.open_llm(&surroundings, now()).unwrap();
    effects.extend(session.handle(now(), llm::Event::Generate(prompt(said))));
    while !is_over(&effects) {
        assert!(began.elapsed() < Duration::from_secs(60), "it goes on without an end");
        effects.extend(step(&mut session, &mut arrivals, &now).await);
    }
    effects
}

/// The next thing that happens to a session: an arrival, or a timer of its own.
pub async fn step(
    session: &mut LlmSession,
    arrivals: &mut mpsc::Receiver<Arrival>,
    now: &impl Fn() -> Moment,
) -> Vec<llm::Effect> {
    let timer = session.next_timeout().since(now()).min(Duration::from_secs(20));
    match tokio::time::timeout(timer, arrivals.recv()).await {
        Ok(Some(Arrival::Net { session: id, event })) => {
            assert_eq!(id, session.id());
            session.arrived(now(), event)
        }
        Ok(other) => panic!("{other:?}"),
        Err(_) => {
            assert!(session.next_timeout() <= now(), "nothing happens for 20 s");
            session.timeout(now())
        }
    }
}

pub fn is_over(effects: &[llm::Effect]) -> bool {
    effects.iter().any(|e| matches!(e, llm::Effect::Finished(_) | llm::Effect::Failed(_)))
}

/// All the text of a reply.
pub fn text(effects: &[llm::Effect]) -> String {
    effects
        .iter()
        .filter_map(|effect| match effect {
            llm::Effect::Delta(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// Why a reply failed; none: it did not.
pub fn failure(effects: &[llm::Effect]) -> Option<String> {
    effects.iter().find_map(|effect| match effect {
        llm::Effect::Failed(failure) => Some(failure.to_string()),
        _ => None,
    })
}

/// What was logged while `run` ran.
pub async fn logged<T>(run: impl Future<Output = T>) -> (T, String) {
    use tracing_subscriber::fmt::MakeWriter;
    #[derive(Clone, Default)]
    struct Book(Arc<Mutex<Vec<u8>>>);
    impl Write for Book {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    impl MakeWriter<'_> for Book {
        type Writer = Self;
        fn make_writer(&self) -> Self {
            self.clone()
        }
    }
    let book = Book::default();
    let subscriber = tracing_subscriber::fmt().with_writer(book.clone()).with_ansi(false).finish();
    // the tests run on one thread each, so this reaches all that is logged for them
    let guard = tracing::subscriber::set_default(subscriber);
    let result = run.await;
    drop(guard);
    let text = String::from_utf8(book.0.lock().unwrap().clone()).unwrap();
    (result, text)
}
