//! Several callers at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Requests that the callers have under way at once.
pub const CALLERS: usize = 16;

/// Does `work` for 0 to `count` - 1, as many at once as there are callers.
pub async fn side_by_side<F>(count: usize, work: impl Fn(usize) -> F + Clone + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let next = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (next, work) = (Arc::clone(&next), work.clone());
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        break;
                    }
                    work(n).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
}

/// What callers got who asked one request after the other.
pub struct Rate {
    pub per_second: f64,
    pub times: Vec<Duration>,
}

/// All callers ask for so long; `work` is given a number that is used once.
pub async fn for_a_while<F>(
    length: Duration,
    work: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Rate
where
    F: Future<Output = ()> + Send + 'static,
{
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (next, work) = (Arc::clone(&next), work.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                while began.elapsed() < length {
                    let asked = Instant::now();
                    work(next.fetch_add(1, Ordering::Relaxed)).await;
                    times.push(asked.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for caller in callers {
        times.extend(caller.await.unwrap());
    }
    Rate {
        per_second: times.len() as f64 / began.elapsed().as_secs_f64(),
        times,
    }
}
