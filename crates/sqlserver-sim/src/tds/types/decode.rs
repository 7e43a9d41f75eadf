//! Parameters of remote procedure calls: their TYPE_INFO and value, read together.
//!
//! Types this server does not know (TVP, UDT, time, datetimeoffset) are [`Malformed::UnknownType`]; the caller decides how
//! that is said to the client.

use uuid::Uuid;

use super::{NULL_OR_MAX, PLP_NULL, PLP_UNKNOWN, calendar, code_page, token, variant};
use crate::protocol::{SqlType, Value};
use crate::tds::reader::{Malformed, Reader, utf16};

const WHAT: &str = "a parameter";
/// The collation flag that says a VARCHAR holds UTF-8.
const COLLATION_UTF8: u32 = 0x0400_0000;

type Typed = (SqlType, Value);

/// Reads one parameter's type and value.
pub(crate) fn read_parameter(reader: &mut Reader<'_>) -> Result<Typed, Malformed> {
    let token = reader.u8(WHAT)?;
    match token {
        token::NULL => Ok((SqlType::NVarChar(Some(1)), Value::Null)),
        token::BIT | token::INT1 => scalar(token, reader.bytes(1, WHAT)?),
        token::INT2 => scalar(token, reader.bytes(2, WHAT)?),
        token::INT4 | token::REAL | token::SMALLDATETIME | token::SMALLMONEY => {
            scalar(token, reader.bytes(4, WHAT)?)
        }
        token::INT8 | token::FLOAT | token::DATETIME | token::MONEY => {
            scalar(token, reader.bytes(8, WHAT)?)
        }
        token::INT_N
        | token::BIT_N
        | token::FLOAT_N
        | token::MONEY_N
        | token::DATETIME_N
        | token::GUID => sized_scalar(token, reader),
        token::DECIMAL_N | token::NUMERIC_N => decimal(reader),
        token::DATE_N => date(reader),
        token::DATETIME2_N => datetime2_parameter(reader),
        token::NVARCHAR
        | token::NCHAR
        | token::VARCHAR
        | token::CHAR
        | token::VARBINARY
        | token::BINARY => string(token, reader),
        token::NTEXT | token::TEXT | token::IMAGE => long_string(token, reader),
        token::XML => xml(reader),
        token::VARIANT => {
            reader.u32(WHAT)?;
            Ok((SqlType::SqlVariant, variant::read(reader)?))
        }
        other => Err(Malformed::UnknownType(other)),
    }
}

/// The nullable types with one byte of maximum and one of actual length.
fn sized_scalar(token: u8, reader: &mut Reader<'_>) -> Result<Typed, Malformed> {
    let most = reader.u8(WHAT)?;
    let length = reader.u8(WHAT)?;
    let fixed = |width: u8| match (token, width) {
        (token::INT_N, 1) => Ok(token::INT1),
        (token::INT_N, 2) => Ok(token::INT2),
        (token::INT_N, 4) => Ok(token::INT4),
        (token::INT_N, 8) => Ok(token::INT8),
        (token::BIT_N, 1) => Ok(token::BIT),
        (token::FLOAT_N, 4) => Ok(token::REAL),
        (token::FLOAT_N, 8) => Ok(token::FLOAT),
        (token::MONEY_N, 4) => Ok(token::SMALLMONEY),
        (token::MONEY_N, 8) => Ok(token::MONEY),
        (token::DATETIME_N, 4) => Ok(token::SMALLDATETIME),
        (token::DATETIME_N, 8) => Ok(token::DATETIME),
        (token::GUID, 16) => Ok(token::GUID),
        _ => Err(Malformed::Value {
            what: "a parameter's length",
            found: u64::from(width),
        }),
    };
    if length == 0 {
        return Ok((scalar_type(fixed(most)?), Value::Null));
    }
    scalar(fixed(length)?, reader.bytes(usize::from(length), WHAT)?)
}

