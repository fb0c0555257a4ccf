//! Which call is served how: by its number, its direction, its parameters; and what is said of routes and
//! personas that cannot be.

use crate::exchange::*;
use crate::house::*;
use crate::outbound::THEIRS;
use reqwest::Method;
use serde_json::json;
use standins::openai;
use standins::twilio::{Config, Event, Incoming, NUMBER};
use std::path::Path;

const BERLIN: &str = "+4930555501";
const PARIS: &str = "+33155555502";

/// Everybody is greeted, and those in Berlin, in Paris and with gold are greeted otherwise. The voice that
/// is built in speaks English only.
fn cities() -> Setup {
    Setup::brief().toml(&format!(
        r#"
        [[routes]]
        name = "gold"
        parameters = {{ tier = "gold" }}
        settings = {{ greeting = "Welcome back!" }}

        [[routes]]
        name = "berlin"
        number = ["{BERLIN}", "+49 30 555599"]
        language = "en-GB"
        timezone = "Europe/Berlin"
        settings = {{ greeting = "Guten Tag!", goodbye = "Auf Wiedersehen!" }}

        [[routes]]
        number = "{PARIS}"
        direction = "inbound"
        persona = "paris"

        [persona.paris]
        component = "guest-relations"
        settings = {{ greeting = "Bonjour!" }}
        "#
    ))
}

/// How a stream begins that says this besides.
fn stream(call: &str, parameters: &[(&str, &str)]) -> String {
    let mut start: serde_json::Value = serde_json::from_str(&start(call)).unwrap();
    for (name, value) in parameters {
        start["start"]["customParameters"][*name] = json!(value);
    }
    start.to_string()
}

/// What a caller hears first.
async fn greeting(server: &Server, call: &str, parameters: &[(&str, &str)]) -> String {
    let mut phone = Phone::connect(server).await;
    phone.send(&stream(call, parameters)).await;
    phone.hears().await
}

#[tokio::test]
async fn two_numbers_are_answered_by_two_greetings_and_any_other_by_the_default() {
    let server = cities().start().await;
    assert_eq!(greeting(&server, "CA-1", &[("called", BERLIN)]).await, "Guten Tag!");
    assert_eq!(greeting(&server, "CA-2", &[("called", "+4930555599")]).await, "Guten Tag!");
    assert_eq!(greeting(&server, "CA-3", &[("called", PARIS)]).await, "Bonjour!");
    assert_eq!(greeting(&server, "CA-4", &[("called", NUMBER)]).await, "Hello!");
    assert_eq!(greeting(&server, "CA-5", &[]).await, "Hello!");
    // a caller from there has not dialled that number
    assert_eq!(greeting(&server, "CA-6", &[("caller", BERLIN)]).await, "Hello!");
    let started = server.logged("call_sid=\"CA-3\"").await;
    assert!(started.contains("route=\"routes[2]\"") && started.contains("persona=\"paris\""), "{started}");
    assert!(server.logged("call_sid=\"CA-4\"").await.contains("route=\"default\""));
}

#[tokio::test]
async fn the_first_route_that_takes_a_call_serves_it() {
    let server = cities().start().await;
    let gold = ("tier", "gold");
    assert_eq!(greeting(&server, "CA-1", &[("called", BERLIN), gold]).await, "Welcome back!");
    assert_eq!(greeting(&server, "CA-2", &[("called", BERLIN), ("tier", "silver")]).await, "Guten Tag!");
    assert_eq!(greeting(&server, "CA-3", &[gold]).await, "Welcome back!");
}

