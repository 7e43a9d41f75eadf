//! What an attempt starts from: read in one short transaction, then nothing is asked of PostgreSQL until something is
//! to be written.
//!
//! The log-ins are opened then, and live as long as the attempt and the pools that log in with them.

use std::collections::HashMap;

use uuid::Uuid;

use super::inspection::{strictest_mode, uses};
use super::party::{LoadError, Party};
use crate::domain::certificate::Certificate;
use crate::domain::desired_state::{DesiredState, Member, NeededRoles};
use crate::domain::hash::Sha256;
use crate::domain::job::{Accepted, AcceptedMember, Job, Subject};
use crate::store::instance_status::{self, InstanceStatus};
use crate::store::instances::{self, Instance};
use crate::store::{Conn, StoreError, certificates, estate, pairs};
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
    let instances = by_id(instances::by_ids(conn, &ids).await?);
    let roles = instances::needed_roles(conn, &ids).await?;
    let statuses = instance_status::statuses(conn, &ids).await?;
    let pins = pins(conn, &job.accepted).await?;
    let mut members = Vec::new();
    let mut parties = Vec::new();
    for member in accepted {
        let instance = instances.get(&member.instance.id).ok_or_else(|| {
            LoadError::Unusable(format!(
                "instance {} is no longer registered",
                member.instance.name
            ))
        })?;
        let status = statuses.get(&instance.id);
        let known = certificates::known(conn, instance.id).await?;
        let roles = roles.get(&instance.id).copied().unwrap_or_default();
        members.push(self::member(
            job, member, instance, status, &pins, known, roles,
        )?);
        parties.push(Party::read(worker, job, instance, conn).await?);
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
            estate: estate::read(conn, &ids).await?,
        },
        parties,
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
    let found = certificates::by_hashes(conn, &hashes).await?;
    Ok(found.into_iter().map(|c| (c.sha256, c)).collect())
}

fn member(
    job: &Job,
    accepted: &AcceptedMember,
    instance: &Instance,
    status: Option<&InstanceStatus>,
    pins: &HashMap<Sha256, Certificate>,
    known: Vec<Sha256>,
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
        pinned_identity: status
            .filter(|_| !accepts_any)
            .and_then(|s| s.identity.clone()),
        current: pin(accepted.current)?,
        next: pin(accepted.next)?,
        known,
        needed_roles,
        expected_endpoint_port: instance.spec.endpoint.port,
    })
}
