//! Decodes an upload: text in any character set, PEM, hexadecimal, base64 and what they hold in each other, down to the bytes.
//!
//! What the bytes then are is not decided here.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{RefusedCertificate, der, foreign, pem};

/// How many encodings may be in each other: base64 of PEM, as hexadecimal.
const DEEPEST: usize = 4;

/// What a server shows as `0x…` is longer than this; shorter is a number in a text.
const LEAST_DIGITS: usize = 64;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The bytes in it that should be a certificate's.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<u8>, RefusedCertificate> {
    layer(bytes, DEEPEST)
}

fn layer(bytes: &[u8], depth: usize) -> Result<Vec<u8>, RefusedCertificate> {
    // Anywhere, in any encoding: indented, behind a certificate, inside other text.
    if contains(bytes, b"PRIVATE KEY-----") {
        return Err(RefusedCertificate::PrivateKey);
    }
    let Some(text) = text(bytes) else {
        if contains(bytes, b"-----BEGIN ") && bytes.first() != Some(&der::SEQUENCE) {
            // An explanation in front of it, in an encoding of its own.
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            return pem::sole_certificate(&text);
        }
        return Ok(without_line_end(bytes).to_vec());
    };
    if holds_private_key(&text) {
        return Err(RefusedCertificate::PrivateKey);
    }
    let trimmed = trim(&text);
    if trimmed.is_empty() {
        return Err(RefusedCertificate::Empty);
    }
    if pem::is_in(trimmed) {
        return pem::sole_certificate(trimmed);
    }
    let inner = match hexadecimal(trimmed)? {
        Some(bytes) => Some(bytes),
        None => base64(data_url(trimmed)),
    };
    match inner {
        Some(inner) if inner.is_empty() => Err(RefusedCertificate::Empty),
        Some(inner) if depth > 0 && is_worth_a_look(&inner) => layer(&inner, depth - 1),
        _ => Err(cut_base64(trimmed).unwrap_or_else(|| foreign::named_text(trimmed))),
    }
}

/// Base64 whose first characters are missing is out of step by up to three.
fn cut_base64(text: &str) -> Option<RefusedCertificate> {
    (1..4)
        .filter_map(|skipped| base64(text.get(skipped..)?))
        .map(|bytes| foreign::named(&bytes))
        .find(|what| matches!(what, RefusedCertificate::CutAtFront { .. }))
}

/// Any word is base64 of something; only what could have been encoded on purpose is taken as such.
fn is_worth_a_look(inner: &[u8]) -> bool {
    text(inner).is_some() || !matches!(foreign::named(inner), RefusedCertificate::NotACertificate)
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// A key in text, in forms that have no PEM line: T-SQL that brings one along, PuTTY's files, XML.
fn holds_private_key(text: &str) -> bool {
    let upper = text.to_uppercase();
    let tsql = upper
        .match_indices("PRIVATE KEY")
        .any(|(at, found)| upper[at + found.len()..].trim_start().starts_with('('));
    tsql || upper.contains("PRIVATE KEY-----")
        || upper.contains("ENCRYPTED PRIVATE KEY ----")
        || upper.contains("PUTTY-USER-KEY-FILE")
        || (upper.contains("<RSAKEYVALUE>") && upper.contains("<D>"))
}

/// The upload as text, where it is text: by its byte order mark, as UTF-16 without one, as UTF-8.
fn text(bytes: &[u8]) -> Option<String> {
    let text = match bytes {
        [0xff, 0xfe, 0, 0, rest @ ..] => utf_32(rest, u32::from_le_bytes)?,
        [0, 0, 0xfe, 0xff, rest @ ..] => utf_32(rest, u32::from_be_bytes)?,
        [0xff, 0xfe, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        _ if is_wide(bytes, 0) => utf_16(bytes, u16::from_le_bytes),
        _ if is_wide(bytes, 1) => utf_16(bytes, u16::from_be_bytes),
        _ => std::str::from_utf8(bytes).ok()?.to_owned(),
    };
    let is_text = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}');
    trim(&text).chars().all(is_text).then_some(text)
}

/// ASCII in UTF-16: every other byte, from `at` on, is a character and its neighbour nothing.
fn is_wide(bytes: &[u8], at: usize) -> bool {
    let start = &bytes[..bytes.len().min(64) & !1];
    start.len() >= 4
        && start.chunks_exact(2).all(|unit| {
            let is_plain = unit[at].is_ascii_graphic() || unit[at].is_ascii_whitespace();
            is_plain && unit[1 - at] == 0
        })
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

fn utf_32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> Option<String> {
    bytes
        .chunks_exact(4)
        .map(|quad| char::from_u32(unit([quad[0], quad[1], quad[2], quad[3]])))
        .collect()
}

/// Without what copying leaves around a text: white space, quotes, byte order marks, NUL, the end mark of CP/M.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '\u{feff}' | '\0' | '\u{1a}' | '"' | '\'' | '`')
    })
}