#[tokio::test]
async fn settings_and_language_of_a_route_are_those_of_its_calls_alone() {
    let server = cities().start().await;
    let mut phone = Phone::connect(&server).await;
    phone.send(&stream("CA-1", &[("called", BERLIN)])).await;
    assert_eq!(phone.hears().await, "Guten Tag!");
    phone.say("Goodbye.").await;
    assert_eq!(phone.hears().await, "Auf Wiedersehen!");
    let started = server.logged("call_sid=\"CA-1\"").await;
    assert!(started.contains("language=\"en-GB\"") && started.contains("route=\"berlin\""), "{started}");
    // a stream may still say it better
    greeting(&server, "CA-2", &[("called", BERLIN), ("language", "en-AU")]).await;
    assert!(server.logged("call_sid=\"CA-2\"").await.contains("language=\"en-AU\""));
    let mut phone = Phone::connect(&server).await;
    phone.send(&stream("CA-3", &[])).await;
    phone.hears().await;
    phone.say("Goodbye.").await;
    assert_eq!(phone.hears().await, "Bye!");
    assert!(server.logged("call_sid=\"CA-3\"").await.contains("language=\"en-US\""));
}

#[tokio::test]
async fn a_call_that_is_dialled_and_one_that_is_placed_go_their_own_ways() {
    let toml = "[[routes]]\nname = \"follow-up\"\ndirection = \"outbound\"\n\
                settings = { outbound_greeting = \"We are calling you.\" }\n\
                [[routes]]\ndirection = \"inbound\"\nsettings = { greeting = \"You are calling us.\" }\n";
    let exchange = Exchange::with(Config::new(), Setup::default().toml(toml)).await;
    let called = exchange.ring(listener());
    exchange.hears(&called, "You are calling us.").await;
    let (status, placed) = exchange.post("/outbound", json!({ "to_number": THEIRS })).await;
    assert_eq!(status, 200, "{placed}");
    exchange.hears(placed["call_sid"].as_str().unwrap(), "We are calling you.").await;
    exchange.server.logged("route=\"follow-up\"").await;
}

#[tokio::test]
async fn whoever_places_a_call_chooses_its_route_by_parameters_or_its_persona_by_name() {
    let toml = "[component.guest-relations.settings]\noutbound_greeting = \"Hello!\"\n\
                [[routes]]\nname = \"survey\"\nparameters = { campaign = \"autumn\" }\n\
                settings = { outbound_greeting = \"How was your autumn?\" }\n\
                [persona.winter]\ncomponent = \"guest-relations\"\n\
                settings = { outbound_greeting = \"How is your winter?\" }\n";
    let exchange = Exchange::with(Config::new(), Setup::default().toml(toml)).await;
    let place = async |mut body: serde_json::Value| {
        body["to_number"] = json!(THEIRS);
        let (status, placed) = exchange.post("/outbound", body).await;
        assert_eq!(status, 200, "{placed}");
        placed["call_sid"].as_str().unwrap().to_owned()
    };
    let sid = place(json!({ "parameters": { "campaign": "autumn" } })).await;
    exchange.hears(&sid, "How was your autumn?").await;
    let sid = place(json!({ "parameters": { "campaign": "spring" } })).await;
    exchange.hears(&sid, "Hello!").await;
    let sid = place(json!({ "parameters": { "campaign": "autumn" }, "persona": "winter" })).await;
    exchange.hears(&sid, "How is your winter?").await;
    let body = json!({ "to_number": THEIRS, "persona": "wintre" });
    let (status, answer) = exchange.post("/outbound", body).await;
    assert_eq!(status, 422, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("did you mean \"winter\"?"), "{answer}");
    exchange.is_clean();
}

#[tokio::test]
async fn calls_of_a_route_that_records_none_are_not_recorded() {
    let toml = format!("[[routes]]\nnumber = \"{BERLIN}\"\nrecord = false\n");
    let mut server = Setup::brief().toml(&toml).start().await;
    for (call, called) in [("CA-quiet", BERLIN), ("CA-kept", PARIS)] {
        let mut phone = Phone::connect(&server).await;
        phone.send(&stream(call, &[("called", called)])).await;
        phone.hears().await;
        phone.say("Goodbye.").await;
        phone.ended().await;
    }
    server.stop().await;
    let recordings = server.recordings();
    let [path] = &recordings[..] else { panic!("{recordings:?}") };
    assert!(path.to_str().unwrap().contains("CA-kept"), "{path:?}");
}

