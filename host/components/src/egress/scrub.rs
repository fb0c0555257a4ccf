//! A server that sends a secret back, in an echo or an error, does not show it to the component.

use crate::secret::Secret;

/// What is put in its place.
const IN_PLACE: &[u8] = b"***";
/// Anything shorter stands in ordinary text by chance.
const SHORTEST: usize = 6;

/// Takes secrets out of what comes back.
pub(super) struct Scrubber {
    secrets: Vec<Vec<u8>>,
}

impl Scrubber {
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let secrets = secrets.into_iter().map(|secret| secret.expose().as_bytes().to_vec());
        Self { secrets: secrets.filter(|secret| secret.len() >= SHORTEST).collect() }
    }

    pub(super) fn bytes(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for secret in &self.secrets {
            let mut from = 0;
            while let Some(at) = find(&bytes, from, secret) {
                bytes.splice(at..at + secret.len(), IN_PLACE.iter().copied());
                from = at + IN_PLACE.len();
            }
        }
        bytes
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

fn find(bytes: &[u8], mut from: usize, secret: &[u8]) -> Option<usize> {
    let first = secret.first()?;
    // looking for the first byte is what the standard library does fast
    while let Some(at) = bytes.get(from..)?.iter().position(|byte| byte == first) {
        if bytes.get(from + at..)?.starts_with(secret) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
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
    fn without_a_secret_nothing_is_held_back() {
        let short = Secret::new("key");
        let scrubber = Scrubber::new([&short]);
        assert_eq!(scrubber.stream().push(b"key key"), b"key key");
    }
}
