//! One endpoint dialling another: the checks of both sides in their order, with the number and text each logs.
//!
//! Neither side's state is changed here but for connections and logs; no two instances are locked at once.

use std::sync::Arc;

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::refusal::{Refusal, Side, log_refusal, refuse};
use super::transport::Connection;
use super::verify::{Presented, authorise, known_peer};
use crate::engine::Engine;
use crate::engine::lang::ast::{EndpointRole, EndpointState};
use crate::engine::state::certificate::{Certificate, KeyProtection};
use crate::engine::state::endpoint::Mirroring;
use crate::engine::state::{MASTER, State};

/// What an accepted handshake established.
struct Admission {
    principal: String,
    certificate: i32,
    /// The acceptor's certificate in the dialler's master, where it looked for it.
    acceptors: Option<i32>,
    algorithm: String,
}

/// What the dialler needs of the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Partner,
    /// The other end is to be the witness.
    ToWitness,
    /// The dialler is the witness.
    AsWitness,
    /// Whatever it is: roles are not looked at.
    Any,
}

/// How far a handshake is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Until the acceptor lets the dialler in.
    Inbound,
    /// Until the dialler has looked at the acceptor's certificate too.
    Both,
}

/// Checks whether the acceptor `to` lets `from` in now, not whether `from` then takes `to`; logs on both sides, keeps no connection.
///
/// # Errors
/// The first reason why not.
pub fn probe(from: &Arc<Engine>, to: &Arc<Engine>, purpose: Purpose) -> Result<(), Refusal> {
    attempt(from, to, purpose, Scope::Inbound).map(|_| ())
}

/// Dials, and keeps the connection on both sides when it is accepted. A live connection in the same direction is used again.
///
/// # Errors
/// As [`probe`].
pub fn dial(from: &Arc<Engine>, to: &Arc<Engine>, purpose: Purpose) -> Result<(), Refusal> {
    let live = from
        .transport()
        .connections
        .iter()
        .any(|c| c.peer == to.number && !c.is_accept);
    if live {
        return Ok(());
    }
    let admission = attempt(from, to, purpose, Scope::Both)?;
    let (stream, arbitration) = (Uuid::new_v4(), Uuid::new_v4());
    let end = |is_accept: bool, peer: usize, at: NaiveDateTime| Connection {
        stream,
        id: Uuid::new_v4(),
        is_accept,
        peer,
        connected: at,
        principal: is_accept.then(|| admission.principal.clone()),
        peer_certificate: if is_accept {
            Some(admission.certificate)
        } else {
            let shown = from.switches().dialler_shows_peer_certificate;
            admission.acceptors.filter(|_| shown)
        },
        algorithm: admission.algorithm.clone(),
        arbitration,
    };
    from.transport()
        .connections
        .push(end(false, to.number, from.now()));
    to.transport()
        .connections
        .push(end(true, from.number, to.now()));
    Ok(())
}

fn attempt(
    from: &Arc<Engine>,
    to: &Arc<Engine>,
    purpose: Purpose,
    scope: Scope,
) -> Result<Admission, Refusal> {
    let (mine, theirs) = (from.committed(), to.committed());
    let result = check((from, &mine), (to, &theirs), purpose, scope);
    match &result {
        Ok(admission) => {
            let text = format!(
                "Database Mirroring Login succeeded for user '{}'. Authentication mode: CERTIFICATE. [CLIENT: {}]",
                admission.principal,
                from.machine_name(),
            );
            to.log(28046, "Logon", text);
        }
        Err(refusal) => log_refusal(from, to, refusal),
    }
    result
}

fn check(
    (from, mine): (&Engine, &State),
    (to, theirs): (&Engine, &State),
    purpose: Purpose,
    scope: Scope,
) -> Result<Admission, Refusal> {
    let out = own_endpoint(from, mine)?;
    let Some((accepting, into)) = to.listening(theirs) else {
        return refuse(
            Side::Dialler,
            0,
            "The connection was refused: nobody listens there",
        );
    };
    if accepting.state == EndpointState::Stopped {
        return refuse(
            Side::Acceptor,
            28080,
            "Connection handshake failed. The Database Mirroring endpoint is not configured. State 38.",
        );
    }
    roles((from, out.role), (to, into.role), purpose)?;
    authentication(out, into)?;
    let own = own_certificate(from, mine, out)?;
    let shown = own_certificate(to, theirs, into).map_err(|r| Refusal {
        side: Side::Acceptor,
        ..r
    })?;
    let Some(algorithm) = out.agree(into, to.switches().supported_falls_back_to_none) else {
        return refuse(
            Side::Acceptor,
            28027,
            "Connection handshake failed. There is no compatible encryption algorithm. State 22.",
        );
    };
    let challenge = Uuid::new_v4();
    let signature = signed(own, challenge, Side::Dialler)?;
    let presented = Presented {
        facts: &own.facts,
        challenge: challenge.as_bytes(),
        signature: &signature,
    };
    let (master, known) = known_peer(to, theirs, Side::Acceptor, &presented)?;
    let (principal, certificate) = authorise(to, theirs, master, accepting, known)?;
    let mut acceptors = None;
    if scope == Scope::Both {
        let signature = signed(shown, challenge, Side::Acceptor)?;
        let presented = Presented {
            facts: &shown.facts,
            challenge: challenge.as_bytes(),
            signature: &signature,
        };
        acceptors = match known_peer(from, mine, Side::Dialler, &presented) {
            Ok((_, known)) => Some(known.id),
            Err(_) if from.switches().dialler_skips_peer_certificate => None,
            Err(refusal) => return Err(refusal),
        };
    }
    Ok(Admission {
        principal,
        certificate,
        acceptors,
        algorithm,
    })
}

