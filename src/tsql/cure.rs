//! Cures as T-SQL with real names, for people to read and run. mirrorgate never runs one.
//!
//! What only a person can know stands as `<…>` inside a literal.

use super::quote::{Comment, Ident, Literal};
use crate::domain::cure::Cure;
use crate::domain::finding::Finding;
use crate::domain::object_name::SysName;
use crate::domain::observation::EndpointRole;
use crate::domain::plan::Plan;

/// Writes `remedy_tsql` into every finding that has a cure.
pub fn fill_in(plan: &mut Plan) {
    fill_in_findings(&mut plan.findings);
}

/// The same for findings that stand outside a plan.
pub fn fill_in_findings(findings: &mut [Finding]) {
    for finding in findings {
        finding.remedy_tsql = finding.cure.as_ref().map(statement);
    }
}

/// The statements of one cure, to be run in `master` on the finding's instance.
#[must_use]
pub fn statement(cure: &Cure) -> String {
    match cure {
        Cure::GrantServerPermission { permission, login } => {
            format!("GRANT {permission} TO {};", Ident::from(login))
        }
        Cure::GrantMasterPermission {
            permission,
            login,
            user,
        } => grant_in_master(permission, login, user.as_ref()),
        Cure::PrepareOutbound { certificate } => prepare_outbound(certificate),
        Cure::CreateMasterKey => create_master_key(),
        Cure::LetServerOpenMasterKey => [
            "OPEN MASTER KEY DECRYPTION BY PASSWORD = N'<password of the master key>';",
            "ALTER MASTER KEY ADD ENCRYPTION BY SERVICE MASTER KEY;",
            "CLOSE MASTER KEY;",
        ]
        .join("\n"),
        Cure::RenewOwnCertificate {
            endpoint,
            certificate,
        } => renew_own(endpoint, certificate),
        Cure::UseCertificateAuthentication {
            endpoint,
            certificate,
            role,
        } => use_certificates(endpoint, certificate, *role),
        Cure::StartEndpoint { endpoint } => {
            format!("ALTER ENDPOINT {} STATE = STARTED;", Ident::from(endpoint))
        }
        Cure::WidenEndpointRole { endpoint } => format!(
            "ALTER ENDPOINT {} FOR DATABASE_MIRRORING (ROLE = ALL);",
            Ident::from(endpoint)
        ),
        Cure::RequireAes { endpoint, role } => {
            alter_mirroring(endpoint, "ENCRYPTION = REQUIRED ALGORITHM AES", *role)
        }
        Cure::GiveCertificateTo { certificate, user } => format!(
            "ALTER AUTHORIZATION ON CERTIFICATE::{} TO {};",
            Ident::from(certificate),
            Ident::from(user)
        ),
        Cure::RelinkUser { user, login } => format!(
            "ALTER USER {} WITH LOGIN = {};",
            Ident::from(user),
            Ident::from(login)
        ),
        Cure::RevokeDeny { endpoint, login } => format!(
            "REVOKE CONNECT ON ENDPOINT::{} FROM {};",
            Ident::from(endpoint),
            Ident::from(login)
        ),
        Cure::DropCertificate { certificate } => {
            format!("DROP CERTIFICATE {};", Ident::from(certificate))
        }
    }
}

fn grant_in_master(permission: &str, login: &SysName, user: Option<&SysName>) -> String {
    let grantee = Ident::from(user.unwrap_or(login));
    let grant = format!("GRANT {permission} ON DATABASE::master TO {grantee};");
    if user.is_some() {
        return grant;
    }
    format!(
        "{}\nIF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE sid = SUSER_SID({}))\n    CREATE USER {grantee} FOR LOGIN {grantee};\n{grant}",
        Comment::new("if the login has a user of another name in master, grant to that user"),
        Literal::from(login),
    )
}

fn create_master_key() -> String {
    "IF NOT EXISTS (SELECT 1 FROM sys.symmetric_keys WHERE name = N'##MS_DatabaseMasterKey##')\n    \
     CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'<a strong password, kept safe>';"
        .to_owned()
}

/// A start in the past: a certificate that begins now is not yet valid for a peer whose clock is behind.
fn make_own(certificate: &SysName) -> String {
    format!(
        "IF NOT EXISTS (SELECT 1 FROM sys.certificates WHERE name = {})\n    \
         CREATE CERTIFICATE {} WITH SUBJECT = N'<subject, for example the host name>', START_DATE = N'<yesterday, as 20250131>', EXPIRY_DATE = N'<as 20350131>';",
        Literal::from(certificate),
        Ident::from(certificate)
    )
}

fn prepare_outbound(certificate: &SysName) -> String {
    format!(
        "{}\n{}\n\
         CREATE ENDPOINT [Endpoint_Mirroring] STATE = STARTED\n    \
         AS TCP (LISTENER_PORT = 5022, LISTENER_IP = ALL)\n    \
         FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE {}, ENCRYPTION = REQUIRED ALGORITHM AES, ROLE = ALL);",
        create_master_key(),
        make_own(certificate),
        Ident::from(certificate)
    )
}

fn renew_own(endpoint: &SysName, certificate: &SysName) -> String {
    format!(
        "{}\n{}\n{}\n{}",
        make_own(certificate),
        Comment::new(
            "distribute it first: upload it as purpose=next and configure the peers; read it with"
        ),
        format_args!(
            "SELECT CERTENCODED(certificate_id) AS der FROM sys.certificates WHERE name = {};",
            Literal::from(certificate)
        ),
        Comment::new(&format!(
            "when all peers hold it: ALTER ENDPOINT {} FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE {});",
            Ident::from(endpoint),
            Ident::from(certificate)
        )),
    )
}

fn use_certificates(endpoint: &SysName, certificate: &SysName, role: EndpointRole) -> String {
    format!(
        "{}\n{}\n{}\n{}",
        create_master_key(),
        make_own(certificate),
        Comment::new("Windows first, so that sessions which authenticate that way live on"),
        alter_mirroring(
            endpoint,
            &format!(
                "AUTHENTICATION = WINDOWS NEGOTIATE CERTIFICATE {}",
                Ident::from(certificate)
            ),
            role
        )
    )
}

/// The role is repeated because a grammar that knows ALTER only as CREATE's twin asks for it.
fn alter_mirroring(endpoint: &SysName, option: &str, role: EndpointRole) -> String {
    let role = match role {
        EndpointRole::Partner => "PARTNER",
        EndpointRole::Witness => "WITNESS",
        EndpointRole::None | EndpointRole::All => "ALL",
    };
    format!(
        "ALTER ENDPOINT {} FOR DATABASE_MIRRORING ({option}, ROLE = {role});",
        Ident::from(endpoint)
    )
}
