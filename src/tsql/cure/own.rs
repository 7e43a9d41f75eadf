//! An instance's outbound half: master key, own certificate, endpoint. Passwords and dates are made on the server.

use super::endpoint::{self, authenticate_by};
use super::text::{Part, free_name, no_open_transaction};
use crate::domain::cure::{NewCertificate, OwnCertificate, Payload};
use crate::domain::object_name::SysName;
use crate::domain::observation::EndpointRole;
use crate::tsql::action::password;
use crate::tsql::quote::{Ident, Literal};

/// Nobody knows the password: the server opens the key by itself, and a certificate whose key is lost is answered by
/// a new one.
pub(super) fn create_master_key() -> String {
    format!("DECLARE @do nvarchar(max);\n{}", master_key())
}

fn master_key() -> String {
    let (fixed, random) = password("");
    format!(
        "IF NOT EXISTS (SELECT 1 FROM sys.symmetric_keys WHERE name = N'##MS_DatabaseMasterKey##')\nBEGIN\n    \
         SET @do = N'CREATE MASTER KEY ENCRYPTION BY PASSWORD = N''{fixed}' + {random} + N''';';\n    EXEC (@do);\nEND;"
    )
}

/// Makes it and answers with its name and its bytes, for the upload.
pub(super) fn make_and_show(new: &NewCertificate) -> String {
    [
        declared(),
        master_key(),
        make(new),
        "SELECT name AS certificate, CERTENCODED(certificate_id) AS der FROM sys.certificates WHERE name = @certificate;".to_owned(),
    ]
    .join("\n")
}

fn declared() -> String {
    "DECLARE @certificate sysname, @endpoint sysname, @port int, @n int, @do nvarchar(max);"
        .to_owned()
}

/// CREATE CERTIFICATE takes literals only, so that the statement is built where the clock is.
fn make(new: &NewCertificate) -> String {
    let subject = format!(
        " WITH SUBJECT = {}, START_DATE = N'",
        Literal::new(&new.subject)
    );
    let day =
        |days: i64| format!("CONVERT(nvarchar(8), DATEADD(day, {days}, SYSUTCDATETIME()), 112)");
    format!(
        "{}\nSET @do = N'CREATE CERTIFICATE ' + QUOTENAME(@certificate) + {} + {} + N''', EXPIRY_DATE = N''' + {} + N''';';\nEXEC (@do);",
        free_name("@certificate", &new.name, "sys.certificates"),
        Literal::new(&subject),
        day(-i64::from(new.days_before)),
        day(i64::from(new.days_after)),
    )
}

/// Sets `@certificate`.
fn choose(certificate: &OwnCertificate) -> String {
    match certificate {
        OwnCertificate::Existing(name) => set_to(name),
        OwnCertificate::New(new) => make(new),
    }
}

fn set_to(name: &SysName) -> String {
    format!("SET @certificate = {};", Literal::from(name))
}

pub(super) fn prepare_outbound(
    certificate: &OwnCertificate,
    port: u16,
    role: EndpointRole,
) -> String {
    let payload = format!(
        ", ENCRYPTION = REQUIRED ALGORITHM AES, ROLE = {});",
        endpoint::role(role)
    );
    [
        no_open_transaction(),
        declared(),
        master_key(),
        choose(certificate),
        "SET @endpoint = N'Endpoint_Mirroring';\nSET @n = 1;\nWHILE EXISTS (SELECT 1 FROM sys.endpoints WHERE name = @endpoint)\nBEGIN\n    SET @n = @n + 1;\n    SET @endpoint = N'Endpoint_Mirroring_' + CAST(@n AS nvarchar(10));\nEND;".to_owned(),
        format!("SET @port = {port};\nWHILE EXISTS (SELECT 1 FROM sys.tcp_endpoints WHERE port = @port)\n    SET @port = @port + 1;"),
        format!(
            "SET @do = N'CREATE ENDPOINT ' + QUOTENAME(@endpoint) + N' STATE = STARTED AS TCP (LISTENER_PORT = ' + CAST(@port AS nvarchar(10)) + N', LISTENER_IP = ALL) FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE ' + QUOTENAME(@certificate) + {};\nEXEC (@do);",
            Literal::new(&payload)
        ),
    ]
    .join("\n")
}

/// Windows authentication stays as it is, so that sessions which authenticate that way live on.
pub(super) fn authenticate(endpoint: &Payload, certificate: &OwnCertificate) -> String {
    match certificate {
        OwnCertificate::Existing(name) => {
            authenticate_by(endpoint, Ident::from(name).to_string().into())
        }
        OwnCertificate::New(new) => [
            no_open_transaction(),
            declared(),
            master_key(),
            make(new),
            authenticate_by(endpoint, Part::Name("@certificate")),
        ]
        .join("\n"),
    }
}
