//! Conversions between SQL types, with the numbers SQL Server reports when they fail.

use chrono::Datelike;

use super::convert_bytes::{to_binary, to_date, to_guid};
use super::dates;
use super::limits::not_too_long;
use crate::engine::errors::{Outcome, Raise, Reach};
use crate::engine::lang::to_code_page;
use crate::protocol::{SqlType, Value};

/// Unscaled value and scale of anything numeric.
pub fn number(value: &Value) -> Option<(i128, u8)> {
    Some(match value {
        Value::Bit(b) => (i128::from(*b), 0),
        Value::TinyInt(n) => (i128::from(*n), 0),
        Value::SmallInt(n) => (i128::from(*n), 0),
        Value::Int(n) => (i128::from(*n), 0),
        Value::BigInt(n) => (i128::from(*n), 0),
        Value::Decimal(n, s) => (*n, *s),
        _ => return None,
    })
}

/// Whole number of a numeric or text value; `None` for NULL.
///
/// # Errors
/// 245 for a text that is no number.
pub fn integer(value: &Value) -> Outcome<Option<i64>> {
    if matches!(value, Value::Null) {
        return Ok(None);
    }
    match convert(value, SqlType::NVarChar(None), SqlType::BigInt, 0)? {
        Value::BigInt(n) => Ok(Some(n)),
        _ => Ok(None),
    }
}

/// Text of any value as implicit conversion would show it; `None` for NULL.
///
/// # Errors
/// Does not fail today; conversions may.
pub fn text(value: &Value) -> Outcome<Option<String>> {
    match value {
        Value::Text(text) => Ok(Some(text.clone())),
        Value::Null => Ok(None),
        other => match convert(other, SqlType::NVarChar(None), SqlType::NVarChar(None), 0)? {
            Value::Text(text) => Ok(Some(text)),
            _ => Ok(None),
        },
    }
}

/// Converts a text to the type of `other`.
///
/// # Errors
/// As [`convert`].
pub fn to_type_of(value: &Value, other: &Value) -> Outcome<Value> {
    let to = match other {
        Value::Bit(_) => SqlType::Bit,
        Value::TinyInt(_) | Value::SmallInt(_) | Value::Int(_) => SqlType::Int,
        Value::BigInt(_) => SqlType::BigInt,
        Value::Decimal(_, s) => SqlType::Decimal(38, *s),
        Value::DateTime(_) => SqlType::DateTime,
        Value::DateTime2(_) => SqlType::DateTime2(7),
        Value::Guid(_) => SqlType::UniqueIdentifier,
        Value::Binary(_) => SqlType::VarBinary(None),
        Value::Text(_) | Value::Null => SqlType::NVarChar(None),
    };
    convert(value, SqlType::NVarChar(None), to, 0)
}

/// 206 for two types that never meet.
pub fn clash(a: &Value, b: &Value) -> Raise {
    let text = format!(
        "Operand type clash: {} is incompatible with {}",
        type_word(a),
        type_word(b)
    );
    Raise::new(206, 16, text)
}

fn type_word(value: &Value) -> &'static str {
    match value {
        Value::Null => "void type",
        Value::Bit(_) => "bit",
        Value::TinyInt(_) => "tinyint",
        Value::SmallInt(_) => "smallint",
        Value::Int(_) => "int",
        Value::BigInt(_) => "bigint",
        Value::Decimal(..) => "numeric",
        Value::Text(_) => "nvarchar",
        Value::Binary(_) => "varbinary",
        Value::DateTime(_) => "datetime",
        Value::DateTime2(_) => "datetime2",
        Value::Guid(_) => "uniqueidentifier",
    }
}

/// Whether texts of this type are Unicode on the server.
pub fn is_national(ty: SqlType) -> bool {
    matches!(
        ty,
        SqlType::NChar(_) | SqlType::NVarChar(_) | SqlType::SqlVariant
    )
}

/// Bytes a text has in its type: UTF-16 or one byte per character.
pub fn text_bytes(text: &str, ty: SqlType) -> Vec<u8> {
    if is_national(ty) {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    } else {
        text.chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
            .collect()
    }
}

