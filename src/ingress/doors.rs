//! How many connections there are, in all and from each address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Limits;

/// Counts connections. Cloning shares the counts.
#[derive(Debug, Clone)]
pub(super) struct Doors {
    limits: Limits,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    doors: Doors,
    address: IpAddr,
}

/// Why there is no place for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("there are {0} connections, and no more are taken")]
    All(usize),
    #[error("there are {0} connections from this address, and no more are taken from it")]
    Address(usize),
}

impl Doors {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: Arc::default(),
        }
    }

    /// # Errors
    /// When there are as many as there may be.
    pub(super) fn enter(&self, peer: IpAddr) -> Result<Place, Full> {
        let address = counted_as(peer);
        let mut open = self.lock();
        let here = open.by_address.get(&address).copied().unwrap_or_default();
        if here >= self.limits.per_address {
            return Err(Full::Address(here));
        }
        if open.all >= self.limits.connections {
            return Err(Full::All(open.all));
        }
        open.all += 1;
        open.by_address.insert(address, here + 1);
        Ok(Place {
            doors: self.clone(),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.doors.lock();
        open.all -= 1;
        if let Some(here) = open.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

/// An IPv6 host has a /64 to itself, and may use every address in it.
fn counted_as(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doors() -> Doors {
        Doors::new(Limits {
            connections: 3,
            per_address: 2,
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_cannot_take_all_places() {
        let doors = doors();
        let one = doors.enter(ip("192.0.2.1")).unwrap();
        let mapped = doors.enter(ip("::ffff:192.0.2.1")).unwrap();
        assert_eq!(doors.enter(ip("192.0.2.1")).unwrap_err(), Full::Address(2));
        let other = doors.enter(ip("192.0.2.2")).unwrap();
        assert_eq!(doors.enter(ip("192.0.2.3")).unwrap_err(), Full::All(3));
        drop(one);
        let again = doors.enter(ip("192.0.2.3")).unwrap();
        assert_eq!(doors.enter(ip("192.0.2.1")).unwrap_err(), Full::All(3));
        drop((mapped, other, again));
        let open = doors.lock();
        assert_eq!((open.all, open.by_address.len()), (0, 0));
    }

    #[test]
    fn an_ipv6_host_is_its_network() {
        let doors = doors();
        let _places = [
            doors.enter(ip("2001:db8::1")).unwrap(),
            doors.enter(ip("2001:db8::ffff:2")).unwrap(),
        ];
        assert_eq!(
            doors.enter(ip("2001:db8::3")).unwrap_err(),
            Full::Address(2)
        );
        assert!(doors.enter(ip("2001:db8:0:1::1")).is_ok());
    }
}
