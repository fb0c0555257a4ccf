//! Does what a persona must not do, once it was told a turn. Which of it is chosen by the setting
//! `mode`. Until then it greets like any other.

use persona::{Call, Heard};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Settings {
    mode: String,
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
        mode => call.keep("mode", format!("there is no mode {mode:?}")),
    }
    call.hang_up();
}

fn recurse(depth: u64) -> u64 {
    if depth == 0 { 0 } else { std::hint::black_box(recurse(depth + 1)) + 1 }
}

persona::persona!(talk);
