//! How long and how hard: the short form by default, more by environment variables. The seed is always printed.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

/// Minutes a long run may take; absent in the short form. Set by `scripts/soak`.
const MINUTES: &str = "MIRRORGATE_SOAK_MINUTES";
/// The seed of everything random; absent, one is drawn.
const SEED: &str = "MIRRORGATE_SOAK_SEED";

/// Whether this is the long form, which tries everything instead of a sample.
pub fn is_long() -> bool {
    std::env::var_os(MINUTES).is_some()
}

/// How long a random nemesis rages: `short`, or what was asked for.
pub fn rage(short: Duration) -> Duration {
    let minutes = std::env::var(MINUTES).ok();
    minutes.map_or(short, |minutes| {
        let minutes: f64 = minutes
            .parse()
            .expect("MIRRORGATE_SOAK_MINUTES is a number");
        Duration::from_secs_f64(minutes * 60.0)
    })
}

/// A generator whose seed is told, so that a run can be repeated.
pub fn dice() -> StdRng {
    let seed = std::env::var(SEED).map_or_else(
        |_| rand::random(),
        |seed| seed.parse().expect("MIRRORGATE_SOAK_SEED is a number"),
    );
    println!("seed {seed}: repeat with {SEED}={seed}");
    StdRng::seed_from_u64(seed)
}
