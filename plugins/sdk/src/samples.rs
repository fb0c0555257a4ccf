//! Samples of two bytes, out of pieces that may end within one.

/// Keeps the byte of a sample whose other half has not come.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    odd: Option<u8>,
}

impl Samples {
    /// The samples that this piece completes; may be empty.
    pub fn whole(&mut self, mut piece: Vec<u8>) -> Vec<u8> {
        if piece.is_empty() {
            return piece;
        }
        if let Some(first) = self.odd.take() {
            piece.insert(0, first);
        }
        if piece.len() % 2 == 1 {
            self.odd = piece.pop();
        }
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_may_end_within_a_sample() {
        let bytes: Vec<u8> = (0..21).collect();
        for size in 1..=bytes.len() {
            let mut samples = Samples::default();
            let pieces: Vec<Vec<u8>> =
                bytes.chunks(size).map(|piece| samples.whole(piece.to_vec())).collect();
            assert!(pieces.iter().all(|piece| piece.len() % 2 == 0), "in pieces of {size}");
            assert_eq!(pieces.concat(), bytes[..20], "in pieces of {size}");
        }
        assert_eq!(Samples::default().whole(vec![]), [0; 0]);
    }
}
