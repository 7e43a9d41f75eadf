//! What a side checks of the other's certificate, and, on the accepting side, whom it lets in.
//!
//! Order matters: it decides which number the error log has when several things are wrong.

use super::refusal::{Refusal, Side, refuse};
use crate::engine::Engine;
use crate::engine::state::asker::Asker;
use crate::engine::state::certificate::{Certificate, Facts};
use crate::engine::state::database::Database;
use crate::engine::state::endpoint::Endpoint;
use crate::engine::state::permission::Securable;
use crate::engine::state::principal::ServerPrincipal;
use crate::engine::state::{MASTER, State};

/// What the other side shows: its certificate, and the challenge signed with its key.
pub struct Presented<'a> {
    pub facts: &'a Facts,
    pub challenge: &'a [u8],
    pub signature: &'a [u8],
}

/// The certificate that `side` holds of its peer: by issuer and serial, then bytes, dates by its own clock, signature.
///
/// # Errors
/// 28035, 28045, 28038, found by `side`.
pub fn known_peer<'a>(
    at: &Engine,
    state: &'a State,
    side: Side,
    presented: &Presented<'_>,
) -> Result<(&'a Database, &'a Certificate), Refusal> {
    let invalid = |reason: &str| {
        format!(
            "Connection handshake failed. The certificate used by the peer is invalid due to the following reason: {reason}. State 89."
        )
    };
    let peer = presented.facts;
    let Some(master) = state.databases.get(&MASTER) else {
        return refuse(side, 28035, invalid("Certificate not found"));
    };
    let mut same_name = master
        .certificates
        .values()
        .filter(|c| c.facts.issuer_raw == peer.issuer_raw && c.facts.serial == peer.serial);
    let Some(first) = same_name.next() else {
        return refuse(side, 28035, invalid("Certificate not found"));
    };
    let others = same_name.take_while(|_| !at.switches().twin_of_peer_refused);
    let exact = std::iter::once(first)
        .chain(others)
        .find(|c| c.facts.der == peer.der);
    let Some(known) = exact else {
        return refuse(
            side,
            28045,
            "Connection handshake failed. The certificate used by the peer does not match the one in MASTER database with same issuer name and serial number. State 90.",
        );
    };
    let now = at.now();
    if now < known.facts.start {
        return refuse(side, 28035, invalid("Certificate not yet valid"));
    }
    if now > known.facts.expiry {
        return refuse(side, 28035, invalid("Certificate expired"));
    }
    if !known
        .facts
        .verifies(presented.challenge, presented.signature)
    {
        return refuse(
            side,
            28038,
            "Connection handshake failed. The handshake verification failed. State 91.",
        );
    }
    Ok((master, known))
}

/// Owner of the certificate, login of the owner, CONNECT of the login. A certificate owned by dbo lets its holder in as sa
/// (or whoever else owns master).
///
/// # Errors
/// 28034, found by the acceptor.
pub fn authorise(
    at: &Engine,
    state: &State,
    master: &Database,
    endpoint: &Endpoint,
    known: &Certificate,
) -> Result<(String, i32), Refusal> {
    let owner = master.principals.get(&known.owner);
    let sid = owner.and_then(|o| o.sid.as_deref());
    let login = sid
        .and_then(|sid| state.principal_by_sid(sid))
        .filter(|p| p.is_login());
    let shown = login
        .map(|l| l.name.clone())
        .or_else(|| owner.map(|o| o.name.clone()));
    let denied = |login: Option<String>| {
        let name = login.clone().unwrap_or_default();
        Err(Refusal {
            number: 28034,
            text: format!(
                "Connection handshake failed. The login '{name}' does not have CONNECT permission on the endpoint. State 84."
            ),
            side: Side::Acceptor,
            login,
        })
    };
    let Some(login) = login else {
        return denied(shown);
    };
    if !may_connect(at, state, endpoint, login) {
        return denied(shown);
    }
    Ok((login.name.clone(), known.id))
}

/// The login's effective CONNECT: its own rows, those of its server roles and of public, and of what covers CONNECT; any DENY
/// among them wins, but not over sysadmin.
fn may_connect(at: &Engine, state: &State, endpoint: &Endpoint, login: &ServerPrincipal) -> bool {
    let switches = at.switches();
    let asker = Asker {
        state,
        login: login.id,
    };
    if login.disabled && !switches.disabled_login_passes {
        return false;
    }
    if !switches.without_connect_sql_passes && !asker.may(Securable::Server, "CONNECT SQL") {
        return false;
    }
    let owns = endpoint.owner == login.id && !switches.denied_owner_is_refused;
    owns || asker.may(Securable::Endpoint(endpoint.id), "CONNECT")
}