/// The challenge signed with a certificate's key: the proof that whoever shows the certificate has its key.
fn signed(own: &Certificate, challenge: Uuid, side: Side) -> Result<Vec<u8>, Refusal> {
    let key = own.private_key.as_ref();
    match key.and_then(|k| k.sign(challenge.as_bytes())) {
        Some(signature) => Ok(signature),
        None => refuse(
            side,
            28037,
            "Connection handshake failed. Error 15581 occurred while initializing the private key corresponding to the certificate. The SQL Server errorlog and the operating system error log may contain entries related to this error. State 88.",
        ),
    }
}

fn own_endpoint<'a>(from: &Engine, mine: &'a State) -> Result<&'a Mirroring, Refusal> {
    match from.listening(mine) {
        Some((endpoint, mirroring)) if endpoint.state == EndpointState::Started => Ok(mirroring),
        _ => refuse(
            Side::Dialler,
            28080,
            "Connection handshake failed. The Database Mirroring endpoint is not configured. State 36.",
        ),
    }
}

fn roles(
    (from, out): (&Engine, EndpointRole),
    (to, into): (&Engine, EndpointRole),
    purpose: Purpose,
) -> Result<(), Refusal> {
    let (mine, theirs) = match purpose {
        Purpose::Partner => (EndpointRole::Partner, EndpointRole::Partner),
        Purpose::ToWitness => (EndpointRole::Partner, EndpointRole::Witness),
        Purpose::AsWitness => (EndpointRole::Witness, EndpointRole::Partner),
        Purpose::Any => return Ok(()),
    };
    let fits = |has: EndpointRole, wants: EndpointRole| has == EndpointRole::All || has == wants;
    if !fits(out, mine) {
        return unfit(from, Side::Dialler);
    }
    if !fits(into, theirs) {
        return unfit(to, Side::Acceptor);
    }
    Ok(())
}

fn unfit(at: &Engine, side: Side) -> Result<(), Refusal> {
    if at.switches().role_refused_as_28080 {
        return refuse(
            side,
            28080,
            "Connection handshake failed. The Database Mirroring endpoint is not configured. State 36.",
        );
    }
    let whose = match side {
        Side::Dialler => "local ",
        Side::Acceptor => "",
    };
    refuse(
        side,
        9763,
        format!("The ROLE of the {whose}endpoint does not allow this connection"),
    )
}

fn authentication(out: &Mirroring, into: &Mirroring) -> Result<(), Refusal> {
    if out.certificate != 0 && into.certificate != 0 {
        return Ok(());
    }
    refuse(
        Side::Acceptor,
        28027,
        "Connection handshake failed. There is no compatible authentication protocol. State 21.",
    )
}

/// The endpoint's certificate, with its key open and its dates good by its own clock.
fn own_certificate<'a>(
    at: &Engine,
    state: &'a State,
    mirroring: &Mirroring,
) -> Result<&'a Certificate, Refusal> {
    let master = state.databases.get(&MASTER);
    let found = master.and_then(|m| m.certificates.get(&mirroring.certificate).map(|c| (m, c)));
    let missing = |reason: &str| {
        format!(
            "Connection handshake failed. The certificate used by this endpoint was not found: {reason}. Use DBCC CHECKDB in master database to verify the metadata integrity of the endpoints. State 85."
        )
    };
    let Some((master, certificate)) = found else {
        return refuse(Side::Dialler, 28036, missing("Certificate not found"));
    };
    let now = at.now();
    if now < certificate.facts.start {
        return refuse(Side::Dialler, 28036, missing("Certificate not yet valid"));
    }
    if now > certificate.facts.expiry {
        return refuse(Side::Dialler, 28036, missing("Certificate expired"));
    }
    let opened = master.master_key.as_ref().is_some_and(|k| k.by_service_key);
    let usable = certificate
        .private_key
        .as_ref()
        .is_some_and(|k| k.protection == KeyProtection::MasterKey);
    if !(opened && usable) {
        return refuse(
            Side::Dialler,
            28037,
            "Connection handshake failed. Error 15581 occurred while initializing the private key corresponding to the certificate. The SQL Server errorlog and the operating system error log may contain entries related to this error. State 88.",
        );
    }
    Ok(certificate)
}
