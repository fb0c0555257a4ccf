//! Requests of the page's tools.

use super::*;

/// A call in which the model looks for an order.
fn looking() -> (Scene, Fetch) {
    let mut scene = Scene::greeted(PIZZA);
    scene.says("Where is order 1234?");
    scene.begins("order_status", json!({ "number": "1234" }));
    let fetch = scene.fetches.pop_front().unwrap();
    (scene, fetch)
}

fn fails(fault: persona::bindings::cordboard::component::net::Fault, message: &str, id: u32) -> Event {
    let failure = persona::bindings::cordboard::component::net::Failure {
        fault,
        code: 0,
        message: message.into(),
        headers: vec![],
    };
    Event::Response(Response { id, outcome: Err(failure) })
}

#[test]
fn a_tool_asks_the_server_of_the_page_and_the_model_is_told() {
    let (mut scene, fetch) = looking();
    assert_eq!(
        (fetch.request.method.as_str(), fetch.request.url.as_str()),
        ("GET", "https://api.example.com/orders/1234")
    );
    assert!(fetch.request.headers.is_empty() && fetch.request.body.is_empty(), "the secret is the host's");
    assert_eq!(scene.timers.last().unwrap().1, 8_000);
    scene.responds(fetch.id, 200, r#"{"status": "in the oven", "internal": "margin 80 %"}"#);
    assert_eq!(scene.results.pop_front().unwrap(), "in the oven");
    assert_eq!(scene.cancelled, [scene.timers.last().unwrap().0], "nobody waits any longer");
    scene.answers("It is in the oven.");
    assert!(!scene.hung_up);
}

#[test]
fn a_body_holds_what_was_found_out() {
    let mut scene = Scene::greeted(PIZZA);
    scene.says("Two large Funghi to 1 Quay.");
    scene.begins("place_order", json!({}));
    let told = scene.results.pop_front().unwrap();
    assert!(
        told.contains("not confirmed by the caller: pizza, size, quantity, address. Find it out"),
        "{told}"
    );
    for (name, value) in
        [("pizza", "Funghi"), ("size", "large"), ("quantity", "2"), ("address", "1 \"Quay\"")]
    {
        scene.calls("save_field", json!({ "name": name, "value": value }));
    }
    let told = scene.calls("place_order", json!({}));
    assert!(told.contains("by the caller: address."), "{told}");
    scene.answers("To one Quay?");
    scene.says("Yes.");
    scene.calls("save_field", json!({ "name": "address", "value": "1 \"Quay\"", "confirmed": true }));
    scene.begins("place_order", json!({}));
    let request = scene.fetches.pop_front().unwrap().request;
    assert_eq!(request.method, "POST");
    assert_eq!(
        (request.headers[0].name.as_str(), request.headers[0].value.as_str()),
        ("content-type", "application/json")
    );
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let expected = json!({
        "pizza": "Funghi", "size": "large", "quantity": 2, "address": "1 \"Quay\"", "note": null,
        "telephone": "+15550111222",
    });
    assert_eq!(body, expected);
}

#[test]
fn what_the_model_leaves_out_or_gets_wrong_is_answered_and_not_sent() {
    let mut scene = Scene::greeted(PIZZA);
    scene.says("Where is my order?");
    let told = scene.calls("order_status", json!({}));
    assert!(
        told.starts_with("Error: number is missing, a whole number from 1000 to 9999: the number"),
        "{told}"
    );
    assert!(told.contains("Nothing was done"), "{told}");
    let told = scene.calls("order_status", json!({ "number": "twelve" }));
    assert!(told.contains("number: \"twelve\" is not a whole number"), "{told}");
    assert!(scene.fetches.is_empty());
}

#[test]
fn an_argument_cannot_lead_elsewhere() {
    let page = format!(
        "{SMALL}[tool.find]\nabout = \"Finds.\"\nurl = \"https://api.example.com/of/{{who}}?q={{who}}\"\nheaders = {{ \
         x-who = \"{{who}}\" }}\n[tool.find.parameters.who]\nabout = \"who\"\n"
    );
    let mut scene = Scene::greeted(&page);
    scene.says("Find Ann.");
    for who in ["../admin", "..", "a/b", "x\\y"] {
        let told = scene.calls("find", json!({ "who": who }));
        assert!(told.contains("may not hold slashes"), "{told}");
    }
    let told = scene.calls("find", json!({ "who": "a\r\nx-admin: 1" }));
    assert!(told.contains("may not hold line breaks"), "{told}");
    scene.begins("find", json!({ "who": "Ann & Bob@evil.example#" }));
    let request = scene.fetches.pop_front().unwrap().request;
    let encoded = "Ann%20%26%20Bob%40evil.example%23";
    assert_eq!(request.url, format!("https://api.example.com/of/{encoded}?q={encoded}"));
    assert_eq!(request.headers[0].value, "Ann & Bob@evil.example#");
}

#[test]
fn a_failure_is_told_in_words() {
    use persona::bindings::cordboard::component::net::Fault;
    let (mut scene, fetch) = looking();
    scene.tell(fails(Fault::Unreachable, "no connection", fetch.id));
    let told = scene.results.pop_front().unwrap();
    assert!(
        told.starts_with("Error: it could not be reached: no connection. Say that this does not work"),
        "{told}"
    );
    assert!(told.contains("Do not make up"), "{told}");

    let (mut scene, fetch) = looking();
    scene.responds(fetch.id, 404, "no such order");
    let told = scene.results.pop_front().unwrap();
    assert!(told.contains("refuses with status 404 and says: no such order"), "{told}");

    let (mut scene, fetch) = looking();
    scene.responds(fetch.id, 200, "<html>");
    assert!(scene.results.pop_front().unwrap().contains("is not JSON"));

    let (mut scene, fetch) = looking();
    scene.responds(fetch.id, 200, r#"{"state": "lost"}"#);
    assert!(scene.results.pop_front().unwrap().contains("has nothing at /status"));
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let (mut scene, fetch) = looking();
    let (timer, _) = *scene.timers.last().unwrap();
    scene.tell(Event::Timer(timer));
    let told = scene.results.pop_front().unwrap();
    assert!(
        told.starts_with("Error: there was no answer within 8 s; whether it was done is not known."),
        "{told}"
    );
    assert_eq!(scene.cancelled, [fetch.id]);
}

#[test]
fn a_long_answer_is_cut_and_an_empty_one_is_said_to_be_empty() {
    let page =
        format!("{SMALL}[tool.news]\nabout = \"News.\"\nurl = \"http://127.0.0.1:9/news\"\nmax_bytes = 6\n");
    let mut scene = Scene::greeted(&page);
    scene.says("What is new?");
    scene.begins("news", json!({}));
    let fetch = scene.fetches.pop_front().unwrap();
    scene.responds(fetch.id, 200, "Größe ist alles");
    assert_eq!(scene.results.pop_front().unwrap(), "Grö … (cut here)".replace("Grö ", "Größ "));
    scene.begins("news", json!({}));
    let fetch = scene.fetches.pop_front().unwrap();
    scene.responds(fetch.id, 204, "");
    assert_eq!(scene.results.pop_front().unwrap(), "Done; the server says nothing more.");
}

#[test]
fn no_more_requests_run_at_once_than_the_host_allows() {
    let mut scene = Scene::greeted(PIZZA);
    scene.says("Where are they all?");
    for _ in 0..8 {
        scene.begins("order_status", json!({ "number": 1234 }));
    }
    assert_eq!((scene.fetches.len(), scene.results.len()), (8, 0));
    assert!(scene.calls("order_status", json!({ "number": 1234 })).contains("8 tools run already"));
    let first = scene.fetches.pop_front().unwrap();
    scene.responds(first.id, 200, r#"{"status": "gone"}"#);
    scene.begins("order_status", json!({ "number": 1234 }));
    assert_eq!(scene.fetches.len(), 8, "there is a place again");
}

#[test]
fn a_request_goes_on_when_the_caller_cuts_in_and_in_another_version() {
    let (mut scene, fetch) = looking();
    scene.is_restored();
    scene.done(Ending::Interrupted, "One");
    scene.is_restored();
    scene.says("Hello?");
    scene.is_restored();
    scene.responds(fetch.id, 200, r#"{"status": "in the oven"}"#);
    assert_eq!(scene.results.pop_front().unwrap(), "in the oven", "nothing is lost");
    scene.answers("It is in the oven.");
    scene.is_restored();
    scene.says("Thanks.");
    assert!(scene.asked.is_some());
}
