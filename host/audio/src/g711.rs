//! G.711 µ-law: one byte a sample, logarithmic, 8000 Hz on the telephone.
//!
//! Source: ITU-T G.711 (11/88), table 2a and 2b. The 16 bit samples here are the recommendation's
//! 14 bit ones times four. A sample that lies exactly on a decision value belongs to the larger
//! code; zero is +0. A-law is not here: Twilio does not send it.

/// Digital silence: +0. Padding with 0x00 would be a full-scale click.
pub const SILENCE: u8 = 0xFF;

const BIAS: i32 = 132;
/// The largest magnitude that has a code of its own.
const CLIP: i32 = 32_635;

// indexing in a constant fails at compile time or not at all
#[allow(clippy::indexing_slicing)]
static DECODED: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = expand(byte as u8);
        byte += 1;
    }
    table
};

/// One sample.
pub fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(CLIP) + BIAS;
    // the bias puts the highest bit of every magnitude at 7 to 14
    let exponent = 24 - magnitude.leading_zeros() as i32;
    let mantissa = (magnitude >> (exponent + 3)) & 0x0F;
    !(sign | (exponent << 4) as u8 | mantissa as u8)
}

/// One byte, to −32124..=32124.
pub fn decode(byte: u8) -> i16 {
    // a u8 cannot miss a table of 256, and the compiler knows it
    #[allow(clippy::indexing_slicing)]
    DECODED[byte as usize]
}

pub fn encode_all(samples: &[i16]) -> Vec<u8> {
    samples.iter().copied().map(encode).collect()
}

pub fn decode_all(bytes: &[u8]) -> Vec<i16> {
    bytes.iter().copied().map(decode).collect()
}

const fn expand(byte: u8) -> i16 {
    let value = !byte;
    let exponent = (value >> 4) & 7;
    let mantissa = (value & 0x0F) as i32;
    let magnitude = (((mantissa << 3) + BIAS) << exponent) - BIAS;
    (if value & 0x80 != 0 { -magnitude } else { magnitude }) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table 2a/G.711, the positive half: eight segments of sixteen intervals, of which the first
    /// interval of the first segment is half as wide. Decision values x(1)..x(128), in 14 bit.
    fn decision_values() -> Vec<u32> {
        let mut values = vec![1];
        for segment in 0..8 {
            let steps = if segment == 0 { 15 } else { 16 };
            for _ in 0..steps {
                values.push(values.last().unwrap() + (2 << segment));
            }
        }
        values
    }

    /// The code that the definition gives, found by looking rather than by computing.
    fn by_definition(sample: i16) -> u8 {
        let quarters = (i32::from(sample)).unsigned_abs(); // 14 bit value × 4
        let values = decision_values();
        let interval = values.iter().take_while(|v| **v * 4 <= quarters).count().min(127) as u8;
        // table 2a, column 6: all ones for +0, and the sign bit is one for positive
        if sample < 0 { !interval & 0x7F } else { !interval }
    }

    #[test]
    fn the_segments_end_where_the_recommendation_says() {
        let values = decision_values();
        assert_eq!(values.len(), 128);
        let ends: Vec<u32> = (1..=8).map(|s| values[s * 16 - 1]).collect();
        assert_eq!(ends, [31, 95, 223, 479, 991, 2015, 4063, 8159]);
    }

    #[test]
    fn every_sample_gets_the_code_of_the_definition() {
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(encode(sample), by_definition(sample), "sample {sample}");
        }
    }

    #[test]
    fn every_code_decodes_to_the_middle_of_its_interval() {
        let mut edges = vec![0];
        edges.extend(decision_values());
        for interval in 0..128u8 {
            let (low, high) = (edges[usize::from(interval)] * 4, edges[usize::from(interval) + 1] * 4);
            let middle = if interval == 0 { 0 } else { ((low + high) / 2) as i16 };
            assert_eq!(decode(!interval), middle, "interval {interval}");
            assert_eq!(decode(!interval & 0x7F), -middle, "interval −{interval}");
        }
    }

    #[test]
    fn decoding_and_encoding_again_changes_nothing_but_minus_zero() {
        for byte in 0..=255u8 {
            let expected = if byte == 0x7F { 0xFF } else { byte };
            assert_eq!(encode(decode(byte)), expected, "byte {byte:#04x}");
        }
    }
}
