//! When Twilio says no, or something that is not Twilio does.

use crate::server::{CALL, Server, Then, answer, closed, new_call, settings, with_header};
use std::time::Duration;
use twilio::rest::{Client, NewCall, Patience, RestError, Settings};

/// What asking for a call leads to.
async fn asked(then: Then) -> RestError {
    Server::start(vec![then]).await.client().call(CALL).await.unwrap_err()
}

#[tokio::test]
async fn twilio_says_what_is_wrong_with_a_call() {
    let body = r#"{"code":21211,"message":"Invalid 'To' Phone Number: +15555550101",
                   "more_info":"https://www.twilio.com/docs/errors/21211","status":400}"#;
    let server = Server::start(vec![answer(400, body)]).await;
    let error = server.client().create_call(&new_call()).await.unwrap_err();
    let expected = RestError::Refused {
        doing: "calling +1555***0101".into(),
        status: 400,
        code: Some(21211),
        message: "Invalid 'To' Phone Number: +1555***0101".into(),
        more_info: Some("https://www.twilio.com/docs/errors/21211".into()),
        retry_after: None,
    };
    assert_eq!(error, expected);
    server.request().await;
}

#[tokio::test]
async fn the_newer_errors_are_read_too() {
    let body = r#"{"type":"https://www.twilio.com/docs/errors/20404","title":"Not found","status":404,"code":20404}"#;
    let error = asked(answer(404, body)).await;
    assert!(error.is_not_found());
    assert_eq!(error.code(), Some(20404));
    assert!(error.to_string().contains("Not found"), "{error}");
}

#[tokio::test]
async fn wrong_credentials_are_told_from_everything_else() {
    let body = r#"{"code":20003,"message":"Authenticate","status":401}"#;
    let error = asked(answer(401, body)).await;
    assert!(error.is_authentication() && !error.is_not_found());
    assert!(error.to_string().contains("check the auth token"), "{error}");
}

#[tokio::test]
async fn a_call_that_has_ended_cannot_be_sent_elsewhere() {
    let body = r#"{"code":21220,"message":"Call is not in-progress. Cannot redirect.","status":400}"#;
    let server = Server::start(vec![answer(400, body)]).await;
    let error = server.client().redirect_call(CALL, "<Response/>").await.unwrap_err();
    assert!(error.is_over(), "{error}");
}

#[tokio::test]
async fn an_error_without_a_code_and_one_that_is_no_json_are_errors() {
    let error = asked(answer(403, r#"{"message":"Forbidden by policy"}"#)).await;
    assert_eq!(error.code(), None);
    assert!(error.to_string().contains("403: Forbidden by policy"), "{error}");
    let error = asked(answer(404, "<html><body>nginx</body></html>")).await;
    assert!(error.is_not_found() && error.to_string().contains("404: Not Found"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let moved = with_header(answer(307, ""), "location", "http://127.0.0.1:9/elsewhere");
    let error = asked(moved).await;
    assert!(matches!(error, RestError::Refused { status: 307, .. }), "{error}");
}

#[tokio::test]
async fn a_call_that_was_made_and_cannot_be_read_is_not_an_error_to_repeat() {
    for then in [answer(201, "{\"status\":\"queued\"}"), answer(201, "<html>"), Then::BreakOff] {
        let server = Server::start(vec![then]).await;
        let error = server.client().create_call(&new_call()).await.unwrap_err();
        assert!(matches!(error, RestError::Unreadable { status: 201, .. }), "{error}");
        server.request().await;
    }
}

#[tokio::test]
async fn an_answer_that_has_no_end_is_not_read_to_it() {
    let server =
        Server::start(vec![answer(200, "x".repeat(2 << 20)), answer(200, "x".repeat(2 << 20))]).await;
    let error = server.client().call(CALL).await.unwrap_err();
    assert!(error.to_string().contains("longer than"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_right_is_not_sent() {
    let server = Server::start(vec![]).await;
    let call = NewCall { timeout: Some(Duration::from_secs(3600)), ..new_call() };
    let error = server.client().create_call(&call).await.unwrap_err();
    assert_eq!(error.to_string(), "calling +1555***0101: it is to ring for 3600 s; Twilio takes 1 to 600");
    assert!(server.client().redirect_call(CALL, &"x".repeat(4001)).await.is_err());
    assert_eq!(server.requests().await, []);
}

#[tokio::test]
async fn nobody_there_means_that_nothing_was_sent() {
    let socket = closed();
    let client = Client::new(settings(socket.local_addr().unwrap())).unwrap();
    let error = client.create_call(&new_call()).await.unwrap_err();
    assert!(matches!(error, RestError::NotSent { .. }), "{error}");
    let shown = error.to_string();
    assert!(shown.contains("nothing was sent") && shown.contains("refused"), "{shown}");
    assert!(!shown.contains("AC0000"), "{shown}");
}

#[tokio::test]
async fn a_server_without_an_answer_leaves_it_open_what_was_done() {
    let server = Server::start(vec![Then::Silence]).await;
    let mut settings = server.settings();
    settings.patience = Patience { request: Duration::from_millis(100), ..settings.patience };
    let error = Client::new(settings).unwrap().create_call(&new_call()).await.unwrap_err();
    assert!(matches!(error, RestError::OutcomeUnknown { .. }), "{error}");
    assert!(error.to_string().contains("never ask for the same call twice"), "{error}");
    server.request().await;
}

#[tokio::test]
async fn what_is_no_https_at_all_is_not_reached() {
    // an HTTP server answers a TLS greeting with nothing that is TLS
    let server = Server::start(vec![]).await;
    let base_url = server.settings().base_url.map(|url| url.replace("http:", "https:"));
    let patience = Patience { tries: 1, connect: Duration::from_millis(200), ..server.settings().patience };
    let client = Client::new(Settings { base_url, patience, ..server.settings() }).unwrap();
    let error = client.create_call(&new_call()).await.unwrap_err();
    assert!(matches!(error, RestError::NotSent { .. }), "{error}");
    assert_eq!(server.requests().await, []);
}

#[tokio::test]
async fn nothing_of_a_client_shows_its_secret() {
    let server = Server::start(vec![answer(401, "{}")]).await;
    let client = server.client();
    let error = client.account().await.unwrap_err();
    let shown = format!("{client:?} {error:?} {error}");
    assert!(!shown.contains("t0ken"), "{shown}");
}
