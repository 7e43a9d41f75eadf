//! One member of a job beside the desired state: how to reach it, and what is known of its log-in.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::credential::LoginSecret;
use crate::domain::job::Job;
use crate::sqlserver::Target;
use crate::store::binding;
use crate::store::credentials::{self, Credential};
use crate::store::instance_status::RefusedLogin;
use crate::store::instances::Instance;
use crate::store::seal::{Form, Sealed};
use crate::store::{Conn, StoreError};
use crate::worker::Worker;

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
pub(super) enum LoadError {
    Store(StoreError),
    /// A registration the job needs is gone or cannot be used. For people.
    Unusable(String),
}

impl From<StoreError> for LoadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The log-ins of a job's instances, sealed, and what holds the way to each instance together.
pub(super) struct LogIns {
    /// By their own ids.
    credentials: HashMap<Uuid, (Credential, Option<Sealed>)>,
    /// By the instances' ids.
    bindings: HashMap<Uuid, Vec<u8>>,
}

impl LogIns {
    pub(super) async fn read(
        instances: impl Iterator<Item = &Instance>,
        bindings: HashMap<Uuid, Vec<u8>>,
        conn: &mut Conn,
    ) -> Result<Self, StoreError> {
        let ids: Vec<Uuid> = instances.map(|i| i.spec.credential.id).collect();
        Ok(Self {
            credentials: credentials::sealed_by_ids(conn, &ids).await?,
            bindings,
        })
    }

    /// Opened, with the revision it belongs to.
    fn open(&self, worker: &Worker, instance: &Instance) -> Result<(LoginSecret, i64), LoadError> {
        let named = &instance.spec.credential;
        let unusable = |why: &str| {
            LoadError::Unusable(format!(
                "credential {} of instance {} {why}",
                named.name, instance.name
            ))
        };
        let (credential, sealed) = self
            .credentials
            .get(&named.id)
            .ok_or_else(|| unusable("is no longer registered"))?;
        let host = &instance.spec.address.host;
        if !credential.spec.covers(host) {
            return Err(unusable(&format!("may not be sent to {host}")));
        }
        let sealed = sealed
            .as_ref()
            .ok_or_else(|| unusable("has no password stored"))?;
        if sealed.form == Form::Bound && !self.is_bound(worker, instance) {
            return Err(unusable(
                "is not sent there: the instance's address, TLS mode or log-in was not written by mirrorgate. PUT the instance again, and find out who writes to the database",
            ));
        }
        let password = credentials::open(&worker.seal_key, credential, sealed)
            .map_err(|error| unusable(&format!("cannot be opened: {error}")))?;
        let user = credential.spec.user.clone();
        Ok((LoginSecret { user, password }, credential.revision))
    }

    fn is_bound(&self, worker: &Worker, instance: &Instance) -> bool {
        let binding = self.bindings.get(&instance.id);
        binding.is_some_and(|binding| binding::holds(&worker.seal_key, instance, binding))
    }
}

impl Party {
    /// What is registered for `instance`; its password is opened.
    pub(super) fn of(
        worker: &Worker,
        instance: &Instance,
        log_ins: &LogIns,
    ) -> Result<Self, LoadError> {
        let (log_in, revision) = log_ins.open(worker, instance)?;
        let mut target = Target {
            instance_id: instance.id,
            name: instance.name.to_string(),
            address: instance.spec.address.clone(),
            tls: instance.spec.tls.clone(),
            log_in,
            application: worker.settings.application.clone(),
            credential_id: instance.spec.credential.id,
            credential_revision: revision,
            refusals: 0,
            timeouts: worker.settings.timeouts,
        };
        // Asked before the note is read: a refusal between the two is in one of them.
        target.refusals = worker.pools.refusals(&target);
        Ok(Self {
            target,
            revision: instance.revision,
            refused: None,
            refusal_noted: false,
        })
    }

    /// What is noted of its log-in.
    pub(super) fn note(&mut self, job: &Job, noted: Option<&RefusedLogin>) {
        let target = &self.target;
        let same = noted
            .filter(|n| n.credential_id == target.credential_id)
            .filter(|n| n.credential_revision == target.credential_revision)
            // An inspection is how a person asks for another try.
            .filter(|_| !job.kind.retries_refused_log_in());
        self.refused = same.cloned();
        self.refusal_noted = noted.is_some();
    }
}
