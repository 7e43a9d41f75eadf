//! What is kept of looks: who is pinned, what is remembered, and that what has not changed is not written again.

use chrono::Duration;
use serde_json::json;
use sqlx::{Connection as _, PgPool};

use super::*;
use crate::domain::job::JobKind;
use crate::store::fixture::*;
use crate::store::instance_status::{self, InstanceStatus, RefusedLogin};
use crate::store::{MIGRATOR, instances, jobs};

/// What a server of this name says, in an edition.
fn said(server: &str, edition: &str, master: bool) -> Observation {
    let key = json!({"key_guid": "k", "key_created": "2026-03-01T08:12:44.123"});
    let mut identity =
        json!({"server_name": server, "machine_name": server, "instance_name": null});
    if master {
        identity["master"] = key;
    }
    serde_json::from_value(json!({
        "server": {"identity": identity, "version": "16.0.4135.4", "edition": edition, "engine_edition": 3, "is_linux": false,
                   "collation": "Latin1_General_CI_AS", "clock": now(), "encrypted": true, "through_listener": false},
        "login": {"name": "mirrorgate", "principal_id": 260, "is_sysadmin": true, "create_login": true, "create_user": true,
                  "create_certificate": true, "control_master": true, "grant_on_endpoint": true,
                  "view_any_definition": true, "view_server_state": true},
        "endpoint": null, "master_key": {"exists": true, "opened_by_server": true}, "certificates": [], "names": [],
        "connections": null, "databases": [], "availability_groups": [], "ddl_triggers": [], "observed_at": now(),
    }))
    .unwrap()
}

fn at(minute: i64) -> DateTime<Utc> {
    now() + Duration::minutes(minute)
}

fn look(instance: Uuid, observation: &Observation, pin: Pin) -> Look<'_> {
    Look {
        instance,
        revision: 1,
        was_refused: false,
        seen: Some(Seen { observation, pin }),
    }
}

/// A lease, and the instance it is for.
async fn held(conn: &mut Conn) -> (Lease, Uuid) {
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    jobs::enqueue(conn, &new_job(&erp, JobKind::VerifyInbound, false))
        .await
        .unwrap();
    (taken(conn).await.unwrap().0, fleet[0].id)
}

async fn status(conn: &mut Conn, id: Uuid) -> InstanceStatus {
    instance_status::status(conn, id).await.unwrap()
}

