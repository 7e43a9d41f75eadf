//! Grammar of data types.

use super::parser::Parser;
use crate::engine::errors::{Outcome, Raise};
use crate::protocol::SqlType;

impl Parser<'_> {
    /// `default_length` is what `nvarchar` without a length means: 1 in DECLARE, 30 in CAST.
    pub(super) fn data_type(&mut self, default_length: Option<u16>) -> Outcome<SqlType> {
        let mut parts = self.dotted_name()?;
        let name = parts.pop().unwrap_or_default().to_lowercase();
        let arguments = self.type_arguments()?;
        let length = match arguments.first() {
            Some(None) => None,
            Some(Some(n)) => Some(u16::try_from(*n).unwrap_or(u16::MAX)),
            None => default_length,
        };
        let number = |n: usize, default: u8| match arguments.get(n) {
            Some(Some(value)) => u8::try_from(*value).unwrap_or(default),
            _ => default,
        };
        Ok(match name.as_str() {
            "bit" => SqlType::Bit,
            "tinyint" => SqlType::TinyInt,
            "smallint" => SqlType::SmallInt,
            "int" | "integer" => SqlType::Int,
            "bigint" => SqlType::BigInt,
            "decimal" | "numeric" | "dec" => SqlType::Decimal(number(0, 18), number(1, 0)),
            "money" => SqlType::Decimal(19, 4),
            "char" | "character" => SqlType::Char(length.unwrap_or(8000)),
            "varchar" => SqlType::VarChar(length),
            "nchar" => SqlType::NChar(length.unwrap_or(4000)),
            "nvarchar" => SqlType::NVarChar(length),
            "sysname" => SqlType::NVarChar(Some(128)),
            "binary" | "varbinary" => SqlType::VarBinary(length),
            "datetime" | "smalldatetime" => SqlType::DateTime,
            "datetime2" => SqlType::DateTime2(number(0, 7).min(7)),
            "uniqueidentifier" => SqlType::UniqueIdentifier,
            "sql_variant" => SqlType::SqlVariant,
            _ => {
                let text = format!("Type {name} is not a defined system type.");
                return Err(Raise::compile(243, 16, text).at_line(self.line()));
            }
        })
    }

    /// `None` inside stands for MAX.
    fn type_arguments(&mut self) -> Outcome<Vec<Option<i64>>> {
        let mut arguments = Vec::new();
        if !self.accept_symbol("(") {
            return Ok(arguments);
        }
        loop {
            if self.accept("MAX") {
                arguments.push(None);
            } else {
                arguments.push(Some(self.integer()?));
            }
            if !self.accept_symbol(",") {
                break;
            }
        }
        self.expect_symbol(")")?;
        Ok(arguments)
    }
}
