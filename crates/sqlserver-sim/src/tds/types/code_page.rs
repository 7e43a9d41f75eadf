//! Windows code page 1252, the code page of the server's collation, for CHAR and VARCHAR.
//!
//! Other code pages do not exist in this server.

/// What 0x80 to 0x9F mean; the five unused bytes map to the control characters of the same number, as Windows does.
const HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Characters outside the code page become `?`, as on the server.
pub(super) fn encode(text: &str) -> Vec<u8> {
    text.chars().map(encode_char).collect()
}

pub(super) fn decode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| decode_byte(*byte)).collect()
}

fn encode_char(c: char) -> u8 {
    match u8::try_from(u32::from(c)) {
        Ok(byte @ (0..0x80 | 0xA0..)) => byte,
        _ => (0x80..)
            .zip(HIGH)
            .find(|(_, known)| *known == c)
            .map_or(b'?', |(byte, _)| byte),
    }
}

fn decode_byte(byte: u8) -> char {
    byte.checked_sub(0x80)
        .and_then(|index| HIGH.get(usize::from(index)).copied())
        .unwrap_or(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(encode(&decode(&all)), all);
    }

    #[test]
    fn the_rest_of_unicode_becomes_a_question_mark() {
        assert_eq!(encode("a€Ωé"), [b'a', 0x80, b'?', 0xE9]);
    }
}
