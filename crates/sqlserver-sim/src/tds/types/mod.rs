//! SQL Server's data types as bytes, in both directions.
//!
//! `info` and `encode` write columns and values, `decode` reads parameters, `variant` is both for sql_variant. Tokens and
//! messages are not known here.

mod calendar;
mod code_page;
mod decode;
mod encode;
mod info;
mod variant;

pub(crate) use decode::read_parameter;
pub(crate) use encode::write_value;
pub(crate) use info::write_type_info;

/// TDS type tokens.
mod token {
    pub(super) const NULL: u8 = 0x1F;
    pub(super) const IMAGE: u8 = 0x22;
    pub(super) const TEXT: u8 = 0x23;
    pub(super) const GUID: u8 = 0x24;
    pub(super) const INT_N: u8 = 0x26;
    pub(super) const DATE_N: u8 = 0x28;
    pub(super) const DATETIME2_N: u8 = 0x2A;
    pub(super) const INT1: u8 = 0x30;
    pub(super) const BIT: u8 = 0x32;
    pub(super) const INT2: u8 = 0x34;
    pub(super) const INT4: u8 = 0x38;
    pub(super) const SMALLDATETIME: u8 = 0x3A;
    pub(super) const REAL: u8 = 0x3B;
    pub(super) const MONEY: u8 = 0x3C;
    pub(super) const DATETIME: u8 = 0x3D;
    pub(super) const FLOAT: u8 = 0x3E;
    pub(super) const VARIANT: u8 = 0x62;
    pub(super) const NTEXT: u8 = 0x63;
    pub(super) const BIT_N: u8 = 0x68;
    pub(super) const DECIMAL_N: u8 = 0x6A;
    pub(super) const NUMERIC_N: u8 = 0x6C;
    pub(super) const FLOAT_N: u8 = 0x6D;
    pub(super) const MONEY_N: u8 = 0x6E;
    pub(super) const DATETIME_N: u8 = 0x6F;
    pub(super) const SMALLMONEY: u8 = 0x7A;
    pub(super) const INT8: u8 = 0x7F;
    pub(super) const VARBINARY: u8 = 0xA5;
    pub(super) const VARCHAR: u8 = 0xA7;
    pub(super) const BINARY: u8 = 0xAD;
    pub(super) const CHAR: u8 = 0xAF;
    pub(super) const NVARCHAR: u8 = 0xE7;
    pub(super) const NCHAR: u8 = 0xEF;
    pub(super) const XML: u8 = 0xF1;
}

/// SQL_Latin1_General_CP1_CI_AS, the default of an English installation: LCID 0x0409, sort order 52.
pub(crate) const COLLATION: [u8; 5] = [0x09, 0x04, 0xD0, 0x00, 0x34];

/// The length that stands for NULL, and for MAX in a type's description.
const NULL_OR_MAX: u16 = 0xFFFF;
/// The most bytes a value outside MAX may have.
const MOST_BYTES: usize = 8000;
const PLP_NULL: u64 = u64::MAX;
const PLP_UNKNOWN: u64 = u64::MAX - 1;

/// The value does not fit the column it was sent for: a fault of the engine, not of the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a value of kind {value} cannot be sent as {ty}")]
pub(crate) struct Unsendable {
    pub(crate) ty: String,
    pub(crate) value: &'static str,
}
