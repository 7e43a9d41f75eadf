//! Property A: whatever stands on the servers, `admits` says what the next handshake does.
//!
//! A walk over one fleet, a change and a comparison a step. Each world is judged for every directed relation and under several
//! settings of the points that nobody has verified. What it once got wrong is kept by name in `kept`.
//!
//! `MIRRORGATE_TEST_VERDICTS_SECONDS` makes it longer, `MIRRORGATE_TEST_VERDICTS_SEED` repeats one.

mod changes;
mod kept;
mod reasons;
mod world;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use world::{Judged, World};

/// Times that one fleet is put back to where all is well; a fresh one has other versions.
const TIMES: usize = 40;

/// Changes at most from there.
const STEPS: usize = 9;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test]
async fn every_verdict_is_what_the_handshake_does() {
    let seconds = setting("MIRRORGATE_TEST_VERDICTS_SECONDS").unwrap_or(100);
    let seed = setting("MIRRORGATE_TEST_VERDICTS_SEED").unwrap_or_else(rand::random);
    println!("MIRRORGATE_TEST_VERDICTS_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let until = tokio::time::Instant::now() + Duration::from_secs(seconds);
    let mut all = Judged::default();
    while tokio::time::Instant::now() < until {
        walk(&mut chance, until, &mut all).await;
    }
    println!("{all:?}");
    let Judged {
        worlds,
        yes,
        no,
        unknown,
    } = all;
    // A walk that sees only one kind of answer judges nothing.
    assert!(worlds > 10 && yes > 0 && no > 0 && unknown > 0, "{all:?}");
}

async fn walk(chance: &mut StdRng, until: tokio::time::Instant, all: &mut Judged) {
    let mut world = World::of(chance).await;
    for _ in 0..TIMES {
        world.heal().await;
        for _ in 0..chance.random_range(1..=STEPS) {
            if tokio::time::Instant::now() >= until {
                return;
            }
            if changes::one(&mut world, chance).await {
                all.add(world.judge(chance).await);
            }
        }
    }
}
