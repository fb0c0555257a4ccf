//! Loops when it is started, before anybody calls it.

use plugin::llm::{Effect, Event, Opening, Provider};

struct Never;

impl Provider for Never {
    fn open(_: Opening) -> Result<Self, plugin::Failure> {
        Ok(Never)
    }

    fn handle(&mut self, _: u64, _: Event, _: &mut Vec<Effect>) {}
}

/// What runs when a module is started.
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    let mut n = 0u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

plugin::llm!(Never);
