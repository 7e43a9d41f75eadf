//! Cures as T-SQL with real names, for people to read and run. mirrorgate never runs one.
//!
//! Each is complete: nothing in it is to be filled in. What only the server knows (a free name, a date, a permission's
//! grantor) it is asked when the text runs. One subject a file.

mod chain;
mod endpoint;
mod own;
mod permission;
mod text;

use super::client_safe;
use crate::domain::cure::Cure;
use crate::domain::finding::Finding;
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

/// The statements of one cure, to be run in `master` on the finding's instance, as a batch of its own, by whatever
/// tool.
#[must_use]
pub fn statement(cure: &Cure) -> String {
    client_safe::whole(written(cure))
}

fn written(cure: &Cure) -> String {
    use super::quote::Ident;
    match cure {
        Cure::GrantServerPermission { permission, login } => {
            format!("GRANT {permission} TO {};", Ident::from(login))
        }
        Cure::GrantMasterPermission { permission, login } => {
            permission::grant_in_master(permission, login)
        }
        Cure::RevokeOwnDenies { denies } => permission::revoke_own(denies),
        Cure::RevokeDeny {
            permission,
            endpoint,
            grantee,
        } => permission::revoke(permission, endpoint.as_ref(), grantee),
        Cure::EnableLogin { login } => format!("ALTER LOGIN {} ENABLE;", Ident::from(login)),
        Cure::GrantConnect { endpoint, login } => format!(
            "GRANT CONNECT ON ENDPOINT::{} TO {};",
            Ident::from(endpoint),
            Ident::from(login)
        ),
        Cure::CreateMasterKey => own::create_master_key(),
        Cure::MakeOwnCertificate(new) => own::make_and_show(new),
        Cure::PrepareOutbound {
            certificate,
            port,
            role,
        } => own::prepare_outbound(certificate, *port, *role),
        Cure::UseOwnCertificate {
            endpoint,
            used,
            certificate,
        } => endpoint::use_own(endpoint, used, certificate),
        Cure::UseCertificateAuthentication {
            endpoint,
            certificate,
        } => own::authenticate(endpoint, certificate),
        Cure::StartEndpoint { endpoint } => {
            format!("ALTER ENDPOINT {} STATE = STARTED;", Ident::from(endpoint))
        }
        Cure::WidenEndpointRole { endpoint } => endpoint::widen_role(endpoint),
        Cure::SetEncryption {
            endpoint,
            code,
            role,
        } => endpoint::set_encryption(endpoint, *code, *role),
        Cure::GiveEndpointAway { endpoint, login } => endpoint::give_away(endpoint, login),
        Cure::MakeChain(chain) => chain::make(chain),
        Cure::RelinkUser { user, login } => format!(
            "ALTER USER {} WITH LOGIN = {};",
            Ident::from(user),
            Ident::from(login)
        ),
        Cure::DropCertificate { certificate } => {
            format!("DROP CERTIFICATE {};", Ident::from(certificate))
        }
    }
}
