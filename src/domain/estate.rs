//! What is known over all registrations when an attempt begins: whose certificates are whose. A value; `plan` weighs it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::hash::{Sha256, Thumbprint};
use super::identity::{ServerIdentity, Start};
use super::observation::{EndpointCertificate, HeldCertificate};

/// Every registered instance, the members included.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    pub instances: Vec<KnownInstance>,
    /// By acceptor and peer: when a look last saw the trust other than it is now. PostgreSQL's clock.
    pub otherwise: HashMap<(Uuid, Uuid), DateTime<Utc>>,
}

/// One registered instance.
#[derive(Debug, Clone)]
pub struct KnownInstance {
    pub id: Uuid,
    pub name: String,
    /// The server its address led to when it was first observed.
    pub identity: Option<ServerIdentity>,
    /// When that server started, and when that was seen, by the last look.
    pub started: Option<(Start, DateTime<Utc>)>,
    /// One entry per certificate and standing.
    pub certificates: Vec<KnownCertificate>,
}

/// A certificate, and what it is to the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownCertificate {
    pub mark: Mark,
    pub standing: Standing,
}

/// What a certificate is to a registered instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Standing {
    /// Its endpoint uses it, as last seen.
    Used,
    /// Uploaded as `current`, and it counts.
    Current,
    /// Uploaded as `next`, and it counts.
    Next,
    /// An earlier one: its endpoint was seen to use it, or it was obtained from it, or counted as `current`.
    Earlier,
}

/// What tells a certificate from others: the bytes, or the thumbprint where a server does not show the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub sha256: Option<Sha256>,
    pub thumbprint: Option<Thumbprint>,
}

impl From<&HeldCertificate> for Mark {
    fn from(held: &HeldCertificate) -> Self {
        Self {
            sha256: held.sha256,
            thumbprint: Some(held.thumbprint),
        }
    }
}

impl From<&EndpointCertificate> for Mark {
    fn from(used: &EndpointCertificate) -> Self {
        Self {
            sha256: used.sha256(),
            thumbprint: Some(used.thumbprint),
        }
    }
}

impl Mark {
    /// By the bytes where both are known by them.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        match (self.sha256, other.sha256) {
            (Some(one), Some(two)) => one == two,
            _ => self.thumbprint.is_some() && self.thumbprint == other.thumbprint,
        }
    }
}

impl Estate {
    #[must_use]
    pub fn instance(&self, id: Uuid) -> Option<&KnownInstance> {
        self.instances.iter().find(|i| i.id == id)
    }

    /// A look at this time saw the trust other than it shall be.
    pub fn note_otherwise(&mut self, acceptor: Uuid, peer: Uuid, at: DateTime<Utc>) {
        let noted = self.otherwise.entry((acceptor, peer)).or_insert(at);
        *noted = (*noted).max(at);
    }
}

impl KnownInstance {
    /// Some look has seen which certificate its endpoint uses.
    #[must_use]
    pub fn was_looked_at(&self) -> bool {
        self.certificates
            .iter()
            .any(|c| c.standing == Standing::Used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(bytes: Option<&str>, thumbprint: Option<&str>) -> Mark {
        Mark {
            sha256: bytes.map(|b| Sha256::of(b.as_bytes())),
            thumbprint: thumbprint.map(|t| Thumbprint::of(t.as_bytes())),
        }
    }

    #[test]
    fn a_certificate_is_known_by_its_bytes_or_by_the_thumbprint_where_they_are_not_shown() {
        let cases = [
            (mark(Some("x"), Some("x")), mark(Some("x"), Some("x")), true),
            (mark(Some("x"), None), mark(Some("x"), Some("x")), true),
            (
                mark(Some("x"), Some("x")),
                mark(Some("y"), Some("x")),
                false,
            ),
            (mark(Some("x"), Some("x")), mark(None, Some("x")), true),
            (mark(Some("x"), Some("x")), mark(None, Some("y")), false),
            (mark(None, Some("x")), mark(None, Some("x")), true),
            (mark(None, Some("x")), mark(None, Some("y")), false),
            (mark(Some("x"), None), mark(None, Some("x")), false),
            (mark(Some("x"), None), mark(None, None), false),
            (mark(None, None), mark(None, None), false),
        ];
        for (one, other, is_one) in cases {
            assert_eq!(one.is(&other), is_one, "{one:?} {other:?}");
            assert_eq!(other.is(&one), is_one, "{other:?} {one:?}");
        }
    }
}
