//! The console: calls that are held from it as its page holds them, what it is told of calls, and what of all
//! this a key may do.

use crate::exchange::{KEY, client};
use crate::house::*;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Asks as the page does: with a key, or none.
struct Page<'a> {
    server: &'a Server,
    key: Option<&'a str>,
}

impl<'a> Page<'a> {
    fn of(server: &'a Server) -> Self {
        Self { server, key: None }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = client().request(method, self.server.url(path));
        if let Some(key) = self.key {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Asks until the answer is what is waited for.
    async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let asking = async {
            loop {
                let told = self.get(path).await;
                if wanted(&told) {
                    return told;
                }
                tokio::task::yield_now().await;
            }
        };
        let told = tokio::time::timeout(PATIENCE, asking).await;
        told.unwrap_or_else(|_| panic!("{path} never says it:\n{}", self.server.log()))
    }

    async fn begin(&self, wanted: Value) -> Value {
        let (status, begun) = self.ask(Method::POST, "/console/calls", Some(wanted)).await;
        assert_eq!(status, 200, "{begun}");
        begun
    }

    async fn refused(&self, method: Method, path: &str, body: Value) -> (u16, String) {
        let (status, body) = self.ask(method, path, Some(body)).await;
        assert!(status >= 400, "{path}: {body}");
        (status, body["detail"].as_str().unwrap().to_owned())
    }
}

/// What whoever has begun a call comes back with.
fn ticket(begun: &Value) -> Value {
    json!({ "ticket": begun["ticket"] })
}

/// The telephone of the page, on the socket that it was given.
async fn picked_up(server: &Server, begun: &Value) -> Phone {
    let mut phone = Phone::connect_at(server, begun["socket"].as_str().unwrap()).await.unwrap();
    phone.send(&start(begun["id"].as_str().unwrap())).await;
    phone
}

#[tokio::test]
async fn the_page_is_there_with_all_that_it_names_and_may_ask_nobody_else() {
    let server = Setup::brief().start().await;
    let mut paths: Vec<String> = console::paths().map(|path| format!("/console/{path}")).collect();
    paths.push("/console".into());
    let mut texts = BTreeMap::new();
    for path in paths {
        let response = client().get(server.url(&path)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        // what has not changed is not sent again
        let again =
            client().get(server.url(&path)).header("if-none-match", header("etag")).send().await.unwrap();
        assert_eq!(again.status(), 304, "{path}");
        texts.insert(path, response.text().await.unwrap());
    }
    // modules name their files; all of them are there
    let named = r#"(?:from|import|url\(|addModule\(|URL\(|src=|href=)\s*["']([^"' ]+\.(?:js|css|svg))["']"#;
    let named = regex::Regex::new(named).unwrap();
    for (path, text) in texts.iter().filter(|(path, _)| !path.contains("/vendor/")) {
        for name in named.captures_iter(text).map(|found| found[1].to_owned()) {
            // what is written in a module of the page is seen from the page
            let seen_from = if name.starts_with("console/") { "/console" } else { path.as_str() };
            let base = url::Url::parse(&server.url(seen_from)).unwrap();
            let named = base.join(&name).unwrap().path().to_owned();
            assert!(texts.contains_key(&named), "{path} names {named}");
        }
    }
    for nowhere in ["/console/nothing.js", "/console/../Cargo.toml", "/console/call"] {
        assert_eq!(client().get(server.url(nowhere)).send().await.unwrap().status(), 404, "{nowhere}");
    }
    // a person who opens the address is shown it; a program is told how the host is
    let opened = client().get(server.url("/")).header("accept", "text/html,*/*").send().await.unwrap();
    assert_eq!((opened.status().as_u16(), &opened.headers()["location"]), (303, &"console".parse().unwrap()));
    let slash = client().get(server.url("/console/")).send().await.unwrap();
    assert_eq!(
        (slash.status().as_u16(), &slash.headers()["location"]),
        (303, &"../console".parse().unwrap())
    );
    assert_eq!(Page::of(&server).get("/").await["status"], "healthy");
}

#[tokio::test]
async fn a_typed_line_is_answered_without_any_key() {
    let server = Setup::brief().start().await;
    let page = Page::of(&server);
    let choices = page.get("/console/choices").await;
    assert_eq!(choices["route"]["stt"], json!([]));
    let openai = choices["llm"].as_array().unwrap().iter().find(|offer| offer["id"] == "openai-llm").unwrap();
    assert_eq!(openai["missing"], "OPENAI_API_KEY is not set");
    let begun = page.begin(json!({})).await;
    let call = begun["id"].as_str().unwrap();
    let mut phone = picked_up(&server, &begun).await;
    assert_eq!(phone.hears().await, "Hello!");
    phone.say("My soup was cold.").await;
    assert!(phone.hears().await.starts_with("I am sorry to hear that"));
    let view = page.get(&format!("/calls/{call}")).await;
    for (name, value) in
        [("console", json!(true)), ("persona", json!("guest-relations")), ("turns", json!(1))]
    {
        assert_eq!(view[name], value, "{view}");
    }
    assert_eq!(view["providers"], json!({ "llm": "offline-llm", "tts": "flite-tts" }));
    let calls = page.get("/calls?brief=true").await;
    assert_eq!(calls["calls"][0]["conversation"], json!([]), "{calls}");
    assert_eq!(page.ask(Method::POST, &format!("/calls/{call}/hangup"), Some(json!({}))).await.0, 200);
    assert_eq!(phone.ended().await, "operator");
    let (status, why) =
        page.refused(Method::POST, &format!("/console/calls/{call}/return"), ticket(&begun)).await;
    assert_eq!((status, why.as_str()), (409, "this call is over: begin another"));
}

#[tokio::test]
async fn a_call_is_served_as_it_was_chosen() {
    let server = Setup::brief().start().await;
    let page = Page::of(&server);
    let begun = page.begin(json!({ "persona": "claim-intake", "language": "en-GB" })).await;
    let _phone = picked_up(&server, &begun).await;
    let path = format!("/calls/{}", begun["id"].as_str().unwrap());
    page.until(&path, |call| call["persona"] == "claim-intake").await;
    for (wanted, expected, why) in [
        (
            json!({ "tts": "cartesia-tts" }),
            409,
            "cartesia-tts cannot be used: CARTESIA_API_KEY and CARTESIA_VOICE_ID are not set",
        ),
        (json!({ "llm": "offline-lm" }), 404, "\"offline-lm\" cannot be used"),
        (json!({ "llm": "flite-tts" }), 404, "\"flite-tts\" cannot be used"),
        (json!({ "persona": "nobody" }), 404, "\"nobody\" cannot be used"),
        (json!({ "line": "gather" }), 422, "line: \"gather\" cannot be held from the console"),
        (json!({ "lines": "stream" }), 422, "the body is not the JSON that is needed: unknown field `lines`"),
        (json!({ "language": "e".repeat(40) }), 422, "language: longer than 35 bytes"),
    ] {
        let (status, detail) = page.refused(Method::POST, "/console/calls", wanted).await;
        assert_eq!(status, expected, "{detail}");
        assert!(detail.starts_with(why), "{detail}");
    }
}

#[tokio::test]
async fn a_line_that_is_lost_comes_back_with_the_word_that_was_cut_off() {
    let greeting = "[component.guest-relations.settings]\ngreeting = \"Good evening and welcome to all of you who are with us tonight.\"\n";
    let server = Setup::default().toml(greeting).start().await;
    let page = Page::of(&server);
    let begun = page.begin(json!({})).await;
    let id = begun["id"].as_str().unwrap();
    let mut phone = picked_up(&server, &begun).await;
    phone.hears_something(8000).await;
    phone.drop_dead();
    page.until(&format!("/calls/{id}"), |call| call["state"] == "lost").await;
    let path = format!("/console/calls/{id}/return");
    // only whoever has begun it comes back, however often they ask for the way
    let (status, why) = page.refused(Method::POST, &path, json!({ "ticket": "another" })).await;
    assert_eq!((status, why.as_str()), (403, "somebody else holds this call"));
    for _ in 0..5 {
        assert_eq!(page.ask(Method::POST, &path, Some(ticket(&begun))).await.0, 200);
    }
    let (status, returned) = page.ask(Method::POST, &path, Some(ticket(&begun))).await;
    assert_eq!(status, 200, "{returned}");
    let mut again = Phone::connect_at(&server, returned["socket"].as_str().unwrap()).await.unwrap();
    again.send(&start(id)).await;
    assert!(again.hears().await.ends_with("with us tonight."));
    // a token is good once
    assert!(Phone::connect_at(&server, begun["socket"].as_str().unwrap()).await.is_err());
}

#[tokio::test]
async fn whoever_watches_sees_how_loud_it_is_if_they_want_to() {
    let server = Setup::brief().start().await;
    let page = Page::of(&server);
    let begun = page.begin(json!({})).await;
    let id = begun["id"].as_str().unwrap();
    let events = |query: &str| client().get(server.url(&format!("/calls/{id}/events{query}"))).send();
    let mut loud = events("?levels=true").await.unwrap();
    let mut quiet = events("").await.unwrap();
    let mut phone = picked_up(&server, &begun).await;
    let frame = twilio::stream::encode_payload(&audio::g711::encode_all(&[8000; 160]));
    let frame = json!({ "event": "media", "streamSid": SID, "media": { "payload": frame } }).to_string();
    let mut told = String::new();
    let mut frames = tokio::time::interval(Duration::from_millis(20));
    let loud_in = |told: &str, side: &str| {
        let events = told.split("\n\n").filter(|event| event.starts_with("event: levels"));
        let mut events =
            events.filter_map(|event| serde_json::from_str::<Value>(event.split_once("data: ")?.1).ok());
        events.find(|event| event[side].as_array().unwrap().iter().any(|level| level.as_u64() > Some(50)))
    };
    let watching = async {
        while loud_in(&told, "agent").is_none() || loud_in(&told, "caller").is_none() {
            tokio::select! {
                piece = loud.chunk() => told += &String::from_utf8_lossy(&piece.unwrap().expect("it is over")),
                _ = frames.tick() => phone.send(&frame).await,
            }
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, watching).await;
    assert!(in_time.is_ok(), "{told}\n{}", server.log());
    let levels = loud_in(&told, "caller").unwrap();
    assert_eq!(levels["step_ms"], 20);
    assert_eq!(levels["caller"].as_array().unwrap().len(), levels["agent"].as_array().unwrap().len());
    page.ask(Method::POST, &format!("/calls/{id}/hangup"), Some(json!({}))).await;
    let mut all = String::new();
    while let Some(piece) = tokio::time::timeout(PATIENCE, quiet.chunk()).await.unwrap().unwrap() {
        all += &String::from_utf8_lossy(&piece);
    }
    assert!(all.contains("event: end") && !all.contains("event: levels"), "{all}");
}

#[tokio::test]
async fn a_key_is_told_what_it_may_do_and_held_to_it() {
    const READ: &str = "a-key-that-only-reads";
    let twilio = standins::twilio::Server::start(standins::twilio::Config::new()).await.unwrap();
    let server = Setup::brief().twilio(&twilio).variable("CORDBOARD_API_KEY_READ", READ).start().await;
    let page = |key| Page { server: &server, key };
    assert_eq!(page(None).refused(Method::GET, "/access", json!({})).await.0, 401);
    assert_eq!(page(Some("another-key-altogether")).refused(Method::GET, "/access", json!({})).await.0, 401);
    assert_eq!(page(Some(READ)).get("/access").await, json!({ "roles": ["read"] }));
    let every = json!({ "roles": ["read", "control", "call", "components"] });
    assert_eq!(page(Some(KEY)).get("/access").await, every);
    // the page itself is nobody's secret
    assert_eq!(client().get(server.url("/console")).send().await.unwrap().status(), 200);
    page(Some(READ)).get("/console/choices").await;
    let (status, why) = page(Some(READ)).refused(Method::POST, "/console/calls", json!({})).await;
    assert_eq!((status, why.as_str()), (403, "this key has not the role \"call\""));
    // words are believed on the token alone, though Twilio is known by its signature here
    let begun = page(Some(KEY)).begin(json!({})).await;
    let mut phone = picked_up(&server, &begun).await;
    assert_eq!(phone.hears().await, "Hello!");
    phone.say("My soup was cold.").await;
    assert!(phone.hears().await.starts_with("I am sorry to hear that"));
    let path = format!("/calls/{}", begun["id"].as_str().unwrap());
    let (status, why) = page(Some(KEY))
        .refused(Method::POST, &format!("{path}/transfer"), json!({ "to": "+15555550142" }))
        .await;
    assert_eq!(status, 409);
    assert!(
        why.ends_with("the caller is in the console: there is no telephone call to put through"),
        "{why}"
    );
    page(Some(KEY)).ask(Method::POST, &format!("{path}/hangup"), Some(json!({}))).await;
    assert_eq!(phone.ended().await, "operator");
    // and nothing of it is Twilio's
    assert_eq!(twilio.violations(), [""; 0]);
}

#[tokio::test]
async fn the_last_hour_is_told_in_figures() {
    let server = Setup::brief().start().await;
    let page = Page::of(&server);
    let (output, text) = call(&server, &["--say", "My soup was cold.", "--say", "Thank you, goodbye."]).await;
    assert!(output.status.success(), "{text}");
    let figures = page.get("/figures?minutes=15").await;
    let sum = |name: &str| figures[name].as_array().unwrap().iter().filter_map(Value::as_f64).sum::<f64>();
    assert_eq!((sum("ended"), sum("failed"), sum("turned_away")), (1.0, 0.0, 0.0), "{figures}");
    let latencies = figures["latencies"].as_array().unwrap();
    let of =
        |stage: &str, what: &str| latencies.iter().find(|one| one["stage"] == stage && one["what"] == what);
    assert_eq!(of("turn", "voice to voice").unwrap()["count"], 2, "{figures}");
    assert_eq!(of("tts", "first").unwrap()["provider"], "flite-tts", "{figures}");
    let length = figures["at"].as_array().unwrap().len();
    for name in ["calls", "ended", "cost", "cpu", "memory_mb"] {
        assert_eq!(figures[name].as_array().unwrap().len(), length, "{name}");
    }
    assert_eq!(page.refused(Method::GET, "/figures?minutes=0", json!({})).await.1, "minutes: 1 to 360");
    // and what was said in it is found
    let found = page.get("/conversations?text=soup%20was").await;
    assert_eq!(found["conversations"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(page.get("/conversations?text=stew").await["conversations"], json!([]));
}

#[tokio::test]
async fn components_say_what_they_may_do() {
    let server = Setup::brief().variable("OPENAI_API_KEY", "sk-of-nobody").start().await;
    let all = Page::of(&server).get("/components").await;
    let of =
        |id: &str| all["components"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone();
    let openai = of("openai-llm");
    assert_eq!(openai["grant"]["egress"], json!(["https://api.openai.com/v1/chat/completions"]), "{openai}");
    assert_eq!(openai["grant"]["secrets"], json!(["OPENAI_API_KEY"]));
    assert!(!all.to_string().contains("sk-of-nobody"));
    let flite = of("flite-tts");
    assert_eq!(flite["grant"]["egress"], json!([]));
    assert!(flite["limits"]["memory_mb"].as_u64().unwrap() > 0, "{flite}");
}

#[tokio::test]
async fn a_page_is_the_caller_of_its_own_call_and_of_no_other() {
    let server = Setup::brief().start().await;
    let page = Page::of(&server);
    let mut telephone = Phone::begin(&server, "CA00000000000000000000000000000007").await;
    assert_eq!(telephone.hears().await, "Hello!");
    let begun = page.begin(json!({})).await;
    let mut thief = Phone::connect_at(&server, begun["socket"].as_str().unwrap()).await.unwrap();
    thief.send(&start("CA00000000000000000000000000000007")).await;
    thief.until_gone().await;
    let call = page.get("/calls/CA00000000000000000000000000000007").await;
    assert_eq!((&call["console"], &call["live"]), (&json!(false), &json!(true)), "{call}");
    // nor does it say who it is
    let begun = page.begin(json!({})).await;
    let mut phone = picked_up(&server, &begun).await;
    assert_eq!(phone.hears().await, "Hello!");
    assert_eq!(page.get(&format!("/calls/{}", begun["id"].as_str().unwrap())).await["from"], Value::Null);
}

#[tokio::test]
async fn a_call_that_nobody_comes_to_hold_ends_and_takes_no_place() {
    let server = Setup::brief().start().await;
    let page = Page::of(&server);
    let begun = page.begin(json!({})).await;
    let path = format!("/calls/{}", begun["id"].as_str().unwrap());
    let mut watching = client().get(server.url(&format!("{path}/events"))).send().await.unwrap();
    assert_eq!(page.ask(Method::POST, &format!("{path}/hangup"), Some(json!({}))).await.0, 200);
    // whoever watches is told, and the stream of events ends
    let mut told = String::new();
    while let Some(piece) = tokio::time::timeout(PATIENCE, watching.chunk()).await.unwrap().unwrap() {
        told += &String::from_utf8_lossy(&piece);
    }
    assert!(told.contains("\"status\":\"failed\""), "{told}");
    assert_eq!(page.get(&path).await["state"], "over");
    // a few at a time
    for _ in 0..16 {
        page.begin(json!({})).await;
    }
    let (status, why) = page.refused(Method::POST, "/console/calls", json!({})).await;
    let wait = "16 calls were begun that nobody holds: open their sockets, or wait";
    assert_eq!((status, why.as_str()), (429, wait));
}
