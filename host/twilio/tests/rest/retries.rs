//! What is tried again, and what is not. How long the pauses are is tested in virtual time, beside the
//! rule (`src/rest/patience.rs`).

use crate::server::{CALL, Server, Then, answer, call, closed, new_call, settings, with_header};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use twilio::rest::{Client, Jitter, Patience, RestError, Settings};
use twilio::status::Status;

const BUSY: &str = r#"{"code":20429,"message":"Too Many Requests","status":429}"#;

fn queued() -> Then {
    answer(201, call("queued").to_string())
}

#[tokio::test]
async fn too_many_requests_clear_up_and_the_call_is_made() {
    let server = Server::start(vec![answer(429, BUSY), answer(429, "busy"), queued()]).await;
    let call = server.client().create_call(&new_call()).await.unwrap();
    assert_eq!(call.sid, CALL);
    let requests = server.requests().await;
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request == &requests[0]), "the same request each time");
}

#[tokio::test]
async fn too_many_requests_for_too_long_are_an_error() {
    let server = Server::start((0..9).map(|_| answer(429, BUSY)).collect()).await;
    let error = server.client().create_call(&new_call()).await.unwrap_err();
    assert_eq!(error.code(), Some(20429));
    assert_eq!(server.requests().await.len(), 4);
}

#[tokio::test]
async fn a_pause_that_twilio_asks_for_and_that_is_too_long_is_told_and_not_waited() {
    let server = Server::start(vec![with_header(answer(429, BUSY), "retry-after", "30"), queued()]).await;
    let error = server.client().create_call(&new_call()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    server.request().await;
}

#[tokio::test]
async fn a_pause_that_twilio_asks_for_as_a_moment_is_read() {
    let busy = with_header(answer(429, "busy"), "date", "Sun, 25 Mar 2018 09:53:19 GMT");
    let busy = with_header(busy, "retry-after", "Sun, 25 Mar 2018 09:54:19 GMT");
    let error = Server::start(vec![busy]).await.client().create_call(&new_call()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
    assert!(error.to_string().contains("a pause of 60 s"), "{error}");
}

#[tokio::test]
async fn no_pause_at_all_is_one_that_is_kept_to() {
    let server = Server::start(vec![with_header(answer(429, BUSY), "retry-after", "0"), queued()]).await;
    assert!(server.client().create_call(&new_call()).await.is_ok());
}

/// Somebody begins to listen as soon as the client was refused and waits.
#[tokio::test]
async fn a_connection_that_is_refused_and_then_is_not_makes_the_call() {
    let socket = closed();
    let address = socket.local_addr().unwrap();
    let (opened, listening) = oneshot::channel();
    let waiting = Mutex::new(Some((socket, opened)));
    let jitter = Jitter::new(move || {
        if let Some((socket, opened)) = waiting.lock().unwrap().take() {
            opened.send(socket.listen(8).unwrap()).unwrap();
        }
        0.0
    });
    let patience = Patience { jitter, ..settings(address).patience };
    let client = Client::new(Settings { patience, ..settings(address) }).unwrap();
    let calling = tokio::spawn(async move { client.create_call(&new_call()).await });
    let server = Server::on(listening.await.unwrap(), vec![queued()]);
    assert_eq!(calling.await.unwrap().unwrap().status, Status::Queued);
    server.request().await;
}

#[tokio::test]
async fn a_call_whose_connection_is_lost_after_it_was_asked_for_is_asked_for_once() {
    let server = Server::start(vec![Then::HangUp, queued()]).await;
    let error = server.client().create_call(&new_call()).await.unwrap_err();
    assert!(matches!(error, RestError::OutcomeUnknown { .. }), "{error}");
    server.request().await;
}

/// The same on a connection that was used before, where the client could take it for closed in time.
#[tokio::test]
async fn a_call_that_is_lost_on_a_kept_connection_is_asked_for_once() {
    let server = Server::start(vec![queued(), Then::HangUp, queued()]).await;
    let client = server.client();
    client.create_call(&new_call()).await.unwrap();
    let error = client.create_call(&new_call()).await.unwrap_err();
    assert!(matches!(error, RestError::OutcomeUnknown { .. }), "{error}");
    assert_eq!(server.requests().await.len(), 2);
}

#[tokio::test]
async fn a_call_is_not_asked_for_again_after_a_failure_of_the_server() {
    for status in [500, 502, 503, 504] {
        let failed = with_header(answer(status, "<html>"), "retry-after", "0");
        let server = Server::start(vec![failed, queued()]).await;
        let error = server.client().create_call(&new_call()).await.unwrap_err();
        assert!(error.may_have_been_done(), "{error}");
        server.request().await;
    }
}

#[tokio::test]
async fn looking_and_ending_are_tried_once_more() {
    for wrong in [|| Then::HangUp, || answer(503, "upstream"), || Then::BreakOff] {
        let server = Server::start(vec![wrong(), answer(200, call("in-progress").to_string())]).await;
        assert_eq!(server.client().call(CALL).await.unwrap().status, Status::InProgress);
        assert_eq!(server.requests().await.len(), 2);
        let server = Server::start(vec![wrong(), answer(200, call("completed").to_string())]).await;
        assert_eq!(server.client().end_call(CALL).await.unwrap().status, Status::Completed);
        assert_eq!(server.requests().await.len(), 2);
        let server = Server::start(vec![wrong(), wrong(), wrong()]).await;
        assert!(server.client().account().await.is_err());
        assert_eq!(server.requests().await.len(), 2);
    }
}

#[tokio::test]
async fn a_call_is_sent_elsewhere_once() {
    for wrong in [|| Then::HangUp, || answer(503, "upstream")] {
        let server = Server::start(vec![wrong(), answer(200, call("in-progress").to_string())]).await;
        assert!(server.client().redirect_call(CALL, "<Response/>").await.is_err());
        server.request().await;
    }
}

#[tokio::test]
async fn many_at_once_are_all_answered() {
    let server = Server::start((0..20).map(|_| answer(200, call("ringing").to_string())).collect()).await;
    let client = Arc::new(server.client());
    let asking: Vec<_> = (0..20)
        .map(|_| {
            let client = Client::clone(&client);
            tokio::spawn(async move { client.call(CALL).await.unwrap().status })
        })
        .collect();
    for asked in asking {
        assert_eq!(asked.await.unwrap(), Status::Ringing);
    }
}
