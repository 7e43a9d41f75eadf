//! Cures: what a DBA would have to run to make a finding go away. Data only; `tsql::cure` writes the statements.
//!
//! mirrorgate never runs a cure: they change what the plan must not touch.

use super::object_name::SysName;
use super::observation::EndpointRole;

/// One remedy that T-SQL can carry out, with real names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cure {
    /// `GRANT permission TO login` at server scope.
    GrantServerPermission {
        permission: &'static str,
        login: SysName,
    },
    /// Grants a permission on database `master`, making the login's user there if it has none.
    GrantMasterPermission {
        permission: &'static str,
        login: SysName,
        user: Option<SysName>,
    },
    /// `CREATE MASTER KEY`, own certificate and endpoint: the whole outbound half, with a password to fill in.
    PrepareOutbound {
        certificate: SysName,
    },
    CreateMasterKey,
    /// `ALTER MASTER KEY ADD ENCRYPTION BY SERVICE MASTER KEY`, after opening it with its password.
    LetServerOpenMasterKey,
    /// A new own certificate and the endpoint switched to it. Peers need it first.
    RenewOwnCertificate {
        endpoint: SysName,
        certificate: SysName,
    },
    /// `ALTER ENDPOINT … (AUTHENTICATION = CERTIFICATE …)`.
    UseCertificateAuthentication {
        endpoint: SysName,
        certificate: SysName,
        /// As it is; the statement has to repeat it.
        role: EndpointRole,
    },
    StartEndpoint {
        endpoint: SysName,
    },
    /// `ALTER ENDPOINT … (ROLE = ALL)`.
    WidenEndpointRole {
        endpoint: SysName,
    },
    /// `ALTER ENDPOINT … (ENCRYPTION = REQUIRED ALGORITHM AES)`.
    RequireAes {
        endpoint: SysName,
        /// As it is; the statement has to repeat it.
        role: EndpointRole,
    },
    /// `ALTER AUTHORIZATION ON CERTIFICATE::… TO user`.
    GiveCertificateTo {
        certificate: SysName,
        user: SysName,
    },
    /// `ALTER USER … WITH LOGIN = …`.
    RelinkUser {
        user: SysName,
        login: SysName,
    },
    /// `REVOKE CONNECT ON ENDPOINT::… FROM login` takes the DENY away.
    RevokeDeny {
        endpoint: SysName,
        login: SysName,
    },
    /// `DROP CERTIFICATE`, once nothing needs it any more.
    DropCertificate {
        certificate: SysName,
    },
}
