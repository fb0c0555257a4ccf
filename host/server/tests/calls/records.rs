//! What is kept of calls, and how it is read back, taken away and forgotten.

use crate::exchange::*;
use crate::house::*;
use reqwest::Method;
use serde_json::{Value, json};
use standins::supabase::{self, Type};
use standins::twilio::{Config, Person};
use std::path::Path;

const CARD: &str = "4242 4242 4242 4242";

/// A database and recordings that outlive a server.
fn kept_in(folder: &Path) -> Setup {
    Setup::brief()
        .variable("DATABASE_URL", &format!("sqlite://{}", folder.join("calls.db").display()))
        .variable("CORDBOARD_RECORDINGS", folder.join("recordings").to_str().unwrap())
}

/// Free now, and in all likelihood in a moment.
fn free_port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

/// A call in which this is said, to its end.
async fn held(exchange: &Exchange, words: &[&str]) -> String {
    let sid = exchange.ring(Person::who_says(words.to_vec()));
    exchange.ended(&sid).await;
    // the record is whole a moment after the caller has hung up
    until_told(exchange, &format!("/conversations?call_sid={sid}"), |page| {
        page["conversations"][0]["departure"].is_string()
    })
    .await;
    sid
}

fn texts<'a>(rows: &'a Value, name: &str) -> Vec<&'a str> {
    rows.as_array().unwrap().iter().filter_map(|row| row[name].as_str()).collect()
}

#[tokio::test]
async fn a_call_is_kept_with_all_that_was_said_and_read_back() {
    let exchange = Exchange::new().await;
    let sid = held(&exchange, &["My soup was cold today.", "Thank you, goodbye."]).await;
    let kept = exchange.get(&format!("/conversations/{sid}")).await;
    let conversation = &kept["conversation"];
    assert_eq!(
        (
            conversation["call_sid"].as_str(),
            conversation["direction"].as_str(),
            conversation["persona"].as_str(),
            conversation["departure"].as_str()
        ),
        (Some(sid.as_str()), Some("inbound"), Some("guest-relations"), Some("script")),
        "{conversation}"
    );
    assert!(conversation["duration_ms"].as_u64().unwrap() > 0, "{conversation}");
    assert!(conversation["ended_at"].as_str() > conversation["created_at"].as_str(), "{conversation}");
    // in the order in which it was said
    let lines: Vec<(&str, &str)> =
        texts(&kept["turns"], "speaker").into_iter().zip(texts(&kept["turns"], "text")).collect();
    assert_eq!(lines[0], ("agent", "Hello!"));
    assert_eq!(lines[1], ("caller", "My soup was cold today."));
    assert_eq!(lines.last(), Some(&("agent", "Bye!")));
    let positions: Vec<u64> =
        kept["turns"].as_array().unwrap().iter().map(|row| row["position"].as_u64().unwrap()).collect();
    assert!(positions.is_sorted(), "{positions:?}");
    assert_eq!(kept["metrics"]["turns"], 2);
    let metric = |name: &str| kept["metrics"][name].as_u64().unwrap();
    assert!(metric("latency_min_ms") <= metric("latency_avg_ms"), "{}", kept["metrics"]);
    assert!(metric("latency_avg_ms") <= metric("latency_max_ms"), "{}", kept["metrics"]);
    // by its own name too
    let id = conversation["id"].as_str().unwrap();
    assert_eq!(exchange.get(&format!("/conversations/{id}")).await["conversation"], *conversation);
}

