//! A server that sends a secret back, in an echo or an error, does not show it to the component.

use crate::secret::Secret;

/// What is put in its place.
const IN_PLACE: &[u8] = b"***";
/// Anything shorter stands in ordinary text by chance.
const SHORTEST: usize = 6;

/// Takes secrets out of what comes back.
pub(super) struct Scrubber {
    /// longest first
    secrets: Vec<Vec<u8>>,
}

impl Scrubber {
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let secrets = secrets.into_iter().map(|secret| secret.expose().as_bytes().to_vec());
        let mut secrets: Vec<_> = secrets.filter(|secret| secret.len() >= SHORTEST).collect();
        // one that begins with another is taken out as a whole
        secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    pub(super) fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        let mut rest = &bytes[..];
        let mut clean = Vec::new();
        while let Some((before, after)) = self.around(rest) {
            clean.extend_from_slice(before);
            clean.extend_from_slice(IN_PLACE);
            rest = after;
        }
        if clean.is_empty() {
            return bytes;
        }
        clean.extend_from_slice(rest);
        clean
    }

    /// What stands before and after the first secret, if there is one.
    fn around<'a>(&self, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let begins = |byte: &u8| self.secrets.iter().any(|secret| secret.first() == Some(byte));
        let mut from = 0;
        // looking for the first byte is fast
        while let Some(found) = bytes.get(from..)?.iter().position(begins) {
            let (before, here) = bytes.split_at_checked(from + found)?;
            // the longest comes first
            if let Some(after) = self.secrets.iter().find_map(|secret| here.strip_prefix(&secret[..])) {
                return Some((before, after));
            }
            from += found + 1;
        }
        None
    }

    pub(super) fn text(&self, text: String) -> String {
        // a secret that stands in a header is text
        String::from_utf8(self.bytes(text.into_bytes())).unwrap_or_default()
    }

    /// For a body that comes in pieces: a secret may lie across two of them.
    pub(super) fn stream(&self) -> Stream<'_> {
        Stream { scrubber: self, held: Vec::new() }
    }

    /// How many bytes at the end of this could be the beginning of a secret.
    fn begun(&self, bytes: &[u8]) -> usize {
        let longest = |secret: &Vec<u8>| {
            let most = bytes.len().min(secret.len() - 1);
            (1..=most).rev().find(|n| bytes.ends_with(secret.get(..*n).unwrap_or_default())).unwrap_or(0)
        };
        self.secrets.iter().map(longest).max().unwrap_or(0)
    }
}

/// Holds back what may be the beginning of a secret until it is known.
pub(super) struct Stream<'a> {
    scrubber: &'a Scrubber,
    held: Vec<u8>,
}

impl Stream<'_> {
    /// As much as can be given on; perhaps nothing.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        if self.scrubber.secrets.is_empty() {
            return piece.to_vec();
        }
        self.held.extend_from_slice(piece);
        let mut ready = self.scrubber.bytes(std::mem::take(&mut self.held));
        self.held = ready.split_off(ready.len() - self.scrubber.begun(&ready));
        ready
    }

    /// The body is over.
    pub(super) fn finish(self) -> Vec<u8> {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_wherever_the_pieces_end() {
        let secret = Secret::new("sk-secret-sk");
        let scrubber = Scrubber::new([&secret]);
        let body = b"your key sk-secret-sk-secret-sk is wrong, sk-secr";
        for size in 1..=body.len() {
            let mut stream = scrubber.stream();
            let mut seen: Vec<u8> = body.chunks(size).flat_map(|piece| stream.push(piece)).collect();
            seen.extend(stream.finish());
            let seen = String::from_utf8(seen).unwrap();
            assert_eq!(seen, "your key ***-secret-sk is wrong, sk-secr", "in pieces of {size}");
        }
        assert_eq!(scrubber.text("sk-secret-sk!".into()), "***!");
    }

    #[test]
    fn of_two_secrets_both_are_taken_out_and_the_longer_one_as_a_whole() {
        let secrets = ["sk-abc", "sk-abcdef", "key-99"].map(Secret::new);
        let scrubber = Scrubber::new(&secrets);
        assert_eq!(scrubber.text("sk-abcdef, sk-abcde, key-99sk-abc".into()), "***, ***de, ******");
    }

    #[test]
    fn a_body_that_is_nothing_but_secrets_takes_no_longer_than_another() {
        let secret = Secret::new("s3cret");
        let scrubber = Scrubber::new([&secret]);
        let began = std::time::Instant::now();
        let clean = scrubber.bytes(b"s3cret".repeat(1 << 20));
        assert_eq!(clean.len(), 3 << 20);
        // moving the rest for each of them takes minutes
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }

    #[test]
    fn without_a_secret_nothing_is_held_back() {
        let short = Secret::new("key");
        let scrubber = Scrubber::new([&short]);
        assert_eq!(scrubber.stream().push(b"key key"), b"key key");
    }
}
