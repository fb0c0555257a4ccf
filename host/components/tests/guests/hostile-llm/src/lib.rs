//! Does what a provider must not do. Which of it is chosen by the setting `mode`. What it finds out
//! it says as text, as far as it gets.

use plugin::llm::{Effect, Event, Opening, Provider, Stop};
use plugin::{Action, Failure, Frame, Header, Outcome, Request, Timer, Websocket, net};
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    mode: String,
    base_url: String,
}

struct Hostile {
    settings: Settings,
    /// connections whose end is waited for
    open: usize,
}

impl Provider for Hostile {
    fn open(opening: Opening) -> Result<Self, Failure> {
        let settings: Settings = plugin::settings(&opening.settings)?;
        if settings.mode == "loop-at-open" {
            spin();
        }
        Ok(Self { settings, open: 0 })
    }

    fn handle(&mut self, at: u64, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Generate(prompt) => {
                say(effects, format!("at {at}, told {prompt:?}"));
                self.begin(effects);
                if self.open == 0 {
                    effects.push(Effect::Finished(Stop::Complete));
                }
            }
            Event::Net(net::Event { connection, outcome }) => {
                let ended = matches!(outcome, Outcome::Closed(_) | Outcome::Failed(_));
                say(effects, format!("{connection}: {outcome:?}"));
                if let Outcome::Body(body) | Outcome::Frame(Frame::Binary(body)) = outcome {
                    say(effects, String::from_utf8_lossy(&body).into_owned());
                }
                self.open -= usize::from(ended);
                if self.open == 0 {
                    effects.push(Effect::Finished(Stop::Complete));
                }
            }
            // at work all the time, and never for long
            Event::Timer(id) => {
                say(effects, format!("timer {id} "));
                (0..2_000_000u32).for_each(|n| {
                    std::hint::black_box(n);
                });
                effects.push(Effect::Timer(Timer { id, after: 10 }));
            }
            Event::Cancel => {}
        }
    }
}

impl Hostile {
    fn begin(&mut self, effects: &mut Vec<Effect>) {
        let base = self.settings.base_url.clone();
        match self.settings.mode.as_str() {
            // the server sends back all that it got
            "dump" => {
                self.request(effects, &format!("{base}/echo"), vec![]);
                self.websocket(effects, &format!("{base}/echo"));
            }
            // headers that steer, or that the host alone sets
            "headers" => {
                let headers = [("X-Api-Key", "mine"), ("Host", "evil.example.org"), ("Content-Length", "3")];
                let header = |(name, value): (&str, &str)| Header { name: name.into(), value: value.into() };
                self.request(effects, &format!("{base}/echo"), headers.map(header).to_vec());
            }
            "smuggle" => {
                let value = "x\r\nx-api-key: mine".to_owned();
                self.request(effects, &format!("{base}/echo"), vec![Header { name: "a".into(), value }]);
            }
            "redirect" => self.request(effects, &format!("{base}/redirect"), vec![]),
            "forbidden" => {
                for url in [
                    "http://169.254.169.254/latest/meta-data/",
                    "http://localhost:22/",
                    "http://[::1]:22/",
                    "https://evil.example.org/",
                    "file:///etc/passwd",
                ] {
                    self.request(effects, url, vec![]);
                }
                self.websocket(effects, "ws://127.0.0.1:22/");
            }
            // where it was granted to go, but which leads into the host's own network
            "private" => {
                self.request(effects, &base, vec![]);
                self.websocket(effects, &base);
            }
            "loop" => spin(),
            "allocate" => allocate(),
            "recurse" => say(effects, recurse(1).to_string()),
            "trap" => panic!("this is on purpose"),
            "flood" => effects.extend((0..5_000).map(|_| Effect::Delta("x".into()))),
            "giant" => say(effects, "x".repeat(6 << 20)),
            "connections" => (0..100).for_each(|_| self.request(effects, &format!("{base}/hang"), vec![])),
            "same-connection" => {
                self.request(effects, &format!("{base}/hang"), vec![]);
                self.open = 0;
                self.request(effects, &format!("{base}/hang"), vec![]);
            }
            "timers" => {
                effects.extend((0..100).map(|id| Effect::Timer(Timer { id, after: 60_000 })));
            }
            "busy" => {
                self.open = 1;
                effects.extend((0..32).map(|id| Effect::Timer(Timer { id, after: 10 })));
            }
            "frame" => {
                self.websocket(effects, &format!("{base}/echo"));
                let frame = Action::Send(Frame::Binary(vec![0; 1 << 20]));
                effects.push(Effect::Net(net::Effect { connection: 1, action: frame }));
            }
            // to a server that does not read
            "queue" => {
                self.websocket(effects, &format!("{base}/stuck"));
                for _ in 0..900 {
                    let frame = Action::Send(Frame::Binary(vec![0; 4096]));
                    effects.push(Effect::Net(net::Effect { connection: 1, action: frame }));
                }
            }
            "look-around" => look_around(effects),
            "sleep" => std::thread::sleep(std::time::Duration::from_millis(1)),
            "log" => (0..10_000).for_each(|n| plugin::log(plugin::Level::Warn, &format!("line {n}"))),
            "exit" => std::process::exit(0),
            mode => say(effects, format!("there is no mode {mode:?}")),
        }
    }

    fn request(&mut self, effects: &mut Vec<Effect>, url: &str, headers: Vec<Header>) {
        self.open += 1;
        let request = Request { method: "POST".into(), url: url.into(), headers, body: b"hello".to_vec() };
        let action = Action::Request(request);
        effects.push(Effect::Net(net::Effect { connection: self.open as u32, action }));
    }

    fn websocket(&mut self, effects: &mut Vec<Effect>, url: &str) {
        self.open += 1;
        let action = Action::Open(Websocket { url: url.into(), headers: vec![], protocols: vec![] });
        effects.push(Effect::Net(net::Effect { connection: self.open as u32, action }));
    }
}

fn say(effects: &mut Vec<Effect>, text: String) {
    effects.push(Effect::Delta(text));
}

fn spin() {
    let mut n = 0u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

fn allocate() {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1; 1 << 20]));
    }
}

fn recurse(depth: u64) -> u64 {
    if depth == 0 { 0 } else { std::hint::black_box(recurse(depth + 1)) + 1 }
}

/// What a process has that a component has not.
fn look_around(effects: &mut Vec<Effect>) {
    use std::collections::HashMap;
    use std::time::{Instant, SystemTime, UNIX_EPOCH};
    say(effects, format!("variables {:?}", std::env::vars().collect::<Vec<_>>()));
    say(effects, format!("arguments {:?}", std::env::args().collect::<Vec<_>>()));
    say(effects, format!("folder {:?}", std::fs::read_dir("/").map(|_| ()).map_err(|e| e.kind())));
    say(effects, format!("file {:?}", std::fs::read("/etc/passwd").map(|_| ()).map_err(|e| e.kind())));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let began = Instant::now();
    let later = (0..1_000_000).map(std::hint::black_box).sum::<u64>();
    say(effects, format!("clock {} and {:?} after {later}", now.as_millis(), began.elapsed()));
    let map: HashMap<u32, u32> = (0..20).map(|n| (n, n)).collect();
    say(effects, format!("order {:?}", map.keys().collect::<Vec<_>>()));
    eprint!("a line in ");
    eprintln!("two fragments");
    println!("lost");
}

plugin::llm!(Hostile);