#[tokio::test]
async fn a_recording_can_be_had_whole_or_in_part() {
    let exchange = Exchange::new().await;
    let sid = held(&exchange, &["Goodbye."]).await;
    let kept = exchange.get(&format!("/conversations/{sid}")).await;
    let url = exchange.server.url(kept["recording"].as_str().unwrap());
    let ask = |range: Option<&'static str>| {
        let request = client().get(&url).bearer_auth(KEY);
        match range {
            Some(range) => request.header("range", range),
            None => request,
        }
        .send()
    };
    let whole = ask(None).await.unwrap();
    assert_eq!(whole.status(), 200);
    assert!(whole.headers()["content-type"].to_str().unwrap().starts_with("audio/"), "{whole:?}");
    let whole = whole.bytes().await.unwrap();
    assert!(whole.starts_with(b"RIFF"));
    let part = ask(Some("bytes=8-11")).await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.bytes().await.unwrap(), whole[8..12]);
    assert_eq!(ask(Some("bytes=999999999-")).await.unwrap().status(), 416);
    // not for everybody
    assert_eq!(client().get(&url).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn conversations_are_found_paged_and_taken_away_as_files() {
    let exchange = Exchange::new().await;
    let mut sids = Vec::new();
    for _ in 0..3 {
        sids.push(held(&exchange, &["Goodbye."]).await);
    }
    let first = exchange.get("/conversations?limit=2&persona=guest-relations").await;
    assert_eq!(texts(&first["conversations"], "call_sid"), [&sids[2], &sids[1]], "the newest first");
    let next = first["next"].as_str().unwrap();
    let rest = exchange.get(&format!("/conversations?limit=2&after={next}")).await;
    assert_eq!(texts(&rest["conversations"], "call_sid"), [&sids[0]]);
    assert_eq!(rest["next"], Value::Null);
    assert_eq!(exchange.get("/conversations?persona=nobody").await["conversations"], json!([]));

    let csv = exchange.get("/conversations.csv").await;
    let csv = csv.as_str().unwrap();
    assert!(csv.starts_with("id,call_sid,direction,"), "{csv}");
    assert_eq!(csv.lines().count(), 4, "{csv}");
    let newest = exchange.get("/conversations.csv?limit=1").await;
    assert_eq!(newest.as_str().unwrap().lines().collect::<Vec<_>>(), csv.lines().take(2).collect::<Vec<_>>());
    let lines = exchange.get("/conversations.jsonl").await;
    // one line alone would be read as one value
    let lines: Vec<Value> =
        lines.as_str().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[2]["call_sid"], sids[0].as_str());
}