async fn version(conn: &mut Conn, id: Uuid) -> i64 {
    let instance = instances::get_by_id(conn, id).await.unwrap().unwrap();
    instance.status_version
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_first_server_seen_is_pinned_and_another_only_when_that_is_asked_for(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (lease, id) = held(conn).await;
    let (one, two) = (
        said("SQLA", "Standard", false),
        said("SQLX", "Standard", false),
    );
    let named = |status: &InstanceStatus| status.identity.clone().unwrap().server_name;
    for (observation, pin, pinned) in [
        (&one, Pin::First, "SQLA"),
        (&two, Pin::First, "SQLA"),
        (&two, Pin::Anew, "SQLX"),
        (&one, Pin::Anew, "SQLA"),
    ] {
        keep(conn, &lease, &[look(id, observation, pin)], at(1))
            .await
            .unwrap();
        assert_eq!(named(&status(conn, id).await), pinned, "{pin:?}");
    }
    assert_eq!(status(conn, id).await.identity.unwrap().master, None);
    let more = said("SQLA", "Standard", true);
    keep(conn, &lease, &[look(id, &more, Pin::Complete)], at(2))
        .await
        .unwrap();
    assert!(status(conn, id).await.identity.unwrap().master.is_some());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_another_server_said_is_not_what_this_one_says(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (lease, id) = held(conn).await;
    let newer = said("SQLA", "Standard", false);
    keep(conn, &lease, &[look(id, &newer, Pin::First)], at(9))
        .await
        .unwrap();
    let other = said("SQLX", "Express", false);
    // Begun earlier, and yet: the newer one is of a server that is not meant any more.
    keep(conn, &lease, &[look(id, &other, Pin::Anew)], at(5))
        .await
        .unwrap();
    let kept = status(conn, id).await;
    assert_eq!(kept.observation.unwrap().server.edition, "Express");
    assert_eq!(kept.observed_at, Some(at(5)));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_newer_look_stays_and_one_through_another_registration_is_not_kept(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (lease, id) = held(conn).await;
    let (one, two) = (
        said("SQLA", "Standard", false),
        said("SQLA", "Express", false),
    );
    keep(conn, &lease, &[look(id, &one, Pin::First)], at(2))
        .await
        .unwrap();
    keep(conn, &lease, &[look(id, &two, Pin::Same)], at(1))
        .await
        .unwrap();
    let otherwise = Look {
        revision: 2,
        ..look(id, &two, Pin::Same)
    };
    keep(conn, &lease, &[otherwise], at(3)).await.unwrap();
    let kept = status(conn, id).await;
    assert_eq!(kept.observation.unwrap().server.edition, "Standard");
    assert_eq!(kept.observed_at, Some(at(2)));
    keep(conn, &lease, &[look(id, &two, Pin::Same)], at(3))
        .await
        .unwrap();
    assert_eq!(
        status(conn, id).await.observation.unwrap().server.edition,
        "Express"
    );
}

/// What an update does not touch keeps its place in the row's overflow: nothing is added there.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_has_not_changed_is_not_written_again(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (lease, id) = held(conn).await;
    let mut long = said("SQLA", &"Standard ".repeat(900), false);
    for letter in ["b", "c", "d", "e"] {
        // Too various to be compressed away.
        let digits: String = (0..400)
            .map(|n| format!("{letter}{}", n * 7919 % 10_007))
            .collect();
        long.server.edition.push_str(&digits);
    }
    keep(conn, &lease, &[look(id, &long, Pin::First)], at(1))
        .await
        .unwrap();
    let counted = version(conn, id).await;
    let mut again = long.clone();
    again.server.clock = at(2);
    again.observed_at = at(2);
    again.server.collation = "of no interest here".to_owned();
    let written = "select n_tup_ins from pg_stat_xact_all_tables where relid = (
                       select reltoastrelid from pg_class where relname = 'instance_status') and $1 is not null";
    let mut tx = conn.begin().await.unwrap();
    let before = count(&mut tx, written, id).await;
    keep(&mut tx, &lease, &[look(id, &again, Pin::Same)], at(2))
        .await
        .unwrap();
    assert_eq!(count(&mut tx, written, id).await, before);
    again.server.edition.push('x');
    keep(&mut tx, &lease, &[look(id, &again, Pin::Same)], at(3))
        .await
        .unwrap();
    assert!(count(&mut tx, written, id).await > before);
    tx.commit().await.unwrap();
    assert_eq!(
        version(conn, id).await,
        counted + 2,
        "when it was looked at is shown"
    );
    assert_eq!(status(conn, id).await.observed_at, Some(at(3)));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_refusal_is_noted_until_the_log_in_is_let_in(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (lease, id) = held(conn).await;
    let instance = instances::get_by_id(conn, id).await.unwrap().unwrap();
    let refused = RefusedLogin {
        credential_id: instance.spec.credential.id,
        credential_revision: 1,
        number: 18456,
        at: now(),
    };
    instance_status::note_refused_login(conn, id, &refused)
        .await
        .unwrap();
    let seen = said("SQLA", "Standard", false);
    keep(conn, &lease, &[look(id, &seen, Pin::First)], at(1))
        .await
        .unwrap();
    let noted = status(conn, id).await.refused_login;
    assert_eq!(
        noted,
        Some(refused.clone()),
        "noted by somebody else meanwhile"
    );
    let stranger = Look {
        was_refused: true,
        seen: None,
        ..look(id, &seen, Pin::Same)
    };
    keep(conn, &lease, &[stranger], at(2)).await.unwrap();
    let kept = status(conn, id).await;
    assert_eq!((kept.refused_login, kept.observed_at), (None, Some(at(1))));
    let missing = instance_status::note_refused_login(conn, new_id(), &refused).await;
    assert!(matches!(missing, Err(StoreError::Inconsistent { .. })));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nothing_is_kept_without_the_lease(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (lease, id) = held(conn).await;
    expire(conn, &lease).await;
    let seen = said("SQLA", "Standard", false);
    let kept = keep(conn, &lease, &[look(id, &seen, Pin::First)], at(1)).await;
    assert!(matches!(kept, Err(StoreError::LeaseLost)));
    assert_eq!(status(conn, id).await, InstanceStatus::default());
}

/// Whoever changes a registration counts the status on in the same transaction, and so keeps the look waiting: what it sees then is
/// the new registration, not the one from before it waited.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_look_that_waited_for_a_change_of_the_registration_is_not_kept(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (lease, id) = held(conn).await;
    let mut changing = pool.begin().await.unwrap();
    for change in [
        "update instances set revision = 2 where id = $1",
        "update instance_status set version = version + 1 where instance_id = $1",
    ] {
        let change = sqlx::query(change).bind(id);
        change.execute(&mut *changing).await.unwrap();
    }
    let mut keeping = tokio::task::JoinSet::new();
    keeping.spawn({
        let pool = pool.clone();
        async move {
            let seen = said("SQLA", "Standard", false);
            let mut tx = pool.begin().await.unwrap();
            crate::store::lease::hold(&mut tx, &lease).await.unwrap();
            keep(&mut tx, &lease, &[look(id, &seen, Pin::First)], at(1))
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
    });
    let waiting = "select count(*) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock' and $1 is not null";
    while count(conn, waiting, id).await == 0 {
        assert!(keeping.try_join_next().is_none(), "it did not wait");
    }
    changing.commit().await.unwrap();
    keeping.join_next().await.unwrap().unwrap();
    assert_eq!(status(conn, id).await, InstanceStatus::default());
}

fn new_id() -> Uuid {
    crate::domain::id::new_id()
}
