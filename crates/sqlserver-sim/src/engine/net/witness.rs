//! The witness of a mirroring session: coming and going.

use std::sync::Arc;

use super::handshake::{Purpose, dial};
use super::partner::{principal_session, resolve};
use super::transport::{MirrorState, Witnessed};
use crate::engine::Engine;
use crate::engine::errors::{Outcome, Raise};
use crate::engine::state::database::Database;

fn not_sent(address: &str) -> Raise {
    Raise::new(
        1456,
        16,
        format!(
            "The ALTER DATABASE command could not be sent to the remote server instance '{address}'. The database mirroring configuration was not changed. Verify that the server is connected, and try again."
        ),
    )
}

fn apart() -> Raise {
    Raise::new(
        1426,
        16,
        "To issue ALTER DATABASE SET WITNESS, all three server instances must be interconnected, and the mirror database must be caught up. When these conditions are met, reissue the command.",
    )
}

/// SET WITNESS: all three must be able to dial one another.
///
/// # Errors
/// 1426, 1429, 1456.
pub fn set_witness(here: &Arc<Engine>, database: &Database, address: &str) -> Outcome<()> {
    let mine = principal_session(here, database)?;
    if mine.state != MirrorState::Synchronized {
        return Err(apart());
    }
    let witness = resolve(here, address).map_err(|raise| match raise.last().number {
        1418 => not_sent(address),
        _ => raise,
    })?;
    let partner = resolve(here, &mine.partner).map_err(|_| apart())?;
    if witness.number == partner.number {
        return Err(Raise::new(
            1429,
            16,
            format!(
                "The witness server instance name must be distinct from both of the server instances that manage the database. The ALTER DATABASE SET WITNESS command failed. ('{address}')"
            ),
        ));
    }
    dial(here, &witness, Purpose::ToWitness).map_err(|_| not_sent(address))?;
    let back = partner.partner_address(&database.name).unwrap_or_default();
    let all = dial(&witness, here, Purpose::AsWitness)
        .and_then(|()| dial(&partner, &witness, Purpose::ToWitness))
        .and_then(|()| dial(&witness, &partner, Purpose::AsWitness));
    if all.is_err() {
        return Err(apart());
    }
    for (side, name) in [
        (here, database.id),
        (&partner, partner.database_id(&database.name)),
    ] {
        if let Some(mirror) = side.transport().mirrors.get_mut(&name) {
            mirror.witness = Some(address.to_owned());
            mirror.witness_connected = true;
        }
    }
    let mut transport = witness.transport();
    transport.witnessed.retain(|w| w.guid != mine.guid);
    transport.witnessed.push(Witnessed {
        guid: mine.guid,
        family: database.family,
        database: database.name.clone(),
        principal: back,
        mirror: mine.partner,
        safety_full: mine.safety_full,
    });
    Ok(())
}

/// SET WITNESS OFF.
///
/// # Errors
/// 1439 when there is none.
pub fn witness_off(here: &Arc<Engine>, database: &Database) -> Outcome<()> {
    let mine = principal_session(here, database)?;
    if mine.witness.is_none() {
        return Err(Raise::new(
            1439,
            16,
            format!(
                "There is currently no witness associated with the database \"{}\".",
                database.name
            ),
        ));
    }
    for side in here.peers().into_iter().chain([Arc::clone(here)]) {
        let id = side.database_id(&database.name);
        let mut transport = side.transport();
        if let Some(mirror) = transport
            .mirrors
            .get_mut(&id)
            .filter(|m| m.guid == mine.guid)
        {
            mirror.witness = None;
            mirror.witness_connected = false;
        }
        transport.witnessed.retain(|w| w.guid != mine.guid);
    }
    Ok(())
}
