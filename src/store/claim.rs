//! The claim: which jobs a worker does next. One statement that takes them; nothing else is done in it.
//!
//! It reads the front of the queue: the first jobs that are due. What stands there and cannot be taken (its instances
//! are held, or have no session to spare) stays, as long as something else there can be; when nothing can, it is parked, and
//! comes back when its instance is given back (`parked`). So a claim costs the same however many wait, and whatever for.
//!
//! Attempts whose lease ran out are put back first (`lost`): nobody has to look after dead workers.

mod lost;
pub mod parked;

use std::time::Duration;

use uuid::Uuid;

use super::events::{CHANNEL, EventKind};
use super::jobs;
use super::lease::Lease;
use super::read::words;
use super::{Conn, StoreError, deadline, lease};
use crate::domain::id::new_id;
use crate::domain::job::{FailureCode, Job, JobEvent, JobKind, JobOptions, JobState, SubjectKind};

/// How many due jobs, of those never tried and of those tried before, a claim looks at.
const WINDOW: i64 = 48;
/// How many it looks at first, for each job wanted: mostly one of them can be taken, and looking at few costs a fraction.
const FIRST_LOOK: i64 = 8;
/// How often one claim looks again, after a race lost or a front parked, before it leaves the rest to the next wake-up.
const TRIES: usize = 2_000;
/// An attempt is a handful of round trips; one that holds an instance for longer has most likely met one that is dead.
pub const STUCK_AFTER: Duration = Duration::from_secs(5);
/// How long a job that waits for a stuck instance lets younger ones pass: nothing may wait for ever.
const OVERTAKEN_FOR: Duration = Duration::from_secs(5 * 60);

/// Under which terms a worker claims.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Shown in the history as who made the attempt.
    pub worker: &'a str,
    /// How long the lease lasts without a renewal.
    pub length: Duration,
    /// A job claimed this many times in a row without ever coming to an end is failed as poisoned: it kills its process.
    pub poison_after: i32,
    /// No job that names one of these: the process is at them with all the sessions it has.
    pub saturated: &'a [Uuid],
    /// Nor one of these, which did not answer it, except for those that a person asks an instance with.
    pub resting: &'a [Uuid],
    /// An attempt that has held an instance for longer is taken for stuck there.
    pub stuck_after: Duration,
    /// Whether it may be one that has had an attempt before. Of these a process has only so many at once.
    pub retries: bool,
    /// Whether one of them may be a suspect: a job that one more claim without an end makes poisoned. Not while the process is at
    /// one already: of those that were there when processes died, only the one that killed them shall be given up.
    pub suspects: bool,
    pub known: Known<'a>,
}

/// Which jobs a process can read. What a newer release wrote waits for a newer one, and stands in nobody's way.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub kinds: &'a [JobKind],
    pub subjects: &'a [SubjectKind],
    pub format: i16,
}

impl Known<'_> {
    const HERE: Known<'static> = Known {
        kinds: JobKind::ALL,
        subjects: SubjectKind::ALL,
        format: JobOptions::FORMAT,
    };
}

impl<'a> Terms<'a> {
    /// With no instance saturated, stuck after [`STUCK_AFTER`], suspects included.
    #[must_use]
    pub fn new(worker: &'a str, length: Duration, poison_after: i32) -> Self {
        Self {
            worker,
            length,
            poison_after,
            saturated: &[],
            resting: &[],
            stuck_after: STUCK_AFTER,
            retries: true,
            suspects: true,
            known: Known::HERE,
        }
    }
}

/// What a claim came to.
#[derive(Debug, Default)]
pub struct Claims {
    /// At most as many as were asked for; no two of them name the same instance.
    pub jobs: Vec<(Lease, Job)>,
    /// How many jobs were ended whose deadline had passed.
    pub overdue: usize,
}

/// One job; see [`claim_some`].
///
/// # Errors
/// As there.
pub async fn claim(conn: &mut Conn, terms: &Terms<'_>) -> Result<Option<(Lease, Job)>, StoreError> {
    Ok(claim_some(conn, terms, 1).await?.jobs.pop())
}