#[tokio::test]
async fn what_is_asked_wrongly_is_said() {
    let exchange = Exchange::new().await;
    for (path, status, part) in [
        ("/conversations?limit=0", 422, "1 to 500"),
        ("/conversations?colour=red", 400, "colour"),
        ("/conversations?from=yesterday", 400, "from"),
        ("/conversations?after=nonsense", 404, "first page"),
        ("/conversations/CA-nobody", 404, "CA-nobody"),
        ("/conversations/CA-nobody/recording", 404, "CA-nobody"),
    ] {
        let (answered, body) = exchange.ask(Method::GET, path, None).await;
        assert_eq!(answered, status, "{path}: {body}");
        assert!(body["detail"].as_str().unwrap().contains(part), "{path}: {body}");
    }
    let (status, body) = exchange.ask(Method::DELETE, "/conversations?caller=me", None).await;
    assert_eq!(status, 422, "{body}");
    let (status, _) = ask(&exchange.server, None, Method::GET, "/conversations", None).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn whoever_wants_to_be_forgotten_is() {
    let exchange = Exchange::new().await;
    let sid = held(&exchange, &["Goodbye."]).await;
    let caller = exchange.get(&format!("/conversations/{sid}")).await["conversation"]["caller"].clone();
    let number = caller.as_str().unwrap().replace('+', "%2B");
    assert_eq!(exchange.server.recordings().len(), 1);
    let (status, body) = exchange.ask(Method::DELETE, &format!("/conversations?caller={number}"), None).await;
    assert_eq!((status, &body), (200, &json!({ "conversations": 1, "recordings": 1 })));
    assert_eq!(exchange.ask(Method::GET, &format!("/conversations/{sid}"), None).await.0, 404);
    assert_eq!(exchange.server.recordings().len(), 0);
}

#[tokio::test]
async fn a_conversation_that_goes_on_is_not_forgotten_under_its_caller() {
    let exchange = Exchange::new().await;
    let sid = exchange.ring(listener());
    exchange.hears(&sid, "Hello!").await;
    until_kept(&exchange, &format!("/conversations/{sid}"), |kept| kept["conversation"]["id"].is_string())
        .await;
    let conversation = exchange.get(&format!("/conversations/{sid}")).await["conversation"].clone();
    let number = conversation["caller"].as_str().unwrap().replace('+', "%2B");
    let by_id = format!("/conversations/{}", conversation["id"].as_str().unwrap());
    for path in [format!("/conversations?caller={number}"), by_id.clone()] {
        let (status, body) = exchange.ask(Method::DELETE, &path, None).await;
        assert_eq!(status, 409, "{path}: {body}");
    }
    let by_sid = format!("/conversations/{sid}");
    assert_eq!(exchange.ask(Method::DELETE, &by_sid, None).await.0, 404, "by its own id only");
    exchange.twilio.hang_up(&sid);
    until_told(&exchange, &by_sid, |kept| kept["conversation"]["departure"].is_string()).await;
    let (status, body) = exchange.ask(Method::DELETE, &by_id, None).await;
    assert_eq!((status, &body["conversations"]), (200, &json!(1)), "{body}");
}

#[tokio::test]
async fn a_card_number_is_nowhere() {
    let exchange = Exchange::new().await;
    let sid = held(&exchange, &[&format!("My card is {CARD}, and the soup was cold."), "Goodbye."]).await;
    let kept = exchange.get(&format!("/conversations/{sid}")).await;
    assert!(texts(&kept["turns"], "text").contains(&"My card is [card number], and the soup was cold."));
    let live = exchange.get(&format!("/calls/{sid}")).await;
    for (place, text) in
        [("kept", kept.to_string()), ("live", live.to_string()), ("log", exchange.server.log())]
    {
        // a time may have as many of these digits
        assert!(!text.contains("4242 4242") && !text.contains("42424242"), "{place}: {text}");
    }
}

#[tokio::test]
async fn callers_are_told_that_they_are_recorded_before_anything_else() {
    let setup = Setup::brief().toml("[route]\nannouncement = \"This call is recorded.\"\n");
    let exchange = Exchange::with(Config::new(), setup).await;
    let sid = held(&exchange, &["Goodbye."]).await;
    let kept = exchange.get(&format!("/conversations/{sid}")).await;
    assert_eq!(texts(&kept["turns"], "text")[..2], ["This call is recorded.", "Hello!"]);
}

#[tokio::test]
async fn what_is_too_old_is_kept_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    // recordings are those of the host that goes by this port
    let port = free_port();
    let setup = || kept_in(folder.path()).variable("PORT", &port).keeps_port();
    let mut exchange = Exchange::with(Config::new(), setup()).await;
    let sid = held(&exchange, &["Goodbye."]).await;
    exchange.server.stop().await;
    let recordings = || std::fs::read_dir(folder.path().join("recordings")).unwrap().count();
    assert_eq!(recordings(), 1);
    // older than no day at all
    let setup = setup().toml("[retention]\nrecordings_days = 0\ntranscripts_days = 0\n");
    let exchange = Exchange::with(Config::new(), setup).await;
    let path = format!("/conversations/{sid}");
    until_told(&exchange, &path, |kept| kept["turns"] == json!([]) && kept["recording"].is_null()).await;
    assert_eq!(recordings(), 0);
    let conversation = exchange.get(&path).await["conversation"].clone();
    assert_eq!(conversation["departure"], "script", "the rest of it is still there");
}

#[tokio::test]
async fn a_host_that_was_cut_off_says_so_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    // its name has the port in it, so it has to be the same
    let port = free_port();
    let setup = || kept_in(folder.path()).variable("PORT", &port).keeps_port();
    let mut exchange = Exchange::with(Config::new(), setup()).await;
    let sid =
        exchange.ring(Person { patience: PATIENCE * 10, ..Person::who_says(["My soup was cold today."]) });
    let path = format!("/conversations/{sid}");
    until_kept(&exchange, &path, |kept| texts(&kept["turns"], "text").contains(&"My soup was cold today."))
        .await;
    exchange.server.kill().await;
    let exchange = Exchange::with(Config::new(), setup()).await;
    let kept = until_told(&exchange, &path, |kept| kept["conversation"]["departure"] == "lost").await;
    assert!(texts(&kept["turns"], "text").contains(&"My soup was cold today."), "{kept}");
}

