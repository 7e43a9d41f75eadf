//! What an attempt writes to PostgreSQL, and how: within bounded time, and again while the lease lasts, or while PostgreSQL is away.
//! After a look: identities, observations, refused log-ins, and the state of each trust, under the lease, in one transaction.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::decide::is_about_identity;
use super::inputs::{Inputs, Party};
use super::{Attempt, Interrupted};
use crate::domain::finding::Code;
use crate::domain::observation::Observation;
use crate::domain::plan::{Plan, TrustPlan};
use crate::domain::script::Script;
use crate::domain::trust::{Basis, Configured, TrustStatus};
use crate::domain::wish::Member;
use crate::plan::Seen;
use crate::store::instance_status::{self, RefusedLogin};
use crate::store::trusts::{self, SeenTrust};
use crate::store::{self, Conn, StoreError, jobs, lease};

/// How long one write may take, before its connection is taken for dead.
const PATIENCE: Duration = Duration::from_secs(4);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// What there is to keep of a look.
#[derive(Clone, Copy)]
pub(super) struct Looked<'a> {
    pub seen: &'a [Seen],
    /// PostgreSQL's time before the first member was asked: of two looks, the one begun later is the newer.
    pub at: DateTime<Utc>,
    pub plan: &'a Plan,
}

impl Attempt<'_> {
    /// Tries until it is written, or refused, or the lease is lost: PostgreSQL may be away for a moment, and a finished batch
    /// is worth more than that. `write` must bear repetition, since it may have been done when only the answer was lost.
    pub(in crate::worker) async fn persist<T, F>(
        &self,
        write: impl Fn() -> F,
    ) -> Result<T, Interrupted>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut told = false;
        loop {
            self.check_lease()?;
            let error = match store::within(PATIENCE, Box::pin(write())).await {
                Err(error) if error.is_unavailable() => error,
                other => return Ok(other?),
            };
            if !told {
                tracing::warn!(%error, "PostgreSQL does not answer; trying on while the lease lasts");
                told = true;
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = self.signals.lost.cancelled() => {}
            }
        }
    }

    /// Tries until PostgreSQL has answered, however long it stays away. The future may be dropped at any time.
    pub(in crate::worker) async fn outwait<T, F>(
        &self,
        write: impl Fn() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        loop {
            match store::within(PATIENCE, write()).await {
                Err(error) if error.is_unavailable() => tokio::time::sleep(PAUSE).await,
                other => return other,
            }
        }
    }

    /// Keeps what a look found. `acted_on` is the plan the job shall show, with its script; the look after an apply has none.
    pub(super) async fn record(
        &self,
        inputs: &Inputs,
        looked: &Looked<'_>,
        acted_on: Option<&Script>,
    ) -> Result<(), Interrupted> {
        self.persist(|| self.keep(inputs, looked, acted_on)).await
    }

    async fn keep(
        &self,
        inputs: &Inputs,
        looked: &Looked<'_>,
        acted_on: Option<&Script>,
    ) -> Result<(), StoreError> {
        let Looked { seen, at, plan } = *looked;
        let mut tx = self.worker.store.begin().await?;
        lease::hold(&mut tx, self.lease).await?;
        for ((member, party), seen) in inputs.wish.members.iter().zip(&inputs.parties).zip(seen) {
            let Seen::Observed(observation) = seen else {
                continue;
            };
            if party.refusal_noted {
                instance_status::forget_refused_login(&mut tx, member.instance_id).await?;
            }
            if is_the_one(plan, member) {
                let party = (member, party.revision);
                self.observed(&mut tx, party, observation, at).await?;
            }
        }
        trusts::save(&mut tx, &self.trusts(inputs, looked)).await?;
        if let Some(script) = acted_on {
            jobs::save_plan(&mut tx, self.lease, plan, script).await?;
        }
        tx.commit().await
    }

    /// Keeps that this credential version was refused there: nobody shall try it again by himself.
    pub(super) async fn note_refusal(&self, party: &Party, number: i32) -> Result<(), Interrupted> {
        let note = self.refusal(party, number);
        self.persist(|| async {
            let mut tx = self.worker.store.begin().await?;
            lease::hold(&mut tx, self.lease).await?;
            instance_status::note_refused_login(&mut tx, party.target.instance_id, &note).await?;
            tx.commit().await
        })
        .await
    }

    fn refusal(&self, party: &Party, number: i32) -> RefusedLogin {
        RefusedLogin {
            credential_id: party.target.credential_id,
            credential_revision: party.target.credential_revision,
            number,
            at: self.worker.clock.now(),
        }
    }

    /// Keeps what one server said of itself, unless its registration has changed since it was asked.
    async fn observed(
        &self,
        conn: &mut Conn,
        (member, revision): (&Member, i64),
        observation: &Observation,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let id = member.instance_id;
        if !instance_status::is_at_revision(conn, id, revision).await? {
            return Ok(());
        }
        let identity = &observation.server.identity;
        match &member.pinned_identity {
            None => {
                let anew = self.job.options.accept_identity;
                instance_status::pin_identity(conn, id, identity, anew).await?;
            }
            Some(pinned) if pinned.master.is_none() && identity.master.is_some() => {
                instance_status::complete_identity(conn, id, identity).await?;
            }
            Some(_) => {}
        }
        instance_status::save_observation(conn, id, observation, at).await
    }

    fn trusts(&self, inputs: &Inputs, looked: &Looked<'_>) -> Vec<SeenTrust> {
        let Looked { seen, at, plan } = *looked;
        let wish = &inputs.wish;
        wish.trusts
            .iter()
            .filter_map(|trust| {
                let (acceptor, peer) = (&wish.members[trust.acceptor], &wish.members[trust.peer]);
                let Some(Seen::Observed(_)) = seen.get(trust.acceptor) else {
                    return None;
                };
                let planned = planned(plan, trust.acceptor, peer)?;
                // Nothing was learned; what an earlier look learned stays, with its own time.
                (planned.configured != Configured::Unknown).then(|| SeenTrust {
                    status: TrustStatus {
                        acceptor: acceptor.instance_id,
                        peer: peer.instance_id,
                        configured: planned.configured,
                        admits: planned.admits.clone(),
                        proof: planned.proof,
                        sha256: planned.certificate.as_ref().map(|c| c.sha256),
                        thumbprint: planned.certificate.as_ref().map(|c| c.thumbprint),
                        next: planned.next,
                        checked_at: at,
                        job: self.job.id,
                    },
                    basis: Basis {
                        acceptor_revision: inputs.parties[trust.acceptor].revision,
                        peer_revision: inputs.parties[trust.peer].revision,
                        current: peer.current.as_ref().map(|c| c.sha256),
                        next: peer.next.as_ref().map(|c| c.sha256),
                    }
                    .text(),
                })
            })
            .collect()
    }
}

fn planned<'a>(plan: &'a Plan, acceptor: usize, peer: &Member) -> Option<&'a TrustPlan> {
    let trusts = &plan.instances.get(acceptor)?.trusts;
    trusts.iter().find(|t| t.peer == peer.name.as_str())
}

/// What another server said of itself is neither pinned nor kept under this one's name.
fn is_the_one(plan: &Plan, member: &Member) -> bool {
    !plan
        .findings
        .iter()
        .filter(|f| f.blocks() && is_about_identity(f.code))
        // That a server passes for another's is known to both only where it is kept for both.
        .filter(|f| f.code != Code::ServerRegisteredTwice)
        .any(|f| f.instance == member.name.as_str())
}
