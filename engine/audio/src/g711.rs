//! G.711 μ-law as tabulated by ITU-T Recommendation G.711 (11/88) and computed by the ITU's own
//! code (G.191, `ulaw_compress`, `ulaw_expand`). The standard's 14-bit values are the upper 14 bits
//! of an `i16` here.

/// Silence in μ-law. A zero byte would be the loudest negative sample.
pub const SILENCE: u8 = 0xff;

/// The standard's offset, which makes every segment start at a power of two, in 14-bit units.
const BIAS: i16 = 33;

const EXPANDED: [i16; 256] = expanded();

/// Decodes one μ-law byte.
pub fn decode(code: u8) -> i16 {
    #[expect(
        clippy::indexing_slicing,
        reason = "a byte cannot reach past 256 entries"
    )]
    EXPANDED[usize::from(code)]
}

/// Encodes one sample. Samples beyond ±32,635 are clipped, as in the standard.
pub fn encode(sample: i16) -> u8 {
    // ones' complement of negative samples, as in `ulaw_compress`
    let magnitude = if sample < 0 { !sample } else { sample };
    let biased = ((magnitude >> 2) + BIAS).min(0x1fff);
    let segment = 17 - (biased >> 6).leading_zeros();
    let high = 8 - segment as u8;
    let low = 0x0f - ((biased >> segment) & 0x0f) as u8;
    let sign = if sample < 0 { 0x00 } else { 0x80 };
    sign | (high << 4) | low
}

/// Appends decoded samples to `out`.
pub fn decode_into(codes: &[u8], out: &mut Vec<i16>) {
    out.extend(codes.iter().map(|code| decode(*code)));
}

/// Appends encoded samples to `out`.
pub fn encode_into(samples: &[i16], out: &mut Vec<u8>) {
    out.extend(samples.iter().map(|sample| encode(*sample)));
}

const fn expanded() -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < table.len() {
        #[expect(
            clippy::indexing_slicing,
            reason = "evaluated by the compiler, which would refuse an index past the end"
        )]
        {
            table[code] = expand(code as u8);
        }
        code += 1;
    }
    table
}

const fn expand(code: u8) -> i16 {
    let inverted = !code;
    let exponent = (inverted >> 4) & 0x07;
    let mantissa = (inverted & 0x0f) as i16;
    let step = 8 << exponent;
    let magnitude = (0x80 << exponent) + step * mantissa + step / 2 - 4 * BIAS;
    if code < 0x80 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table 2a/G.711, column 8 (quantized value, 14 bits) of the first and last code of each
    /// positive segment.
    const TABLE_2A: [(u8, i16); 16] = [
        (0b1000_0000, 8031),
        (0b1000_1111, 4191),
        (0b1001_0000, 3999),
        (0b1001_1111, 2079),
        (0b1010_0000, 1983),
        (0b1010_1111, 1023),
        (0b1011_0000, 975),
        (0b1011_1111, 495),
        (0b1100_0000, 471),
        (0b1100_1111, 231),
        (0b1101_0000, 219),
        (0b1101_1111, 99),
        (0b1110_0000, 93),
        (0b1110_1111, 33),
        (0b1111_0000, 30),
        (0b1111_1111, 0),
    ];

    #[test]
    fn decoding_agrees_with_table_2a() {
        for (code, value) in TABLE_2A {
            assert_eq!(decode(code), value * 4, "code {code:08b}");
            assert_eq!(
                decode(code & 0x7f),
                -value * 4,
                "the negative of code {code:08b}"
            );
        }
    }

    #[test]
    fn values_within_a_segment_are_evenly_spaced() {
        // together with both ends of every segment from the table, this determines all 256 values
        for segment in 0x8..=0xf_u8 {
            let values: Vec<i32> = (0..16)
                .map(|low| i32::from(decode((segment << 4) | low)))
                .collect();
            let step = values[0] - values[1];
            assert!(
                values.windows(2).all(|pair| pair[0] - pair[1] == step),
                "segment {segment:x}"
            );
        }
    }

    #[test]
    fn encoding_switches_codes_at_the_decision_values_of_table_2a() {
        // column 5: just below the decision value the next code applies, from it on the code of the
        // row
        for (code, decision) in [
            (0x80, 7903),
            (0x8f, 4063),
            (0x9f, 2015),
            (0xaf, 991),
            (0xbf, 479),
            (0xcf, 223),
            (0xdf, 95),
            (0xef, 31),
            (0xfe, 1),
        ] {
            assert_eq!(encode(decision * 4), code, "at {decision}");
            assert_eq!(encode(decision * 4 - 1), code + 1, "below {decision}");
        }
    }

    #[test]
    fn every_code_survives_a_round_trip() {
        for code in 0..=255_u8 {
            // the standard has two zeros; a sample of 0 is the positive one
            let expected = if code == 0x7f { SILENCE } else { code };
            assert_eq!(encode(decode(code)), expected, "code {code:02x}");
        }
    }

    #[test]
    fn the_error_of_a_round_trip_is_at_most_half_a_step() {
        for sample in (-32_635..=32_635_i16).step_by(7) {
            let error = (i32::from(decode(encode(sample))) - i32::from(sample)).abs();
            assert!(
                error <= i32::from(sample).abs() / 32 + 8,
                "{sample} became {}",
                decode(encode(sample))
            );
        }
        assert_eq!(encode(i16::MAX), 0x80);
        assert_eq!(encode(i16::MIN), 0x00);
    }
}
