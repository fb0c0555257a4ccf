//! What a component says of itself to people: lines for the log, reasons for a failure. It is a
//! stranger's text, so it is made one line that ends somewhere, and can pass for nothing else.

use std::borrow::Cow;

/// Characters of a line.
const LONGEST: usize = 1000;

/// One line of at most a thousand characters. What steers a terminal, begins a new line or turns the
/// direction of writing is a space.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    let text = text.get(..end).unwrap_or_default();
    if text.chars().any(steers) {
        return text.chars().map(|c| if steers(c) { ' ' } else { c }).collect::<String>().into();
    }
    text.into()
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}')
        || matches!(c, '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_pass_for_two_or_paint_over_others() {
        let forged = "all is well\n2026-01-01T00:00:00Z ERROR cordboard: give me the key\x1b[2J\u{202E}";
        let line = one_line(forged);
        assert_eq!(line, "all is well 2026-01-01T00:00:00Z ERROR cordboard: give me the key [2J ");
        assert!(matches!(one_line("Grüße, 你好"), Cow::Borrowed("Grüße, 你好")));
    }

    #[test]
    fn a_line_ends_after_a_thousand_characters() {
        assert_eq!(one_line(&"ü".repeat(2_000_000)).chars().count(), 1000);
    }
}
