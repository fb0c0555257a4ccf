//! What no component of any kind may do. A mode `DEED-at-ENTRY` does the deed at that entry.

use std::hint::black_box;

/// The component was entered here: does what its mode wants to be done here. To refuse is no deed: who
/// was entered does that itself.
pub fn at(entry: &str, mode: &str) {
    if let Some((deed, at)) = mode.split_once("-at-")
        && at == entry
        && deed != "refuse"
    {
        commit(deed);
    }
}

pub fn commit(deed: &str) {
    match deed {
        "loop" => spin(),
        "recurse" => drop(black_box(recurse(1))),
        "hoard" => hoard(),
        "swallow" => drop(black_box(vec![1u8; 1 << 30])),
        "trap" => panic!("this is on purpose"),
        "sermon" => panic!("{}", "these are very long last words ".repeat(40_000)),
        "exit" => std::process::exit(0),
        "sleep" => std::thread::sleep(std::time::Duration::from_millis(1)),
        "shout" => loop {
            eprintln!("{}", "listen to me ".repeat(50));
        },
        deed => panic!("there is no deed {deed:?}"),
    }
}

pub fn spin() -> ! {
    let mut n = 0u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

/// Memory, piece by piece.
pub fn hoard() -> ! {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(black_box(vec![1; 1 << 20]));
    }
}

pub fn recurse(depth: u64) -> u64 {
    if depth == 0 { 0 } else { black_box(recurse(depth + 1)) + 1 }
}

/// Text that is none.
pub fn garble() -> String {
    // SAFETY: none; it is what a component in another language, or with a bug, might hand over
    unsafe { String::from_utf8_unchecked(vec![0xC3, 0x28, 0xFF, 0xFE]) }
}

/// What passes for the log's own line, paints over others, and does not end.
pub fn forged() -> String {
    let forged = "all is well\n2026-01-01T00:00:00Z ERROR cordboard: the key is wrong\r\u{1b}[2J";
    forged.to_owned() + &"!".repeat(1 << 20)
}
