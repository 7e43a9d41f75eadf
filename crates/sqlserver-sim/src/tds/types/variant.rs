//! sql_variant: a value that carries its own type.
//!
//! The only type whose bytes hold a type token; SERVERPROPERTY and its like return it.

use uuid::Uuid;

use super::encode::{datetime, datetime2, decimal, guid, utf16};
use super::{COLLATION, MOST_BYTES, calendar, code_page, token};
use crate::protocol::Value;
use crate::tds::reader::{self, Malformed, Reader};

const WHAT: &str = "a sql_variant";

/// Appends a value: total length (0 is NULL), base type, its properties, its bytes.
pub(super) fn write(out: &mut Vec<u8>, value: &Value) -> Option<()> {
    let (base, properties, bytes) = match value {
        Value::Null => {
            out.extend_from_slice(&0_u32.to_le_bytes());
            return Some(());
        }
        Value::Bit(bit) => (token::BIT, vec![], vec![u8::from(*bit)]),
        Value::TinyInt(number) => (token::INT1, vec![], vec![*number]),
        Value::SmallInt(number) => (token::INT2, vec![], number.to_le_bytes().to_vec()),
        Value::Int(number) => (token::INT4, vec![], number.to_le_bytes().to_vec()),
        Value::BigInt(number) => (token::INT8, vec![], number.to_le_bytes().to_vec()),
        Value::Decimal(_, scale) => (
            token::NUMERIC_N,
            vec![38, *scale],
            decimal(38, *scale, value)?,
        ),
        Value::Text(text) => {
            let length = u16::try_from(MOST_BYTES).ok()?.to_le_bytes();
            (
                token::NVARCHAR,
                [COLLATION.as_slice(), &length].concat(),
                utf16(text),
            )
        }
        Value::Binary(bytes) => (
            token::VARBINARY,
            u16::try_from(MOST_BYTES).ok()?.to_le_bytes().to_vec(),
            bytes.clone(),
        ),
        Value::DateTime(_) => (token::DATETIME, vec![], datetime(value)?),
        Value::DateTime2(_) => (token::DATETIME2_N, vec![7], datetime2(7, value)?),
        Value::Guid(_) => (token::GUID, vec![], guid(value)?),
    };
    if bytes.len() > MOST_BYTES {
        return None;
    }
    let total = u32::try_from(2 + properties.len() + bytes.len()).ok()?;
    out.extend_from_slice(&total.to_le_bytes());
    out.extend_from_slice(&[base, u8::try_from(properties.len()).ok()?]);
    out.extend_from_slice(&properties);
    out.extend_from_slice(&bytes);
    Some(())
}

/// Reads a parameter's value after its TYPE_INFO.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Value, Malformed> {
    let total = usize::try_from(reader.u32(WHAT)?).unwrap_or(usize::MAX);
    if total == 0 {
        return Ok(Value::Null);
    }
    let mut inner = Reader::new(reader.bytes(total, WHAT)?);
    let base = inner.u8(WHAT)?;
    let properties = usize::from(inner.u8(WHAT)?);
    let properties = inner.bytes(properties, WHAT)?;
    base_value(base, properties, inner.rest())
}

fn base_value(base: u8, properties: &[u8], bytes: &[u8]) -> Result<Value, Malformed> {
    let mut data = Reader::new(bytes);
    let value = match base {
        token::BIT => Some(Value::Bit(data.u8(WHAT)? != 0)),
        token::INT1 => Some(Value::TinyInt(data.u8(WHAT)?)),
        token::INT2 => Some(Value::SmallInt(i16::from_le_bytes(data.array(WHAT)?))),
        token::INT4 => Some(Value::Int(data.i32(WHAT)?)),
        token::INT8 => Some(Value::BigInt(i64::from_le_bytes(data.array(WHAT)?))),
        token::NVARCHAR | token::NCHAR => Some(Value::Text(reader::utf16(bytes))),
        token::VARCHAR | token::CHAR => Some(Value::Text(code_page::decode(bytes))),
        token::VARBINARY | token::BINARY => Some(Value::Binary(bytes.to_vec())),
        token::GUID => Some(Value::Guid(Uuid::from_bytes_le(data.array(WHAT)?))),
        token::DATETIME => {
            calendar::from_datetime(data.i32(WHAT)?, data.u32(WHAT)?).map(Value::DateTime)
        }
        token::DECIMAL_N | token::NUMERIC_N => {
            let scale = properties
                .get(1)
                .copied()
                .ok_or(Malformed::Truncated(WHAT))?;
            super::decode::signed_magnitude(bytes).map(|unscaled| Value::Decimal(unscaled, scale))
        }
        token::DATETIME2_N => {
            let scale = properties
                .first()
                .copied()
                .ok_or(Malformed::Truncated(WHAT))?;
            super::decode::datetime2(bytes, scale)
        }
        other => return Err(Malformed::UnknownType(other)),
    };
    value.ok_or(Malformed::Value {
        what: WHAT,
        found: u64::from(base),
    })
}
