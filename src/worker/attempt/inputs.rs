//! What an attempt starts from: read in one short transaction, then nothing is asked of PostgreSQL until something is
//! to be written.
//!
//! The log-ins are opened then, and live as long as the attempt and the pools that log in with them.

use std::collections::HashMap;

use uuid::Uuid;

use super::inspection::{strictest_mode, uses};
use super::party::{LoadError, LogIns, Party};
use crate::domain::certificate::Certificate;
use crate::domain::desired_state::{DesiredState, Member, NeededRoles};
use crate::domain::estate::Estate;
use crate::domain::hash::Sha256;
use crate::domain::job::{Accepted, AcceptedMember, Job, Subject};
use crate::store::instance_status::{self, Standing};
use crate::store::instances::{self, Instance};
use crate::store::{Conn, StoreError, certificates, pairs, trusts};
use crate::worker::Worker;

/// All an attempt needs to know before it looks.
pub(super) struct Inputs {
    pub desired: DesiredState,
    /// In the order of the desired state's members.
    pub parties: Vec<Party>,
}

/// Reads everything the job was accepted with; else, for people, what cannot be used.
pub(super) async fn load(worker: &Worker, job: &Job) -> Result<Result<Inputs, String>, StoreError> {
    let mut tx = worker.store.begin().await?;
    let inputs = read(worker, job, &mut tx).await;
    tx.rollback().await?;
    match inputs {
        Ok(inputs) => Ok(Ok(inputs)),
        Err(LoadError::Store(error)) => Err(error),
        Err(LoadError::Unusable(detail)) => Ok(Err(detail)),
    }
}

async fn read(worker: &Worker, job: &Job, conn: &mut Conn) -> Result<Inputs, LoadError> {
    let accepted = &job.accepted.members;
    let ids: Vec<Uuid> = accepted.iter().map(|m| m.instance.id).collect();
    let (instances, bindings) = instances::by_ids_with_bindings(conn, &ids).await?;
    let instances = by_id(instances);
    let log_ins = LogIns::read(instances.values(), bindings, conn).await?;
    let roles = instances::needed_roles(conn, &ids).await?;
    let mut parties = parties(worker, accepted, &instances, &log_ins)?;
    let standings = instance_status::standings(conn, &ids).await?;
    let pins = pins(conn, &job.accepted).await?;
    let mut members = Vec::new();
    for (member, party) in accepted.iter().zip(&mut parties) {
        let id = member.instance.id;
        let standing = standings.get(&id).cloned().unwrap_or_default();
        party.note(job, standing.refused_login.as_ref());
        let roles = roles.get(&id).copied().unwrap_or_default();
        let instance = registered(member, &instances)?;
        members.push(self::member(job, member, instance, standing, &pins, roles)?);
    }
    let (operating_mode, inspection) = match &job.subject {
        Subject::Pair(_) => (job.accepted.operating_mode, None),
        Subject::Instance(named) => {
            let pairs = pairs::of_instance(conn, named.id).await?;
            (
                strictest_mode(&pairs, named.id),
                Some(uses(&pairs, named.id)),
            )
        }
    };
    Ok(Inputs {
        desired: DesiredState {
            trusts: match job.subject {
                Subject::Pair(_) => DesiredState::full_mesh(members.len()),
                Subject::Instance(_) => Vec::new(),
            },
            members,
            operating_mode,
            if_endpoint_in_use: job.options.if_endpoint_in_use,
            partial: job.options.partial,
            thresholds: worker.settings.thresholds,
            inspection,
            // Who else has to do with what is seen is asked once it is seen.
            estate: Estate {
                instances: Vec::new(),
                otherwise: trusts::otherwise(conn, &ids).await?,
            },
        },
        parties,
    })
}

fn parties(
    worker: &Worker,
    accepted: &[AcceptedMember],
    instances: &HashMap<Uuid, Instance>,
    log_ins: &LogIns,
) -> Result<Vec<Party>, LoadError> {
    let parties = accepted.iter().map(|member| {
        let instance = registered(member, instances)?;
        Party::of(worker, instance, log_ins)
    });
    parties.collect()
}

fn registered<'a>(
    member: &AcceptedMember,
    instances: &'a HashMap<Uuid, Instance>,
) -> Result<&'a Instance, LoadError> {
    instances.get(&member.instance.id).ok_or_else(|| {
        LoadError::Unusable(format!(
            "instance {} is no longer registered",
            member.instance.name
        ))
    })
}

fn by_id(instances: Vec<Instance>) -> HashMap<Uuid, Instance> {
    instances.into_iter().map(|i| (i.id, i)).collect()
}

/// The certificates the job was accepted with, whatever has been uploaded or removed since.
async fn pins(
    conn: &mut Conn,
    accepted: &Accepted,
) -> Result<HashMap<Sha256, Certificate>, StoreError> {
    let hashes: Vec<Sha256> = accepted
        .members
        .iter()
        .flat_map(|m| m.current.into_iter().chain(m.next))
        .collect();
    if hashes.is_empty() {
        return Ok(HashMap::new());
    }
    let found = certificates::by_hashes(conn, &hashes).await?;
    Ok(found.into_iter().map(|c| (c.sha256, c)).collect())
}

fn member(
    job: &Job,
    accepted: &AcceptedMember,
    instance: &Instance,
    standing: Standing,
    pins: &HashMap<Sha256, Certificate>,
    needed_roles: NeededRoles,
) -> Result<Member, LoadError> {
    let pin = |hash: Option<Sha256>| {
        hash.map(|hash| {
            pins.get(&hash).cloned().ok_or_else(|| {
                LoadError::Unusable(format!(
                    "the certificate {hash} of {}, which the job was accepted with, is gone",
                    accepted.instance.name
                ))
            })
        })
        .transpose()
    };
    // To accept whatever identity is found is to know of none beforehand.
    let accepts_any = job.options.accept_identity;
    Ok(Member {
        instance_id: instance.id,
        name: instance.name.clone(),
        role: accepted.role,
        address: instance.spec.address.clone(),
        peer_name: instance.spec.peer_name.clone(),
        naming: instance.spec.naming.clone(),
        transport: instance.spec.transport.clone(),
        tls_verified: instance.spec.tls.is_verified(),
        pinned_identity: standing.identity.filter(|_| !accepts_any),
        current: pin(accepted.current)?,
        next: pin(accepted.next)?,
        known: standing.known,
        needed_roles,
        expected_endpoint_port: instance.spec.endpoint.port,
    })
}