/// Claims at most `most` jobs (0: only ends what is overdue): those that have been due for the longest and whose instances are
/// free, no two at the same instance: there may be more when fewer come. One that was tried before stands behind what came due
/// before it is due again: what failed keeps nobody waiting who has not been tried. The watch's stand behind people's.
///
/// A changing job takes its instances with it. While it waits for one of them, no changing job that came due later overtakes it
/// at the others, unless what it waits for is stuck: then letting the others pass costs it nothing, and a dead instance delays
/// only those who need it. One that has been due for 5 minutes is not overtaken any more, whatever it waits for. Where nothing
/// at the front can be taken, those behind it are looked at, and what is parked meanwhile stands first again when it comes back.
/// What the terms keep this process from claiming now (retries, suspects) stands in nobody's way meanwhile. One whose deadline
/// has passed is not claimed but ended.
///
/// # Errors
/// When the database does not answer; what was claimed then runs out.
pub async fn claim_some(
    conn: &mut Conn,
    terms: &Terms<'_>,
    most: usize,
) -> Result<Claims, StoreError> {
    let mut claims = Claims::default();
    // What somebody else is just tending is left to him, and claiming goes on.
    let mut tended = false;
    let mut window = WINDOW.min(FIRST_LOOK.saturating_mul(i64::try_from(most).unwrap_or(WINDOW)));
    for _ in 0..TRIES {
        let tried = attempt(conn, terms, most, window, tended).await?;
        let took = !tried.leases.is_empty() || !tried.poisoned.is_empty();
        for lease in &tried.poisoned {
            let detail = lost::poisoned(terms.poison_after);
            lease::fail(conn, lease, FailureCode::Poisoned, &detail).await?;
        }
        claims.jobs = read(conn, tried.leases).await?;
        match () {
            () if !claims.jobs.is_empty() => break,
            () if tried.overdue => {
                claims.overdue += tend(conn, terms).await?;
                tended = true;
            }
            () if took || tried.again => {}
            () if tried.was_full && window < WINDOW => window = WINDOW,
            () => break,
        }
    }
    Ok(claims)
}

/// Ends and puts back what nobody is at; how many jobs were ended whose deadline had passed.
async fn tend(conn: &mut Conn, terms: &Terms<'_>) -> Result<usize, StoreError> {
    let overdue = deadline::end_overdue(conn).await?;
    lost::put_back(conn, terms).await?;
    parked::back_in_time(conn).await?;
    Ok(overdue)
}

/// What one look at the queue came to.
#[derive(Default)]
struct Tried {
    leases: Vec<Lease>,
    /// Jobs that another process, with other settings, gave one attempt too many.
    poisoned: Vec<Lease>,
    /// Something has to be ended or put back first; nothing was claimed.
    overdue: bool,
    /// Lost to somebody faster, or the front was parked: there may be more.
    again: bool,
    /// There are more than were looked at.
    was_full: bool,
}

/// The jobs of these leases. One that this version cannot read is failed: it must not keep the others from being claimed.
async fn read(conn: &mut Conn, leases: Vec<Lease>) -> Result<Vec<(Lease, Job)>, StoreError> {
    if leases.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = leases.iter().map(|lease| lease.job_id).collect();
    let mut jobs = jobs::by_ids(conn, &ids).await?;
    let mut taken = Vec::new();
    for lease in leases {
        match jobs.remove(&lease.job_id) {
            Some(Ok(job)) => taken.push((lease, job)),
            Some(Err(why)) => {
                let detail = format!("this version of mirrorgate cannot read the job: {why}");
                lease::fail(conn, &lease, FailureCode::Internal, &detail).await?;
            }
            // Its history is kept for as long as it is open.
            None => {}
        }
    }
    Ok(taken)
}

/// Whether instances are free is read without waiting; the locks of their rows are what decides, and of two claims that want the
/// same one goes without. Rows of the queue that somebody holds are passed over.
async fn attempt(
    conn: &mut Conn,
    terms: &Terms<'_>,
    most: usize,
    window: i64,
    tended: bool,
) -> Result<Tried, StoreError> {
    let tokens: Vec<Uuid> = (0..most).map(|_| new_id()).collect();
    let eager: Vec<JobKind> = JobKind::ALL
        .iter()
        .copied()
        .filter(|kind| kind.retries_refused_log_in())
        .collect();
    let claimed = JobState::Queued.after(JobEvent::Claimed)?;
    let found = sqlx::query_file!(
        "src/store/claim/claim.sql",
        terms.length.as_secs_f64(),
        terms.saturated,
        terms.stuck_after.as_secs_f64(),
        OVERTAKEN_FOR.as_secs_f64(),
        terms.suspects,
        terms.poison_after,
        &words(terms.known.kinds),
        &words(terms.known.subjects),
        terms.known.format,
        terms.retries,
        window,
        &tokens,
        tended,
        claimed.as_str(),
        terms.worker,
        EventKind::AttemptStarted.as_str(),
        parked::AT_MOST.as_secs_f64(),
        CHANNEL,
        terms.resting,
        &words(&eager),
        window == WINDOW,
    )
    .fetch_all(conn)
    .await?;
    let mut tried = Tried::default();
    for row in found {
        (tried.overdue, tried.again) = (row.overdue, row.again);
        tried.was_full = row.was_full;
        let taken = row.id.zip(row.token).zip(row.attempt).zip(row.holds);
        let Some((((job_id, token), attempt), instances)) = taken else {
            continue;
        };
        let lease = Lease {
            job_id,
            token,
            attempt,
            instances,
            suspect: row.unended >= Some(terms.poison_after),
        };
        match row.unended > Some(terms.poison_after) {
            true => tried.poisoned.push(lease),
            false => tried.leases.push(lease),
        }
    }
    Ok(tried)
}

#[cfg(test)]
mod tests;
