//! Pools of sessions, one per instance, connection settings and credential version; all of them bounded.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool::Runtime;
use deadpool::managed::{Object, Pool, PoolError, QueueMode, TimeoutType};

use super::failure;
use super::gate::Gate;
use super::session::Session;
use super::sessions::Sessions;
use super::target::{PoolKey, Target};
use crate::domain::failure::{Failure, FailureClass};

/// Bounds of all pools of one process.
#[derive(Debug, Clone, Copy)]
pub struct PoolSettings {
    /// Sessions per instance.
    pub per_instance: usize,
    /// How long to wait for one of them.
    pub wait: Duration,
    /// A session older than this is not used again.
    pub max_age: Duration,
    /// A session unused for longer than this is closed.
    pub max_idle: Duration,
    /// Instances with a pool; the one unused for longest makes room.
    pub instances: usize,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            per_instance: 2,
            wait: Duration::from_secs(30),
            max_age: Duration::from_secs(30 * 60),
            max_idle: Duration::from_secs(5 * 60),
            instances: 512,
        }
    }
}

impl PoolSettings {
    /// The same, with so few instances that all their sessions are no more than `sessions`.
    #[must_use]
    pub fn within(self, sessions: usize) -> Self {
        let instances = (sessions / self.per_instance.max(1)).max(1);
        Self {
            instances: self.instances.min(instances),
            ..self
        }
    }
}

/// All pools of one process. Cloning shares them.
#[derive(Clone)]
pub struct Pools {
    settings: PoolSettings,
    pools: Arc<Mutex<HashMap<PoolKey, Entry>>>,
}

struct Entry {
    pool: Pool<Sessions>,
    used: Instant,
}

impl Pools {
    #[must_use]
    pub fn new(settings: PoolSettings) -> Self {
        Self {
            settings,
            pools: Arc::default(),
        }
    }

    /// Closes what has been unused for too long. To be called now and then.
    pub fn sweep(&self) {
        let idle = self.settings.max_idle;
        self.lock().retain(|_, entry| {
            entry
                .pool
                .retain(|session, metrics| !session.is_in_doubt() && metrics.last_used() <= idle);
            entry.pool.status().size > 0 || entry.used.elapsed() <= idle
        });
    }

    /// How often this target's log-in has been refused in this process. To be asked before it is read whether the
    /// refusal is noted, and kept in [`Target::refusals`].
    #[must_use]
    pub fn refusals(&self, target: &Target) -> u64 {
        let pools = self.lock();
        let entry = pools.get(&target.pool_key());
        entry.map_or(0, |entry| entry.pool.manager().gate.refusals())
    }

    /// Sessions open now, over all pools.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.lock().values().map(|e| e.pool.status().size).sum()
    }

    /// Closes every session that is not in use, and hands out no more.
    pub fn close(&self) {
        for (_, entry) in self.lock().drain() {
            entry.pool.close();
        }
    }

    /// A session that may have been used before.
    pub(super) async fn get(&self, target: &Target) -> Result<Borrowed, Failure> {
        let pool = self.pool(target)?;
        let gate = &pool.manager().gate;
        let _pass = gate.pass(target.refusals).await?;
        let session = pool
            .get()
            .await
            .map(Borrowed)
            .map_err(|error| explain(target, error));
        gate.learn(&session);
        session
    }

    /// A session that nothing has run on: the idle ones are closed first, they are as suspect as the one that failed.
    pub(super) async fn get_fresh(&self, target: &Target) -> Result<Borrowed, Failure> {
        self.pool(target)?.retain(|_, _| false);
        self.get(target).await
    }

    fn pool(&self, target: &Target) -> Result<Pool<Sessions>, Failure> {
        let key = target.pool_key();
        let mut pools = self.lock();
        if let Some(entry) = pools.get_mut(&key) {
            entry.used = Instant::now();
            return Ok(entry.pool.clone());
        }
        // The registration or the credential has changed: sessions of the old kind must not linger.
        pools.retain(|other, entry| {
            let stays = other.instance_id != key.instance_id;
            if !stays {
                entry.pool.close();
            }
            stays
        });
        make_room(&mut pools, self.settings.instances);
        let pool = self.build(target)?;
        pools.insert(
            key,
            Entry {
                pool: pool.clone(),
                used: Instant::now(),
            },
        );
        Ok(pool)
    }

    fn build(&self, target: &Target) -> Result<Pool<Sessions>, Failure> {
        let limits = target.timeouts;
        let manager = Sessions {
            target: target.clone(),
            gate: Gate::default(),
            max_age: self.settings.max_age,
            max_idle: self.settings.max_idle,
        };
        Pool::builder(manager)
            .max_size(self.settings.per_instance)
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(self.settings.wait))
            // `connect` has a limit for every part; this one is for what it forgot.
            .create_timeout(Some(limits.connect * 8 + limits.log_in * 2))
            .recycle_timeout(Some(Duration::from_secs(1)))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|_| failure::protocol(target, "its session pool could not be made"))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PoolKey, Entry>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(pools: &mut HashMap<PoolKey, Entry>, most: usize) {
    while pools.len() >= most.max(1) {
        let Some(oldest) = pools
            .iter()
            .min_by_key(|(_, entry)| entry.used)
            .map(|(key, _)| key.clone())
        else {
            return;
        };
        if let Some(entry) = pools.remove(&oldest) {
            entry.pool.close();
        }
    }
}

fn explain(target: &Target, error: PoolError<Failure>) -> Failure {
    match error {
        PoolError::Backend(failure) => failure,
        PoolError::Timeout(TimeoutType::Wait) => Failure {
            class: FailureClass::Transient,
            detail: format!("all sessions to {} were busy for too long", target.name),
            sql: None,
            cause: None,
        },
        PoolError::Timeout(_) => failure::unreachable(target, "no session came about in time"),
        PoolError::Closed => Failure {
            class: FailureClass::Transient,
            detail: format!("the registration of {} changed meanwhile", target.name),
            sql: None,
            cause: None,
        },
        PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            failure::protocol(target, "its session pool is not usable")
        }
    }
}

/// A session on loan. One in doubt is closed at once when given back, not at its next use:
/// the server may be working on, and holding locks for, what nobody waits for any more.
pub(super) struct Borrowed(Object<Sessions>);

impl Drop for Borrowed {
    fn drop(&mut self) {
        if self.0.is_in_doubt() {
            self.0.close();
        }
    }
}

impl Deref for Borrowed {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

impl DerefMut for Borrowed {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_pools_together_have_no_more_sessions_than_there_may_be() {
        let of = |per_instance, sessions| {
            let settings = PoolSettings {
                per_instance,
                ..PoolSettings::default()
            };
            settings.within(sessions).instances
        };
        assert_eq!(of(2, 256), 128);
        let most = PoolSettings::default().instances;
        assert_eq!(of(2, 16_384), most, "no more than before");
        assert_eq!(of(64, 10), 1, "one is always there");
    }
}
