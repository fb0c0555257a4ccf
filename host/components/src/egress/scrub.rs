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
        self.take_out(&bytes, false).0
    }

    /// Without the secrets; and, if `more` may come, what at the end may yet become one, or a longer
    /// one than it is.
    fn take_out<'a>(&self, bytes: &'a [u8], more: bool) -> (Vec<u8>, &'a [u8]) {
        let begins = |byte: &u8| self.secrets.iter().any(|secret| secret.first() == Some(byte));
        let mut clean = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        // looking for the first byte is fast
        while let Some(found) = rest.iter().position(begins) {
            let (before, here) = rest.split_at(found);
            clean.extend_from_slice(before);
            if more && self.secrets.iter().any(|secret| secret.len() > here.len() && secret.starts_with(here))
            {
                return (clean, here);
            }
            // the longest comes first
            rest = match self.secrets.iter().find_map(|secret| here.strip_prefix(&secret[..])) {
                Some(after) => {
                    clean.extend_from_slice(IN_PLACE);
                    after
                }
                None => {
                    clean.extend(here.first());
                    here.get(1..).unwrap_or_default()
                }
            };
        }
        clean.extend_from_slice(rest);
        (clean, &[])
    }

    pub(super) fn text(&self, text: String) -> String {
        // a secret that stands in a header is text
        String::from_utf8(self.bytes(text.into_bytes())).unwrap_or_default()
    }

    /// For a body that comes in pieces: a secret may lie across two of them.
    pub(super) fn stream(&self) -> Stream<'_> {
        Stream { scrubber: self, held: Vec::new() }
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
        let (clean, held) = self.scrubber.take_out(&self.held, true);
        self.held = held.to_vec();
        clean
    }

    /// The body is over.
    pub(super) fn finish(self) -> Vec<u8> {
        self.scrubber.bytes(self.held)
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