#[tokio::test]
async fn each_route_has_its_own_people_to_put_callers_through_to() {
    let toml = "[route.transfers]\nfront-desk = \"+15555550142\"\n\
                [[routes]]\nnumber = \"+15555550111\"\ntransfers = { concierge = \"+15555550143\" }\n";
    let config = Config { numbers: vec![NUMBER.into(), "+15555550111".into()], ..Config::new() };
    let exchange = Exchange::with(config, Setup::brief().toml(toml)).await;
    let ring = |to: &str| {
        let to = to.to_owned();
        exchange.twilio.ring(Incoming { to, person: listener(), ..Incoming::new(exchange.server.url("/")) })
    };
    for (number, other, name, dialled) in [
        (NUMBER, "concierge", "front-desk", "+15555550142"),
        ("+15555550111", "front-desk", "concierge", "+15555550143"),
    ] {
        let sid = ring(number);
        exchange.hears(&sid, "Hello!").await;
        let path = format!("/calls/{sid}/transfer");
        let (status, answer) = exchange.post(&path, json!({ "to": other })).await;
        assert_eq!(status, 422, "{answer}");
        assert!(answer["detail"].as_str().unwrap().contains(name), "{answer}");
        let (status, answer) = exchange.post(&path, json!({ "to": name })).await;
        assert_eq!(status, 200, "{answer}");
        let call = exchange.ended(&sid).await;
        let to = call.timeline.iter().find_map(|event| match event {
            Event::Dialled { number, .. } => Some(number.clone()),
            _ => None,
        });
        assert_eq!(to.as_deref(), Some(dialled), "{}", story(&call));
    }
    exchange.is_clean();
}

#[tokio::test]
async fn a_route_has_its_own_providers_and_health_tells_how_each_of_them_is_doing() {
    let model = openai::Server::start(openai::Config::new("another key")).await.unwrap();
    let toml =
        format!("[[routes]]\nnumber = \"{BERLIN}\"\nllm = \"openai-llm\"\n[route]\nllm = \"offline-llm\"\n");
    let setup = Setup::brief().toml(&toml).variable("OPENAI_BASE_URL", &model.base_url());
    let server = setup.variable("OPENAI_API_KEY", "sk-that-is-refused").start().await;
    for (call, called) in [("CA-well", PARIS), ("CA-ill", BERLIN)] {
        let mut phone = Phone::connect(&server).await;
        phone.send(&stream(call, &[("called", called)])).await;
        phone.hears().await;
        phone.say("My soup was cold.").await;
        phone.hears().await;
    }
    let (_, health) = ask(&server, None, Method::GET, "/health", None).await;
    let services = &health["services"];
    assert_eq!(services["llm"], json!({ "component": "offline-llm", "state": "ok" }), "{health}");
    assert_eq!(services["llm:openai-llm"]["state"], "failing", "{health}");
    assert_eq!(services["tts"]["component"], "flite-tts");
    assert_eq!(health["status"], "degraded");
}

#[tokio::test]
async fn a_voice_of_a_route_is_the_one_that_speaks() {
    let voice = openai::Server::start(openai::Config::new("sk-voice")).await.unwrap();
    let toml = format!(
        "[route]\nvoice = \"alloy\"\nllm = \"offline-llm\"\n[[routes]]\nnumber = \"{BERLIN}\"\nvoice = \"verse\"\n"
    );
    let setup = Setup::brief().toml(&toml).variable("OPENAI_TTS_BASE_URL", &voice.base_url());
    let server = setup.variable("OPENAI_API_KEY", "sk-voice").start().await;
    greeting(&server, "CA-1", &[("called", BERLIN)]).await;
    greeting(&server, "CA-2", &[("called", PARIS)]).await;
    let speeches = voice.seen().speeches;
    let spoken: Vec<&str> = speeches.iter().map(|speech| speech.request["voice"].as_str().unwrap()).collect();
    assert_eq!(spoken, ["verse", "alloy"]);
}

