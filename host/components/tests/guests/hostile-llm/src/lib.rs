//! Does what a provider must not do. Which of it is chosen by the setting `mode`. What it finds out
//! it says as text, as far as it gets.

mod reaching;

use hostile_misdeeds as misdeeds;
use plugin::llm::{Effect, Event, Opening, Provider, Stop, ToolCall};
use plugin::{
    Action, Cause, Failure, Frame, Header, Outcome, Request, Timer, Usage, Websocket, failure, net,
};
use serde::Deserialize;
use std::collections::VecDeque;

#[derive(Deserialize)]
struct Settings {
    mode: String,
    base_url: String,
}

struct Hostile {
    settings: Settings,
    /// connections whose end is waited for
    open: usize,
    /// what is asked for next, once nothing is open
    next: VecDeque<Action>,
    events: u32,
}

impl Drop for Hostile {
    fn drop(&mut self) {
        misdeeds::at("drop", &self.settings.mode);
    }
}

impl Provider for Hostile {
    fn open(opening: Opening) -> Result<Self, Failure> {
        let settings: Settings = plugin::settings(&opening.settings)?;
        misdeeds::at("open", &settings.mode);
        match settings.mode.as_str() {
            "refuse" => Err(failure(Cause::Denied, misdeeds::forged())),
            _ => Ok(Self { settings, open: 0, next: VecDeque::new(), events: 0 }),
        }
    }

    fn handle(&mut self, at: u64, event: Event, effects: &mut Vec<Effect>) {
        self.events += 1;
        if self.events == 10 {
            misdeeds::at("tenth", &self.settings.mode);
        }
        match event {
            // nothing, for ever
            Event::Generate(_) if self.settings.mode == "mute" => {}
            // it has begun to answer
            Event::Generate(_) if self.settings.mode.ends_with("-at-word") => {
                say(effects, "I am very so".into());
                effects.push(Effect::Timer(Timer { id: 1, after: 20 }));
            }
            Event::Timer(_) if self.settings.mode.ends_with("-at-word") => {
                misdeeds::at("word", &self.settings.mode);
            }
            Event::Generate(prompt) => {
                misdeeds::at("handle", &self.settings.mode);
                say(effects, format!("at {at}, told {prompt:?}"));
                self.begin(effects);
                self.go_on(effects);
            }
            Event::Net(net::Event { connection, outcome }) => {
                let ended = matches!(outcome, Outcome::Closed(_) | Outcome::Failed(_));
                say(effects, format!("{connection}: {outcome:?}"));
                if let Outcome::Body(body) | Outcome::Frame(Frame::Binary(body)) = outcome {
                    say(effects, String::from_utf8_lossy(&body).into_owned());
                }
                self.open -= usize::from(ended);
                self.go_on(effects);
            }
            // ever new ones, or the same one for ever
            Event::Timer(id) if self.settings.mode == "ticks" => {
                let after = [0, 1, 9][id as usize % 3];
                effects.push(Effect::Timer(Timer { id: id.wrapping_add(1), after }));
            }
            Event::Timer(id) if self.settings.mode.ends_with("-at-tenth") => {
                effects.push(Effect::Timer(Timer { id, after: 0 }));
            }
            Event::Timer(id) if self.settings.mode == "chatter" => {
                (0..100).for_each(|n| plugin::log(plugin::Level::Info, &format!("chatter {n}")));
                effects.push(Effect::Timer(Timer { id, after: 0 }));
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
    /// The next thing, or the end.
    fn go_on(&mut self, effects: &mut Vec<Effect>) {
        if self.open > 0 {
            return;
        }
        match self.next.pop_front() {
            Some(action) => {
                self.open = 1;
                effects.push(Effect::Net(net::Effect { connection: 1, action }));
            }
            None => effects.push(Effect::Finished(Stop::Complete)),
        }
    }

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
            "addresses" => self.next = reaching::addresses(&base),
            "spellings" => self.next = reaching::spellings(&base),
            "titles" => self.next = reaching::headers(&base),
            "away" => self.next = reaching::everywhere(&[format!("{base}/away")]),
            // where it was granted to go, but which leads into the host's own network
            "private" => {
                self.request(effects, &base, vec![]);
                self.websocket(effects, &base);
            }
            deed @ ("loop" | "recurse" | "trap" | "sleep" | "exit") => misdeeds::commit(deed),
            "allocate" => misdeeds::hoard(),
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
            "ticks" | "chatter" => {
                self.open = 1;
                effects.push(Effect::Timer(Timer { id: 0, after: 0 }));
            }
            mode if mode.ends_with("-at-tenth") => {
                self.open = 1;
                effects.push(Effect::Timer(Timer { id: 0, after: 0 }));
            }
            // on what was never opened, and on what it closed itself
            "unopened" => {
                let frame = || Action::Send(Frame::Text("is anybody there?".into()));
                let does = |connection, action| Effect::Net(net::Effect { connection, action });
                effects.extend([does(9, frame()), does(9, Action::Close), does(u32::MAX, frame())]);
                self.websocket(effects, &format!("{base}/echo"));
                effects.extend([does(1, Action::Close), does(1, frame()), does(1, Action::Close)]);
            }
            "frame-on-request" => {
                self.request(effects, &format!("{base}/hang"), vec![]);
                let frame = Action::Send(Frame::Text("is anybody there?".into()));
                effects.push(Effect::Net(net::Effect { connection: 1, action: frame }));
            }
            "handles" => hoard_handles(),
            "garbled" => say(effects, misdeeds::garble()),
            "forge" => plugin::log(plugin::Level::Info, &misdeeds::forged()),
            "tools" => {
                let call = |id: &str, name: String| {
                    Effect::ToolCall(ToolCall { id: id.into(), name, arguments: "{".into() })
                };
                effects.extend([call("a", "book".into()), call("a", "book".into()), call("", String::new())]);
                effects.push(call("a", "x".repeat(1 << 20)));
            }
            "bill" => effects.extend(
                (0..3).map(|_| Effect::Usage(Usage { unit: "output-tokens".into(), amount: u64::MAX })),
            ),
            "after-the-end" => {
                let over = || Effect::Failed(failure(Cause::Busy, "no more today"));
                effects.extend([over(), over(), Effect::Delta("and another thing".into()), over()]);
                self.request(effects, &format!("{base}/echo"), vec![]);
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
            "log" => (0..10_000).for_each(|n| plugin::log(plugin::Level::Warn, &format!("line {n}"))),
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

/// Numbers for sessions that nobody opened.
fn hoard_handles() -> ! {
    #[cfg(target_arch = "wasm32")]
    #[link(wasm_import_module = "[export]cordboard:component/llm@0.1.0")]
    unsafe extern "C" {
        #[link_name = "[resource-new]session"]
        fn new(representation: u32) -> u32;
    }
    #[cfg(not(target_arch = "wasm32"))]
    let new = |representation: u32| representation;
    loop {
        // SAFETY: the host gives out a number for any number
        #[cfg_attr(not(target_arch = "wasm32"), allow(unused_unsafe))]
        std::hint::black_box(unsafe { new(7) });
    }
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
