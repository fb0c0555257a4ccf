//! What the program tells of itself: figures, traces, logs, and what calls cost.

mod collector;

use crate::exchange::{KEY, client};
use crate::house::*;
use collector::{Collector, Span};
use serde_json::Value;
use standins::openai::{self, Reply, Rule, Script, When};
use standins::{cartesia, deepgram};
use std::collections::BTreeMap;
use std::time::Duration;

const SECRET: &str = "sk-of-the-stand-ins";
const SAID: &str = "My soup was cold today.";
const REPLY: &str = "I am sorry to hear that.";
/// Of the model to its first token, and of the voice to its first audio.
const LATENCY: Duration = Duration::from_millis(100);
const PRICES: &str = "[prices]\ncurrency = \"EUR\"\n\
    [prices.openai-llm]\ninput_per_million = 150\noutput_per_million = 600.5\n\
    [prices.flite-tts]\ncharacters_per_million = 1000\n";

/// What `/metrics` says: every figure with its labels, and its value.
struct Figures(BTreeMap<String, f64>);

impl Figures {
    async fn of(server: &Server, key: Option<&str>) -> (u16, String, Self) {
        let mut request = client().get(server.url("/metrics"));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        let text = response.text().await.unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#') && status == 200);
        let figure = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        };
        (status, kind, Self(lines.map(figure).collect()))
    }

    /// Once nothing is left of calls that are over.
    async fn settled(server: &Server) -> (u16, String, Self) {
        let asking = async {
            loop {
                let answer = Self::of(server, None).await;
                if answer.2.get(r#"cordboard_component_sessions{component="guest-relations"}"#) == 0.0 {
                    return answer;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("a session stays")
    }

    fn get(&self, name: &str) -> f64 {
        *self.0.get(name).unwrap_or_else(|| panic!("no {name} in {:#?}", self.0.keys()))
    }
}

/// The model alone.
async fn model(rules: Vec<Rule>) -> openai::Server {
    // slow enough to be cut short
    let config = openai::Config {
        script: Script::new(rules),
        token_delay: Duration::from_millis(100),
        ..openai::Config::new(SECRET)
    };
    openai::Server::start(config).await.unwrap()
}

fn with_model(model: &openai::Server) -> Setup {
    let setup = Setup::brief().variable("OPENAI_BASE_URL", &model.base_url());
    setup.variable("OPENAI_API_KEY", SECRET)
}

#[tokio::test]
async fn after_two_calls_the_figures_say_how_they_went_and_what_they_cost() {
    let long = "We are open on Monday. We are open on Tuesday. We are open on Wednesday. \
                We are open on Thursday. We are open on Friday. And on Saturday and Sunday too.";
    let model = model(vec![
        Rule::new(When::said("break"), Reply::rate_limited(1)),
        Rule::new(When::said("open"), Reply::text(long)),
        Rule::new(When::Always, Reply::text(REPLY)),
    ])
    .await;
    let server = with_model(&model).toml(PRICES).start().await;
    let (_, _, before) = Figures::of(&server, None).await;
    // what will fail is there before it does
    assert_eq!(before.get(r#"cordboard_failures_total{provider="openai-llm",stage="llm"}"#), 0.0);

    let mut phone = Phone::begin(&server, "CA-first").await;
    phone.hears().await;
    phone.say("Now break, please.").await;
    phone.hears().await;
    phone.say("Goodbye.").await;
    assert_eq!(phone.ended().await, "script");
    let steps = ["--say", "When are you open?", "--interrupt", "Stop.", "--say", "Goodbye."];
    let (output, text) = call(&server, &steps).await;
    assert!(output.status.success(), "{text}\n{}", server.log());

    let (status, kind, figures) = Figures::settled(&server).await;
    assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4"));
    let calls = r#"cordboard_calls_total{direction="inbound",outcome="script",persona="guest-relations"}"#;
    for (name, expected) in [
        (calls, 2.0),
        ("cordboard_calls_live", 0.0),
        ("cordboard_call_duration_seconds_count", 2.0),
        ("cordboard_interruptions_total", 1.0),
        // asked again in the same turn, it failed again
        (r#"cordboard_failures_total{provider="openai-llm",stage="llm"}"#, 2.0),
        (r#"cordboard_failures_total{provider="flite-tts",stage="tts"}"#, 0.0),
        (r#"cordboard_component_sessions{component="openai-llm"}"#, 0.0),
        (r#"cordboard_component_memory_bytes{component="guest-relations"}"#, 0.0),
        (r#"cordboard_component_faults_total{component="guest-relations"}"#, 0.0),
        (r#"cordboard_component_refusals_total{component="guest-relations"}"#, 0.0),
    ] {
        assert_eq!(figures.get(name), expected, "{name}\n{}", server.log());
    }
    for name in [
        "cordboard_trouble_total",
        "cordboard_turn_latency_seconds_count",
        r#"cordboard_stage_first_seconds_count{provider="openai-llm",stage="llm"}"#,
        r#"cordboard_stage_processing_seconds_count{provider="flite-tts",stage="tts"}"#,
        r#"cordboard_usage_total{provider="openai-llm",unit="input-tokens"}"#,
        r#"cordboard_component_cpu_seconds_total{component="flite-tts"}"#,
        r#"cordboard_component_sessions_opened_total{component="openai-llm"}"#,
        r#"cordboard_component_entries_total{component="guest-relations"}"#,
        r#"cordboard_component_effects_total{component="guest-relations"}"#,
        r#"cordboard_component_bytes_in_total{component="openai-llm"}"#,
        r#"cordboard_component_bytes_out_total{component="flite-tts"}"#,
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
    ] {
        assert!(figures.get(name) > 0.0, "{name}\n{}", server.log());
    }
    // the cost is what was used, at its price
    let used = |provider: &str, unit: &str| {
        figures.get(&format!(r#"cordboard_usage_total{{provider="{provider}",unit="{unit}"}}"#))
    };
    let expected = used("openai-llm", "input-tokens") * 150e-6
        + used("openai-llm", "output-tokens") * 600.5e-6
        + used("flite-tts", "characters") * 1000e-6;
    let cost = figures.get(r#"cordboard_cost_total{currency="EUR"}"#);
    // each call is rounded to a millionth
    assert!((cost - expected).abs() < 2e-6, "{cost}, not {expected}");
    let names = figures.0.keys().cloned().collect::<String>();
    assert!(!names.contains("CA-first") && !names.contains("+1555"), "{names}");
}

#[tokio::test]
async fn the_figures_are_for_those_who_may_read_unless_the_operator_says_otherwise() {
    let twilio = standins::twilio::Server::start(standins::twilio::Config::new()).await.unwrap();
    let setup = || Setup::brief().twilio(&twilio);
    let status = async |server: &Server, key: Option<&str>| Figures::of(server, key).await.0;
    let server = setup().start().await;
    assert_eq!(status(&server, None).await, 401);
    assert_eq!(status(&server, Some("somebody-elses-key-0123456789")).await, 401);
    assert_eq!(status(&server, Some(KEY)).await, 200);
    let server = setup().toml("[server]\nmetrics = \"open\"\n").start().await;
    assert_eq!(status(&server, None).await, 200);
    let server = setup().variable("CORDBOARD_METRICS", "off").start().await;
    assert_eq!(status(&server, Some(KEY)).await, 404);
}

/// Vendors of everything, who do it well.
struct Vendors {
    stt: deepgram::Server,
    llm: openai::Server,
    tts: cartesia::Server,
}

impl Vendors {
    async fn new() -> Self {
        let lines =
            vec![deepgram::ScriptedLine::new(SAID), deepgram::ScriptedLine::new("Thank you, goodbye.")];
        let ear = deepgram::Ear::Script { lines, gap: Duration::from_millis(350) };
        let stt = deepgram::Config { ear, ..deepgram::Config::scripted(SECRET, vec![]) };
        let llm = openai::Config {
            script: Script::always(REPLY),
            first_token_delay: LATENCY,
            token_delay: Duration::from_millis(10),
            ..openai::Config::new(SECRET)
        };
        let tts = cartesia::Config { first_audio_delay: LATENCY, ..cartesia::Config::new(SECRET) };
        Self {
            stt: deepgram::Server::start(stt).await.unwrap(),
            llm: openai::Server::start(llm).await.unwrap(),
            tts: cartesia::Server::start(tts).await.unwrap(),
        }
    }

    fn setup(&self) -> Setup {
        Setup::brief()
            .variable("DEEPGRAM_API_KEY", SECRET)
            .variable("DEEPGRAM_BASE_URL", &self.stt.base_url())
            .variable("OPENAI_API_KEY", SECRET)
            .variable("OPENAI_BASE_URL", &self.llm.base_url())
            .variable("CARTESIA_API_KEY", SECRET)
            .variable("CARTESIA_BASE_URL", &self.tts.base_url())
            .variable("CARTESIA_VOICE_ID", "a-voice")
    }
}

async fn complain(server: &Server) {
    let (output, text) = call(server, &["--say", SAID, "--say", "Thank you, goodbye."]).await;
    assert!(output.status.success(), "{text}\n{}", server.log());
    server.logged("call ended").await;
}

#[tokio::test]
async fn every_stage_of_a_call_is_measured_and_logged_as_lines_of_json_in_a_file_of_today() {
    let vendors = Vendors::new().await;
    let mut server = vendors
        .setup()
        .toml("[logs]\nformat = \"json\"\nfolder = \"logs\"\n")
        .toml("[prices.deepgram-stt]\nper_minute = 0.0043\n")
        // nothing of what happens in calls, were it not for --test
        .variable("RUST_LOG", "info")
        .argument("--test")
        .start()
        .await;
    complain(&server).await;
    let (status, log) = server.stop().await;
    assert!(status.success(), "{log}");

    let today = jiff::Timestamp::now().strftime("cordboard.%Y-%m-%d.log").to_string();
    let text = std::fs::read_to_string(server.folder().join("logs").join(&today)).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let with = |message: &'static str| lines.iter().filter(move |line| line["message"] == message);
    let done: Vec<&Value> = with("done").collect();
    for (stage, provider) in [("stt", "deepgram-stt"), ("llm", "openai-llm"), ("tts", "cartesia-tts")] {
        let of = done.iter().find(|line| line["stage"] == stage && line["turn"] == 1);
        let of = of.unwrap_or_else(|| panic!("no {stage} in {done:#?}"));
        let took = |name: &str| of[name].as_u64().unwrap_or_else(|| panic!("{name}: {of}"));
        assert_eq!(of["provider"], provider);
        let least = if stage == "stt" { 1 } else { LATENCY.as_millis() as u64 };
        assert!(took("first_ms") >= least && took("first_ms") <= took("processing_ms"), "{of}");
        assert!(took("processing_ms") < 10_000, "{of}");
        assert!(took("at_ms") >= took("after_speech_ms"), "{of}");
    }
    // what was said is there, because it was asked for
    assert!(with("final").any(|line| line["text"].as_str().unwrap().contains("soup")), "{text}");
    assert!(with("call started").all(|line| line["level"] == "INFO"));
    let used = with("used").next().unwrap();
    let usage: Value = serde_json::from_str(used["usage"].as_str().unwrap()).unwrap();
    assert_eq!(usage["openai-llm"]["stage"], "llm");
    let heard = usage["deepgram-stt"]["audio_ms"].as_u64().unwrap();
    assert!(heard > 1000 && usage["cartesia-tts"]["characters"].as_u64().unwrap() > 20, "{usage}");
    // millionths of a dollar: 4300 a minute
    let cost = (heard * 4300 * 10 / 60_000 + 5) / 10;
    assert_eq!(used["cost"], format!("0.{cost:06}"), "{used}");
    assert_eq!(used["currency"], "USD");
    assert!(!text.contains(SECRET), "a key is in the log");
    // the same lines went to standard error
    assert!(log.lines().any(|line| line.starts_with('{') && line.contains("\"call ended\"")), "{log}");
}

#[tokio::test]
async fn a_log_folder_that_is_none_keeps_the_program_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("taken"), "a file").unwrap();
    let output = program(folder.path())
        .args(["serve", "--bind", "127.0.0.1:0"])
        .env("CORDBOARD_LOGS", "taken")
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("`logs.folder`"), "{said}");
}

#[tokio::test]
async fn a_price_for_a_provider_that_is_not_there_keeps_the_program_from_starting() {
    for (toml, expected) in [
        ("[prices.openai-lm]\nper_minute = 1\n", "did you mean [prices.openai-llm]?"),
        ("[prices.openai-llm]\nper_minut = 1\n", "did you mean `prices.openai-llm.per_minute`?"),
        ("[prices.openai-llm]\nper_minute = \"much\"\n", "a price like 0.15"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cordboard.toml"), toml).unwrap();
        let output = program(folder.path()).arg("config").output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{toml}: {said}");
    }
}

#[tokio::test]
async fn a_call_is_traced_with_its_turns_and_their_stages_and_without_a_word() {
    let (vendors, collector) = (Vendors::new().await, Collector::start().await);
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str());
    let mut server = vendors
        .setup()
        .variable(endpoint.0, endpoint.1)
        .variable("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer of-the-collector")
        .start()
        .await;
    complain(&server).await;
    // what has not been sent by then is sent when it stops
    let (status, log) = server.stop().await;
    assert!(status.success(), "{log}");
    let received = collector.received();
    assert!(received.headers.iter().all(|headers| {
        headers["content-type"] == "application/x-protobuf"
            && headers["authorization"] == "Bearer of-the-collector"
    }));
    assert_eq!(received.service.as_deref(), Some("cordboard"));
    let spans = &received.spans;
    let of = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<&Span>>();
    let [call] = of("call")[..] else { panic!("{spans:#?}") };
    assert!(call.parent.is_empty() && call.attributes["persona"] == "guest-relations", "{call:#?}");
    assert_eq!(call.attributes["departure"], "script");
    let turns = of("turn");
    assert_eq!(turns.len(), 2, "{spans:#?}");
    let first = turns.iter().find(|turn| turn.attributes["turn"] == "1").unwrap();
    assert_eq!(
        (first.attributes["revision"].as_str(), first.attributes["interrupted"].as_str()),
        ("0", "false")
    );
    for (name, provider) in [("stt", "deepgram-stt"), ("llm", "openai-llm"), ("tts", "cartesia-tts")] {
        let stages = of(name);
        let stage = stages.iter().find(|stage| stage.parent == first.id);
        let stage = stage.unwrap_or_else(|| panic!("the first turn has no {name}: {spans:#?}"));
        assert_eq!(stage.attributes["provider"], provider);
    }
    for span in spans.iter().filter(|span| !span.parent.is_empty()) {
        let parent = spans.iter().find(|parent| parent.id == span.parent).unwrap();
        assert!(parent.began <= span.began && span.ended <= parent.ended, "{span:?} in {parent:?}");
        assert_eq!(span.trace, call.trace);
    }
    let bytes = received.bodies.concat();
    for never in ["soup", "sorry", "+15555550100"] {
        assert!(!String::from_utf8_lossy(&bytes).contains(never), "{never}");
    }
}

#[tokio::test]
async fn a_collector_that_is_away_delays_no_call_and_is_mentioned_once() {
    // nobody listens there any more
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let setup = Setup::brief().toml(&format!("[traces]\nendpoint = \"http://{away}\"\n"));
    let mut server = setup.start().await;
    for name in ["CA-one", "CA-two"] {
        let mut phone = Phone::begin(&server, name).await;
        assert_eq!(phone.hears().await, "Hello!");
        phone.say("Goodbye.").await;
        assert_eq!(phone.ended().await, "script");
        server.logged("traces cannot be sent").await;
    }
    let (status, log) = server.stop().await;
    assert!(status.success(), "{log}");
    assert_eq!(log.matches("traces cannot be sent").count(), 1, "{log}");
}
