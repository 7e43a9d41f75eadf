//! ALTER DATABASE on a mirroring session: what is changed about it once it is there.

use std::sync::Arc;

use super::partner::{not_configured, principal_session, resolve, set_partner};
use super::transport::{Mirror, MirrorState};
use super::witness::{set_witness, witness_off};
use crate::engine::Engine;
use crate::engine::errors::{Outcome, Raise};
use crate::engine::lang::ast::AlterDatabase;
use crate::engine::state::database::Database;

/// Carries out a mirroring option on `database` of `here`.
///
/// # Errors
/// 1416, 1418, 1456 and their siblings.
pub fn alter(here: &Arc<Engine>, database: &Database, change: &AlterDatabase) -> Outcome<()> {
    match change {
        AlterDatabase::SetPartner(address) => set_partner(here, database, address),
        AlterDatabase::SetWitness(address) => set_witness(here, database, address),
        AlterDatabase::PartnerOff => partner_off(here, database),
        AlterDatabase::WitnessOff => witness_off(here, database),
        AlterDatabase::Safety { full } => on_principal(here, database, |m| m.safety_full = *full),
        AlterDatabase::Timeout(seconds) => set_timeout(here, database, *seconds),
        AlterDatabase::Suspend => on_session(here, database, |m| m.state = MirrorState::Suspended),
        AlterDatabase::Resume => {
            on_session(here, database, |m| m.state = MirrorState::Synchronized)
        }
        AlterDatabase::Failover => fail_over(here, database),
        AlterDatabase::ForceService => Err(Raise::new(
            1455,
            16,
            format!(
                "The database mirroring service cannot be forced for database \"{}\" because the database is not in the correct state to become the principal database.",
                database.name
            ),
        )),
        AlterDatabase::Recovery(_) | AlterDatabase::OtherOption => Ok(()),
    }
}

fn partner_off(here: &Arc<Engine>, database: &Database) -> Outcome<()> {
    let removed = here.transport().mirrors.remove(&database.id);
    let removed = removed.ok_or_else(|| not_configured(&database.name))?;
    for other in here.peers() {
        let id = other.database_id(&database.name);
        let mut transport = other.transport();
        if transport
            .mirrors
            .get(&id)
            .is_some_and(|m| m.guid == removed.guid && !m.guid.is_nil())
        {
            transport.mirrors.remove(&id);
        }
        transport.witnessed.retain(|w| w.guid != removed.guid);
    }
    here.log(1443, "spid9s", format!("Database mirroring has been terminated for database '{}'. This is an informational message only. No user action is required.", database.name));
    Ok(())
}

fn on_session(
    here: &Arc<Engine>,
    database: &Database,
    change: impl Fn(&mut Mirror),
) -> Outcome<()> {
    let guid = match here.transport().mirrors.get(&database.id) {
        Some(mirror) if !mirror.guid.is_nil() => mirror.guid,
        _ => return Err(not_configured(&database.name)),
    };
    for side in here.peers().into_iter().chain([Arc::clone(here)]) {
        let id = side.database_id(&database.name);
        if let Some(mirror) = side
            .transport()
            .mirrors
            .get_mut(&id)
            .filter(|m| m.guid == guid)
        {
            change(mirror);
        }
    }
    Ok(())
}

fn on_principal(
    here: &Arc<Engine>,
    database: &Database,
    change: impl Fn(&mut Mirror),
) -> Outcome<()> {
    principal_session(here, database)?;
    on_session(here, database, change)
}

fn set_timeout(here: &Arc<Engine>, database: &Database, seconds: i64) -> Outcome<()> {
    let Some(seconds) = i32::try_from(seconds)
        .ok()
        .filter(|s| (0..=32767).contains(s))
    else {
        return Err(Raise::new(
            1476,
            16,
            format!("Database mirroring timeout value {seconds} exceeds the maximum value 32767."),
        ));
    };
    on_principal(here, database, |m| m.timeout = seconds.max(5))
}

fn fail_over(here: &Arc<Engine>, database: &Database) -> Outcome<()> {
    let mine = principal_session(here, database)?;
    if !mine.safety_full {
        return Err(Raise::new(
            1477,
            16,
            "The database mirroring safety level must be FULL to manually failover database \""
                .to_owned()
                + &database.name
                + "\".  Set safety level to FULL and retry.",
        ));
    }
    if mine.state != MirrorState::Synchronized {
        return Err(Raise::new(
            1422,
            16,
            format!(
                "The mirror server instance is not caught up to the recent changes to database \"{}\". Unable to fail over.",
                database.name
            ),
        ));
    }
    let partner = resolve(here, &mine.partner)?;
    here.swap_roles(&partner, &database.name);
    Ok(())
}
