//! The table of built-in functions: since which version, how many arguments, which type.

use super::convert;
use super::env::Env;
use super::types::merge;
use crate::engine::errors::{Outcome, Raise};
use crate::engine::state::version::Version;
use crate::protocol::SqlType;

/// How a function's type follows from its arguments.
#[derive(Clone, Copy)]
enum Gives {
    Fixed(SqlType),
    /// Text as long as it may get, national if the first argument is.
    Text,
    /// The first argument's type.
    First,
    /// All arguments' common type.
    Common,
}

const NAME: SqlType = SqlType::NVarChar(Some(128));
const INT: Gives = Gives::Fixed(SqlType::Int);

/// Name, first version, least and most arguments, type.
const TABLE: &[(&str, Version, usize, usize, Gives)] = &[
    ("ABS", Version::V2008R2, 1, 1, Gives::First),
    ("APP_NAME", Version::V2008R2, 0, 0, Gives::Fixed(NAME)),
    (
        "CERTENCODED",
        Version::V2012,
        1,
        1,
        Gives::Fixed(SqlType::VarBinary(Some(8000))),
    ),
    (
        "CERTPROPERTY",
        Version::V2008R2,
        2,
        2,
        Gives::Fixed(SqlType::SqlVariant),
    ),
    ("CERT_ID", Version::V2008R2, 1, 1, INT),
    ("CHARINDEX", Version::V2008R2, 2, 3, INT),
    (
        "CHAR",
        Version::V2008R2,
        1,
        1,
        Gives::Fixed(SqlType::Char(1)),
    ),
    ("COALESCE", Version::V2008R2, 2, 100, Gives::Common),
    (
        "COL_LENGTH",
        Version::V2008R2,
        2,
        2,
        Gives::Fixed(SqlType::SmallInt),
    ),
    ("CONCAT", Version::V2012, 2, 254, Gives::Text),
    (
        "CONNECTIONPROPERTY",
        Version::V2008R2,
        1,
        1,
        Gives::Fixed(SqlType::SqlVariant),
    ),
    (
        "CRYPT_GEN_RANDOM",
        Version::V2008R2,
        1,
        2,
        Gives::Fixed(SqlType::VarBinary(Some(8000))),
    ),
    (
        "CURRENT_TIMESTAMP",
        Version::V2008R2,
        0,
        0,
        Gives::Fixed(SqlType::DateTime),
    ),
    ("CURRENT_USER", Version::V2008R2, 0, 0, Gives::Fixed(NAME)),
    ("DATABASE_PRINCIPAL_ID", Version::V2008R2, 0, 1, INT),
    ("DATALENGTH", Version::V2008R2, 1, 1, INT),
    (
        "DATEADD",
        Version::V2008R2,
        3,
        3,
        Gives::Fixed(SqlType::DateTime2(7)),
    ),
    ("DATEDIFF", Version::V2008R2, 3, 3, INT),
    (
        "DATEDIFF_BIG",
        Version::V2016,
        3,
        3,
        Gives::Fixed(SqlType::BigInt),
    ),
    (
        "DATABASEPROPERTYEX",
        Version::V2008R2,
        2,
        2,
        Gives::Fixed(SqlType::SqlVariant),
    ),
    ("DB_ID", Version::V2008R2, 0, 1, INT),
    ("DB_NAME", Version::V2008R2, 0, 1, Gives::Fixed(NAME)),
    ("ERROR_LINE", Version::V2008R2, 0, 0, INT),
    (
        "ERROR_MESSAGE",
        Version::V2008R2,
        0,
        0,
        Gives::Fixed(SqlType::NVarChar(Some(4000))),
    ),
    ("ERROR_NUMBER", Version::V2008R2, 0, 0, INT),
    (
        "ERROR_PROCEDURE",
        Version::V2008R2,
        0,
        0,
        Gives::Fixed(NAME),
    ),
    ("ERROR_SEVERITY", Version::V2008R2, 0, 0, INT),
    ("ERROR_STATE", Version::V2008R2, 0, 0, INT),
    (
        "GETDATE",
        Version::V2008R2,
        0,
        0,
        Gives::Fixed(SqlType::DateTime),
    ),
    (
        "GETUTCDATE",
        Version::V2008R2,
        0,
        0,
        Gives::Fixed(SqlType::DateTime),
    ),
    (
        "HASHBYTES",
        Version::V2008R2,
        2,
        2,
        Gives::Fixed(SqlType::VarBinary(Some(8000))),
    ),
    ("HAS_DBACCESS", Version::V2008R2, 1, 1, INT),
    ("HAS_PERMS_BY_NAME", Version::V2008R2, 3, 5, INT),
    ("HOST_NAME", Version::V2008R2, 0, 0, Gives::Fixed(NAME)),
    ("ISNULL", Version::V2008R2, 2, 2, Gives::First),
    ("IS_MEMBER", Version::V2008R2, 1, 1, INT),
    ("IS_ROLEMEMBER", Version::V2012, 1, 2, INT),
    ("IS_SRVROLEMEMBER", Version::V2008R2, 1, 2, INT),
    ("LEFT", Version::V2008R2, 2, 2, Gives::Text),
    ("LEN", Version::V2008R2, 1, 1, INT),
    (
        "LOGINPROPERTY",
        Version::V2008R2,
        2,
        2,
        Gives::Fixed(SqlType::SqlVariant),
    ),
    ("LOWER", Version::V2008R2, 1, 1, Gives::Text),
    ("LTRIM", Version::V2008R2, 1, 1, Gives::Text),
    (
        "NCHAR",
        Version::V2008R2,
        1,
        1,
        Gives::Fixed(SqlType::NChar(1)),
    ),
    (
        "NEWID",
        Version::V2008R2,
        0,
        0,
        Gives::Fixed(SqlType::UniqueIdentifier),
    ),
    ("NULLIF", Version::V2008R2, 2, 2, Gives::First),
    ("OBJECT_ID", Version::V2008R2, 1, 2, INT),
    ("ORIGINAL_LOGIN", Version::V2008R2, 0, 0, Gives::Fixed(NAME)),
    ("PARSENAME", Version::V2008R2, 2, 2, Gives::Fixed(NAME)),
    (
        "QUOTENAME",
        Version::V2008R2,
        1,
        2,
        Gives::Fixed(SqlType::NVarChar(Some(258))),
    ),
    ("REPLACE", Version::V2008R2, 3, 3, Gives::Text),
    ("REPLICATE", Version::V2008R2, 2, 2, Gives::Text),
    ("REVERSE", Version::V2008R2, 1, 1, Gives::Text),
    ("RIGHT", Version::V2008R2, 2, 2, Gives::Text),
    ("RTRIM", Version::V2008R2, 1, 1, Gives::Text),
    (
        "SERVERPROPERTY",
        Version::V2008R2,
        1,
        1,
        Gives::Fixed(SqlType::SqlVariant),
    ),
    ("SESSION_USER", Version::V2008R2, 0, 0, Gives::Fixed(NAME)),
    ("STUFF", Version::V2008R2, 4, 4, Gives::Text),
    ("SUBSTRING", Version::V2008R2, 3, 3, Gives::First),
    ("SUSER_ID", Version::V2008R2, 0, 1, INT),
    ("SUSER_NAME", Version::V2008R2, 0, 1, Gives::Fixed(NAME)),
    (
        "SUSER_SID",
        Version::V2008R2,
        0,
        2,
        Gives::Fixed(SqlType::VarBinary(Some(85))),
    ),
    ("SUSER_SNAME", Version::V2008R2, 0, 1, Gives::Fixed(NAME)),
    (
        "SYSDATETIME",
        Version::V2008R2,
        0,
        0,
        Gives::Fixed(SqlType::DateTime2(7)),
    ),
    (
        "SYSDATETIMEOFFSET",
        Version::V2008R2,
        0,
        0,
        Gives::Fixed(SqlType::DateTime2(7)),
    ),
    ("SYSTEM_USER", Version::V2008R2, 0, 0, Gives::Fixed(NAME)),
    (
        "SYSUTCDATETIME",
        Version::V2008R2,
        0,
        0,
        Gives::Fixed(SqlType::DateTime2(7)),
    ),
    ("TRIM", Version::V2017, 1, 1, Gives::Text),
    ("UNICODE", Version::V2008R2, 1, 1, INT),
    ("UPPER", Version::V2008R2, 1, 1, Gives::Text),
    ("USER_ID", Version::V2008R2, 0, 1, INT),
    ("USER_NAME", Version::V2008R2, 0, 1, Gives::Fixed(NAME)),
    (
        "XACT_STATE",
        Version::V2008R2,
        0,
        0,
        Gives::Fixed(SqlType::SmallInt),
    ),
];

