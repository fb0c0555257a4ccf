//! Journals: a call is written down while it goes on, and done again afterwards, without a network, with the
//! same build and with another one.

use crate::exchange::{KEY as API_KEY, client};
use crate::house::*;
use standins::openai::{self, Reply, Rule, Script, When};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const KEY: &str = "sk-of-the-stand-in";
const ANSWER: &str = "I am sorry that your soup was cold.";

async fn model() -> openai::Server {
    let script = Script::new(vec![Rule::new(When::Always, Reply::text(ANSWER))]);
    openai::Server::start(openai::Config { script, ..openai::Config::new(KEY) }).await.unwrap()
}

/// A caller complains, is answered by the model, and says goodbye.
async fn complaint(server: &Server, call: &str) {
    let mut phone = Phone::begin(server, call).await;
    assert_eq!(phone.hears().await, "Hello!");
    phone.say("My soup was cold today.").await;
    assert_eq!(phone.hears().await, ANSWER);
    phone.say("Goodbye.").await;
    assert_eq!(phone.hears().await, "Bye!");
    assert_eq!(phone.ended().await, "script", "{}", server.log());
}

fn journals(server: &Server) -> Vec<PathBuf> {
    let Ok(files) = std::fs::read_dir(server.folder().join("journals")) else { return Vec::new() };
    files.map(|file| file.unwrap().path()).collect()
}

/// `cordboard replay` where nothing is configured: its exit code, and what it prints.
async fn replay(journal: &Path, arguments: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.arg("replay").arg(journal).args(arguments);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

/// Under which id a call that is over is kept, once it is.
async fn id_of(server: &Server, call: &str) -> String {
    let kept = async {
        loop {
            let url = server.url(&format!("/conversations/{call}"));
            let answer = client().get(url).bearer_auth(API_KEY).send().await.unwrap().text().await.unwrap();
            let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
            if answer["conversation"]["departure"].is_string() {
                return answer["conversation"]["id"].as_str().unwrap().to_owned();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, kept).await.expect("the call is never kept")
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_call_is_done_again_the_same_to_the_byte_and_another_build_diverges() {
    let model = model().await;
    let setup = Setup::brief().toml("[journal]\non = true\n").variable("OPENAI_BASE_URL", &model.base_url());
    let setup = setup.variable("OPENAI_API_KEY", KEY).variable("CORDBOARD_API_KEY", API_KEY);
    let mut server = setup.start().await;
    complaint(&server, "CA-journal").await;
    server.stop().await;
    drop(model);
    let journals = journals(&server);
    let [journal] = &journals[..] else { panic!("{journals:?}\n{}", server.log()) };
    let name = journal.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("20") && name.ends_with("_CA-journal.journal"), "{name}");
    assert_eq!(journal.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = std::fs::read(journal).unwrap();
    assert!(holds(&bytes, "My soup was cold today."));
    assert!(!holds(&bytes, KEY) && !holds(&bytes, API_KEY), "a key is in the journal");

    let (code, text) = replay(journal, &[]).await;
    assert_eq!(code, 0, "{text}");
    for part in ["call      CA-journal", "journal   whole", "guest-relations", "openai-llm", "identical: "] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part:?} in\n{text}"));
    assert!(place("agent     Hello!") < place("caller    My soup was cold today."));
    assert!(place("caller    My soup was cold today.") < place(&format!("agent     {ANSWER}")));
    assert!(place("agent     Bye!") < place("end       the agent hung up"));
    assert_eq!(replay(journal, &[]).await, (0, text));

    // another build of the model says something else
    let parrot = guest("parrot-llm");
    let (code, text) = replay(journal, &["--with", parrot.to_str().unwrap()]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("the llm openai-llm") && text.contains("now 9.0.0 ("), "{text}");
    assert!(text.contains("delta \"The parrot says My soup was cold today.\""), "{text}");
    assert!(text.contains("caller    My soup") && !text.contains("agent     Bye!"), "up to there: {text}");
    let (code, json) = replay(journal, &["--json", "--with", parrot.to_str().unwrap()]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["identical"]), (1, &false.into()));
    assert_eq!(json["divergence"]["id"], "openai-llm");

    // as after a power cut
    let torn = server.folder().join("torn.journal");
    std::fs::write(&torn, &bytes[..bytes.len() * 2 / 3]).unwrap();
    let (code, text) = replay(&torn, &[]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("journal   torn: ") && text.contains("identical: "), "{text}");
}

#[tokio::test]
async fn what_cannot_be_replayed_is_told_by_another_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.journal");
    let (code, text) = replay(&path, &[]).await;
    assert!(code == 2 && text.contains("x.journal cannot be read"), "{code}: {text}");
    std::fs::write(&path, "RIFF").unwrap();
    let (code, text) = replay(&path, &[]).await;
    assert!(code == 2 && text.contains("it is no journal of a call"), "{code}: {text}");
}

#[tokio::test]
async fn a_route_may_have_journals_where_others_have_none_and_who_is_forgotten_is_in_none() {
    let toml = "[[routes]]\nname = \"desk\"\ndirection = \"inbound\"\njournal = true\n";
    let server = Setup::brief().toml(toml).variable("CORDBOARD_API_KEY", API_KEY).start().await;
    for name in ["CA-forgotten", "CA-kept"] {
        let mut phone = Phone::begin(&server, name).await;
        phone.hears().await;
        phone.say("Goodbye.").await;
        assert_eq!(phone.ended().await, "script");
    }
    assert_eq!(journals(&server).len(), 2, "{}", server.log());
    let id = id_of(&server, "CA-forgotten").await;
    let url = server.url(&format!("/conversations/{id}"));
    let forgotten = client().delete(url).bearer_auth(API_KEY).send().await.unwrap();
    assert!(forgotten.status().is_success(), "{forgotten:?}");
    let left = journals(&server);
    let [left] = &left[..] else { panic!("{left:?}") };
    assert!(left.to_str().unwrap().ends_with("_CA-kept.journal"), "{left:?}");
    // and where nobody asked for any, there is none
    let server = Setup::brief().start().await;
    let mut phone = Phone::begin(&server, "CA-none").await;
    phone.hears().await;
    phone.say("Goodbye.").await;
    assert_eq!(phone.ended().await, "script");
    assert!(journals(&server).is_empty());
}

#[tokio::test]
async fn a_full_disk_ends_the_journal_and_no_call() {
    if !disks_can_be_made() {
        return;
    }
    // the disk is the one of the recordings
    let toml = "[journal]\non = true\nfolder = \"recordings\"\n[recording]\nenabled = false\n";
    let server = Setup::brief().small_disk(8).toml(toml).start().await;
    let mut phone = Phone::begin(&server, "CA-full").await;
    phone.hears().await;
    phone.say("Goodbye.").await;
    assert_eq!(phone.ended().await, "script", "{}", server.log());
    server.logged("calls go on without journals").await;
}
