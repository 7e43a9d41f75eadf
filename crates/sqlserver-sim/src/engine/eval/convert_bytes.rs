//! Conversions to binary, dates and uniqueidentifier.

use uuid::Uuid;

use super::convert::{not_allowed, number, overflow, text_bytes};
use super::dates;
use crate::engine::errors::{Outcome, Raise, Reach};
use crate::protocol::{SqlType, Value};

pub(super) fn to_binary(
    value: &Value,
    from: SqlType,
    length: Option<u16>,
    style: i32,
) -> Outcome<Value> {
    let bad = || {
        Raise::new(
            8114,
            16,
            "Error converting data type nvarchar to varbinary.",
        )
        .reaching(Reach::Batch)
    };
    let mut bytes = match value {
        Value::Binary(bytes) => bytes.clone(),
        Value::Text(text) => match style {
            1 => {
                let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
                hex::decode(digits.ok_or_else(bad)?).map_err(|_| bad())?
            }
            2 => hex::decode(text).map_err(|_| bad())?,
            _ => text_bytes(text, from),
        },
        Value::Bit(b) => vec![u8::from(*b)],
        Value::TinyInt(n) => vec![*n],
        Value::SmallInt(n) => n.to_be_bytes().to_vec(),
        Value::Int(n) => n.to_be_bytes().to_vec(),
        Value::BigInt(n) => n.to_be_bytes().to_vec(),
        Value::Guid(guid) => guid.to_bytes_le().to_vec(),
        other => return Err(not_allowed(other, "varbinary")),
    };
    if let Some(length) = length {
        bytes.truncate(usize::from(length));
    }
    Ok(Value::Binary(bytes))
}

pub(super) fn to_date(value: &Value) -> Outcome<chrono::NaiveDateTime> {
    match value {
        Value::DateTime(at) | Value::DateTime2(at) => Ok(*at),
        Value::Text(text) => dates::parse(text).ok_or_else(|| {
            Raise::new(
                241,
                16,
                "Conversion failed when converting date and/or time from character string.",
            )
            .reaching(Reach::Batch)
        }),
        other => match number(other) {
            Some((days, 0)) => dates::parse("19000101")
                .and_then(|base| dates::add("day", i64::try_from(days).unwrap_or(i64::MAX), base))
                .ok_or_else(|| overflow("datetime")),
            _ => Err(not_allowed(other, "datetime")),
        },
    }
}

pub(super) fn to_guid(value: &Value) -> Outcome<Value> {
    let bad = || {
        Raise::new(
            8169,
            16,
            "Conversion failed when converting from a character string to uniqueidentifier.",
        )
        .reaching(Reach::Batch)
    };
    match value {
        Value::Guid(guid) => Ok(Value::Guid(*guid)),
        Value::Text(text) => {
            let trimmed = text.trim().trim_start_matches('{').trim_end_matches('}');
            Uuid::parse_str(trimmed).map(Value::Guid).map_err(|_| bad())
        }
        Value::Binary(bytes) => {
            let mut raw = [0_u8; 16];
            for (slot, byte) in raw.iter_mut().zip(bytes) {
                *slot = *byte;
            }
            Ok(Value::Guid(Uuid::from_bytes_le(raw)))
        }
        other => Err(not_allowed(other, "uniqueidentifier")),
    }
}