/// Converts `value`, declared as `from`, to `to` with a CONVERT style.
///
/// # Errors
/// 245, 8114, 8115, 220, 241, 242, 8169, 8116, 529 by the types involved.
pub fn convert(value: &Value, from: SqlType, to: SqlType, style: i32) -> Outcome<Value> {
    if matches!(value, Value::Null) {
        return Ok(Value::Null);
    }
    match to {
        SqlType::SqlVariant => Ok(value.clone()),
        SqlType::Bit | SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt => {
            to_integer(value, to)
        }
        SqlType::Decimal(precision, scale) => to_decimal(value, precision, scale),
        SqlType::Char(_) | SqlType::VarChar(_) | SqlType::NChar(_) | SqlType::NVarChar(_) => {
            let shown = to_text(value, from, to, style)?;
            not_too_long(Value::Text(fit_text(shown, to)))
        }
        SqlType::VarBinary(length) => not_too_long(to_binary(value, from, length, style)?),
        SqlType::DateTime => {
            let at = to_date(value)?;
            if at.year() < 1753 {
                return Err(Raise::new(242, 16, "The conversion of a varchar data type to a datetime data type resulted in an out-of-range value.").reaching(Reach::Batch));
            }
            Ok(Value::DateTime(dates::to_datetime(at)))
        }
        SqlType::DateTime2(scale) => Ok(Value::DateTime2(dates::to_scale(to_date(value)?, scale))),
        SqlType::UniqueIdentifier => to_guid(value),
    }
}

/// As [`convert`], of a value that nobody else needs: what has the right kind already is not copied.
///
/// # Errors
/// As [`convert`].
pub fn converted(value: Value, from: SqlType, to: SqlType, style: i32) -> Outcome<Value> {
    match (value, to) {
        (
            Value::Text(text),
            SqlType::Char(_) | SqlType::VarChar(_) | SqlType::NChar(_) | SqlType::NVarChar(_),
        ) => not_too_long(Value::Text(fit_text(text, to))),
        (Value::Binary(mut bytes), SqlType::VarBinary(length)) => {
            bytes.truncate(length.map_or(usize::MAX, usize::from));
            not_too_long(Value::Binary(bytes))
        }
        (value, SqlType::SqlVariant) => Ok(value),
        (value, _) => convert(&value, from, to, style),
    }
}

fn failed(text: &str, to: &str) -> Raise {
    let text =
        format!("Conversion failed when converting the nvarchar value '{text}' to data type {to}.");
    Raise::new(245, 16, text).reaching(Reach::Batch)
}

pub(super) fn overflow(to: &str) -> Raise {
    Raise::new(
        8115,
        16,
        format!("Arithmetic overflow error converting expression to data type {to}."),
    )
}

fn type_name(ty: SqlType) -> &'static str {
    match ty {
        SqlType::Bit => "bit",
        SqlType::TinyInt => "tinyint",
        SqlType::SmallInt => "smallint",
        SqlType::Int => "int",
        SqlType::BigInt => "bigint",
        _ => "numeric",
    }
}

fn to_integer(value: &Value, to: SqlType) -> Outcome<Value> {
    let whole = match value {
        Value::Text(text) => {
            let trimmed = text.trim();
            match trimmed.to_ascii_lowercase().as_str() {
                "" => 0,
                "true" if to == SqlType::Bit => 1,
                "false" if to == SqlType::Bit => 0,
                _ => trimmed
                    .parse::<i128>()
                    .map_err(|_| failed(text, type_name(to)))?,
            }
        }
        Value::Binary(bytes) => {
            let tail = &bytes[bytes.len().saturating_sub(8)..];
            let wide = tail.iter().fold(0_u64, |n, b| n << 8 | u64::from(*b));
            if to == SqlType::BigInt {
                i128::from(wide.cast_signed())
            } else {
                let low = u32::try_from(wide & 0xffff_ffff).unwrap_or(0);
                i128::from(low.cast_signed())
            }
        }
        other => match number(other) {
            Some((unscaled, scale)) => unscaled / 10_i128.pow(u32::from(scale)),
            None => return Err(not_allowed(other, type_name(to))),
        },
    };
    let out = || overflow(type_name(to));
    Ok(match to {
        SqlType::Bit => Value::Bit(whole != 0),
        SqlType::TinyInt => Value::TinyInt(u8::try_from(whole).map_err(|_| out())?),
        SqlType::SmallInt => Value::SmallInt(i16::try_from(whole).map_err(|_| out())?),
        SqlType::Int => Value::Int(i32::try_from(whole).map_err(|_| out())?),
        _ => Value::BigInt(i64::try_from(whole).map_err(|_| out())?),
    })
}