#[tokio::test]
async fn the_table_at_start_and_the_configuration_show_the_routes() {
    let server = cities().start().await;
    let log = server.log();
    let lines: Vec<&str> = log.lines().skip_while(|line| !line.contains("differs in")).take(6).collect();
    let table = lines.join("\n");
    for shown in
        ["gold", "tier = \"gold\"", "berlin", BERLIN, "en-GB", "routes[2]", "inbound", "persona paris"]
    {
        assert!(table.contains(shown), "{shown} in\n{log}");
    }
    assert!(lines.iter().all(|line| line.chars().count() <= 100), "{table}");

    let folder = folder(&format!(
        "[[routes]]\nnumber = \"{BERLIN}\"\npersona = \"paris\"\nsettings = {{ company = \"X\" }}\n\
         [persona.paris]\ncomponent = \"guest-relations\"\n"
    ));
    let (ok, said) = says(folder.path(), &["config"]).await;
    assert!(ok, "{said}");
    for (key, value) in [
        ("routes[0].number", format!("[\"{BERLIN}\"]")),
        ("routes[0].persona", "\"paris\"".into()),
        ("routes[0].settings.company", "\"X\"".into()),
        ("persona.paris.component", "\"guest-relations\"".into()),
    ] {
        let line = said.lines().find(|line| line.split_whitespace().next() == Some(key));
        let line = line.unwrap_or_else(|| panic!("no {key} in\n{said}"));
        assert!(line.trim_end().ends_with("cordboard.toml"), "{line}");
        assert!(key == "routes[0].number" || line.contains(&value), "{line}");
    }
    let (_, said) = says(folder.path(), &["doctor"]).await;
    assert!(said.contains("routes[0] takes +4930555501"), "{said}");
}

fn folder(toml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cordboard.toml"), toml).unwrap();
    folder
}

