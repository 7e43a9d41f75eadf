//! The way to an instance, authenticated with the seal key: where a password goes and who could read it on the way is decided by
//! whoever asks the service, never by whoever can write to the database.
//!
//! A password that is sealed with its hosts goes only where the instance's binding holds.

use uuid::Uuid;

use super::instances::{self, Instance};
use super::seal::SealKey;
use super::{Conn, StoreError};
use crate::domain::instance::{Tls, Verification};

/// Whether `binding` was made of this registration, with this key.
#[must_use]
pub fn holds(key: &SealKey, instance: &Instance, binding: &[u8]) -> bool {
    key.authenticates(&way(instance), binding)
}

/// Writes the binding of a registration that a caller has just declared.
pub async fn write(conn: &mut Conn, key: &SealKey, instance: &Instance) -> Result<(), StoreError> {
    sqlx::query!(
        "update instances set binding = $2 where id = $1 and binding is distinct from $2",
        instance.id,
        key.authenticate(&way(instance))
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes the bindings of instances that have none, because a release wrote them that knew of none. Only for a credential whose password
/// was sealed by such a release, too: later, a missing binding has been removed.
pub async fn adopt(conn: &mut Conn, key: &SealKey, credential: Uuid) -> Result<(), StoreError> {
    for instance in instances::unbound(conn, credential).await? {
        write(conn, key, &instance).await?;
    }
    Ok(())
}

/// All that decides where the password goes, and how it is protected on the way.
fn way(instance: &Instance) -> Vec<String> {
    let spec = &instance.spec;
    let mut way = vec![
        "instance".to_owned(),
        instance.id.to_string(),
        spec.address.host.clone(),
        spec.address
            .port
            .map_or_else(String::new, |p| p.to_string()),
        spec.address.instance_name.clone().unwrap_or_default(),
        spec.credential.id.to_string(),
    ];
    way.extend(protection(&spec.tls));
    way
}

fn protection(tls: &Tls) -> Vec<String> {
    let verified = |mode: &str, by: &Verification| {
        vec![
            mode.to_owned(),
            given(by.ca_pem.as_deref()),
            given(by.server_name.as_deref()),
        ]
    };
    match tls {
        Tls::Required(by) => verified("required", by),
        Tls::Strict(by) => verified("strict", by),
        Tls::Pinned { sha256 } => vec!["pinned".to_owned(), sha256.to_string()],
        Tls::TrustServerCertificate => vec!["trust_server_certificate".to_owned()],
        Tls::Off => vec!["off".to_owned()],
    }
}

/// An empty text is not none.
fn given(text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!("={text}"))
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;
    use crate::domain::hash::Sha256;
    use crate::store::MIGRATOR;
    use crate::store::fixture::{credential, instance, key};

    /// Each way a registration can be turned.
    fn turned(instance: &Instance) -> Vec<Instance> {
        let pinned = Sha256::of(b"somebody's");
        let trusting = Verification {
            ca_pem: Some(String::new()),
            server_name: None,
        };
        let named = Verification {
            ca_pem: None,
            server_name: Some(String::new()),
        };
        let turns: [fn(&mut Instance); 5] = [
            |i| i.spec.address.host = "evil.corp".to_owned(),
            |i| i.spec.address.port = None,
            |i| i.spec.address.instance_name = Some("X".to_owned()),
            |i| i.spec.credential.id = Uuid::from_u128(1),
            |i| i.id = Uuid::from_u128(1),
        ];
        let ways = [
            Tls::Off,
            Tls::TrustServerCertificate,
            Tls::Strict(Verification::default()),
            Tls::Pinned { sha256: pinned },
            Tls::Required(trusting),
            Tls::Required(named),
        ];
        let turn = turns.iter().map(|turn| {
            let mut turned = instance.clone();
            turn(&mut turned);
            turned
        });
        let tls = ways.into_iter().map(|tls| {
            let mut turned = instance.clone();
            turned.spec.tls = tls;
            turned
        });
        turn.chain(tls).collect()
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn a_turned_registration_is_not_what_was_bound(pool: PgPool) {
        let conn = &mut *pool.acquire().await.unwrap();
        let log_in = credential(conn, "dba").await;
        let bound = instance(conn, "HOST_A", &log_in).await;
        write(conn, &key(), &bound).await.unwrap();
        let (_, bindings) = instances::by_ids_with_bindings(conn, &[bound.id])
            .await
            .unwrap();
        let binding = &bindings[&bound.id];
        assert!(holds(&key(), &bound, binding));
        for turned in turned(&bound) {
            assert!(!holds(&key(), &turned, binding), "{turned:?}");
        }
        let mut other = binding.clone();
        other[0] ^= 1;
        assert!(!holds(&key(), &bound, &other));
        assert!(!holds(&key(), &bound, &[]));
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn only_what_has_no_binding_is_adopted(pool: PgPool) {
        let conn = &mut *pool.acquire().await.unwrap();
        let log_in = credential(conn, "dba").await;
        let bound = instance(conn, "HOST_A", &log_in).await;
        let mut turned = instance(conn, "HOST_B", &log_in).await;
        write(conn, &key(), &turned).await.unwrap();
        turned.spec.tls = Tls::Off;
        instances::update(conn, &turned).await.unwrap();
        adopt(conn, &key(), log_in.id).await.unwrap();
        let ids = [bound.id, turned.id];
        let (_, bindings) = instances::by_ids_with_bindings(conn, &ids).await.unwrap();
        assert!(holds(&key(), &bound, &bindings[&bound.id]));
        assert!(!holds(&key(), &turned, &bindings[&turned.id]));
    }
}
