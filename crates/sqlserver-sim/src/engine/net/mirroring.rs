//! Mirroring sessions between instances: SET PARTNER and what is changed about a session afterwards.

use std::sync::Arc;

use uuid::Uuid;

use super::handshake::{Purpose, dial};
use super::transport::{Mirror, MirrorRole, MirrorState};
use super::witness::{set_witness, witness_off};
use crate::engine::Engine;
use crate::engine::errors::{Outcome, Raise};
use crate::engine::lang::ast::{AlterDatabase, EndpointState};
use crate::engine::state::State;
use crate::engine::state::database::{Database, DatabaseState};
use crate::engine::state::endpoint::Endpoint;
use crate::engine::state::version::Platform;

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

fn not_configured(name: &str) -> Raise {
    Raise::new(
        1416,
        16,
        format!("Database \"{name}\" is not configured for database mirroring."),
    )
    .with_state(31)
}

fn unreachable(address: &str) -> Raise {
    Raise::new(
        1418,
        16,
        format!(
            "The server network address \"{address}\" can not be reached or does not exist. Check the network address name and that the ports for the local and remote endpoints are operational."
        ),
    )
}

/// The parts of `TCP://host:port`.
pub fn parse_address(address: &str) -> Option<(String, u16)> {
    let prefix = address.get(..6)?;
    if !prefix.eq_ignore_ascii_case("tcp://") {
        return None;
    }
    let (host, port) = address[6..].trim_end_matches('/').rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then_some(())?;
    Some((host.to_owned(), port.parse().ok()?))
}

pub(super) fn resolve(here: &Arc<Engine>, address: &str) -> Outcome<Arc<Engine>> {
    let Some((host, port)) = parse_address(address) else {
        return Err(Raise::new(
            1449,
            16,
            "ALTER DATABASE command failed due to an invalid server connection string.",
        ));
    };
    let found = here.find_peer(&host, port).ok_or_else(|| {
        let why = if here.switches().os_words_in_1474 {
            "DNS lookup failed with error: '11001(No such host is known.)'."
        } else {
            "DNS lookup failed or no endpoint listens"
        };
        let text = format!("Database mirroring connection error 2 '{why}' for '{address}'.");
        here.log(1474, "Server", text);
        unreachable(address)
    })?;
    if found.number == here.number {
        return Err(Raise::new(
            1452,
            16,
            "The partner server instance name must be distinct from the server instance that manages the database. The ALTER DATABASE SET PARTNER command failed.",
        ));
    }
    Ok(found)
}

/// What the database and this instance must be, whoever the partner is.
fn may_be_mirrored(here: &Engine, database: &Database) -> Outcome<()> {
    if database.is_system() {
        return Err(Raise::new(
            5058,
            16,
            format!(
                "Option 'PARTNER' cannot be set in database '{}'.",
                database.name
            ),
        ));
    }
    let no_mirroring = here.platform() == Platform::Linux && !here.switches().linux_mirrors;
    if here.edition().witness_only() || no_mirroring {
        return Err(Raise::new(
            1463,
            16,
            "Database mirroring is not available in the edition of this SQL Server instance.",
        ));
    }
    if here
        .transport()
        .mirrors
        .get(&database.id)
        .is_some_and(|m| m.state != MirrorState::Disconnected)
    {
        return Err(Raise::new(
            1405,
            16,
            format!(
                "The database \"{}\" is already enabled for database mirroring.",
                database.name
            ),
        ));
    }
    Ok(())
}

fn set_partner(here: &Arc<Engine>, database: &Database, address: &str) -> Outcome<()> {
    may_be_mirrored(here, database)?;
    let state = here.committed();
    let ready = state
        .mirroring_endpoint()
        .is_some_and(|e: &Endpoint| e.state == EndpointState::Started);
    if !ready {
        return Err(Raise::new(
            1486,
            14,
            "Database Mirroring Transport is disabled in the endpoint configuration.",
        )
        .with_state(2));
    }
    if parse_address(address).is_none() {
        return Err(Raise::new(
            1449,
            16,
            "ALTER DATABASE command failed due to an invalid server connection string.",
        ));
    }
    if database.state == DatabaseState::Restoring {
        record_mirror(here, database, address);
        return Ok(());
    }
    if database.recovery_model != "FULL" {
        return Err(Raise::new(
            1465,
            16,
            format!(
                "The database \"{}\" database is not in full recovery mode on each of the server instances. The full recovery model is required for a database to participate in a database mirroring session.",
                database.name
            ),
        ));
    }
    connect_principal(here, database, address)
}

