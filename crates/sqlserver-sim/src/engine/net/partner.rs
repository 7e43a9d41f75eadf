//! SET PARTNER: two instances begin a mirroring session.

use std::sync::Arc;

use uuid::Uuid;

use super::handshake::{Purpose, dial};
use super::transport::{Mirror, MirrorRole, MirrorState};
use crate::engine::Engine;
use crate::engine::errors::{Outcome, Raise};
use crate::engine::lang::ast::EndpointState;
use crate::engine::state::State;
use crate::engine::state::database::{Database, DatabaseState};
use crate::engine::state::endpoint::Endpoint;
use crate::engine::state::version::Platform;

pub(super) fn not_configured(name: &str) -> Raise {
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

pub(super) fn set_partner(here: &Arc<Engine>, database: &Database, address: &str) -> Outcome<()> {
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
