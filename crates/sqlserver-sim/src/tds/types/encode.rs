//! Values as bytes, in the form their column's TYPE_INFO announced.
//!
//! A value that does not fit its column is an error here, so that a wrong type in the engine fails a test and not a client.

use super::info::decimal_size;
use super::{MOST_BYTES, NULL_OR_MAX, PLP_NULL, Unsendable, calendar, code_page, variant};
use crate::protocol::{SqlType, Value};

/// Appends one value of a column of type `ty`. `nullable` must be what the column's TYPE_INFO was written with.
pub(crate) fn write_value(
    out: &mut Vec<u8>,
    ty: SqlType,
    nullable: bool,
    value: &Value,
) -> Result<(), Unsendable> {
    let written = match ty {
        SqlType::Bit | SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt => {
            fixed(out, nullable, value, || integer(ty, value))
        }
        SqlType::DateTime => fixed(out, nullable, value, || datetime(value)),
        SqlType::Decimal(precision, scale) => {
            fixed(out, true, value, || decimal(precision, scale, value))
        }
        SqlType::DateTime2(scale) => fixed(out, true, value, || datetime2(scale.min(7), value)),
        SqlType::UniqueIdentifier => fixed(out, true, value, || guid(value)),
        SqlType::SqlVariant => variant::write(out, value),
        SqlType::VarChar(None) | SqlType::NVarChar(None) | SqlType::VarBinary(None) => {
            plp(out, ty, value)
        }
        SqlType::Char(_)
        | SqlType::VarChar(_)
        | SqlType::NChar(_)
        | SqlType::NVarChar(_)
        | SqlType::VarBinary(_) => variable(out, ty, value),
    };
    written.ok_or_else(|| Unsendable {
        ty: format!("{ty:?}"),
        value: kind_of(value),
    })
}

/// One length byte (0 is NULL) and the bytes; without the length byte, and without NULL, where the type is fixed.
fn fixed(
    out: &mut Vec<u8>,
    counted: bool,
    value: &Value,
    bytes: impl FnOnce() -> Option<Vec<u8>>,
) -> Option<()> {
    if *value == Value::Null {
        return counted.then(|| out.push(0));
    }
    let bytes = bytes()?;
    if counted {
        out.push(u8::try_from(bytes.len()).ok()?);
    }
    out.extend_from_slice(&bytes);
    Some(())
}

fn variable(out: &mut Vec<u8>, ty: SqlType, value: &Value) -> Option<()> {
    if *value == Value::Null {
        out.extend_from_slice(&NULL_OR_MAX.to_le_bytes());
        return Some(());
    }
    let bytes = string_bytes(ty, value).filter(|bytes| bytes.len() <= MOST_BYTES)?;
    out.extend_from_slice(&u16::try_from(bytes.len()).ok()?.to_le_bytes());
    out.extend_from_slice(&bytes);
    Some(())
}

/// MAX types: the whole length, then one chunk, then the empty chunk that ends it.
fn plp(out: &mut Vec<u8>, ty: SqlType, value: &Value) -> Option<()> {
    if *value == Value::Null {
        out.extend_from_slice(&PLP_NULL.to_le_bytes());
        return Some(());
    }
    let bytes = string_bytes(ty, value)?;
    let length = u32::try_from(bytes.len()).ok()?;
    out.extend_from_slice(&u64::from(length).to_le_bytes());
    if length > 0 {
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&bytes);
    }
    out.extend_from_slice(&0_u32.to_le_bytes());
    Some(())
}

fn string_bytes(ty: SqlType, value: &Value) -> Option<Vec<u8>> {
    match (ty, value) {
        (SqlType::Char(_) | SqlType::VarChar(_), Value::Text(text)) => {
            Some(code_page::encode(text))
        }
        (SqlType::NChar(_) | SqlType::NVarChar(_), Value::Text(text)) => Some(utf16(text)),
        (SqlType::VarBinary(_), Value::Binary(bytes)) => Some(bytes.clone()),
        _ => None,
    }
}

pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Integers of another width than the column's are converted as long as they fit.
fn integer(ty: SqlType, value: &Value) -> Option<Vec<u8>> {
    let number = match value {
        Value::Bit(bit) => i64::from(*bit),
        Value::TinyInt(number) => i64::from(*number),
        Value::SmallInt(number) => i64::from(*number),
        Value::Int(number) => i64::from(*number),
        Value::BigInt(number) => *number,
        _ => return None,
    };
    match ty {
        SqlType::Bit if number <= 1 => Some(vec![u8::try_from(number).ok()?]),
        SqlType::TinyInt => Some(vec![u8::try_from(number).ok()?]),
        SqlType::SmallInt => Some(i16::try_from(number).ok()?.to_le_bytes().to_vec()),
        SqlType::Int => Some(i32::try_from(number).ok()?.to_le_bytes().to_vec()),
        SqlType::BigInt => Some(number.to_le_bytes().to_vec()),
        _ => None,
    }
}

pub(super) fn datetime(value: &Value) -> Option<Vec<u8>> {
    let (Value::DateTime(at) | Value::DateTime2(at)) = value else {
        return None;
    };
    let (days, ticks) = calendar::to_datetime(*at)?;
    Some([days.to_le_bytes(), ticks.to_le_bytes()].concat())
}

pub(super) fn datetime2(scale: u8, value: &Value) -> Option<Vec<u8>> {
    let (Value::DateTime(at) | Value::DateTime2(at)) = value else {
        return None;
    };
    let (days, units) = calendar::to_datetime2(*at, scale)?;
    let mut bytes = units.to_le_bytes().to_vec();
    bytes.truncate(calendar::time_bytes(scale));
    bytes.extend(days.to_le_bytes().iter().take(3));
    Some(bytes)
}

/// Sign and magnitude; a value of another scale is rescaled, rounding half away from zero.
pub(super) fn decimal(precision: u8, scale: u8, value: &Value) -> Option<Vec<u8>> {
    let (unscaled, from) = match value {
        Value::Decimal(unscaled, from) => (*unscaled, *from),
        Value::TinyInt(number) => (i128::from(*number), 0),
        Value::SmallInt(number) => (i128::from(*number), 0),
        Value::Int(number) => (i128::from(*number), 0),
        Value::BigInt(number) => (i128::from(*number), 0),
        _ => return None,
    };
    let rescaled = rescale(unscaled, from, scale)?;
    let magnitude = rescaled.unsigned_abs();
    if magnitude >= 10_u128.checked_pow(u32::from(precision.min(38)))? {
        return None;
    }
    let mut bytes = vec![u8::from(rescaled >= 0)];
    bytes.extend_from_slice(&magnitude.to_le_bytes());
    bytes.truncate(usize::from(decimal_size(precision)));
    Some(bytes)
}

fn rescale(unscaled: i128, from: u8, to: u8) -> Option<i128> {
    if let Some(more) = to.checked_sub(from) {
        return unscaled.checked_mul(10_i128.checked_pow(u32::from(more))?);
    }
    let divisor = 10_i128.checked_pow(u32::from(from - to))?;
    let half = if unscaled < 0 {
        -(divisor / 2)
    } else {
        divisor / 2
    };
    Some(unscaled.checked_add(half)? / divisor)
}

pub(super) fn guid(value: &Value) -> Option<Vec<u8>> {
    let Value::Guid(guid) = value else {
        return None;
    };
    Some(guid.to_bytes_le().to_vec())
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL",
        Value::Bit(_) => "bit",
        Value::TinyInt(_) => "tinyint",
        Value::SmallInt(_) => "smallint",
        Value::Int(_) => "int",
        Value::BigInt(_) => "bigint",
        Value::Decimal(..) => "decimal",
        Value::Text(_) => "text",
        Value::Binary(_) => "binary",
        Value::DateTime(_) => "datetime",
        Value::DateTime2(_) => "datetime2",
        Value::Guid(_) => "uniqueidentifier",
    }
}