pub(super) fn not_allowed(value: &Value, to: &str) -> Raise {
    let text = format!(
        "Explicit conversion from data type {} to {to} is not allowed.",
        type_word(value)
    );
    Raise::new(529, 16, text)
}

fn to_decimal(value: &Value, precision: u8, scale: u8) -> Outcome<Value> {
    let (unscaled, from_scale) = match value {
        Value::Text(text) => decimal_text(text.trim()).ok_or_else(|| {
            Raise::new(8114, 16, "Error converting data type nvarchar to numeric.")
                .reaching(Reach::Batch)
        })?,
        other => number(other).ok_or_else(|| not_allowed(other, "numeric"))?,
    };
    let scaled = rescale(unscaled, from_scale, scale);
    if scaled.unsigned_abs() >= 10_u128.saturating_pow(u32::from(precision)) {
        return Err(overflow("numeric"));
    }
    Ok(Value::Decimal(scaled, scale))
}

fn decimal_text(text: &str) -> Option<(i128, u8)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let scale = u8::try_from(fraction.len()).ok().filter(|s| *s <= 38)?;
    let digits = format!("{whole}{fraction}");
    digits.parse().ok().map(|n| (n, scale))
}

/// Changes the scale, rounding half away from zero.
pub fn rescale(unscaled: i128, from: u8, to: u8) -> i128 {
    if to >= from {
        return unscaled.saturating_mul(10_i128.saturating_pow(u32::from(to - from)));
    }
    let divisor = 10_i128.pow(u32::from(from - to));
    let half = divisor / 2 * unscaled.signum();
    (unscaled + half) / divisor
}

fn to_text(value: &Value, from: SqlType, to: SqlType, style: i32) -> Outcome<String> {
    Ok(match value {
        Value::Null => String::new(),
        Value::Text(text) => text.clone(),
        Value::Bit(b) => u8::from(*b).to_string(),
        Value::TinyInt(n) => n.to_string(),
        Value::SmallInt(n) => n.to_string(),
        Value::Int(n) => n.to_string(),
        Value::BigInt(n) => n.to_string(),
        Value::Decimal(n, s) => decimal_shown(*n, *s),
        Value::Guid(guid) => guid.to_string().to_uppercase(),
        Value::DateTime(at) => dates::show(*at, style, 3),
        Value::DateTime2(at) => {
            let digits = if let SqlType::DateTime2(s) = from {
                s
            } else {
                7
            };
            let style = if style == 0 { 121 } else { style };
            dates::show(*at, style, usize::from(digits))
        }
        Value::Binary(bytes) => match style {
            1 => format!("0x{}", hex::encode_upper(bytes)),
            2 => hex::encode_upper(bytes),
            _ if is_national(to) => {
                let units: Vec<u16> = bytes
                    .chunks(2)
                    .map(|c| u16::from_le_bytes([c[0], c.get(1).copied().unwrap_or(0)]))
                    .collect();
                String::from_utf16_lossy(&units)
            }
            _ => bytes.iter().map(|b| char::from(*b)).collect(),
        },
    })
}

fn decimal_shown(unscaled: i128, scale: u8) -> String {
    if scale == 0 {
        return unscaled.to_string();
    }
    let digits = format!(
        "{:0>width$}",
        unscaled.unsigned_abs(),
        width = usize::from(scale) + 1
    );
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    let sign = if unscaled < 0 { "-" } else { "" };
    format!("{sign}{whole}.{fraction}")
}

/// Cuts to the type's length, pads CHAR, drops what the code page lacks.
pub fn fit_text(text: String, to: SqlType) -> String {
    let text = if is_national(to) || text.is_ascii() {
        text
    } else {
        to_code_page(&text)
    };
    match to {
        SqlType::Char(n) | SqlType::NChar(n) => {
            let mut cut = cut_units(text, usize::from(n));
            let missing = usize::from(n).saturating_sub(cut.encode_utf16().count());
            cut.extend(std::iter::repeat_n(' ', missing));
            cut
        }
        SqlType::VarChar(Some(n)) | SqlType::NVarChar(Some(n)) => cut_units(text, usize::from(n)),
        _ => text,
    }
}

/// At most `units` UTF-16 units, never half a character.
pub fn cut_units(text: String, units: usize) -> String {
    // No character has more UTF-16 units than bytes.
    if text.len() <= units {
        return text;
    }
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.len_utf16();
        if used > units {
            return text[..at].to_owned();
        }
    }
    text
}