/// As `until_told`, of something that may not be there yet.
async fn until_kept(exchange: &Exchange, path: &str, told: impl Fn(&Value) -> bool) {
    let asking = async {
        loop {
            let (status, kept) = exchange.ask(Method::GET, path, None).await;
            if status == 200 && told(&kept) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{path} never says it"));
}

#[tokio::test]
async fn a_database_that_is_away_holds_up_no_call() {
    // nobody is there
    let port = free_port();
    let url = format!("postgres://somebody:swordfish@127.0.0.1:{port}/calls");
    let setup = Setup::brief().variable("DATABASE_URL", &url);
    let exchange = Exchange::with(Config::new(), setup).await;
    let sid = exchange.ring(Person::who_says(["Goodbye."]));
    let call = exchange.ended(&sid).await;
    assert_eq!(call.heard(), ["Hello!", "Bye!"], "{}", story(&call));
    let health = exchange.get("/health").await;
    assert_eq!(
        (health["status"].as_str(), health["services"]["store"]["state"].as_str()),
        (Some("degraded"), Some("failing"))
    );
    let (status, body) = exchange.ask(Method::GET, "/conversations", None).await;
    assert_eq!(status, 503, "{body}");
    let spooled = std::fs::read_dir(exchange.server.folder().join("spool")).unwrap();
    let spooled: String =
        spooled.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap_or_default()).collect();
    assert!(spooled.contains("\"Goodbye.\""), "{spooled}");
    assert!(!exchange.server.log().contains("swordfish"), "{}", exchange.server.log());
}

#[tokio::test]
async fn a_database_that_cannot_be_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let busy = kept_in(folder.path()).start().await;
    for (url, part) in [
        ("mysql://me:swordfish@127.0.0.1/calls".to_owned(), "postgresql://"),
        ("calls.db".to_owned(), "sqlite://"),
        (format!("sqlite://{}", folder.path().join("calls.db").display()), "in use by another host"),
    ] {
        let place = tempfile::tempdir().unwrap();
        let output = program(place.path())
            .args(["serve", "--bind", "127.0.0.1:0"])
            .env("DATABASE_URL", &url)
            .output()
            .await
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(part), "{url}: {error}");
        assert!(!error.contains("swordfish"), "{error}");
    }
    drop(busy);
}

#[tokio::test]
async fn nothing_is_kept_where_nothing_is_to_be() {
    let exchange = Exchange::with(Config::new(), Setup::brief().variable("DATABASE_URL", "none")).await;
    let sid = exchange.ring(Person::who_says(["Goodbye."]));
    exchange.ended(&sid).await;
    let (status, body) = exchange.ask(Method::GET, "/conversations", None).await;
    assert_eq!(status, 503, "{body}");
    assert!(!exchange.server.folder().join("cordboard.db").exists());
}

#[tokio::test]
async fn migrations_can_be_printed_and_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = async |arguments: &[&str], url: &str| {
        let output =
            program(folder.path()).arg("migrate").args(arguments).env("DATABASE_URL", url).output().await;
        let output = output.unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    };
    let (printed, sql) = run(&["--print"], "postgres://127.0.0.1/calls").await;
    assert!(printed && sql.contains("timestamptz") && sql.to_lowercase().contains("view claims"), "{sql}");
    let (done, text) = run(&[], "sqlite://new.db").await;
    assert!(done && text.contains("as this version wants it"), "{text}");
    let (again, text) = run(&[], "sqlite://new.db").await;
    assert!(again, "{text}");
    let (none, text) = run(&[], "none").await;
    assert!(!none && text.contains("there is no database"), "{text}");
}

