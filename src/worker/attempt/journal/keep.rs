//! What is kept after an observation: identities, observations, refused log-ins, and the state of each trust. Under
//! the lease, in one transaction.

use chrono::{DateTime, Utc};

use super::{Interrupted, Journal};
use crate::domain::desired_state::Member;
use crate::domain::finding::Code;
use crate::domain::observation::Observation;
use crate::domain::plan::{Plan, TrustPlan};
use crate::domain::script::Script;
use crate::domain::trust::{Configured, ObservedWith, TrustStatus};
use crate::plan::ObservedMember;
use crate::sqlserver::Target;
use crate::store::instance_status::{self, RefusedLogin};
use crate::store::trusts::{self, SeenTrust};
use crate::store::{Conn, StoreError, jobs, lease};
use crate::worker::attempt::observed::Observed;

impl Journal<'_> {
    /// Keeps what was observed. `acted_on` is the script of `plan` where the job shall show it; the observation after
    /// an apply has none.
    pub(in crate::worker::attempt) async fn keep(
        &self,
        observed: &Observed<'_>,
        plan: &Plan,
        acted_on: Option<&Script>,
    ) -> Result<(), Interrupted> {
        self.while_held(|| self.write_observed(observed, plan, acted_on))
            .await
    }

    async fn write_observed(
        &self,
        observed: &Observed<'_>,
        plan: &Plan,
        acted_on: Option<&Script>,
    ) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        lease::hold(&mut tx, self.lease).await?;
        for (member, party, observation) in observed.answers() {
            if party.refusal_noted {
                instance_status::forget_refused_login(&mut tx, member.instance_id).await?;
            }
            if is_the_one(plan, member) {
                let of = (member, party.revision);
                self.write_observation(&mut tx, of, observation, observed.at)
                    .await?;
            }
        }
        trusts::save(&mut tx, &self.trusts(observed, plan)).await?;
        if let Some(script) = acted_on {
            jobs::save_plan(&mut tx, self.lease, plan, script).await?;
        }
        tx.commit().await
    }

    /// Keeps that this credential version was refused there: nobody shall try it again by himself.
    pub(in crate::worker::attempt) async fn note_refusal(
        &self,
        target: &Target,
        number: i32,
    ) -> Result<(), Interrupted> {
        let note = RefusedLogin {
            credential_id: target.credential_id,
            credential_revision: target.credential_revision,
            number,
            at: self.now(),
        };
        let noting = || async {
            let mut tx = self.store.begin().await?;
            lease::hold(&mut tx, self.lease).await?;
            instance_status::note_refused_login(&mut tx, target.instance_id, &note).await?;
            tx.commit().await
        };
        self.while_held(noting).await
    }

    /// Keeps what one server said of itself, unless its registration has changed since it was asked.
    async fn write_observation(
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

    fn trusts(&self, observed: &Observed<'_>, plan: &Plan) -> Vec<SeenTrust> {
        let Observed { inputs, at, seen } = observed;
        let desired = &inputs.desired;
        desired
            .trusts
            .iter()
            .filter_map(|trust| {
                let (acceptor, peer) = (
                    &desired.members[trust.acceptor],
                    &desired.members[trust.peer],
                );
                let Some(ObservedMember::Answered(_)) = seen.get(trust.acceptor) else {
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
                        checked_at: *at,
                        job: self.job.id,
                    },
                    basis: ObservedWith {
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
        .filter(|f| f.blocks() && f.code.is_about_identity())
        // That a server passes for another's is known to both only where it is kept for both.
        .filter(|f| f.code != Code::ServerRegisteredTwice)
        .any(|f| f.instance == member.name.as_str())
}
