//! What answers HTTP: whom, and with what.

use crate::exchange::*;
use crate::house::*;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use standins::twilio::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const FORM: [(&str, &str); 5] = [
    ("CallSid", "CA00000000000000000000000000000001"),
    ("From", "+15555550199"),
    ("To", "+15555550101"),
    ("CallStatus", "ringing"),
    ("Direction", "inbound"),
];

fn encoded(form: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

/// Posts a form, as somebody who signs for this URL; none: who does not sign.
async fn post(server: &Server, path: &str, host: &str, signed_for: Option<&str>) -> Response {
    let mut request = client()
        .post(server.url(path))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("host", host)
        .body(encoded(&FORM));
    if let Some(url) = signed_for {
        request = request.header("x-twilio-signature", signature(url, &FORM));
    }
    request.send().await.unwrap()
}

async fn twiml(response: Response) -> String {
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/xml"));
    response.text().await.unwrap()
}

async fn detail(response: Response) -> String {
    let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    answer["detail"].as_str().unwrap().to_owned()
}

async fn with_twilio(setup: Setup) -> Server {
    let twilio = standins::twilio::Server::start(Config::new()).await.unwrap();
    setup.twilio(&twilio).start().await
}

#[tokio::test]
async fn an_incoming_call_is_connected_to_the_stream_with_what_is_known_of_it() {
    let server = with_twilio(Setup::brief()).await;
    let url = "https://agent.example.com/";
    let twiml = twiml(post(&server, "/", "agent.example.com", Some(url)).await).await;
    let (before, token) = twiml.split_once("url=\"wss://agent.example.com/ws/").unwrap();
    let (_, after) = token.split_once('"').unwrap();
    assert_eq!(before, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream ");
    let call = "call=CA00000000000000000000000000000001";
    assert_eq!(
        after,
        format!(
            " statusCallback=\"https://agent.example.com/voice/stream-status?{call}\">\
             <Parameter name=\"direction\" value=\"inbound\"/><Parameter name=\"caller\" value=\"+15555550199\"/>\
             <Parameter name=\"called\" value=\"+15555550101\"/></Stream></Connect>\
             <Redirect>https://agent.example.com/voice/after?{call}</Redirect></Response>"
        )
    );
    let log = server.log();
    assert!(log.contains("+1555***0199") && !log.contains("+15555550199"), "{log}");
}

#[tokio::test]
async fn who_does_not_sign_or_signs_for_something_else_is_not_twilio() {
    let server = with_twilio(Setup::brief()).await;
    for path in [
        "/",
        "/voice/incoming",
        "/outbound-twiml",
        "/voice/outbound",
        "/voice/after",
        "/call-status",
        "/voice/stream-status",
        "/voice/answered-by",
        "/voice/transferred",
        "/voice/brief",
        "/voice/operator",
        "/voice/operator-status",
    ] {
        let missing = post(&server, path, "agent.example.com", None).await;
        assert_eq!(missing.status(), 403, "{path}");
        assert!(detail(missing).await.contains("X-Twilio-Signature"), "{path}");
        let other = post(&server, path, "agent.example.com", Some("https://agent.example.com/other")).await;
        assert_eq!(other.status(), 403, "{path}");
        let good =
            post(&server, path, "agent.example.com", Some(&format!("https://agent.example.com{path}"))).await;
        assert!(good.status().is_success(), "{path}: {}", good.status());
    }
    // also from this machine
    let local = post(&server, "/", &server.address, None).await;
    assert_eq!(local.status(), 403);
}

#[tokio::test]
async fn a_signature_is_good_with_and_without_the_port_and_for_a_bare_host() {
    let server = with_twilio(Setup::brief()).await;
    for url in ["https://agent.example.com:443/", "https://agent.example.com", "http://agent.example.com/"] {
        twiml(post(&server, "/", "agent.example.com", Some(url)).await).await;
    }
    let other_port = post(&server, "/", "agent.example.com", Some("https://agent.example.com:8443/")).await;
    assert_eq!(other_port.status(), 403);
    let public = with_twilio(Setup::brief().variable("PUBLIC_URL", "https://calls.example.org/line/")).await;
    let answer = post(&public, "/", "127.0.0.1", Some("https://calls.example.org/line/")).await;
    assert!(twiml(answer).await.contains("url=\"wss://calls.example.org/line/ws/"));
    let asked = post(&public, "/", "agent.example.com", Some("https://agent.example.com/")).await;
    assert_eq!(asked.status(), 403, "the configured address counts, not the one that was asked for");
}

#[tokio::test]
async fn a_body_that_is_json_is_vouched_for_by_its_hash() {
    let server = with_twilio(Setup::brief()).await;
    let body = json!({ "CallSid": "CA1", "From": "+15555550199" }).to_string();
    let ask = async |signed: &str, sent: String| {
        let path = format!("/?bodySHA256={}", twilio::signature::body_sha256(signed.as_bytes()));
        let signature = signature(&format!("https://agent.example.com{path}"), &[]);
        let request = client().post(server.url(&path)).header("host", "agent.example.com");
        let request =
            request.header("content-type", "application/json").header("x-twilio-signature", signature);
        request.body(sent).send().await.unwrap()
    };
    let good = twiml(ask(&body, body.clone()).await).await;
    assert!(good.contains("+15555550199"), "{good}");
    assert_eq!(ask(&body, body.replace("0199", "0198")).await.status(), 403);
    // without a hash, nothing vouches for it
    let signature = signature("https://agent.example.com/", &[]);
    let bare = client().post(server.url("/")).header("host", "agent.example.com").body(body);
    let bare = bare.header("content-type", "application/json").header("x-twilio-signature", signature);
    assert_eq!(bare.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn without_twilios_credentials_only_this_machine_is_answered() {
    let server = Setup::brief().start().await;
    assert!(server.log().contains("TWILIO_AUTH_TOKEN is not set"), "{}", server.log());
    let local = twiml(post(&server, "/", &server.address, None).await).await;
    // nothing follows: whoever asked for it could not be believed
    let stream = format!("<Stream url=\"ws://{}/ws\">", server.address);
    assert!(
        local.contains(&stream) && !local.contains("Redirect") && !local.contains("statusCallback"),
        "{local}"
    );
    let remote = post(&server, "/", "agent.example.com", None).await;
    assert_eq!(remote.status(), 403);
    assert!(detail(remote).await.contains("TWILIO_AUTH_TOKEN"));
    for (method, path) in
        [(Method::GET, "/calls"), (Method::POST, "/outbound"), (Method::POST, "/calls/CA1/hangup")]
    {
        let request = client().request(method.clone(), server.url(path));
        let remote = request.header("host", "agent.example.com").send().await.unwrap();
        assert_eq!(remote.status(), 403, "{path}");
        let proxied = client().request(method, server.url(path)).header("x-forwarded-for", "1.2.3.4").send();
        assert_eq!(proxied.await.unwrap().status(), 403, "{path}");
    }
    let (status, _) = ask(&server, None, Method::GET, "/calls", None).await;
    assert_eq!(status, 200);
    // what needs Twilio says so
    let body = Some(json!({ "to_number": "+15555550101" }));
    let (status, answer) = ask(&server, None, Method::POST, "/outbound", body).await;
    assert_eq!(status, 503, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("TWILIO_ACCOUNT_SID"), "{answer}");
}

async fn upgrade(server: &Server, path: &str, headers: &[(&'static str, String)]) -> Result<(), String> {
    let mut request = format!("ws://{}{path}", server.address).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    tokio_tungstenite::connect_async(request).await.map(drop).map_err(|e| e.to_string())
}

#[tokio::test]
async fn a_stream_is_let_in_by_its_signature_or_by_a_token_once() {
    let server = with_twilio(Setup::brief()).await;
    let local = format!("ws://{}", server.address);
    // also from this machine
    assert!(upgrade(&server, "/ws", &[]).await.unwrap_err().contains("403"));
    for path in ["/ws", "/media"] {
        let signed = [("x-twilio-signature", signature(&format!("{local}{path}"), &[]))];
        upgrade(&server, path, &signed).await.unwrap();
        let other = [("x-twilio-signature", signature(&format!("{local}/elsewhere"), &[]))];
        assert!(upgrade(&server, path, &other).await.unwrap_err().contains("403"));
    }
    let host = ("host", "agent.example.com".to_owned());
    for url in ["wss://agent.example.com/ws", "wss://agent.example.com:443/ws"] {
        upgrade(&server, "/ws", &[host.clone(), ("x-twilio-signature", signature(url, &[]))]).await.unwrap();
    }
    let https = [host, ("x-twilio-signature", signature("https://agent.example.com/ws", &[]))];
    assert!(upgrade(&server, "/ws", &https).await.unwrap_err().contains("403"), "the scheme counts");

    let twiml = twiml(post(&server, "/", &server.address, Some(&server.url("/"))).await).await;
    let (_, token) = twiml.split_once("/ws/").unwrap();
    let token = token.split('"').next().unwrap();
    assert!(
        upgrade(&server, &format!("/media/{token}"), &[]).await.unwrap_err().contains("403"),
        "another route"
    );
    upgrade(&server, &format!("/ws/{token}"), &[]).await.unwrap();
    assert!(upgrade(&server, &format!("/ws/{token}"), &[]).await.unwrap_err().contains("403"), "used before");
    assert!(upgrade(&server, "/ws/made-up", &[]).await.unwrap_err().contains("403"));
}

#[tokio::test]
async fn a_stream_of_another_account_or_a_second_one_of_the_same_call_is_sent_away() {
    let server = with_twilio(Setup::brief()).await;
    let account = Config::new().account_sid;
    let headers = [("x-twilio-signature", signature(&format!("ws://{}/ws", server.address), &[]))];
    let mut other = Phone::connect_with(&server, &headers).await;
    other.send(&start("CA1")).await;
    assert_eq!(other.until(|_| None::<()>).await, None);
    assert!(server.logged("a stream was refused").await.contains("our account"));
    let ours = |call: &str| start(call).replace("AC1", &account);
    let mut first = Phone::connect_with(&server, &headers).await;
    first.send(&ours("CA2")).await;
    first.hears().await;
    let mut second = Phone::connect_with(&server, &headers).await;
    second.send(&ours("CA2")).await;
    assert_eq!(second.until(|_| None::<()>).await, None);
    assert!(server.logged("has a stream already").await.contains("CA2"));
    // which the first does not notice
    first.say("Goodbye.").await;
    assert_eq!(first.ended().await, "script");
}

#[tokio::test]
async fn a_document_that_somebody_wrote_by_hand_is_enough_and_twilio_says_who_calls() {
    let exchange = Exchange::new().await;
    // a call that Twilio knows: it rings at somebody else's webhook, which is of no use
    let sid = exchange.ring_at("/nowhere", listener());
    exchange.ended(&sid).await;
    let headers = [("x-twilio-signature", signature(&format!("ws://{}/ws", exchange.server.address), &[]))];
    let mut phone = Phone::connect_with(&exchange.server, &headers).await;
    let plain = start(&sid).replace("AC1", exchange.twilio.account_sid());
    phone
        .send(&plain.replace(",\"caller\":\"+15555550100\"", "").replace("\"caller\":\"+15555550100\",", ""))
        .await;
    phone.hears().await;
    let known = exchange.get(&format!("/calls/{sid}")).await;
    assert_eq!(
        (known["from"].as_str(), known["to"].as_str()),
        (Some("+15555550199"), Some("+15555550100")),
        "{known}"
    );
    assert_eq!(known["direction"], "inbound");
}

#[tokio::test]
async fn a_page_of_another_origin_opens_nothing() {
    let server = Setup::brief().toml("[server]\norigins = [\"https://console.example.com\"]\n").start().await;
    let own = format!("http://{}", server.address);
    upgrade(&server, "/ws", &[("origin", own.clone())]).await.unwrap();
    upgrade(&server, "/ws", &[("origin", "https://console.example.com".into())]).await.unwrap();
    assert!(
        upgrade(&server, "/ws", &[("origin", "https://evil.example".into())])
            .await
            .unwrap_err()
            .contains("403")
    );
    let get = async |origin: &str| {
        client().get(server.url("/calls")).header("origin", origin).send().await.unwrap()
    };
    assert_eq!(get("https://evil.example").await.status(), 403);
    let listed = get("https://console.example.com").await;
    assert_eq!(listed.status(), 200);
    assert_eq!(listed.headers()["access-control-allow-origin"], "https://console.example.com");
    assert_eq!(get(&own).await.status(), 200);
}

#[tokio::test]
async fn health_says_what_serves_the_calls_and_how_it_is() {
    let server = Setup::brief().start().await;
    let health = || async {
        let text = client().get(server.url("/health")).send().await.unwrap().text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let idle = health().await;
    assert_eq!((idle["status"].as_str(), idle["calls"].as_u64()), (Some("healthy"), Some(0)));
    assert_eq!(idle["services"]["tts"], json!({ "component": "flite-tts", "state": "unused" }));
    assert_eq!(idle["services"]["stt"]["state"], "off");
    let mut phone = Phone::begin(&server, "CA1").await;
    phone.hears().await;
    let busy = health().await;
    assert_eq!((busy["calls"].as_u64(), busy["services"]["tts"]["state"].as_str()), (Some(1), Some("ok")));
    let ready = client().get(server.url("/ready")).send().await.unwrap();
    assert_eq!((ready.status().as_u16(), ready.text().await.unwrap().as_str()), (200, "{\"ready\":true}"));
    // a browser, and anybody else, at the front door
    let front = client().get(server.url("/")).send().await.unwrap().text().await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&front).unwrap()["services"]["llm"]["component"], "offline-llm");
}

#[tokio::test]
async fn a_provider_that_fails_is_told_of_by_health() {
    let openai = standins::openai::Server::start(standins::openai::Config::new("key")).await.unwrap();
    openai.set_fault(Some(standins::Fault::Refuse { status: 401, retry_after: None }));
    let server = Setup::brief()
        .variable("OPENAI_BASE_URL", &openai.base_url())
        .variable("OPENAI_API_KEY", "key")
        .start()
        .await;
    let mut phone = Phone::begin(&server, "CA1").await;
    phone.hears().await;
    phone.say("My soup was cold.").await;
    phone.hears().await;
    let text = client().get(server.url("/health")).send().await.unwrap().text().await.unwrap();
    let health: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(health["status"], "degraded", "{health}");
    assert_eq!(health["services"]["llm"]["state"], "failing");
    assert!(health["services"]["llm"]["trouble"]["reason"].as_str().unwrap().contains("401"), "{health}");
}

#[tokio::test]
async fn what_is_not_there_and_what_does_not_fit_say_so() {
    let server = Setup::brief().start().await;
    let nowhere = client().get(server.url("/nowhere")).send().await.unwrap();
    assert_eq!(nowhere.status(), 404);
    assert!(detail(nowhere).await.contains("/docs"));
    let method = client().delete(server.url("/health")).send().await.unwrap();
    assert_eq!(method.status(), 405);
    assert!(detail(method).await.contains("method"));
    let no_upgrade = client().get(server.url("/ws")).send().await.unwrap();
    assert!(no_upgrade.status().is_client_error());
    assert!(detail(no_upgrade).await.contains("connects by WebSocket"));
    let no_form = client().post(server.url("/")).body("{}").send().await.unwrap();
    assert_eq!(no_form.status(), 415);
    assert!(detail(no_form).await.contains("a form is needed"));
    let no_json = client().post(server.url("/outbound")).body("to_number=1").send().await.unwrap();
    assert_eq!(no_json.status(), 400);
    assert!(detail(no_json).await.contains("JSON"));
    for path in ["/", "/outbound", "/call-status"] {
        let huge = client().post(server.url(path)).body("x".repeat(100_000)).send().await.unwrap();
        assert_eq!(huge.status(), 413, "{path}");
        assert!(!detail(huge).await.is_empty());
    }
}

#[tokio::test]
async fn a_flood_is_held_back_for_whoever_floods() {
    let server = with_twilio(Setup::brief().toml("[server]\nrequests_per_minute = 5\n")).await;
    let from = async |client_address: &str, path: &str| {
        let request = client().get(server.url(path)).header("x-forwarded-for", client_address);
        request.send().await.unwrap()
    };
    for _ in 0..5 {
        assert_eq!(from("198.51.100.1", "/health").await.status(), 200);
    }
    let held = from("198.51.100.1", "/health").await;
    assert_eq!(held.status(), 429);
    assert!(held.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(from("198.51.100.2", "/health").await.status(), 200);
    // forged webhooks are counted, signed ones are not
    let forged = async || {
        let request = client().post(server.url("/")).header("x-forwarded-for", "198.51.100.3");
        request.body("").send().await.unwrap().status().as_u16()
    };
    let mut answers = Vec::new();
    for _ in 0..7 {
        answers.push(forged().await);
    }
    assert_eq!(answers, [403, 403, 403, 403, 403, 429, 429]);
    for _ in 0..7 {
        twiml(post(&server, "/", "agent.example.com", Some("https://agent.example.com/")).await).await;
    }
    // and so is this machine not
    for _ in 0..7 {
        assert_eq!(client().get(server.url("/health")).send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn the_description_has_every_route_and_its_page_loads_nothing_from_elsewhere() {
    let server = Setup::brief().start().await;
    let text = client().get(server.url("/openapi.json")).send().await.unwrap().text().await.unwrap();
    let description: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(description["info"]["title"], "Cordboard");
    for path in [
        "/outbound",
        "/make-call",
        "/call-status/{sid}",
        "/interrupt-call/{sid}",
        "/calls",
        "/calls/{sid}",
        "/calls/{sid}/events",
        "/calls/{sid}/hangup",
        "/calls/{sid}/transfer",
        "/calls/{sid}/say",
        "/calls/{sid}/dtmf",
        "/calls/{sid}/operator",
        "/health",
        "/ready",
    ] {
        assert!(description["paths"][path].is_object(), "{path}");
    }
    let page = client().get(server.url("/docs/")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    let start =
        client().get(server.url("/docs/swagger-initializer.js")).send().await.unwrap().text().await.unwrap();
    for text in [&page, &start] {
        assert!(!text.contains("https://") && !text.contains("src=\"//"), "{text}");
    }
}

#[tokio::test]
async fn a_call_whose_host_is_not_there_any_more_begins_anew_on_another_once() {
    let server = with_twilio(Setup::brief()).await;
    let url = server.url("/voice/after?call=CA00000000000000000000000000000001");
    let path = "/voice/after?call=CA00000000000000000000000000000001";
    let first = twiml(post(&server, path, &server.address, Some(&url)).await).await;
    assert!(first.contains("<Stream ") && first.contains("<Redirect>"), "{first}");
    // which came to nothing
    let second = twiml(post(&server, path, &server.address, Some(&url)).await).await;
    assert!(second.contains("<Gather") && second.contains("Hello!</Say>"), "{second}");
    let again = twiml(post(&server, path, &server.address, Some(&url)).await).await;
    assert_eq!(again, second, "it goes on, and is not begun anew");
}

#[tokio::test]
async fn more_calls_than_the_host_may_carry_are_turned_away() {
    let server = Setup::brief().toml("[server]\ncalls = 1\n").start().await;
    let mut phone = Phone::begin(&server, "CA1").await;
    phone.hears().await;
    let refused = tokio_tungstenite::connect_async(server.stream_url()).await.unwrap_err();
    assert!(refused.to_string().contains("503"), "{refused}");
    let busy = twiml(post(&server, "/", &server.address, None).await).await;
    assert!(busy.contains("<Reject reason=\"busy\"/>"), "{busy}");
    phone.drop_dead();
    server.logged("call ended").await;
}

#[tokio::test]
async fn a_request_that_is_never_finished_is_not_waited_for() {
    let server = Setup::brief().start().await;
    let mut slow = tokio::net::TcpStream::connect(&server.address).await.unwrap();
    let head = "POST /outbound HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, slow.read_to_end(&mut answer)).await;
    read.expect("it is waited for").unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}
