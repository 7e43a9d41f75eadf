//! What is needed to reach one instance. Made by the worker from the registrations; nothing here connects.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::domain::credential::LoginSecret;
use crate::domain::instance::{Address, Tls, Verification};

/// One instance, with the log-in to use.
#[derive(Clone)]
pub struct Target {
    pub instance_id: Uuid,
    /// The registration name, for messages.
    pub name: String,
    pub address: Address,
    pub tls: Tls,
    pub log_in: LoginSecret,
    /// What activity monitors, traces and logon triggers see as the program.
    pub application: String,
    pub credential_id: Uuid,
    pub credential_revision: i64,
    /// Refusals of this log-in in this process that were known when it was decided to try it: see
    /// [`super::Pools::refusals`].
    pub refusals: u64,
    pub timeouts: Timeouts,
}

/// How long each part may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timeouts {
    /// Name resolution, and each TCP connect.
    pub connect: Duration,
    /// TLS and log-in together.
    pub log_in: Duration,
    /// One observe batch, answer read to its end.
    pub observe: Duration,
    /// One apply batch, answer read to its end.
    pub apply: Duration,
    /// One question to SQL Server Browser; it is asked twice.
    pub browser: Duration,
    /// Where SQL Server Browser listens (UDP).
    pub browser_port: u16,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            log_in: Duration::from_secs(10),
            observe: Duration::from_secs(15),
            apply: Duration::from_secs(60),
            browser: Duration::from_secs(1),
            browser_port: 1434,
        }
    }
}

/// Sessions are shared by whoever has the same key, and by nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PoolKey {
    pub instance_id: Uuid,
    /// Over everything that shapes a connection but the password, whose changes the revision stands for.
    settings: u64,
    credential: (Uuid, i64),
}

impl Target {
    pub(super) fn pool_key(&self) -> PoolKey {
        let mut hasher = DefaultHasher::new();
        self.address.host.to_ascii_lowercase().hash(&mut hasher);
        (self.address.port, &self.address.instance_name).hash(&mut hasher);
        hash_tls(&self.tls, &mut hasher);
        (&self.log_in.user, &self.application).hash(&mut hasher);
        self.timeouts.hash(&mut hasher);
        PoolKey {
            instance_id: self.instance_id,
            settings: hasher.finish(),
            credential: (self.credential_id, self.credential_revision),
        }
    }

    /// The password, for LOGIN7 and nothing else.
    pub(super) fn password(&self) -> &str {
        self.log_in.password.expose_secret()
    }
}

fn hash_tls(tls: &Tls, hasher: &mut DefaultHasher) {
    std::mem::discriminant(tls).hash(hasher);
    match tls {
        Tls::Required(verification) | Tls::Strict(verification) => {
            let Verification {
                ca_pem,
                server_name,
            } = verification;
            (ca_pem, server_name).hash(hasher);
        }
        Tls::Pinned { sha256 } => sha256.hash(hasher),
        Tls::TrustServerCertificate | Tls::Off => {}
    }
}

/// Shows where, never how to log in.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({} at {})", self.name, self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target {
            instance_id: Uuid::from_u128(1),
            name: "HOST_A".into(),
            address: Address {
                host: "host-a".into(),
                port: Some(1433),
                instance_name: None,
            },
            tls: Tls::default(),
            log_in: LoginSecret {
                user: "mirrorgate".into(),
                password: "s3cret-canary".to_owned().into(),
            },
            application: "mirrorgate".into(),
            credential_id: Uuid::from_u128(2),
            credential_revision: 1,
            refusals: 0,
            timeouts: Timeouts::default(),
        }
    }

    #[test]
    fn whatever_shapes_a_connection_makes_another_key() {
        let base = target().pool_key();
        assert_eq!(base, target().pool_key());
        let changes: [fn(&mut Target); 7] = [
            |t| t.address.port = Some(1434),
            |t| t.tls = Tls::Off,
            |t| {
                t.tls = Tls::Required(Verification {
                    ca_pem: Some("x".into()),
                    server_name: None,
                });
            },
            |t| t.credential_revision = 2,
            |t| t.credential_id = Uuid::from_u128(3),
            |t| t.log_in.user = "other".into(),
            |t| t.application = "other".into(),
        ];
        for change in changes {
            let mut changed = target();
            change(&mut changed);
            assert_ne!(base, changed.pool_key());
        }
    }

    #[test]
    fn what_is_shown_of_a_target_holds_no_password() {
        assert!(!format!("{:?}", target()).contains("canary"));
    }
}