/// The type a call gives.
///
/// # Errors
/// 195 for an unknown function, 174 and 189 for a wrong number of arguments.
pub fn result_type(env: &Env<'_>, name: &str, arguments: &[Option<SqlType>]) -> Outcome<SqlType> {
    let version = env.instance.version();
    let entry = TABLE
        .iter()
        .find(|(n, since, ..)| *n == name && *since <= version);
    let Some((_, _, least, most, gives)) = entry else {
        let text = format!("'{name}' is not a recognized built-in function name.");
        return Err(Raise::compile(195, 15, text).with_state(10));
    };
    if arguments.len() < *least || arguments.len() > *most {
        let shown = name.to_lowercase();
        return Err(if least == most {
            let text = format!("The {shown} function requires {least} argument(s).");
            Raise::compile(174, 15, text)
        } else {
            let text = format!("The {shown} function requires {least} to {most} arguments.");
            Raise::compile(189, 15, text)
        });
    }
    let first = arguments.first().copied().flatten();
    Ok(match gives {
        Gives::Fixed(ty) => *ty,
        Gives::First => first
            .or(arguments.get(1).copied().flatten())
            .unwrap_or(SqlType::Int),
        Gives::Common => arguments
            .iter()
            .copied()
            .fold(None, merge)
            .unwrap_or(SqlType::Int),
        Gives::Text => text_type(arguments),
    })
}

fn text_type(arguments: &[Option<SqlType>]) -> SqlType {
    let known: Vec<SqlType> = arguments.iter().copied().flatten().collect();
    let endless = known
        .iter()
        .any(|t| matches!(t, SqlType::NVarChar(None) | SqlType::VarChar(None)));
    let national = known.iter().any(|t| convert::is_national(*t));
    match (national, endless) {
        (true, true) => SqlType::NVarChar(None),
        (true, false) => SqlType::NVarChar(Some(4000)),
        (false, true) => SqlType::VarChar(None),
        (false, false) => SqlType::VarChar(Some(8000)),
    }
}

/// Types of `@@` variables.
pub fn global_type(name: &str) -> Option<SqlType> {
    Some(match name.to_ascii_uppercase().as_str() {
        "@@VERSION" => SqlType::NVarChar(Some(300)),
        "@@SERVERNAME" | "@@SERVICENAME" | "@@LANGUAGE" => NAME,
        "@@SPID" => SqlType::SmallInt,
        "@@TRANCOUNT" | "@@ERROR" | "@@ROWCOUNT" | "@@LOCK_TIMEOUT" | "@@OPTIONS" => SqlType::Int,
        "@@MAX_PRECISION" => SqlType::TinyInt,
        "@@MICROSOFTVERSION" => SqlType::Int,
        _ => return None,
    })
}
