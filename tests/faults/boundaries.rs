//! R2, R3, R9: the process killed, the link cut, the answer withheld, at every statement of observe, apply and verify.

use sqlserver_sim::{Fault, Rule};
use sqlx::PgPool;

use super::replica::Replica;
use super::site::{LONG, Site};
use super::{ledger, soak, within};

/// Pairs that are hurt at the same time, each at a boundary of its own.
pub const SIDE_BY_SIDE: usize = 8;

/// Short enough that a test can wait for its end, long enough for a busy machine to renew it.
const FLAGS: [&str; 6] = [
    "--lease",
    "2s",
    "--batch-timeout",
    "2s",
    "--concurrency",
    "32",
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Blow {
    /// The process dies while the statement's answer is on its way.
    Kill,
    CutBefore,
    CutAfter,
    /// The link stays up and nothing comes: a time-out ends it.
    Silence,
}

impl Blow {
    fn fault(self) -> Fault {
        match self {
            Self::Kill | Self::Silence => Fault::StallAfter,
            Self::CutBefore => Fault::HangUpBefore,
            Self::CutAfter => Fault::HangUpAfter,
        }
    }
}

#[sqlx::test(migrations = false)]
async fn r2_a_process_killed_at_any_statement_is_healed(pool: PgPool) {
    hurt_everywhere(&pool, &[Blow::Kill]).await;
}

#[sqlx::test(migrations = false)]
async fn r9_a_link_cut_before_or_after_any_statement_is_healed(pool: PgPool) {
    hurt_everywhere(&pool, &[Blow::CutBefore, Blow::CutAfter]).await;
}

#[sqlx::test(migrations = false)]
async fn r9_an_answer_withheld_after_any_statement_is_healed(pool: PgPool) {
    hurt_everywhere(&pool, &[Blow::Silence]).await;
}

async fn hurt_everywhere(pool: &PgPool, blows: &[Blow]) {
    let site = Site::apart(pool, SIDE_BY_SIDE).await;
    let mut replica = site.replica(&FLAGS).await;
    site.register(&replica, &[]).await;
    let changing = statements(&site, &replica).await;
    let boundaries: Vec<(u64, Blow)> = sample(&changing)
        .into_iter()
        .flat_map(|k| blows.iter().map(move |blow| (k, *blow)))
        .collect();
    println!(
        "{} of {} statements, {blows:?}",
        boundaries.len() / blows.len(),
        changing.len()
    );
    for some in boundaries.chunks(SIDE_BY_SIDE) {
        replica = hurt(&site, replica, some).await;
    }
}

/// How many statements one fresh configuration runs on an instance; `true` where it is the apply batch's.
pub async fn statements(site: &Site, replica: &Replica) -> Vec<bool> {
    let since = site.now();
    let asked = site.configure_all(replica).await;
    site.all_succeed(&asked, LONG).await;
    site.assert_as_asked(since);
    let mut applying = false;
    let own = site.hosts[0].ledger().into_iter();
    let own = own.filter(|e| e.application == "mirrorgate");
    own.map(|entry| {
        applying |= entry.kind == "BEGIN TRANSACTION";
        let here = applying;
        applying &= entry.kind != "COMMIT";
        here
    })
    .collect()
}

/// Every statement in the long form; in the short one those of the apply batch and every fourth of the others.
pub fn sample(changing: &[bool]) -> Vec<u64> {
    let places = changing.iter().enumerate();
    places
        .filter(|(place, changes)| **changes || soak::is_long() || place % 4 == 0)
        .map(|(place, _)| place as u64 + 1)
        .collect()
}

/// One round: pair i is hurt at `boundaries[i]`. Gives the replica that lives afterwards.
async fn hurt(site: &Site, mut replica: Replica, boundaries: &[(u64, Blow)]) -> Replica {
    site.undo().await;
    let since = site.now();
    for ((first, _), (k, blow)) in site.pairs.iter().zip(boundaries) {
        site.hosts[*first]
            .faults()
            .add(Rule::nth_statement(*k, blow.fault()));
    }
    let mut asked = Vec::new();
    for number in 0..boundaries.len() {
        asked.push(site.configure(&replica, number).await);
    }
    if boundaries.iter().any(|(_, blow)| *blow == Blow::Kill) {
        within(LONG, "every instance has reached its statement", || {
            let reached = |(pair, (k, _)): (&(usize, usize), &(u64, Blow))| {
                let ran = site.hosts[pair.0].ledger();
                let ran = ran
                    .iter()
                    .filter(|e| e.application == "mirrorgate" && e.at >= since);
                ran.count() as u64 >= *k
            };
            std::future::ready(site.pairs.iter().zip(boundaries).all(reached))
        })
        .await;
        replica.kill();
        replica = site.replica(&FLAGS).await;
    }
    site.all_succeed(&asked, LONG).await;
    for (first, _) in &site.pairs {
        site.hosts[*first].faults().clear();
    }
    again_changes_nothing(site, &replica, boundaries.len(), since).await;
    replica
}

/// R3: asked a second time, everything is found in place.
async fn again_changes_nothing(
    site: &Site,
    replica: &Replica,
    pairs: usize,
    since: chrono::NaiveDateTime,
) {
    let before = site.now();
    let mut asked = Vec::new();
    for number in 0..site.pairs.len() {
        asked.push(site.configure(replica, number).await);
    }
    site.all_succeed(&asked, LONG).await;
    site.assert_as_asked(since);
    for (a, b) in &site.pairs[..pairs] {
        for host in [&site.hosts[*a], &site.hosts[*b]] {
            assert_eq!(
                ledger::transactions(host, before),
                0,
                "{} was changed again",
                host.name()
            );
        }
    }
}
