//! Does what a persona must not do, once it was told a turn. Which of it is chosen by the setting
//! `mode`. Until then it greets like any other.

use persona::contract::Event;
use persona::{Call, Either, Heard, Request, first, tool};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Deserialize)]
struct Settings {
    mode: String,
    /// where a table is booked
    #[serde(default)]
    url: String,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    greeted: bool,
}

async fn talk(call: Call, settings: Settings, mut state: State) {
    if settings.mode == "trap-at-start" {
        panic!("this is on purpose");
    }
    if !state.greeted {
        call.say("Hello from the hostile persona.").await;
        state.greeted = true;
    }
    loop {
        match call.hear(&state).await {
            Heard::Said(_) => break,
            Heard::Key(_) if settings.mode == "trap-at-key" => panic!("this is on purpose"),
            Heard::Key(_) | Heard::Silence(_) => {}
        }
    }
    match settings.mode.as_str() {
        "trap-at-key" => {
            call.say("Still here.").await;
        }
        "loop" => {
            let mut n = 0u64;
            loop {
                n = std::hint::black_box(n.wrapping_add(1));
            }
        }
        "allocate" => {
            let mut hoard: Vec<Vec<u8>> = Vec::new();
            loop {
                hoard.push(std::hint::black_box(vec![1; 1 << 20]));
            }
        }
        "recurse" => call.keep("depth", recurse(1)),
        "trap" => panic!("this is on purpose"),
        "flood" => (0..5_000).for_each(|n| call.keep("n", n)),
        // begins a new thing for each that ends, without time going by
        "busy" => loop {
            call.say("").await;
        },
        "silent" => std::future::pending().await,
        "trap-at-answer" | "trap-meanwhile" => book(&call, settings).await,
        mode => call.keep("mode", format!("there is no mode {mode:?}")),
    }
    call.hang_up();
}

/// Has the model book a table, by a tool that asks a server. Breaks at the server's answer, or at a key that is
/// pressed before it comes.
async fn book(call: &Call, settings: Settings) {
    let about = tool("book", "Books a table.", json!({ "type": "object", "properties": {} }));
    let line = call.clone();
    let booked = call.ask("Book a table, and say what came of it.").tool(about, move |_| {
        let (line, url) = (line.clone(), settings.url.clone());
        let breaks = settings.mode == "trap-at-answer";
        async move {
            let request = Request { method: "POST".into(), url, headers: vec![], body: vec![] };
            match line.fetch(request).await {
                Ok(_) if breaks => panic!("this is on purpose"),
                Ok(fetched) => format!("status {}", fetched.head.status),
                Err(failure) => failure.message,
            }
        }
    });
    let key = call.wait(|event| matches!(event, Event::Key(_)).then_some(()));
    if let Either::B(()) = first(booked, key).await {
        panic!("this is on purpose");
    }
    call.keep("booked", true);
}

fn recurse(depth: u64) -> u64 {
    if depth == 0 { 0 } else { std::hint::black_box(recurse(depth + 1)) + 1 }
}

persona::persona!(talk);
