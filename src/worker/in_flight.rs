//! How many attempts of this process are at each instance. More than there are sessions to it would only wait with a
//! slot and a lease in use; so one dead instance cannot take all slots.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// Counts attempts by instance. Cloning shares the counts.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight {
    at: Arc<Mutex<HashMap<Uuid, usize>>>,
}

/// One attempt's presence at its instances, until it is dropped.
#[derive(Debug)]
pub(super) struct Guard {
    in_flight: InFlight,
    instances: Vec<Uuid>,
}

impl InFlight {
    /// The instances that `most` attempts are at already.
    pub(super) fn saturated(&self, most: usize) -> Vec<Uuid> {
        let at = self.lock();
        at.iter()
            .filter(|(_, n)| **n >= most)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Whether any attempt is at it.
    pub(super) fn is_at(&self, instance: Uuid) -> bool {
        self.lock().contains_key(&instance)
    }

    pub(super) fn enter(&self, instances: Vec<Uuid>) -> Guard {
        let mut at = self.lock();
        for instance in &instances {
            *at.entry(*instance).or_default() += 1;
        }
        Guard {
            in_flight: self.clone(),
            instances,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, usize>> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut at = self.in_flight.lock();
        for instance in &self.instances {
            if let Some(n) = at.get_mut(instance) {
                *n -= 1;
            }
        }
        at.retain(|_, n| *n > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_full_as_long_as_its_attempts_last() {
        let in_flight = InFlight::default();
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let first = in_flight.enter(vec![a, b]);
        let second = in_flight.enter(vec![a]);
        assert_eq!(in_flight.saturated(2), [a]);
        drop(first);
        assert!(in_flight.saturated(2).is_empty());
        drop(second);
        assert!(in_flight.saturated(1).is_empty());
    }
}
