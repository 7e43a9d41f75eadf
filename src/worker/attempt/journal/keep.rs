//! What is kept after an observation: identities, memories, refused log-ins, and the state of each trust; with it what follows:
//! changes that begin, or the end. Under the lease, in one transaction.

use chrono::{DateTime, Utc};

use super::{Interrupted, Journal, Obtained};
use crate::domain::desired_state::Member;
use crate::domain::finding::Code;
use crate::domain::job::{AttemptOutcome, JobState};
use crate::domain::observation::Observation;
use crate::domain::plan::{Plan, TrustPlan};
use crate::domain::script::Script;
use crate::domain::step::{NewStep, StepEnd};
use crate::domain::trust::{Configured, ObservedWith, TrustStatus};
use crate::plan::ObservedMember;
use crate::sqlserver::Target;
use crate::store::instance_status::{self, RefusedLogin};
use crate::store::looks::{self, Look, Pin, Seen};
use crate::store::trusts::{self, SeenTrust};
use crate::store::{Conn, StoreError, certificates, deadline, jobs, lease, steps};
use crate::worker::attempt::observed::Observed;

/// What follows from what was observed, written down together with it.
pub(in crate::worker::attempt) enum Then<'a> {
    /// Nothing yet.
    Nothing,
    /// What is about to be changed is written down as started, unless the deadline has passed. A certificate that is used without
    /// having been uploaded is kept the moment it is first used.
    Change {
        started: &'a [NewStep],
        obtained: &'a [Obtained],
    },
    /// The attempt ends.
    End(&'a AttemptOutcome),
}

/// What it came to.
pub(in crate::worker::attempt) enum Kept {
    /// And nothing else.
    Only,
    /// The changes may be sent.
    Begun,
    Ended(JobState),
}

/// One observation, as it is kept.
pub(in crate::worker::attempt) struct Keep<'a> {
    pub observed: &'a Observed<'a>,
    pub plan: &'a Plan,
    /// The script of the plan where the job shall show it; the observation after an apply has none.
    pub acted_on: Option<&'a Script>,
}

impl Journal<'_> {
    /// Keeps what was observed, and what follows, in one transaction.
    pub(in crate::worker::attempt) async fn keep(
        &self,
        keep: Keep<'_>,
        then: Then<'_>,
    ) -> Result<Kept, Interrupted> {
        if matches!(then, Then::Change { .. }) {
            // What becomes of the servers from here on must be seen before the attempt ends.
            self.commit_to_apply();
        }
        let (now, ends) = (self.now(), self.ends.waiting());
        let kept = self.while_held(|| self.write_observed(&keep, &then, &ends, now));
        let kept = kept.await?;
        self.ends.remove(&ends);
        match kept {
            Some(kept) => Ok(kept),
            None => Err(Interrupted::OutOfTime),
        }
    }

    /// `None` when the deadline has passed before what should follow; what was observed is kept all the same.
    async fn write_observed(
        &self,
        keep: &Keep<'_>,
        then: &Then<'_>,
        ends: &[StepEnd],
        now: DateTime<Utc>,
    ) -> Result<Option<Kept>, StoreError> {
        let Keep {
            observed,
            plan,
            acted_on,
        } = keep;
        let mut tx = self.store.begin().await?;
        self.write_ends(&mut tx, ends).await?;
        // By itself: what the next statement reads of registrations must not be older than the locks.
        lease::hold(&mut tx, self.lease).await?;
        let looks = self.looks(observed, plan);
        looks::keep(&mut tx, self.lease, &looks, observed.at).await?;
        trusts::save(&mut tx, &self.trusts(observed, plan)).await?;
        if let Some(script) = acted_on {
            jobs::save_plan(&mut tx, self.lease, plan, script).await?;
        }
        let kept = match then {
            Then::Nothing => Some(Kept::Only),
            Then::Change { started, obtained } => {
                let begun = self.begin_changes(&mut tx, started, obtained, now).await?;
                begun.then_some(Kept::Begun)
            }
            Then::End(outcome) => Some(Kept::Ended(self.write_end(&mut tx, outcome).await?)),
        };
        tx.commit().await?;
        Ok(kept)
    }

    /// `false` when the deadline has passed.
    async fn begin_changes(
        &self,
        conn: &mut Conn,
        started: &[NewStep],
        obtained: &[Obtained],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        if self.job.options.deadline.is_some()
            && deadline::has_passed(conn, self.lease, started).await?
        {
            return Ok(false);
        }
        for kept in obtained {
            let (instance, certificate) = (kept.instance_id, &kept.certificate);
            certificates::note_obtained(conn, instance, certificate, now).await?;
        }
        steps::start(conn, self.lease, started).await?;
        Ok(true)
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

    fn looks<'o>(&self, observed: &'o Observed<'_>, plan: &Plan) -> Vec<Look<'o>> {
        let looks = observed.answers().map(|(member, party, observation)| Look {
            instance: member.instance_id,
            revision: party.revision,
            was_refused: party.refusal_noted,
            seen: is_the_one(plan, member).then(|| Seen {
                observation,
                pin: self.pin(member, observation),
            }),
        });
        looks.collect()
    }

    fn pin(&self, member: &Member, observation: &Observation) -> Pin {
        match &member.pinned_identity {
            None if self.job.options.accept_identity => Pin::Anew,
            None => Pin::First,
            Some(pinned)
                if pinned.master.is_none() && observation.server.identity.master.is_some() =>
            {
                Pin::Complete
            }
            Some(_) => Pin::Same,
        }
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