/// DER with the line end that some tool wrote behind it.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    let whole = der::head(bytes).and_then(der::Head::whole);
    match whole.and_then(|whole| bytes.split_at_checked(whole)) {
        Some((certificate, behind)) if behind.iter().all(|b| matches!(b, b'\r' | b'\n')) => {
            certificate
        }
        _ => bytes,
    }
}

fn data_url(text: &str) -> &str {
    match text.split_once(";base64,") {
        Some((head, body)) if head.starts_with("data:") => body,
        _ => text,
    }
}

/// Base64 in either alphabet, padded or not, broken into lines in any way. A last character that stands alone is dropped:
/// whether something is missing is told better by what the bytes say.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.replace("\\r", "").replace("\\n", "");
    let mut plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let unpadded = plain.trim_end_matches('=').len();
    plain.truncate(unpadded);
    if plain.len() % 4 == 1 && plain.is_ascii() {
        plain.pop();
    }
    STANDARD
        .decode(&plain)
        .or_else(|_| URL_SAFE.decode(&plain))
        .ok()
}

/// `0x…` as SQL Server shows it, alone or in what a tool printed around it, or the digits of a certificate alone.
fn hexadecimal(text: &str) -> Result<Option<Vec<u8>>, RefusedCertificate> {
    let is_filler = |c: char| c.is_whitespace() || matches!(c, ':' | '\\' | '-');
    let bare = text.trim_end_matches([';', ',', ')']);
    let (digits, is_marked) = match bare.strip_prefix("0x").or_else(|| bare.strip_prefix("0X")) {
        Some(digits) => (digits, true),
        None => (bare, false),
    };
    let plain: String = digits.chars().filter(|c| !is_filler(*c)).collect();
    let is_hexadecimal = plain.chars().all(|c| c.is_ascii_hexdigit());
    // So long a base64 text of nothing but hexadecimal digits does not occur.
    let is_long = plain.len() >= LEAST_DIGITS;
    if is_hexadecimal && is_long && !is_marked && !plain.starts_with("30") {
        return decoded(&plain[plain.len() % 2..]).map(Some);
    }
    if is_hexadecimal && (is_marked || plain.starts_with("30")) {
        return decoded(&plain).map(Some);
    }
    let literals = literals(text);
    match literals.as_slice() {
        [] => Ok(None),
        [only] => decoded(only).map(Some),
        several => Err(RefusedCertificate::Several {
            found: several.len(),
        }),
    }
}

/// Every long `0x…` in a text.
fn literals(text: &str) -> Vec<&str> {
    text.match_indices("0x")
        .map(|(at, found)| {
            let rest = &text[at + found.len()..];
            let end = rest.find(|c: char| !c.is_ascii_hexdigit());
            &rest[..end.unwrap_or(rest.len())]
        })
        .filter(|digits| digits.len() >= LEAST_DIGITS)
        .collect()
}

fn decoded(digits: &str) -> Result<Vec<u8>, RefusedCertificate> {
    hex::decode(digits).map_err(|_| RefusedCertificate::OddHexadecimal {
        digits: digits.len(),
    })
}