async fn says(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = program(folder);
    let output = tokio::time::timeout(PATIENCE, command.args(arguments).output()).await.unwrap().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

#[tokio::test]
async fn a_route_that_cannot_be_meant_is_an_error_that_says_what_to_do() {
    let inbound = "[[routes]]\ndirection = \"inbound\"\n";
    for (toml, hint) in [
        (
            format!("{inbound}persna = \"x\"\n"),
            "unknown key `routes[0].persna`; did you mean `routes[0].persona`?",
        ),
        (format!("{inbound}[[routes]]\npersona = \"x\"\n"), "`routes[1]` takes no call"),
        ("[[routes]]\nnumber = []\n".into(), "`routes[0].number`: the list is empty"),
        ("[[routes]]\nnumber = \"030 5555\"\n".into(), "without its country"),
        ("[[routes]]\nnumber = [\"+1555x\"]\n".into(), "with 'x' in it"),
        ("[[routes]]\nnumber = 49305555\n".into(), "a number like \"+15555550100\""),
        ("[[routes]]\ndirection = \"inbuond\"\n".into(), "did you mean \"inbound\"?"),
        (
            format!("{inbound}line = \"sip\"\n"),
            "`routes[0].line`: \"sip\" is nothing that this build knows; there is: media-stream",
        ),
        (format!("{inbound}transfers = {{ desk = \"555\" }}\n"), "routes[0].transfers.desk"),
        (format!("{inbound}name = \"default\"\n"), "another route with the name \"default\""),
        (format!("{inbound}persona = \"guest-relation\"\n"), "the route \"routes[0]\""),
        (format!("{inbound}persona = \"guest-relation\"\n"), "did you mean \"guest-relations\"?"),
        (format!("{inbound}name = \"desk\"\nsettings = {{ compny = \"x\" }}\n"), "the route \"desk\""),
        (format!("{inbound}settings = {{ compny = \"x\" }}\n"), "did you mean \"company\"?"),
    ] {
        for command in [&["config"][..], &["serve", "--bind", ":0"]] {
            let (ok, said) = says(folder(&toml).path(), command).await;
            assert!(!ok && said.contains(hint), "{toml}: {said}");
        }
    }
    // what only shows when it is loaded
    let toml = format!("{inbound}name = \"desk\"\ntts = \"offline-llm\"\n");
    let (ok, said) = says(folder(&toml).path(), &["serve", "--bind", ":0"]).await;
    assert!(!ok && said.contains("the route \"desk\"'s tts cannot be used"), "{said}");
    let (ok, said) = says(folder(&toml).path(), &["doctor"]).await;
    assert!(!ok && said.contains("desk: tts: offline-llm is a llm component"), "{said}");
}

#[tokio::test]
async fn a_persona_that_cannot_be_made_is_an_error_that_names_the_file_and_the_line() {
    let page = "[persona.desk]\ncomponent = \"guest-relations\"\npage = \"pages/desk.toml\"\n";
    for (toml, text, hint) in [
        ("[persona.desk]\ncomponent = \"nobody\"\n", "", "there are: claim-intake, guest-relations"),
        ("[persona.desk]\ncomponent = \"flite-tts\"\n", "", "a persona component is needed there"),
        ("[persona.flite-tts]\ncomponent = \"guest-relations\"\n", "", "has the name of a component"),
        ("[persona.Desk]\ncomponent = \"guest-relations\"\n", "", "lower-case words"),
        ("[persona.desk]\ncompnent = \"x\"\n", "", "did you mean `persona.desk.component`?"),
        (
            "[persona.desk]\ncomponent = \"guest-relations\"\npage = \"no.toml\"\n",
            "",
            "the page no.toml cannot be read",
        ),
        (
            page,
            "role = \"x\"\n[tool.x]\nurl = \"https://{where}/\"\n",
            "pages/desk.toml, line 3: the url of the tool \"x\"",
        ),
        (page, "role = \"x\n", "pages/desk.toml, line 1: "),
        (page, "role = \"x\"\n", "desk has no setting \"page\""),
    ] {
        let folder = folder(toml);
        std::fs::create_dir(folder.path().join("pages")).unwrap();
        std::fs::write(folder.path().join("pages/desk.toml"), text).unwrap();
        let (ok, said) = says(folder.path(), &["config"]).await;
        assert!(!ok && said.contains(hint), "{toml}: {said}");
    }
    // it is only loaded when a call wants it, and read all the same
    let broken = folder("[persona.desk]\ncomponent = \"guest-relations\"\npage = \"no.toml\"\n");
    let (ok, said) = says(broken.path(), &["serve", "--bind", ":0"]).await;
    assert!(!ok && said.contains("the page no.toml cannot be read"), "{said}");
    // a page lies beside the configuration, wherever the program is started
    let elsewhere = tempfile::tempdir().unwrap();
    let file = broken.path().join("cordboard.toml");
    let (ok, said) = says(elsewhere.path(), &["config", "--config", file.to_str().unwrap()]).await;
    let path = broken.path().join("no.toml");
    assert!(!ok && said.contains(&format!("the page {} cannot be read", path.display())), "{said}");
}

#[tokio::test]
async fn a_caller_for_whom_no_persona_is_named_well_is_served_by_that_of_the_route() {
    let server = cities().start().await;
    let parameters = [("called", BERLIN), ("persona", "nobody")];
    assert_eq!(greeting(&server, "CA-1", &parameters).await, "Guten Tag!");
    server.logged("the route's persona takes the call").await;
    assert_eq!(greeting(&server, "CA-2", &[("persona", "paris")]).await, "Bonjour!");
    let other = [("called", BERLIN), ("persona", "guest-relations")];
    assert_eq!(greeting(&server, "CA-3", &other).await, "Guten Tag!", "its settings are the route's");
}
