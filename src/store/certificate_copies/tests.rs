//! Copies are written when they change: who held what, whose, from when to when.

use std::slice::from_ref;

use chrono::Duration;
use sqlx::PgPool;

use super::*;
use crate::domain::object_name::SysName;
use crate::domain::observation::MasterUser;
use crate::store::MIGRATOR;
use crate::store::fixture::{certificate, fleet, now};

fn held(serial: u64, owner: &str) -> HeldCertificate {
    let certificate = certificate(serial);
    HeldCertificate {
        certificate_id: 256,
        name: SysName::observed("c").unwrap(),
        thumbprint: certificate.thumbprint,
        sha256: Some(certificate.sha256),
        issuer_serial: None,
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        has_private_key: false,
        key_under_master_key: false,
        owner: Some(MasterUser {
            principal_id: 5,
            name: SysName::observed(owner).unwrap(),
            kind: 'S',
            without_login: false,
            sid: None,
            changed_at: None,
            login: None,
        }),
    }
}

fn at(minute: i64) -> DateTime<Utc> {
    now() + Duration::minutes(minute)
}

/// Owner, first and last seen in minutes; the oldest first.
async fn rows(conn: &mut Conn) -> Vec<(String, i64, Option<i64>)> {
    let all: Vec<(String, DateTime<Utc>, Option<DateTime<Utc>>)> = sqlx::query_as(
        "select owner, first_seen_at, last_seen_at from certificate_copies order by first_seen_at, owner",
    )
    .fetch_all(conn)
    .await
    .unwrap();
    let minute = |at: DateTime<Utc>| (at - now()).num_minutes();
    all.into_iter()
        .map(|(owner, first, last)| (owner, minute(first), last.map(minute)))
        .collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_copy_is_kept_from_the_first_look_to_the_last(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let id = fleet(conn, 1).await[0].id;
    let mut look = async |held: &[HeldCertificate], minute: i64, is_all| {
        let before = (minute > 0).then(|| at(minute - 1));
        let holder = Holder {
            id,
            held,
            is_all,
            before,
        };
        note(conn, &[holder], at(minute)).await.unwrap();
        rows(conn).await
    };
    let kept = |owner: &str, first, last| (owner.to_owned(), first, last);
    let (b, c) = (held(1, "b"), held(2, "c"));
    assert_eq!(look(from_ref(&b), 0, true).await, [kept("b", 0, None)]);
    assert_eq!(
        look(from_ref(&b), 1, true).await,
        [kept("b", 0, None)],
        "nothing changed"
    );
    assert_eq!(
        look(&[b.clone(), c.clone()], 2, true).await,
        [kept("b", 0, None), kept("c", 2, None)]
    );
    assert_eq!(
        look(from_ref(&c), 4, false).await,
        [kept("b", 0, None), kept("c", 2, None)],
        "who does not see everything cannot tell that one is gone"
    );
    assert_eq!(
        look(&[c], 6, true).await,
        [kept("b", 0, Some(5)), kept("c", 2, None)]
    );
    assert_eq!(
        look(&[held(2, "d")], 8, false).await,
        [
            kept("b", 0, Some(5)),
            kept("c", 2, Some(7)),
            kept("d", 8, None)
        ],
        "it has another owner"
    );
    assert_eq!(
        look(&[b], 10, true).await.last(),
        Some(&kept("b", 10, None)),
        "back again"
    );
}