/// The mirror only writes down its partner and waits.
fn record_mirror(here: &Arc<Engine>, database: &Database, address: &str) {
    here.transport().mirrors.insert(
        database.id,
        session(
            Uuid::nil(),
            MirrorRole::Mirror,
            MirrorState::Disconnected,
            address,
        ),
    );
}

fn session(guid: Uuid, role: MirrorRole, state: MirrorState, partner: &str) -> Mirror {
    Mirror {
        guid,
        role,
        state,
        role_sequence: 1,
        safety_full: true,
        partner: partner.to_owned(),
        partner_instance: None,
        witness: None,
        witness_connected: false,
        timeout: 10,
    }
}

/// The copy of the database on the other instance, restored from this one's backup and still restoring.
fn related_copy<'a>(theirs: &'a State, database: &Database) -> Outcome<&'a Database> {
    let Some(copy) = theirs.database(&database.name) else {
        return Err(Raise::new(
            1448,
            16,
            format!(
                "The remote copy of database \"{}\" does not exist. Check the database name and reissue the command.",
                database.name
            ),
        ));
    };
    if copy.state != DatabaseState::Restoring {
        return Err(Raise::new(
            1416,
            16,
            format!(
                "Database \"{}\" is not configured for database mirroring.",
                database.name
            ),
        )
        .with_state(31));
    }
    if copy.family != database.family {
        return Err(Raise::new(
            1407,
            16,
            format!(
                "The remote copy of database \"{}\" is not related to the local copy of the database.",
                database.name
            ),
        ));
    }
    Ok(copy)
}

fn connect_principal(here: &Arc<Engine>, database: &Database, address: &str) -> Outcome<()> {
    let there = resolve(here, address)?;
    dial(here, &there, Purpose::Partner).map_err(|_| unreachable(address))?;
    let theirs = there.committed();
    let copy = related_copy(&theirs, database)?;
    let back = there
        .transport()
        .mirrors
        .get(&copy.id)
        .map(|m| m.partner.clone());
    let back = back.ok_or_else(|| not_configured(&database.name))?;
    // The mirror dials back on a second connection, so its own rights are tested too.
    let returned = parse_address(&back).and_then(|(host, port)| there.find_peer(&host, port));
    let dialled = returned
        .filter(|r| r.number == here.number)
        .map(|r| dial(&there, &r, Purpose::Partner));
    if !matches!(dialled, Some(Ok(()))) {
        here.drop_connections_to(there.number);
        return Err(unreachable(address));
    }
    let guid = Uuid::new_v4();
    let mut mine = session(
        guid,
        MirrorRole::Principal,
        MirrorState::Synchronized,
        address,
    );
    mine.partner_instance = Some(there.server_name());
    here.transport().mirrors.insert(database.id, mine);
    let mut other = session(guid, MirrorRole::Mirror, MirrorState::Synchronized, &back);
    other.partner_instance = Some(here.server_name());
    there.transport().mirrors.insert(copy.id, other);
    here.log(1440, "spid9s", format!("Database mirroring is active with database '{}' as the principal copy. This is an informational message only. No user action is required.", database.name));
    there.log(1441, "spid9s", format!("Database mirroring is active with database '{}' as the mirror copy. This is an informational message only. No user action is required.", database.name));
    Ok(())
}

pub(super) fn principal_session(here: &Engine, database: &Database) -> Outcome<Mirror> {
    let found = here.transport().mirrors.get(&database.id).cloned();
    let found = found.ok_or_else(|| not_configured(&database.name))?;
    if found.role != MirrorRole::Principal {
        return Err(Raise::new(1470, 16, "The alter database for this partner config values may only be initiated on the current principal server for database \"".to_owned() + &database.name + "\"."));
    }
    Ok(found)
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