fn scalar_type(fixed: u8) -> SqlType {
    match fixed {
        token::BIT => SqlType::Bit,
        token::INT1 => SqlType::TinyInt,
        token::INT2 => SqlType::SmallInt,
        token::INT4 => SqlType::Int,
        token::INT8 => SqlType::BigInt,
        token::SMALLMONEY => SqlType::Decimal(10, 4),
        token::MONEY => SqlType::Decimal(19, 4),
        token::REAL | token::FLOAT => SqlType::Decimal(38, 0),
        token::GUID => SqlType::UniqueIdentifier,
        _ => SqlType::DateTime,
    }
}

fn scalar(fixed: u8, bytes: &[u8]) -> Result<Typed, Malformed> {
    let mut data = Reader::new(bytes);
    let value = match fixed {
        token::BIT => Some(Value::Bit(data.u8(WHAT)? != 0)),
        token::INT1 => Some(Value::TinyInt(data.u8(WHAT)?)),
        token::INT2 => Some(Value::SmallInt(i16::from_le_bytes(data.array(WHAT)?))),
        token::INT4 => Some(Value::Int(data.i32(WHAT)?)),
        token::INT8 => Some(Value::BigInt(i64::from_le_bytes(data.array(WHAT)?))),
        token::SMALLMONEY => Some(Value::Decimal(i128::from(data.i32(WHAT)?), 4)),
        token::MONEY => {
            // The high half comes first.
            let (high, low) = (data.i32(WHAT)?, data.u32(WHAT)?);
            Some(Value::Decimal(
                (i128::from(high) << 32) | i128::from(low),
                4,
            ))
        }
        token::REAL => return float(f64::from(f32::from_le_bytes(data.array(WHAT)?))),
        token::FLOAT => return float(f64::from_le_bytes(data.array(WHAT)?)),
        token::GUID => Some(Value::Guid(Uuid::from_bytes_le(data.array(WHAT)?))),
        token::SMALLDATETIME => {
            calendar::from_smalldatetime(data.u16(WHAT)?, data.u16(WHAT)?).map(Value::DateTime)
        }
        _ => calendar::from_datetime(data.i32(WHAT)?, data.u32(WHAT)?).map(Value::DateTime),
    };
    let value = value.ok_or(Malformed::Value {
        what: WHAT,
        found: u64::from(fixed),
    })?;
    Ok((scalar_type(fixed), value))
}

