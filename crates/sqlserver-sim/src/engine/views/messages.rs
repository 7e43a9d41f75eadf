//! Rows of `sys.messages`: the templates of the messages this crate's subject is about, English only.

use super::cells::text;
use crate::protocol::Value;

/// Number, severity, whether it is logged, template.
const MESSAGES: &[(i32, u8, bool, &str)] = &[
    (102, 15, false, "Incorrect syntax near '%.*ls'."),
    (156, 15, false, "Incorrect syntax near the keyword '%.*ls'."),
    (208, 16, false, "Invalid object name '%.*ls'."),
    (
        229,
        14,
        false,
        "The %ls permission was denied on the object '%.*ls', database '%.*ls', schema '%.*ls'.",
    ),
    (262, 16, false, "%ls permission denied in database '%.*ls'."),
    (
        297,
        16,
        false,
        "The user does not have permission to perform this action.",
    ),
    (
        300,
        14,
        false,
        "%ls permission was denied on object '%.*ls', database '%.*ls'.",
    ),
    (
        916,
        14,
        false,
        "The server principal \"%.*ls\" is not able to access the database \"%.*ls\" under the current security context.",
    ),
    (1222, 16, false, "Lock request time out period exceeded."),
    (
        1416,
        16,
        false,
        "Database \"%.*ls\" is not configured for database mirroring.",
    ),
    (
        1418,
        16,
        false,
        "The server network address \"%.*ls\" can not be reached or does not exist. Check the network address name and that the ports for the local and remote endpoints are operational.",
    ),
    (
        1474,
        16,
        true,
        "Database mirroring connection error %d '%.*ls' for '%.*ls'.",
    ),
    (
        3609,
        16,
        false,
        "The transaction ended in the trigger. The batch has been aborted.",
    ),
    (
        3716,
        16,
        false,
        "The %S_MSG '%.*ls' cannot be dropped because it is bound to one or more %S_MSG.",
    ),
    (
        4060,
        11,
        false,
        "Cannot open database \"%.*ls\" requested by the login. The login failed.",
    ),
    (4613, 16, false, "Grantor does not have GRANT permission."),
    (
        4617,
        16,
        false,
        "Cannot grant, deny or revoke permissions to or from special roles.",
    ),
    (
        4618,
        16,
        false,
        "You do not have permission to use %.*ls in the AS clause.",
    ),
    (
        4621,
        16,
        false,
        "Permissions at the server scope can only be granted when the current database is master",
    ),
    (
        4622,
        16,
        false,
        "Permissions at the server scope can only be granted to logins",
    ),
    (
        4624,
        16,
        false,
        "Cannot grant, deny, or revoke permissions to sa, dbo, entity owner, information_schema, sys, or yourself.",
    ),
    (
        7862,
        16,
        false,
        "An endpoint of the requested type already exists. Only one endpoint of this type is supported. Use ALTER ENDPOINT or DROP the existing endpoint and execute the CREATE ENDPOINT statement.",
    ),
    (
        7863,
        16,
        false,
        "The endpoint was not changed. The ALTER ENDPOINT statement did not contain any values to modify or update.",
    ),
    (
        15006,
        16,
        false,
        "'%s' is not a valid name because it contains invalid characters.",
    ),
    (
        15007,
        16,
        false,
        "'%s' is not a valid login or you do not have permission.",
    ),
    (
        15010,
        16,
        false,
        "The database '%s' does not exist. Supply a valid database name. To see available databases, use sys.databases.",
    ),
    (
        15023,
        16,
        false,
        "User, group, or role '%s' already exists in the current database.",
    ),
    (
        15025,
        16,
        false,
        "The server principal '%s' already exists.",
    ),
    (
        15063,
        16,
        false,
        "The login already has an account under a different user name.",
    ),
    (
        15118,
        16,
        false,
        "Password validation failed. The password does not meet the operating system policy requirements because it is not complex enough.",
    ),
    (
        15138,
        16,
        false,
        "The database principal owns a %S_MSG in the database, and cannot be dropped.",
    ),
    (
        15141,
        16,
        false,
        "The server principal owns one or more %S_MSG(s) and cannot be dropped.",
    ),
    (
        15151,
        16,
        false,
        "Cannot %S_MSG the %S_MSG '%.*ls', because it does not exist or you do not have permission.",
    ),
    (
        15173,
        16,
        false,
        "Server principal '%s' has granted one or more permission(s). Revoke the permission(s) before dropping the server principal.",
    ),
    (
        15174,
        16,
        false,
        "Login '%s' owns one or more database(s). Change the owner of the database(s) before dropping the login.",
    ),
    (
        15187,
        10,
        false,
        "The %S_MSG cannot be dropped because it is used by one or more %S_MSG(s).",
    ),
    (
        15208,
        16,
        false,
        "The certificate, asymmetric key, or private key file is not valid or does not exist; or you do not have permissions for it.",
    ),
    (
        15212,
        16,
        false,
        "Invalid certificate subject. The certificate subject must have between 1 and %d characters.",
    ),
    (
        15213,
        16,
        false,
        "Warning: The certificate you created has an invalid validity period; its expiration date precedes its start date.",
    ),
    (
        15214,
        16,
        false,
        "Warning: The certificate you created is expired.",
    ),
    (
        15215,
        16,
        false,
        "Warning: The certificate you created is not yet valid; its start date is in the future.",
    ),
    (
        15232,
        16,
        false,
        "A certificate with name '%s' already exists or this certificate already has been added to the database.",
    ),
    (
        15240,
        16,
        false,
        "Cannot write into file '%s'. Verify that you have write permissions, that the file path is valid, and that the file does not already exist.",
    ),
    (
        15247,
        16,
        false,
        "User does not have permission to perform this action.",
    ),
    (
        15297,
        16,
        false,
        "The certificate, asymmetric key, or private key data is invalid.",
    ),
    (
        15352,
        16,
        false,
        "The %S_MSG cannot be dropped because one or more entities are either signed or encrypted using it.",
    ),
    (15405, 11, false, "Cannot use the special principal '%s'."),
    (
        15434,
        16,
        false,
        "Could not drop login '%s' as the user is currently logged in.",
    ),
    (
        15559,
        10,
        false,
        "Cannot drop %S_MSG '%.*ls' because there is a %S_MSG mapped to it.",
    ),
    (
        15578,
        16,
        false,
        "There is already a master key in the database. Please drop it before performing this statement.",
    ),
    (
        15581,
        16,
        false,
        "Please create a master key in the database or open the master key in the session before performing this operation.",
    ),
    (
        17892,
        14,
        false,
        "Logon failed for login '%.*ls' due to trigger execution.%.*ls",
    ),
    (18456, 14, true, "Login failed for user '%.*ls'.%.*ls%.*ls"),
    (
        28034,
        10,
        false,
        "Connection handshake failed. The login '%.*ls' does not have CONNECT permission on the endpoint. State %d.",
    ),
    (
        28035,
        10,
        false,
        "Connection handshake failed. The certificate used by the peer is invalid due to the following reason: %S_MSG. State %d.",
    ),
    (
        28036,
        10,
        false,
        "Connection handshake failed. The certificate used by this endpoint was not found: %S_MSG. Use DBCC CHECKDB in master database to verify the metadata integrity of the endpoints. State %d.",
    ),
    (
        28046,
        10,
        true,
        "%S_MSG Login succeeded for user '%.*ls'. Authentication mode: %.*ls. %.*ls",
    ),
    (
        28047,
        10,
        true,
        "%S_MSG login attempt failed with error: '%.*ls'. %.*ls",
    ),
    (
        28048,
        10,
        true,
        "%S_MSG login attempt by user '%.*ls' failed with error: '%.*ls'. %.*ls",
    ),
    (
        28055,
        16,
        false,
        "The certificate '%.*ls' is not valid for endpoint authentication. The certificate must have a private key encrypted with the database master key and current UTC date has to be between the certificate start date and the certificate expiration date.",
    ),
    (
        33016,
        16,
        false,
        "The user cannot be remapped to a login. Remapping can only be done for users that were mapped to Windows or SQL logins.",
    ),
    (
        33064,
        16,
        false,
        "Password validation failed. The password does not meet SQL Server password policy requirements because it is not complex enough. The password must be at least %d characters long and contain characters from three of the following four sets: Uppercase letters, Lowercase letters, Base 10 digits, and Symbols.",
    ),
];

pub fn messages() -> Vec<Vec<Value>> {
    let rows = MESSAGES.iter().map(|(number, severity, logged, template)| {
        vec![
            Value::Int(*number),
            Value::SmallInt(1033),
            Value::TinyInt(*severity),
            Value::Bit(*logged),
            text(*template),
        ]
    });
    rows.collect()
}
