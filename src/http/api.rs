//! What every handler has at hand: the store, the wake-ups, the seal, the clock, and the service's own settings.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio::sync::{Semaphore, watch};

use crate::domain::clock::Clock;
use crate::domain::desired_state::Thresholds;
use crate::domain::hash::Sha256;
use crate::store::seal::SealKey;
use crate::store::wake::Wakeups;
use crate::store::{self, Conn, Store, StoreError};

/// The state of the HTTP side. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    parts: Arc<Parts>,
    waiters: Arc<Semaphore>,
}

/// What an [`Api`] is made of.
pub struct Parts {
    pub store: Store,
    pub wakeups: Wakeups,
    pub seal: SealKey,
    pub clock: Clock,
    pub settings: Settings,
    pub readiness: Readiness,
}

/// How many of those who wait for a job may read at once. When a job moves they all wake together; the others of the
/// pool's connections stay with those who ask for something.
const WAITERS_AT_ONCE: usize = 2;
/// How long such a read may take, the wait for its turn and a connection included.
const LOOK: Duration = Duration::from_secs(5);

/// The HTTP side's own settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The one bearer token; absent on loopback only, where nobody is asked.
    pub token: Option<TokenDigest>,
    /// How long an answer may take, `wait` not counted.
    pub timeout: Duration,
    /// What uploads are warned of.
    pub thresholds: Thresholds,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            token: None,
            timeout: Duration::from_secs(30),
            thresholds: Thresholds::default(),
        }
    }
}

/// A bearer token as it is kept in memory: only its digest, so that no dump or log can give it away.
#[derive(Debug, Clone)]
pub struct TokenDigest(Sha256);

impl TokenDigest {
    #[must_use]
    pub fn of(token: &SecretString) -> Self {
        Self(Sha256::of(token.expose_secret().as_bytes()))
    }

    /// Compares in constant time; digests are compared, so lengths give nothing away either.
    #[must_use]
    pub fn admits(&self, presented: &str) -> bool {
        let presented = Sha256::of(presented.as_bytes());
        self.0.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

/// Whether this process takes work; cleared as soon as it begins to shut down.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<watch::Sender<bool>>);

impl Readiness {
    pub fn set(&self, ready: bool) {
        self.0.send_replace(ready);
    }

    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once this process takes no work (any more), at once if it does not: whoever waits for a job then answers
    /// with what there is.
    pub async fn cleared(&self) {
        let mut ready = self.0.subscribe();
        // The sender is `self`, so it cannot be gone.
        let _cleared = ready.wait_for(|ready| !ready).await;
    }
}

impl Api {
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            waiters: Arc::new(Semaphore::new(WAITERS_AT_ONCE)),
        }
    }

    /// A look at the database by somebody who waits for a job: in turn with the others who wait, and bounded in time, so that
    /// a line that died without a word does not keep the turn from them.
    ///
    /// # Errors
    /// Whatever `read` gives; [`StoreError::Unavailable`] when it takes too long.
    pub async fn look<T>(
        &self,
        read: impl AsyncFnOnce(&mut Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let looking = async {
            // Never closed, so always had.
            let _turn = self.waiters.acquire().await.ok();
            let mut conn = self.store.acquire().await?;
            read(&mut conn).await
        };
        store::within(LOOK, looking).await
    }
}

impl Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_token_is_admitted() {
        let digest = TokenDigest::of(&SecretString::from("mg_0123456789abcdef"));
        assert!(digest.admits("mg_0123456789abcdef"));
        for wrong in [
            "",
            "mg_0123456789abcde",
            "mg_0123456789abcdef ",
            "MG_0123456789ABCDEF",
        ] {
            assert!(!digest.admits(wrong), "{wrong:?}");
        }
        assert!(!format!("{digest:?}").contains("mg_"));
    }
}
