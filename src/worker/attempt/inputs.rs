//! What an attempt starts from: read in one short transaction, then nothing is asked of PostgreSQL until something is to be written.
//!
//! The log-ins are opened here and live as long as the attempt and the pools that log in with them.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::certificate::Certificate;
use crate::domain::credential::LoginSecret;
use crate::domain::desired_state::{DesiredState, Member, NeededRoles, Use};
use crate::domain::hash::Sha256;
use crate::domain::job::{Accepted, AcceptedMember, Job, Subject};
use crate::domain::pair::OperatingMode;
use crate::sqlserver::Target;
use crate::store::instance_status::{self, InstanceStatus, RefusedLogin};
use crate::store::instances::{self, Instance};
use crate::store::pairs::{self, Pair};
use crate::store::{Conn, StoreError, certificates, credentials, estate};
use crate::worker::Worker;

/// All an attempt needs to know before it looks.
pub(super) struct Inputs {
    pub desired: DesiredState,
    /// In the order of the desired state's members.
    pub parties: Vec<Party>,
}

/// What concerns one member beside the desired state.
pub(super) struct Party {
    pub target: Target,
    /// `Registered::revision` of the instance.
    pub revision: i64,
    /// This very credential version was refused there before, and this job shall not try it again.
    pub refused: Option<RefusedLogin>,
    /// Some refusal is noted; a log-in that works takes the note away.
    pub refusal_noted: bool,
}

/// Why there is nothing to start from.
#[derive(Debug)]
enum LoadError {
    Store(StoreError),
    /// A registration the job needs is gone or cannot be used. For people.
    Unusable(String),
}

impl From<StoreError> for LoadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
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
        parties.push(party(worker, job, instance, conn).await?);
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

/// What each of these pairs makes of the instance.
fn uses(pairs: &[Pair], instance: Uuid) -> Vec<Use> {
    let uses = pairs.iter().filter_map(|pair| {
        let members = pair.spec.members();
        let (_, role) = members.iter().find(|(member, _)| member.id == instance)?;
        let others = members.iter().filter(|(member, _)| member.id != instance);
        // In a pair everybody lets in everybody.
        let others: Vec<String> = others.map(|(other, _)| other.name.to_string()).collect();
        Some(Use {
            pair: pair.name.to_string(),
            role: *role,
            lets_in: others.clone(),
            let_in_by: others,
        })
    });
    uses.collect()
}

/// The mode that asks most of the server, of those in which it is a partner.
fn strictest_mode(pairs: &[Pair], instance: Uuid) -> Option<OperatingMode> {
    pairs
        .iter()
        .filter(|pair| pair.spec.partners.iter().any(|p| p.id == instance))
        .filter_map(|pair| pair.spec.operating_mode)
        .find(|mode| *mode == OperatingMode::HighPerformance)
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
        expected_endpoint_port: None,
    })
}

async fn party(
    worker: &Worker,
    job: &Job,
    instance: &Instance,
    conn: &mut Conn,
) -> Result<Party, LoadError> {
    let (log_in, revision) = log_in(worker, instance, conn).await?;
    let credential = instance.spec.credential.id;
    let mut target = Target {
        instance_id: instance.id,
        name: instance.name.to_string(),
        address: instance.spec.address.clone(),
        tls: instance.spec.tls.clone(),
        log_in,
        application: worker.settings.application.clone(),
        credential_id: credential,
        credential_revision: revision,
        refusals: 0,
        timeouts: worker.settings.timeouts,
    };
    // Asked before the note is read: a refusal between the two is in one of them.
    target.refusals = worker.pools.refusals(&target);
    let noted = instance_status::status(conn, instance.id)
        .await?
        .refused_login;
    let same = noted
        .as_ref()
        .filter(|n| n.credential_id == credential && n.credential_revision == revision)
        // An inspection is how a person asks for another try.
        .filter(|_| !job.kind.retries_refused_log_in());
    Ok(Party {
        target,
        revision: instance.revision,
        refused: same.cloned(),
        refusal_noted: noted.is_some(),
    })
}

async fn log_in(
    worker: &Worker,
    instance: &Instance,
    conn: &mut Conn,
) -> Result<(LoginSecret, i64), LoadError> {
    let named = &instance.spec.credential;
    let unusable = |why: &str| {
        LoadError::Unusable(format!(
            "credential {} of instance {} {why}",
            named.name, instance.name
        ))
    };
    let credential = credentials::get_by_id(conn, named.id)
        .await?
        .ok_or_else(|| unusable("is no longer registered"))?;
    let host = &instance.spec.address.host;
    if !credential.spec.covers(host) {
        return Err(unusable(&format!("may not be sent to {host}")));
    }
    let (sealed, revision) = credentials::sealed(conn, credential.id)
        .await?
        .ok_or_else(|| unusable("has no password stored"))?;
    let password = credentials::open(&worker.seal_key, credential.id, &credential.name, &sealed)
        .map_err(|error| unusable(&format!("cannot be opened: {error}")))?;
    let user = credential.spec.user;
    Ok((LoginSecret { user, password }, revision))
}
