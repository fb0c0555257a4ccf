//! A target for each parser that reads what somebody else wrote. Each is a test: for a second, or for
//! as long as `CORDBOARD_FUZZ_SECONDS` says.
//!
//! `cargo test --package cordboard-fuzz -- --nocapture` tells how far each got. To add one: a test in
//! the file of its crate, and real inputs in `corpus/NAME/`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod audio;
mod components;
mod egress;
mod personas;
mod providers;
mod rest;
mod sdk;
mod twilio;

use fuzz::{Plan, Target};
use std::borrow::Cow;
use std::hash::Hash;
use std::path::Path;

/// Fails with where the input is that should not do what it does. The property gives all that came of
/// an input, each in one of a few kinds.
fn fuzz<K: IntoIterator<Item: Hash>>(target: &Target, property: impl Fn(&[u8]) -> K) {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    if let Err(problem) = Plan::of_environment().and_then(|plan| target.run(plan, scratch, property)) {
        panic!("{problem}");
    }
}

/// An input that is several: one in each line.
fn lines(input: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    input.split(|byte| *byte == b'\n').map(String::from_utf8_lossy)
}

/// What a message says, without what it quotes and counts: of these there are few.
fn gist(message: impl std::fmt::Display) -> String {
    let message = message.to_string();
    let quote = |c| matches!(c, '"' | '`' | '\'');
    let (before, rest) = message.split_once(quote).unwrap_or((&message, ""));
    let after = rest.rsplit(quote).next().unwrap_or_default();
    let words = before.split_whitespace().chain(after.split_whitespace());
    let words = words
        .filter(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte.is_ascii_punctuation()));
    words.take(5).collect()
}

/// Places to cut an input at, which are the same for the same input.
fn cuts(input: &[u8]) -> impl Iterator<Item = usize> {
    let mut state = input
        .iter()
        .fold(0x9E37_79B9_u32, |state, byte| (state ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // mostly short pieces
        1 + (state >> 16) as usize % if state & 0x8000 == 0 { 8 } else { 512 }
    })
}

/// The input in pieces of such lengths.
fn pieces(input: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut pieces) = (input, Vec::new());
    for length in cuts(input) {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}