#[tokio::test]
async fn a_caller_who_was_cut_off_goes_on_with_the_claim_in_another_call() {
    let setup = Setup::brief().variable("CORDBOARD_PERSONA", "claim-intake");
    let server = setup.toml("[component.claim-intake.settings]\nuse_model = false\n").start().await;
    let mut phone = Phone::begin(&server, "CA-begun").await;
    for text in ["Yes, I have it.", "It was on March fifth 2026.", "Yes."] {
        phone.hears().await;
        phone.say(text).await;
    }
    phone.hears().await;
    phone.drop_dead();
    let departed = |kept: &Value| kept["conversation"]["departure"].is_string();
    let begun = until_read(&server, "/conversations/CA-begun", departed).await["conversation"].clone();
    assert_eq!(
        ["state", "claim_date", "claim_status", "departure"].map(|name| begun[name].as_str()),
        [Some("ongoing"), Some("2026-03-05"), None, Some("caller")],
        "what was collected is there: {begun}"
    );

    // from the same number
    let mut phone = Phone::begin(&server, "CA-again").await;
    let offer = phone.hears().await;
    assert!(offer.contains("open claim"), "{offer}");
    for text in [
        "Yes, please.",
        "It is pending.",
        "Yes.",
        "Four hundred and fifty dollars.",
        "Yes.",
        "Yes, all of it.",
    ] {
        phone.say(text).await;
        phone.hears().await;
    }
    assert_eq!(phone.ended().await, "script", "{}", server.log());
    let done = until_read(&server, "/conversations/CA-again", departed).await["conversation"].clone();
    let names = ["claim_id", "claim_date", "claim_status", "claim_amount", "state"];
    let number = begun["claim_id"].as_str();
    assert_eq!(
        names.map(|name| done[name].as_str()),
        [number, Some("2026-03-05"), Some("Pending"), Some("450.00"), Some("done")],
        "{done}"
    );
}

/// Asks a server that has no key until the answer is what is waited for.
async fn until_read(server: &Server, path: &str, told: impl Fn(&Value) -> bool) -> Value {
    let asking = async {
        loop {
            let (_, answer) = ask(server, None, Method::GET, path, None).await;
            if told(&answer) {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{path} never says it"))
}

#[tokio::test]
async fn a_project_of_supabase_without_tables_is_told_what_to_run_and_gets_everything_afterwards() {
    let secret = "sb_secret_0123456789";
    let tables = || {
        store::Table::ALL.map(|table| {
            let columns = table.columns().iter().map(|c| (c.name, Type::named(c.kind.postgres()).unwrap()));
            let made = supabase::Table::new(table.name(), columns, table.key().iter().copied());
            match table {
                store::Table::Conversations => made,
                _ => made.child_of("conversations", "conversation_id"),
            }
        })
    };
    let project = supabase::Config::new(secret, supabase::Database::new([]));
    let project = supabase::Server::start(project).await.unwrap();
    let setup = Setup::brief().variable("SUPABASE_URL", &project.base_url()).variable("SUPABASE_KEY", secret);
    let exchange = Exchange::with(Config::new(), setup).await;
    let log = exchange.server.log();
    assert!(log.contains("lacks the table conversations") && log.contains("timestamptz"), "{log}");
    let sid = exchange.ring(Person::who_says(["My soup was cold today.", "Goodbye."]));
    exchange.ended(&sid).await;
    assert_eq!(project.database().rows("conversations"), Vec::<Value>::new());

    // somebody runs it
    for table in tables() {
        project.database().create_table(table);
    }
    let kept = until_told(&exchange, &format!("/conversations?call_sid={sid}"), |page| {
        page["conversations"][0]["departure"] == "script"
    })
    .await;
    let kept =
        exchange.get(&format!("/conversations/{}", kept["conversations"][0]["id"].as_str().unwrap())).await;
    assert!(texts(&kept["turns"], "text").contains(&"My soup was cold today."), "{kept}");
    assert!(!exchange.server.log().contains(secret));
}
