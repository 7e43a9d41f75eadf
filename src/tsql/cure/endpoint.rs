//! Endpoints: what they authenticate and encrypt by, their role, their owner. A statement repeats what must stay.
//!
//! ALTER ENDPOINT stands in no transaction.

use super::text::{Part, no_open_transaction, run, stop_if};
use crate::domain::cure::Payload;
use crate::domain::object_name::SysName;
use crate::domain::observation::EndpointRole;
use crate::tsql::quote::{Ident, Literal};

pub(super) fn use_own(endpoint: &Payload, used: &SysName, certificate: &SysName) -> String {
    let condition = format!(
        "NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints AS e JOIN sys.certificates AS c ON c.certificate_id = e.certificate_id WHERE e.name = {} AND c.name = {})",
        Literal::from(&endpoint.endpoint),
        Literal::from(used)
    );
    format!(
        "{}\n{}",
        stop_if(
            &condition,
            "the endpoint uses another certificate by now; ask for a new dry run"
        ),
        authenticate_by(endpoint, Ident::from(certificate).to_string().into())
    )
}

/// The whole payload, so that nothing of it changes but the certificate.
pub(super) fn authenticate_by(endpoint: &Payload, certificate: Part<'_>) -> String {
    let (before, after) = match endpoint.windows {
        Some(windows) if windows.first => (
            format!("WINDOWS {} CERTIFICATE ", windows.kind),
            String::new(),
        ),
        Some(windows) => (
            "CERTIFICATE ".to_owned(),
            format!(" WINDOWS {}", windows.kind),
        ),
        None => ("CERTIFICATE ".to_owned(), String::new()),
    };
    run(&[
        format!(
            "ALTER ENDPOINT {} FOR DATABASE_MIRRORING (AUTHENTICATION = {before}",
            Ident::from(&endpoint.endpoint)
        )
        .into(),
        certificate,
        format!(
            "{after}, ENCRYPTION = {}, ROLE = {});",
            encryption(endpoint.encryption_code),
            role(endpoint.role)
        )
        .into(),
    ])
}

pub(super) fn widen_role(endpoint: &SysName) -> String {
    format!(
        "ALTER ENDPOINT {} FOR DATABASE_MIRRORING (ROLE = ALL);",
        Ident::from(endpoint)
    )
}

/// The role is repeated because a grammar that knows ALTER only as CREATE's twin asks for it.
pub(super) fn set_encryption(endpoint: &SysName, code: u8, as_it_is: EndpointRole) -> String {
    format!(
        "ALTER ENDPOINT {} FOR DATABASE_MIRRORING (ENCRYPTION = {}, ROLE = {});",
        Ident::from(endpoint),
        encryption(code),
        role(as_it_is)
    )
}

/// `encryption_algorithm` as the clause that gives it.
pub(super) fn encryption(code: u8) -> &'static str {
    match code {
        0 => "DISABLED",
        1 => "REQUIRED ALGORITHM RC4",
        3 => "SUPPORTED ALGORITHM RC4",
        4 => "SUPPORTED ALGORITHM AES",
        5 => "REQUIRED ALGORITHM RC4 AES",
        6 => "REQUIRED ALGORITHM AES RC4",
        7 => "SUPPORTED ALGORITHM RC4 AES",
        8 => "SUPPORTED ALGORITHM AES RC4",
        _ => "REQUIRED ALGORITHM AES",
    }
}

pub(super) fn role(role: EndpointRole) -> &'static str {
    match role {
        EndpointRole::Partner => "PARTNER",
        EndpointRole::Witness => "WITNESS",
        EndpointRole::None | EndpointRole::All => "ALL",
    }
}

/// A change of owner takes every permission off an endpoint, so that all of them are read first and given again with
/// it.
///
/// In one transaction; where ALTER AUTHORIZATION takes none (226, 574), right after each other.
pub(super) fn give_away(endpoint: &SysName, login: &SysName) -> String {
    let (name, ident) = (Literal::from(endpoint), Ident::from(endpoint));
    let on = format!(" ON ENDPOINT::{ident} TO ");
    let on = Literal::new(&on);
    let own_row = format!(
        "EXISTS (SELECT 1 FROM sys.server_permissions AS p JOIN sys.endpoints AS e ON e.endpoint_id = p.major_id WHERE p.class = 105 AND e.name = {name} AND p.grantee_principal_id = SUSER_ID() AND SUSER_ID() <> 1)"
    );
    let grant = format!(
        "GRANT CONNECT ON ENDPOINT::{ident} TO {};",
        Ident::from(login)
    );
    let give = format!("ALTER AUTHORIZATION ON ENDPOINT::{ident} TO ");
    [
        no_open_transaction(),
        stop_if(
            &own_row,
            "nobody can grant to himself, and the login that runs this has a permission on the endpoint; run it as another one",
        ),
        "DECLARE @do nvarchar(max), @again nvarchar(max) = N'', @key nvarchar(40) = N'';\nDECLARE @rows TABLE (k nvarchar(40), statement nvarchar(max));".to_owned(),
        format!(
            "INSERT INTO @rows SELECT RIGHT(N'000000000' + CAST(p.grantee_principal_id AS nvarchar(10)), 10) + p.type + RIGHT(N'000000000' + CAST(p.grantor_principal_id AS nvarchar(10)), 10),\n    \
             CASE p.state WHEN 'D' THEN N'DENY ' ELSE N'GRANT ' END + p.permission_name + {on} + QUOTENAME(g.name) + CASE p.state WHEN 'W' THEN N' WITH GRANT OPTION' ELSE N'' END + N'; '\n    \
             FROM sys.server_permissions AS p JOIN sys.server_principals AS g ON g.principal_id = p.grantee_principal_id JOIN sys.endpoints AS e ON e.endpoint_id = p.major_id\n    \
             WHERE p.class = 105 AND e.name = {name} AND g.principal_id <> 1;\n\
             WHILE EXISTS (SELECT 1 FROM @rows AS r WHERE r.k > @key)\nBEGIN\n    \
             SET @key = (SELECT MIN(r.k) FROM @rows AS r WHERE r.k > @key);\n    \
             SET @again = @again + (SELECT r.statement FROM @rows AS r WHERE r.k = @key);\nEND;"
        ),
        format!(
            "SET @do = {} + QUOTENAME(SUSER_NAME(1)) + N'; ' + @again + {};",
            Literal::new(&give),
            Literal::new(&grant)
        ),
        "SET XACT_ABORT OFF;\nBEGIN TRY\n    BEGIN TRANSACTION;\n    EXEC (@do);\n    COMMIT TRANSACTION;\nEND TRY\nBEGIN CATCH\n    \
         IF XACT_STATE() <> 0 ROLLBACK TRANSACTION;\n    \
         IF ERROR_NUMBER() IN (226, 574)\n        EXEC (@do);\n    ELSE\n    BEGIN\n        ;THROW;\n    END;\nEND CATCH;".to_owned(),
    ]
    .join("\n")
}
