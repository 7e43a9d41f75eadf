//! Pairs of a fleet: which, and their registration over HTTP.

use std::collections::HashSet;
use std::sync::Arc;

use rand::RngExt as _;
use rand::SeedableRng as _;

use super::callers::side_by_side;
use super::fleet::Said;
use super::service::Service;

/// Two instances, by their numbers in the fleet.
pub type Pair = (usize, usize);

/// Different ones, always the same.
pub fn at_random(instances: usize, count: usize) -> Vec<Pair> {
    assert!(
        count <= instances * (instances - 1) / 2,
        "{instances} instances have no {count} pairs"
    );
    let mut random = rand::rngs::StdRng::seed_from_u64(2026);
    let mut known = HashSet::new();
    let mut pairs = Vec::new();
    while pairs.len() < count {
        let (a, b) = (
            random.random_range(0..instances),
            random.random_range(0..instances),
        );
        if a != b && known.insert((a.min(b), a.max(b))) {
            pairs.push((a, b));
        }
    }
    pairs
}

pub fn name(number: usize) -> String {
    format!("pair{number:05}")
}

/// Registers them, as many at once as there are callers.
pub async fn register(service: &Arc<Service>, fleet: &Said, pairs: &[Pair]) {
    let named = |&(a, b): &Pair| (fleet.hosts[a].name.clone(), fleet.hosts[b].name.clone());
    let partners: Arc<Vec<_>> = Arc::new(pairs.iter().map(named).collect());
    let service = Arc::clone(service);
    side_by_side(pairs.len(), move |n| {
        let (service, partners) = (Arc::clone(&service), Arc::clone(&partners));
        async move {
            let (one, other) = &partners[n];
            service.put_pair(&name(n), one, other).await;
        }
    })
    .await;
}

/// Asks for a job on each of the first so many.
pub async fn ask(service: &Arc<Service>, count: usize, kind: &'static str) {
    let service = Arc::clone(service);
    side_by_side(count, move |n| {
        let service = Arc::clone(&service);
        async move {
            service.ask(&name(n), kind).await;
        }
    })
    .await;
}
