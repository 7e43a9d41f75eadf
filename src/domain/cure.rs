//! Cures: what a DBA would have to run to make a finding go away. Data only; `tsql::cure` writes the statements.
//!
//! mirrorgate never runs a cure: they change what the plan must not touch. None costs anybody an accepted handshake, and
//! none needs anything filled in.

use super::object_name::{ObjectName, SysName};
use super::observation::EndpointRole;
use super::own_deny::OwnDeny;

/// One remedy that T-SQL can carry out, with real names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cure {
    /// `GRANT permission TO login` at server scope.
    GrantServerPermission {
        permission: &'static str,
        login: SysName,
    },
    /// Grants a permission on database `master` to the login's user there, making that user if it has none.
    GrantMasterPermission {
        permission: &'static str,
        login: SysName,
    },
    /// Takes the DENYs away that hold for mirrorgate's log-in, from whom they are on.
    RevokeOwnDenies {
        denies: Vec<OwnDeny>,
    },
    /// Master key, own certificate and endpoint: the whole outbound half.
    PrepareOutbound {
        certificate: OwnCertificate,
        /// The first port to try.
        port: u16,
        role: EndpointRole,
    },
    /// `CREATE MASTER KEY`, with a password made on the server.
    CreateMasterKey,
    /// A new own certificate under a free name; answers with its name and bytes. Peers need it before it is used.
    MakeOwnCertificate(NewCertificate),
    /// The endpoint switched to an own certificate that its peers hold, while it still uses the one found.
    UseOwnCertificate {
        endpoint: Payload,
        used: SysName,
        certificate: SysName,
    },
    /// A certificate among the endpoint's authentication methods, the Windows ones first and as they are.
    UseCertificateAuthentication {
        endpoint: Payload,
        certificate: OwnCertificate,
    },
    StartEndpoint {
        endpoint: SysName,
    },
    /// `ALTER ENDPOINT … (ROLE = ALL)`.
    WidenEndpointRole {
        endpoint: SysName,
    },
    /// `ALTER ENDPOINT … (ENCRYPTION = …)`.
    SetEncryption {
        endpoint: SysName,
        /// As `encryption_algorithm` numbers it.
        code: u8,
        /// As it is; the statement has to repeat it.
        role: EndpointRole,
    },
    /// A chain made, completed, or brought under another owner.
    MakeChain(Box<ChainCure>),
    /// `ALTER USER … WITH LOGIN = …`.
    RelinkUser {
        user: SysName,
        login: SysName,
    },
    /// `REVOKE CONNECT ON ENDPOINT::… FROM grantee` takes the DENY away, whoever gave it.
    RevokeDeny {
        permission: &'static str,
        /// `None`: at server scope.
        endpoint: Option<SysName>,
        grantee: SysName,
    },
    EnableLogin {
        login: SysName,
    },
    GrantConnect {
        endpoint: SysName,
        login: SysName,
    },
    /// The endpoint given to sa, every permission on it restated, and CONNECT granted to the former owner.
    GiveEndpointAway {
        endpoint: SysName,
        login: SysName,
    },
    /// `DROP CERTIFICATE`, once nothing needs it any more.
    DropCertificate {
        certificate: SysName,
    },
}

/// The certificate an endpoint shall use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnCertificate {
    /// It is there, with its key, and valid.
    Existing(SysName),
    New(NewCertificate),
}

/// An own certificate still to be made. Its dates are the server's, when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCertificate {
    /// Taken if it is free; else the first free one of this name with a number behind it.
    pub name: ObjectName,
    pub subject: String,
    /// It starts this long before, so that it is valid for peers whose clocks are behind.
    pub days_before: u32,
    /// It ends this long after.
    pub days_after: u32,
}

/// What an endpoint's `FOR DATABASE_MIRRORING (…)` says, and a statement has to repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    pub endpoint: SysName,
    /// Windows authentication beside the certificate.
    pub windows: Option<Windows>,
    pub encryption_code: u8,
    pub role: EndpointRole,
}

/// `WINDOWS …`, and whether it is tried before the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// `NTLM`, `KERBEROS` or `NEGOTIATE`.
    pub kind: &'static str,
    pub first: bool,
}

impl Windows {
    /// Reads `connection_auth_desc`, as in `NEGOTIATE, CERTIFICATE`.
    #[must_use]
    pub fn parse(authentication: &str) -> Option<Self> {
        let kind = ["NTLM", "KERBEROS", "NEGOTIATE"]
            .into_iter()
            .find(|kind| authentication.contains(kind))?;
        Some(Self {
            kind,
            first: authentication.trim_start().starts_with(kind),
        })
    }
}

/// Steps to a chain, in their order: login, user, CONNECT, and the certificate last, so that nobody is refused in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainCure {
    pub login: LoginPart,
    pub user: UserPart,
    /// Where CONNECT is granted to the login.
    pub endpoint: Option<SysName>,
    pub certificate: CertificatePart,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginPart {
    Existing(SysName),
    /// Under this name, or the first free one with a number behind it.
    New(ObjectName),
    /// The login that a user has lost.
    WithSid {
        name: ObjectName,
        sid: Vec<u8>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserPart {
    Existing(SysName),
    /// Under this name, or the first free one with a number behind it.
    New(ObjectName),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificatePart {
    /// Nothing yet: what follows is the plan's.
    None,
    /// It is there; while it is still `from`'s.
    Give { certificate: SysName, from: SysName },
    /// Under this name, or the first free one with a number behind it.
    Import { name: ObjectName, der: Vec<u8> },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_authentication_is_repeated_as_it_is() {
        let of = |text| Windows::parse(text).map(|w| (w.kind, w.first));
        assert_eq!(of("NEGOTIATE, CERTIFICATE"), Some(("NEGOTIATE", true)));
        assert_eq!(of("CERTIFICATE, KERBEROS"), Some(("KERBEROS", false)));
        assert_eq!(of("NTLM"), Some(("NTLM", true)));
        assert_eq!(of("CERTIFICATE"), None);
    }
}