/// There is no floating-point type behind this border: the nearest decimal with the digits that identify the float.
fn float(number: f64) -> Result<Typed, Malformed> {
    let refused = Malformed::Value {
        what: "a float",
        found: number.to_bits(),
    };
    let text = format!("{number}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction: String = fraction.chars().take(38).collect();
    let scale = u8::try_from(fraction.len()).unwrap_or(38);
    match format!("{whole}{fraction}").parse::<i128>() {
        Ok(unscaled) if unscaled.unsigned_abs() < 10_u128.pow(38) => {
            Ok((SqlType::Decimal(38, scale), Value::Decimal(unscaled, scale)))
        }
        _ => Err(refused),
    }
}

fn decimal(reader: &mut Reader<'_>) -> Result<Typed, Malformed> {
    let [_, precision, scale, length] = reader.array::<4>(WHAT)?;
    if precision > 38 || scale > precision {
        return Err(Malformed::Value {
            what: "a decimal's precision",
            found: u64::from(precision),
        });
    }
    let ty = SqlType::Decimal(precision, scale);
    if length == 0 {
        return Ok((ty, Value::Null));
    }
    let unscaled =
        signed_magnitude(reader.bytes(usize::from(length), WHAT)?).ok_or(Malformed::Value {
            what: "a decimal's length",
            found: u64::from(length),
        })?;
    Ok((ty, Value::Decimal(unscaled, scale)))
}

/// One byte of sign (1 is positive), then the magnitude, least byte first; `None` if it cannot be a decimal(38).
pub(super) fn signed_magnitude(bytes: &[u8]) -> Option<i128> {
    let (sign, magnitude) = bytes.split_first()?;
    let mut padded = [0_u8; 16];
    padded
        .get_mut(..magnitude.len())?
        .copy_from_slice(magnitude);
    let magnitude = i128::try_from(u128::from_le_bytes(padded))
        .ok()
        .filter(|value| *value < 10_i128.pow(38))?;
    Some(if *sign == 0 { -magnitude } else { magnitude })
}

fn date(reader: &mut Reader<'_>) -> Result<Typed, Malformed> {
    let length = reader.u8(WHAT)?;
    let bytes = reader.bytes(usize::from(length), WHAT)?;
    let ty = SqlType::DateTime2(0);
    match bytes {
        [] => Ok((ty, Value::Null)),
        [a, b, c] => calendar::from_datetime2(u32::from_le_bytes([*a, *b, *c, 0]), 0, 0)
            .map(|at| (ty, Value::DateTime2(at)))
            .ok_or(Malformed::Value {
                what: "a date",
                found: u64::from(*c),
            }),
        _ => Err(Malformed::Value {
            what: "a date's length",
            found: u64::from(length),
        }),
    }
}

fn datetime2_parameter(reader: &mut Reader<'_>) -> Result<Typed, Malformed> {
    let [scale, length] = reader.array::<2>(WHAT)?;
    let bytes = reader.bytes(usize::from(length), WHAT)?;
    let refused = Malformed::Value {
        what: "a datetime2",
        found: u64::from(scale),
    };
    if scale > 7 {
        return Err(refused);
    }
    let value = if bytes.is_empty() {
        Some(Value::Null)
    } else {
        datetime2(bytes, scale)
    };
    Ok((SqlType::DateTime2(scale), value.ok_or(refused)?))
}

/// The time of day in as many bytes as its scale needs, then three bytes of days.
pub(super) fn datetime2(bytes: &[u8], scale: u8) -> Option<Value> {
    let (time, days) = bytes.split_at_checked(calendar::time_bytes(scale))?;
    let mut units = [0_u8; 8];
    units.get_mut(..time.len())?.copy_from_slice(time);
    let [a, b, c] = *days.as_array::<3>()?;
    let days = u32::from_le_bytes([a, b, c, 0]);
    calendar::from_datetime2(days, u64::from_le_bytes(units), scale).map(Value::DateTime2)
}

fn string(token: u8, reader: &mut Reader<'_>) -> Result<Typed, Malformed> {
    let most = reader.u16(WHAT)?;
    let utf8 = collation_is_utf8(token, reader)?;
    let bytes = if most == NULL_OR_MAX {
        plp(reader)?
    } else {
        let length = reader.u16(WHAT)?;
        let value = (length != NULL_OR_MAX)
            .then(|| reader.bytes(usize::from(length), WHAT))
            .transpose()?;
        value.map(<[u8]>::to_vec)
    };
    let length = (most != NULL_OR_MAX).then_some(most);
    Ok((
        string_type(token, length),
        bytes.map_or(Value::Null, |bytes| string_value(token, utf8, bytes)),
    ))
}

fn string_type(token: u8, length: Option<u16>) -> SqlType {
    match token {
        token::NVARCHAR | token::NTEXT => SqlType::NVarChar(length.map(|bytes| bytes / 2)),
        token::NCHAR => length.map_or(SqlType::NVarChar(None), |bytes| SqlType::NChar(bytes / 2)),
        token::VARCHAR | token::TEXT => SqlType::VarChar(length),
        token::CHAR => length.map_or(SqlType::VarChar(None), SqlType::Char),
        _ => SqlType::VarBinary(length),
    }
}

fn string_value(token: u8, utf8: bool, bytes: Vec<u8>) -> Value {
    match token {
        token::NVARCHAR | token::NCHAR | token::NTEXT => Value::Text(utf16(&bytes)),
        token::VARCHAR | token::CHAR | token::TEXT if utf8 => {
            Value::Text(String::from_utf8_lossy(&bytes).into_owned())
        }
        token::VARCHAR | token::CHAR | token::TEXT => Value::Text(code_page::decode(&bytes)),
        _ => Value::Binary(bytes),
    }
}

/// Reads the collation that follows every character type.
fn collation_is_utf8(token: u8, reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    if matches!(token, token::VARBINARY | token::BINARY | token::IMAGE) {
        return Ok(false);
    }
    let flags = reader.u32("a collation")?;
    reader.u8("a collation")?;
    Ok(flags & COLLATION_UTF8 != 0)
}

/// TEXT, NTEXT and IMAGE: four bytes of length, no text pointer in a parameter.
fn long_string(token: u8, reader: &mut Reader<'_>) -> Result<Typed, Malformed> {
    reader.u32(WHAT)?;
    let utf8 = collation_is_utf8(token, reader)?;
    let length = reader.u32(WHAT)?;
    let ty = string_type(token, None);
    if length == u32::MAX {
        return Ok((ty, Value::Null));
    }
    let bytes = reader.bytes(usize::try_from(length).unwrap_or(usize::MAX), WHAT)?;
    Ok((ty, string_value(token, utf8, bytes.to_vec())))
}

fn xml(reader: &mut Reader<'_>) -> Result<Typed, Malformed> {
    if reader.u8("an xml schema")? != 0 {
        reader.b_varchar("an xml schema")?;
        reader.b_varchar("an xml schema")?;
        reader.us_varchar("an xml schema")?;
    }
    let value = plp(reader)?.map_or(Value::Null, |bytes| Value::Text(utf16(&bytes)));
    Ok((SqlType::NVarChar(None), value))
}

/// A value in chunks; `None` is NULL. Its size is bounded by the message it stands in.
fn plp(reader: &mut Reader<'_>) -> Result<Option<Vec<u8>>, Malformed> {
    const WHAT: &str = "a MAX value";
    let announced = reader.u64(WHAT)?;
    if announced == PLP_NULL {
        return Ok(None);
    }
    let mut value = Vec::new();
    loop {
        let chunk = usize::try_from(reader.u32(WHAT)?).unwrap_or(usize::MAX);
        if chunk == 0 {
            break;
        }
        value.extend_from_slice(reader.bytes(chunk, WHAT)?);
    }
    if announced != PLP_UNKNOWN && announced != value.len() as u64 {
        return Err(Malformed::Value {
            what: "a MAX value's length",
            found: announced,
        });
    }
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::super::{write_type_info, write_value};
    use super::*;
    use chrono::NaiveDateTime;

    fn there_and_back(ty: SqlType, nullable: bool, value: &Value) -> Typed {
        let mut bytes = Vec::new();
        write_type_info(&mut bytes, ty, nullable);
        write_value(&mut bytes, ty, nullable, value).unwrap();
        let mut reader = Reader::new(&bytes);
        let read = read_parameter(&mut reader).unwrap();
        assert!(reader.is_empty(), "{ty:?}");
        read
    }

    fn samples() -> Vec<(SqlType, Value)> {
        let at = NaiveDateTime::parse_from_str("2026-11-22 21:40:03.120", "%Y-%m-%d %H:%M:%S%.f")
            .unwrap();
        vec![
            (SqlType::Bit, Value::Bit(true)),
            (SqlType::TinyInt, Value::TinyInt(255)),
            (SqlType::SmallInt, Value::SmallInt(-2)),
            (SqlType::Int, Value::Int(i32::MIN)),
            (SqlType::BigInt, Value::BigInt(i64::MAX)),
            (
                SqlType::Decimal(38, 10),
                Value::Decimal(-12_345_678_901_234_567_890, 10),
            ),
            (SqlType::Decimal(5, 2), Value::Decimal(99_999, 2)),
            (SqlType::Char(3), Value::Text("a€ ".into())),
            (SqlType::VarChar(Some(10)), Value::Text("Müller".into())),
            (SqlType::VarChar(None), Value::Text("é".repeat(9000))),
            (SqlType::NChar(2), Value::Text("日本".into())),
            (
                SqlType::NVarChar(Some(128)),
                Value::Text("a]b'c\"😀".into()),
            ),
            (SqlType::NVarChar(None), Value::Text("😀".repeat(50_000))),
            (SqlType::NVarChar(None), Value::Text(String::new())),
            (SqlType::VarBinary(Some(20)), Value::Binary(vec![0, 1, 255])),
            (SqlType::VarBinary(None), Value::Binary(vec![9; 70_000])),
            (SqlType::DateTime, Value::DateTime(at)),
            (SqlType::DateTime2(7), Value::DateTime2(at)),
            (SqlType::DateTime2(3), Value::DateTime2(at)),
            (
                SqlType::UniqueIdentifier,
                Value::Guid(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10)),
            ),
        ]
    }

    #[test]
    fn every_type_comes_back_as_it_went() {
        for (ty, value) in samples() {
            for nullable in [true, false] {
                assert_eq!(there_and_back(ty, nullable, &value), (ty, value.clone()));
            }
            assert_eq!(there_and_back(ty, true, &Value::Null), (ty, Value::Null));
            if !matches!(
                ty,
                SqlType::NVarChar(None) | SqlType::VarChar(None) | SqlType::VarBinary(None)
            ) {
                assert_eq!(
                    there_and_back(SqlType::SqlVariant, true, &value),
                    (SqlType::SqlVariant, value)
                );
            }
        }
        assert_eq!(
            there_and_back(SqlType::SqlVariant, true, &Value::Null),
            (SqlType::SqlVariant, Value::Null)
        );
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        let refused = [
            (SqlType::Int, false, Value::Null),
            (SqlType::TinyInt, true, Value::Int(256)),
            (SqlType::Int, true, Value::Text("1".into())),
            (SqlType::Decimal(3, 0), true, Value::Decimal(1000, 0)),
            (
                SqlType::NVarChar(Some(4000)),
                true,
                Value::Text("x".repeat(4001)),
            ),
            (SqlType::Decimal(38, 38), true, Value::Decimal(i128::MAX, 0)),
        ];
        for (ty, nullable, value) in refused {
            assert!(
                write_value(&mut Vec::new(), ty, nullable, &value).is_err(),
                "{ty:?} {value:?}"
            );
        }
    }

    #[test]
    fn decimals_are_rescaled_and_floats_become_decimals() {
        let read = there_and_back(SqlType::Decimal(10, 1), true, &Value::Decimal(-125, 2));
        assert_eq!(read.1, Value::Decimal(-13, 1));
        let mut wire = vec![token::FLOAT_N, 8, 8];
        wire.extend_from_slice(&(-1.25_f64).to_le_bytes());
        assert_eq!(
            read_parameter(&mut Reader::new(&wire)).unwrap().1,
            Value::Decimal(-125, 2)
        );
        let mut wire = vec![token::FLOAT];
        wire.extend_from_slice(&f64::NAN.to_le_bytes());
        assert!(read_parameter(&mut Reader::new(&wire)).is_err());
    }

    #[test]
    fn plp_of_unknown_length_and_null_ntext() {
        let mut wire = vec![token::NVARCHAR, 0xFF, 0xFF, 0, 0, 0, 0, 0];
        wire.extend_from_slice(&PLP_UNKNOWN.to_le_bytes());
        wire.extend_from_slice(&[
            2, 0, 0, 0, b'a', 0, 4, 0, 0, 0, b'b', 0, b'c', 0, 0, 0, 0, 0,
        ]);
        let read = read_parameter(&mut Reader::new(&wire)).unwrap();
        assert_eq!(read, (SqlType::NVarChar(None), Value::Text("abc".into())));
        let wire = [
            token::NTEXT,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0xFF,
            0xFF,
            0xFF,
            0xFF,
        ];
        assert_eq!(
            read_parameter(&mut Reader::new(&wire)).unwrap().1,
            Value::Null
        );
    }
}
