//! Streams on which something is wrong: the call goes on without it, or ends cleanly, and the log
//! says what it was.

use crate::exchange::*;
use crate::house::*;

/// A call that was sent these messages goes on, and the log says what was wrong with them.
async fn goes_on(call: &str, messages: &[String], reason: &str) {
    let server = Setup::brief().start().await;
    let mut phone = Phone::begin(&server, call).await;
    assert_eq!(phone.hears().await, "Hello!");
    for message in messages {
        phone.send(message).await;
    }
    goes_on_from_here(&server, phone, reason).await;
}

async fn goes_on_from_here(server: &Server, mut phone: Phone, reason: &str) {
    phone.say("My soup was cold.").await;
    assert_eq!(phone.understood().await, "My soup was cold.");
    phone.hears_something(1600).await;
    if !reason.is_empty() {
        server.logged(reason).await;
    }
    let log = server.log();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn text_that_is_not_json() {
    goes_on("CA1", &["what?".into(), "{\"event\":".into(), "[]".into()], "not a message").await;
}

#[tokio::test]
async fn binary_frames() {
    let server = Setup::brief().start().await;
    let mut phone = Phone::begin(&server, "CA1").await;
    phone.hears().await;
    phone.send_binary(vec![0xFF; 160]).await;
    phone.send_binary(vec![]).await;
    goes_on_from_here(&server, phone, "a binary frame of 160 bytes").await;
}

#[tokio::test]
async fn unknown_events() {
    goes_on("CA1", &[r#"{"event":"surprise","streamSid":"MZ7"}"#.into()], "unknown event \"surprise\"").await;
}

#[tokio::test]
async fn a_missing_or_wrong_stream_sid() {
    let audio = media(2, 1, 0, &[0xFF; 160]);
    let missing = audio.replace(&format!("\"streamSid\":\"{SID}\","), "");
    let wrong = audio.replace(SID, "MZ-of-another");
    goes_on("CA1", &[missing, wrong], "the stream \"MZ-of-another\", which is not this one").await;
}

#[tokio::test]
async fn media_before_start() {
    let server = Setup::brief().start().await;
    let mut phone = Phone::connect(&server).await;
    phone.send(&media(1, 1, 0, &[0xFF; 160])).await;
    phone.send(&start("CA1")).await;
    phone.hears().await;
    goes_on_from_here(&server, phone, "media before start").await;
}

#[tokio::test]
async fn a_second_start() {
    goes_on("CA1", &[start("CA2")], "a second start").await;
}

#[tokio::test]
async fn broken_base64() {
    let broken = media(2, 1, 0, &[0xFF; 160]).replace("////", "%%%%");
    goes_on("CA1", &[broken], "no base64").await;
}

#[tokio::test]
async fn a_payload_of_a_megabyte() {
    goes_on("CA1", &[media(2, 1, 0, &vec![0x55; 1 << 20])], "a payload of 10").await;
}

#[tokio::test]
async fn a_message_beyond_all_measure_ends_the_call() {
    let server = Setup::brief().start().await;
    let mut phone = Phone::begin(&server, "CA-huge").await;
    phone.hears().await;
    let padding = "x".repeat(5 << 20);
    // the server may close before all of it is sent
    let _ = phone.try_send(&format!("{{\"event\":\"media\",\"padding\":\"{padding}\"}}")).await;
    let ended = server.logged("call ended").await;
    assert!(ended.contains("CA-huge"), "{ended}");
    assert!(server.log().contains("the stream's socket was lost"), "{}", server.log());
}

#[tokio::test]
async fn odd_sizes() {
    let sizes = [1usize, 7, 159, 161, 4001];
    let odd: Vec<String> =
        sizes.iter().zip(1..).map(|(size, n)| media(n, n, n * 20, &vec![0xFF; *size])).collect();
    goes_on("CA1", &odd, "").await;
}

#[tokio::test]
async fn numbers_that_are_no_strings() {
    let mut numbers = media(2, 1, 0, &[0xFF; 160]);
    for (string, number) in [("\"2\"", "2"), ("\"1\"", "1"), ("\"0\"", "0")] {
        numbers = numbers.replace(string, number);
    }
    assert!(numbers.contains("\"sequenceNumber\":2"), "{numbers}");
    goes_on("CA1", &[numbers], "").await;
}

#[tokio::test]
async fn gaps_in_the_numbers() {
    let messages = [media(2, 1, 0, &[0xFF; 160]), media(7, 6, 100, &[0xFF; 160])];
    goes_on("CA1", &messages, "4 messages were lost: 80 ms of silence in their place").await;
}

#[tokio::test]
async fn a_socket_that_drops_without_a_stop() {
    let server = Setup::brief().start().await;
    let mut phone = Phone::begin(&server, "CA-dropped").await;
    phone.hears().await;
    phone.drop_dead();
    let ended = server.logged("call ended").await;
    assert!(ended.contains("CA-dropped") && ended.contains("departure=\"caller\""), "{ended}");
}

#[tokio::test]
async fn a_stream_that_goes_before_it_begins() {
    let server = Setup::brief().start().await;
    let mut phone = Phone::connect(&server).await;
    phone.send(r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#).await;
    phone.drop_dead();
    server.logged("a stream went before it began").await;
}

#[tokio::test]
async fn a_stream_of_another_format() {
    let server = Setup::brief().start().await;
    let mut phone = Phone::connect(&server).await;
    phone.send(&start("CA1").replace("8000", "16000")).await;
    server.logged("only audio/x-mulaw at 8000 Hz with one channel is understood").await;
}

#[tokio::test]
async fn words_from_elsewhere_are_not_believed() {
    let exchange = Exchange::new().await;
    let server = &exchange.server;
    // as a tunnel from outside would forward it
    let signature = signature(&server.stream_url(), &[]);
    let headers = [("x-forwarded-for", "198.51.100.7".to_owned()), ("x-twilio-signature", signature)];
    let mut phone = Phone::connect_with(server, &headers).await;
    phone.send(&start("CA-tunnel").replace("AC1", exchange.twilio.account_sid())).await;
    phone.say("Goodbye").await;
    let warning = server.logged("words came over a line that is not local").await;
    assert!(warning.contains("CA-tunnel"), "{warning}");
    assert!(!server.log().contains("the caller's turn"), "{}", server.log());
}
