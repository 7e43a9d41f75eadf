//! One member of a job beside the desired state: how to reach it, and what is known of its log-in.

use crate::domain::credential::LoginSecret;
use crate::domain::job::Job;
use crate::sqlserver::Target;
use crate::store::instance_status::{self, RefusedLogin};
use crate::store::instances::Instance;
use crate::store::{Conn, StoreError, credentials};
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

impl Party {
    /// What is registered for `instance`; its password is opened.
    pub(super) async fn read(
        worker: &Worker,
        job: &Job,
        instance: &Instance,
        conn: &mut Conn,
    ) -> Result<Self, LoadError> {
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
        Ok(Self {
            target,
            revision: instance.revision,
            refused: same.cloned(),
            refusal_noted: noted.is_some(),
        })
    }
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
