//! A finding, made short: parts of it are left out as long as it remains one.

use crate::Problem;
use std::mem::discriminant;
use std::time::{Duration, Instant};

/// What is not short by then stays long.
const PATIENCE: Duration = Duration::from_secs(1);

/// A shorter input with a problem of the same kind, if there is one, and its problem.
pub(crate) fn shrink(
    input: &[u8],
    problem: Problem,
    fails: impl Fn(&[u8]) -> Option<Problem>,
) -> (Vec<u8>, Problem) {
    let began = Instant::now();
    let (mut input, mut problem) = (input.to_vec(), problem);
    let mut size = input.len() / 2;
    while size > 0 {
        let mut from = 0;
        while from < input.len() {
            if began.elapsed() > PATIENCE {
                return (input, problem);
            }
            let mut shorter = input.clone();
            shorter.drain(from..(from + size).min(input.len()));
            match quietly(|| fails(&shorter)) {
                Some(same) if discriminant(&same) == discriminant(&problem) => {
                    (input, problem) = (shorter, same)
                }
                _ => from += size,
            }
        }
        size /= 2;
    }
    (input, problem)
}

/// Without a word about each of the panics.
fn quietly<T>(run: impl FnOnce() -> T) -> T {
    use std::cell::Cell;
    use std::sync::Once;
    thread_local! {
        static QUIET: Cell<bool> = const { Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
    QUIET.set(true);
    let result = run();
    QUIET.set(false);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_to_blame_remains() {
        let fails = |input: &[u8]| {
            let bad = input.windows(2).any(|two| two == b"!!");
            bad.then(|| Problem::Panic("two of them".into()))
        };
        let input = [vec![b'a'; 1000], b"!!".to_vec(), vec![b'b'; 77]].concat();
        let problem = fails(&input).unwrap();
        assert_eq!(shrink(&input, problem, fails).0, b"!!");
    }
}
