//! Does something when it is started, before anybody calls it: loops, or what a test has written into it in
//! place of that. Where it comes to work it says what it saw of the world, then and now.

use plugin::llm::{Effect, Event, Opening, Provider, Stop};
use std::sync::OnceLock;
use std::time::SystemTime;

/// What it does when it is started is the last of these bytes. A test replaces it in the component: nothing else
/// reaches it then.
#[cfg(target_arch = "wasm32")]
static START: [u8; 14] = *b"when started:l";

#[cfg(target_arch = "wasm32")]
fn deed() -> u8 {
    // the compiler must not know what is written there
    std::hint::black_box(&START)[13]
}

/// What it saw when it was started.
static SAW: OnceLock<String> = OnceLock::new();

/// What can be seen of the world.
fn sees() -> String {
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut drawn = [0; 8];
    // SAFETY: it fills so many bytes
    unsafe { getentropy(drawn.as_mut_ptr(), drawn.len()) };
    format!("clock {} drew {:x}", clock.as_millis(), u64::from_le_bytes(drawn))
}

unsafe extern "C" {
    /// Of the C library: random bytes, other ones each time.
    fn getentropy(buffer: *mut u8, length: usize) -> i32;
}

struct Started {
    opened: String,
}

impl Provider for Started {
    fn open(_: Opening) -> Result<Self, plugin::Failure> {
        Ok(Self { opened: sees() })
    }

    fn handle(&mut self, _: u64, event: Event, effects: &mut Vec<Effect>) {
        if let Event::Generate(_) = event {
            let saw = SAW.get().map(String::as_str).unwrap_or_default();
            effects.push(Effect::Delta(format!("started {saw}; opened {}; told {}", self.opened, sees())));
            effects.push(Effect::Finished(Stop::Complete));
        }
    }
}

/// What runs when a module is started.
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    if deed() == b't' {
        eprintln!("this is on purpose");
        std::process::abort();
    }
    let mut n = 0u64;
    while deed() == b'l' {
        n = std::hint::black_box(n.wrapping_add(1));
    }
    // as long as a language's runtime does
    while n < 1_000_000 {
        n = std::hint::black_box(n.wrapping_add(1));
    }
    let _ = SAW.set(sees());
    eprintln!("it has started");
}

plugin::llm!(Started);
