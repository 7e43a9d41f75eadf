//! What is kept after a look: identities, observations, refused log-ins, and the state of each trust. Under the lease, in one transaction.

use super::attempt::{Attempt, Interrupted};
use super::load::{Loaded, Side};
use super::looking::refused_number;
use super::outcome::is_about_identity;
use crate::domain::observation::Observation;
use crate::domain::plan::{InstanceScript, Plan, TrustPlan};
use crate::domain::trust::{Basis, Configured, TrustStatus};
use crate::domain::wish::Member;
use crate::plan::Seen;
use crate::store::instance_status::{self, RefusedLogin};
use crate::store::trusts::{self, SeenTrust};
use crate::store::{Conn, StoreError, jobs, lease};

impl Attempt<'_> {
    /// Keeps what a look found. `acted_on` is the plan the job shall show, with its scripts; the look after an apply has none.
    pub(super) async fn record(
        &self,
        loaded: &Loaded,
        seen: &[Seen],
        plan: &Plan,
        acted_on: Option<&[InstanceScript]>,
    ) -> Result<(), Interrupted> {
        self.persist(|| self.keep(loaded, seen, plan, acted_on))
            .await
    }

    async fn keep(
        &self,
        loaded: &Loaded,
        seen: &[Seen],
        plan: &Plan,
        acted_on: Option<&[InstanceScript]>,
    ) -> Result<(), StoreError> {
        let mut tx = self.worker.store.begin().await?;
        lease::hold(&mut tx, self.lease).await?;
        for ((member, side), seen) in loaded.wish.members.iter().zip(&loaded.sides).zip(seen) {
            match seen {
                Seen::Observed(observation) => {
                    if side.refusal_noted {
                        instance_status::forget_refused_login(&mut tx, member.instance_id).await?;
                    }
                    if is_the_one(plan, member) {
                        observed(&mut tx, member, observation).await?;
                    }
                }
                Seen::Failed(failure) => {
                    if let Some(number) = refused_number(failure) {
                        let note = self.refusal(side, number);
                        instance_status::note_refused_login(&mut tx, member.instance_id, &note)
                            .await?;
                    }
                }
            }
        }
        trusts::save(&mut tx, &self.trusts(loaded, seen, plan)).await?;
        if let Some(scripts) = acted_on {
            jobs::save_plan(&mut tx, self.lease, plan, scripts).await?;
        }
        tx.commit().await
    }

    fn refusal(&self, side: &Side, number: i32) -> RefusedLogin {
        RefusedLogin {
            credential_id: side.target.credential_id,
            credential_revision: side.target.credential_revision,
            number,
            at: self.worker.clock.now(),
        }
    }

    fn trusts(&self, loaded: &Loaded, seen: &[Seen], plan: &Plan) -> Vec<SeenTrust> {
        let wish = &loaded.wish;
        wish.trusts
            .iter()
            .filter_map(|trust| {
                let (acceptor, peer) = (&wish.members[trust.acceptor], &wish.members[trust.peer]);
                let Some(Seen::Observed(observation)) = seen.get(trust.acceptor) else {
                    return None;
                };
                let planned = planned(plan, trust.acceptor, peer)?;
                // Nothing was learned; what an earlier look learned stays, with its own time.
                (planned.configured != Configured::Unknown).then(|| SeenTrust {
                    status: TrustStatus {
                        acceptor: acceptor.instance_id,
                        peer: peer.instance_id,
                        configured: planned.configured,
                        proof: planned.proof,
                        sha256: planned.certificate.as_ref().map(|c| c.sha256),
                        thumbprint: planned.certificate.as_ref().map(|c| c.thumbprint),
                        checked_at: observation.observed_at,
                        job: self.job.id,
                    },
                    basis: Basis {
                        acceptor_revision: loaded.sides[trust.acceptor].revision,
                        peer_revision: loaded.sides[trust.peer].revision,
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
        .any(|f| f.blocks() && is_about_identity(f.code) && f.instance == member.name.as_str())
}

async fn observed(
    conn: &mut Conn,
    member: &Member,
    observation: &Observation,
) -> Result<(), StoreError> {
    if member.pinned_identity.is_none() {
        let identity = &observation.server.identity;
        instance_status::pin_identity(conn, member.instance_id, identity).await?;
    }
    instance_status::save_observation(conn, member.instance_id, observation).await
}
