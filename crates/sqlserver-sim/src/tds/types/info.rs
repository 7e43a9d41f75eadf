//! TYPE_INFO: a column's type as COLMETADATA and RETURNVALUE describe it.
//!
//! Values are `encode`'s. Which types NULL can be sent in is decided here, by the nullable flag.

use super::{COLLATION, MOST_BYTES, NULL_OR_MAX, token};
use crate::protocol::SqlType;

/// sql_variant's largest size, bytes.
const VARIANT_SIZE: u32 = 8009;

/// Appends TYPE_INFO. Columns that cannot be NULL have the fixed-length types where there are any, as on the server.
pub(crate) fn write_type_info(out: &mut Vec<u8>, ty: SqlType, nullable: bool) {
    match ty {
        SqlType::Bit if nullable => out.extend_from_slice(&[token::BIT_N, 1]),
        SqlType::TinyInt if nullable => out.extend_from_slice(&[token::INT_N, 1]),
        SqlType::SmallInt if nullable => out.extend_from_slice(&[token::INT_N, 2]),
        SqlType::Int if nullable => out.extend_from_slice(&[token::INT_N, 4]),
        SqlType::BigInt if nullable => out.extend_from_slice(&[token::INT_N, 8]),
        SqlType::DateTime if nullable => out.extend_from_slice(&[token::DATETIME_N, 8]),
        SqlType::Bit => out.push(token::BIT),
        SqlType::TinyInt => out.push(token::INT1),
        SqlType::SmallInt => out.push(token::INT2),
        SqlType::Int => out.push(token::INT4),
        SqlType::BigInt => out.push(token::INT8),
        SqlType::DateTime => out.push(token::DATETIME),
        SqlType::Decimal(precision, scale) => {
            out.extend_from_slice(&[token::NUMERIC_N, decimal_size(precision), precision, scale]);
        }
        SqlType::Char(length) => text(out, token::CHAR, Some(length), 1),
        SqlType::VarChar(length) => text(out, token::VARCHAR, length, 1),
        SqlType::NChar(length) => text(out, token::NCHAR, Some(length), 2),
        SqlType::NVarChar(length) => text(out, token::NVARCHAR, length, 2),
        SqlType::VarBinary(length) => sized(out, token::VARBINARY, length, 1),
        SqlType::DateTime2(scale) => out.extend_from_slice(&[token::DATETIME2_N, scale.min(7)]),
        SqlType::UniqueIdentifier => out.extend_from_slice(&[token::GUID, 16]),
        SqlType::SqlVariant => {
            out.push(token::VARIANT);
            out.extend_from_slice(&VARIANT_SIZE.to_le_bytes());
        }
    }
}

fn text(out: &mut Vec<u8>, token: u8, length: Option<u16>, width: u16) {
    sized(out, token, length, width);
    out.extend_from_slice(&COLLATION);
}

fn sized(out: &mut Vec<u8>, token: u8, length: Option<u16>, width: u16) {
    // A zero length (an empty literal) is described as one character, as on the server.
    let bytes = length.map_or(NULL_OR_MAX, |length| most_bytes(length.max(1), width));
    out.push(token);
    out.extend_from_slice(&bytes.to_le_bytes());
}

fn most_bytes(length: u16, width: u16) -> u16 {
    length
        .saturating_mul(width)
        .min(u16::try_from(MOST_BYTES).unwrap_or(NULL_OR_MAX))
}

/// Bytes a decimal of this precision takes: its sign and its magnitude.
pub(super) fn decimal_size(precision: u8) -> u8 {
    match precision {
        0..=9 => 5,
        10..=19 => 9,
        20..=28 => 13,
        _ => 17,
    }
}
