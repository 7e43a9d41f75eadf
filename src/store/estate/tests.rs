//! What an attempt is told of the registrations.

use chrono::{DateTime, Duration, Utc};
use sqlx::PgPool;

use super::*;
use crate::domain::certificate::Purpose;
use crate::domain::estate::Standing;
use crate::domain::object_name::SysName;
use crate::domain::observation::{EndpointCertificate, PrivateKey};
use crate::store::fixture::{certificate, fleet, now};
use crate::store::{MIGRATOR, certificates, endpoint_certificates, instances};

fn used(serial: u64, with_bytes: bool) -> EndpointCertificate {
    let certificate = certificate(serial);
    EndpointCertificate {
        certificate_id: 256,
        name: SysName::observed("own").unwrap(),
        thumbprint: certificate.thumbprint,
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        der: with_bytes.then_some(certificate.der),
        private_key: PrivateKey::MasterKey,
    }
}

fn at(minute: i64) -> DateTime<Utc> {
    now() + Duration::minutes(minute)
}

/// What certificate `serial` is to the first instance.
async fn standings(conn: &mut Conn, serial: u64) -> Vec<Standing> {
    let certificate = certificate(serial);
    let mark = Mark {
        sha256: Some(certificate.sha256),
        thumbprint: Some(certificate.thumbprint),
    };
    let about = About {
        certificates: vec![mark],
        ..About::default()
    };
    let known = read(conn, &about).await.unwrap();
    let known = known.iter().flat_map(|instance| &instance.certificates);
    known
        .filter(|c| c.mark.is(&mark))
        .map(|c| c.standing)
        .collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn uploads_are_what_they_count_for(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let id = fleet(conn, 1).await[0].id;
    for (serial, purpose) in [
        (1, Purpose::Current),
        (2, Purpose::Current),
        (3, Purpose::Next),
        (4, Purpose::Next),
    ] {
        certificates::upload(conn, id, &certificate(serial), purpose, now())
            .await
            .unwrap();
    }
    assert_eq!(standings(conn, 1).await, [Standing::Earlier]);
    assert_eq!(standings(conn, 2).await, [Standing::Current]);
    assert_eq!(
        standings(conn, 3).await,
        [],
        "it was never to be more than the next"
    );
    assert_eq!(standings(conn, 4).await, [Standing::Next]);
    certificates::mark_deleted(conn, id, &certificate(2).sha256, now())
        .await
        .unwrap();
    assert_eq!(standings(conn, 2).await, [], "a slip, maybe");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_an_endpoint_was_seen_to_use_is_kept_when_it_changes(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let id = fleet(conn, 2).await[0].id;
    endpoint_certificates::note(conn, id, &used(1, false), at(1))
        .await
        .unwrap();
    assert_eq!(standings(conn, 1).await, [Standing::Used]);
    endpoint_certificates::note(conn, id, &used(2, true), at(2))
        .await
        .unwrap();
    assert_eq!(standings(conn, 1).await, [Standing::Earlier]);
    assert_eq!(standings(conn, 2).await, [Standing::Used]);
    endpoint_certificates::note(conn, id, &used(1, true), at(3))
        .await
        .unwrap();
    assert_eq!(standings(conn, 1).await, [Standing::Used], "back again");
    let rows = "select count(*) from endpoint_certificates where sha256 is not null";
    let with_bytes: i64 = sqlx::query_scalar(rows)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(with_bytes, 2, "the bytes were shown the second time");
    endpoint_certificates::forget(conn, id).await.unwrap();
    assert_eq!(standings(conn, 1).await, []);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_no_longer_registered_knows_nothing(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let all = fleet(conn, 2).await;
    instances::mark_deleted(conn, all[0].id, now())
        .await
        .unwrap();
    let about = About {
        members: all.iter().map(|instance| instance.id).collect(),
        ..About::default()
    };
    let known = read(conn, &about).await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].id, all[1].id);
}

/// By name, or by what its master says where it is the name that says nothing.
#[sqlx::test(migrator = "MIGRATOR")]
async fn registrations_that_lead_to_the_same_server_are_found(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let all = fleet(conn, 4).await;
    let server = |name: &str, key: &str, created: &str| -> ServerIdentity {
        let master = serde_json::json!({"key_guid": key, "key_created": created});
        let identity = serde_json::json!({"server_name": name, "machine_name": name, "instance_name": null, "master": master});
        serde_json::from_value(identity).unwrap()
    };
    let (early, late) = ("2026-03-01T08:12:44.123", "2026-04-01T08:12:44.123");
    for (instance, identity) in all.iter().zip([
        server("SQLA", "one", early),
        server("SQLB", "TWO", early),
        server("SQLC", "three", late),
    ]) {
        sqlx::query("update instance_status set identity = $2 where instance_id = $1")
            .bind(instance.id)
            .bind(serde_json::to_value(identity).unwrap())
            .execute(&mut *conn)
            .await
            .unwrap();
    }
    for (seen, found) in [
        (server("sqla", "other", "2020-01-01T00:00:00"), vec!["i0"]),
        (server("SQLX", "two", "2020-01-01T00:00:00"), vec!["i1"]),
        (server("SQLX", "other", early), vec!["i0", "i1"]),
        (server("SQLX", "other", "2020-01-01T00:00:00"), vec![]),
    ] {
        let about = About {
            servers: vec![seen.clone()],
            ..About::default()
        };
        let known = read(conn, &about).await.unwrap();
        let names: Vec<&str> = known.iter().map(|known| known.name.as_str()).collect();
        assert_eq!(names, found, "{seen}");
    }
}
