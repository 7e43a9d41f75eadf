//! Registrations as kept: names, references, pages, status counts, pins, trusts.

mod model;

use chrono::Duration;
use sqlx::PgPool;

use super::certificates::Upload;
use super::fixture::*;
use super::trusts::SeenTrust;
use super::*;
use crate::domain::certificate::{Certificate, Purpose, Source};
use crate::domain::desired_state::NeededRoles;
use crate::domain::job::JobKind;
use crate::domain::trust::{Admission, Admits, Configured, Proof, TrustStatus};

fn what_is_taken<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Unique {
    match result {
        Err(StoreError::Taken { constraint }) => constraint,
        other => panic!("expected Taken, got {other:?}"),
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_written_reads_back(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let dba = credential(conn, "Dba").await;
    assert_eq!(credentials::get(conn, "dba").await.unwrap().unwrap(), dba);
    let a = instance(conn, "HOST_A", &dba).await;
    let b = instance(conn, "HOST_B", &dba).await;
    let w = instance(conn, "HOST_W", &dba).await;
    assert_eq!(instances::get(conn, "host_a").await.unwrap().unwrap(), a);
    let mut erp = new_pair("erp", &a, &b, Some(&w));
    pairs::insert(conn, &erp).await.unwrap();
    // A pair's status counts its members' along.
    erp.status_version = 4;
    assert_eq!(pairs::get(conn, "erp").await.unwrap().unwrap(), erp);
    assert_eq!(
        pairs::of_instance(conn, w.id).await.unwrap(),
        vec![erp.clone()]
    );
    let roles = instances::needed_roles(conn, &[a.id, w.id]).await.unwrap();
    let (partner, witness) = (true, true);
    assert_eq!(
        roles[&a.id],
        NeededRoles {
            partner,
            witness: false
        }
    );
    assert_eq!(
        roles[&w.id],
        NeededRoles {
            partner: false,
            witness
        }
    );
    let called = peers::called(conn, &[a.id]).await.unwrap();
    assert_eq!(called[&a.id], [&b, &w].map(peers::Peer::from));
    let mut others = vec![b.id, w.id];
    others.sort();
    assert_eq!(peers::among(conn, &[a.id]).await.unwrap()[&a.id], others);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_password_opens_only_in_its_own_row(pool: PgPool) {
    use secrecy::ExposeSecret;
    let conn = &mut *pool.acquire().await.unwrap();
    let (one, two) = (credential(conn, "one").await, credential(conn, "two").await);
    let (sealed, revision) = credentials::sealed(conn, one.id).await.unwrap().unwrap();
    assert_eq!(revision, 1);
    let open = |of: &credentials::Credential| credentials::open(&key(), of, &sealed);
    assert_eq!(open(&one).unwrap().expose_secret(), "pass-of-the-fixture");
    assert!(open(&two).is_err());
    credentials::mark_deleted(conn, one.id, now())
        .await
        .unwrap();
    assert!(credentials::sealed(conn, one.id).await.unwrap().is_none());
    let kept = "select count(*) from credentials where id = $1 and seal_ciphertext is not null";
    assert_eq!(
        count(conn, kept, one.id).await,
        0,
        "a deleted credential has forgotten its password"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn names_are_unique_without_case_and_free_after_deletion(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let dba = credential(conn, "dba").await;
    let a = instance(conn, "HOST_A", &dba).await;
    let again = new_instance("host_a", &dba);
    assert_eq!(
        what_is_taken(instances::insert(conn, &again).await),
        Unique::InstanceName
    );
    let mut alias = new_instance("other", &dba);
    alias.spec.peer_name = new_instance("host_A", &dba).spec.peer_name;
    assert_eq!(
        what_is_taken(instances::insert(conn, &alias).await),
        Unique::InstancePeerName
    );
    let b = instance(conn, "HOST_B", &dba).await;
    let erp = pair(conn, "erp", &a, &b).await;
    assert_eq!(
        what_is_taken(pairs::insert(conn, &new_pair("ERP", &a, &b, None)).await),
        Unique::PairName
    );
    pairs::mark_deleted(conn, erp.id, now()).await.unwrap();
    assert!(instances::used_by(conn, a.id).await.unwrap().is_empty());
    instances::mark_deleted(conn, a.id, now()).await.unwrap();
    assert!(instances::get(conn, "host_a").await.unwrap().is_none());
    instances::insert(conn, &again).await.unwrap();
    pairs::insert(conn, &new_pair("ERP", &again, &b, None))
        .await
        .unwrap();
    assert!(
        instances::mark_deleted(conn, a.id, now()).await.is_err(),
        "deleting what is deleted meets no row"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_deleted_cannot_begin_to_be_used(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    instances::mark_deleted(conn, fleet[1].id, now())
        .await
        .unwrap();
    let refused = pairs::insert(conn, &new_pair("erp", &fleet[0], &fleet[1], None)).await;
    assert!(
        matches!(refused, Err(StoreError::Referenced)),
        "{refused:?}"
    );
    let late =
        certificates::upload(conn, fleet[1].id, &certificate(1), Purpose::Current, now()).await;
    assert!(matches!(late, Err(StoreError::Referenced)), "{late:?}");
    let old = credential(conn, "old").await;
    credentials::mark_deleted(conn, old.id, now())
        .await
        .unwrap();
    let refused = instances::insert(conn, &new_instance("x", &old)).await;
    assert!(
        matches!(refused, Err(StoreError::Referenced)),
        "{refused:?}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn lists_go_on_after_the_last_key(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 5).await;
    let first = instances::list(conn, None, 2).await.unwrap();
    assert_eq!(first.items, fleet[..2]);
    instances::mark_deleted(conn, fleet[1].id, now())
        .await
        .unwrap();
    let second = instances::list(conn, first.next.as_deref(), 2)
        .await
        .unwrap();
    assert_eq!(
        second.items,
        fleet[2..4],
        "what a page ended with may be gone"
    );
    let last = instances::list(conn, second.next.as_deref(), 2)
        .await
        .unwrap();
    assert_eq!((last.items.len(), last.next), (1, None));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn jobs_are_listed_by_what_they_name(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 3).await;
    let erp = pair(conn, "Erp", &fleet[0], &fleet[1]).await;
    let crm = pair(conn, "crm", &fleet[1], &fleet[2]).await;
    let mut ids = Vec::new();
    for (pair, kind) in [
        (&erp, JobKind::ConfigureInbound),
        (&crm, JobKind::VerifyInbound),
        (&erp, JobKind::VerifyInbound),
    ] {
        let new = new_job(pair, kind, false);
        jobs::enqueue(conn, &new).await.unwrap();
        ids.push(new.id);
    }
    pairs::mark_deleted(conn, erp.id, now()).await.unwrap();
    let mut found = async |filter: jobs::JobFilter| -> Vec<uuid::Uuid> {
        let page = jobs::list(conn, &filter, None, 50).await.unwrap();
        page.items.iter().map(|j| j.id).collect()
    };
    let all = jobs::JobFilter::default();
    assert_eq!(found(all.clone()).await, [ids[2], ids[1], ids[0]]);
    let by_pair = jobs::JobFilter {
        pair: Some("ERP".to_owned()),
        ..all.clone()
    };
    assert_eq!(
        found(by_pair.clone()).await,
        [ids[2], ids[0]],
        "deleted ones too"
    );
    let kind = Some(JobKind::VerifyInbound);
    assert_eq!(found(jobs::JobFilter { kind, ..by_pair }).await, [ids[2]]);
    let instance = Some("I2".to_owned());
    assert_eq!(
        found(jobs::JobFilter {
            instance,
            ..all.clone()
        })
        .await,
        [ids[1]]
    );
    let instance_id = Some(fleet[1].id);
    assert_eq!(
        found(jobs::JobFilter {
            instance_id,
            ..all.clone()
        })
        .await
        .len(),
        3
    );
    let created_after = Some(now());
    assert!(
        found(jobs::JobFilter {
            created_after,
            ..all.clone()
        })
        .await
        .is_empty()
    );
    let page = jobs::list(conn, &all, None, 1).await.unwrap();
    let rest = jobs::list(conn, &all, page.next, 5).await.unwrap();
    assert_eq!(rest.items.len(), 2);
}

fn is_new(upload: &Upload) -> bool {
    matches!(upload, Upload::Kept { is_new: true, .. })
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_last_upload_of_a_purpose_is_its_pin(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 1).await;
    let id = fleet[0].id;
    let (old, new) = (certificate(1), certificate(2));
    let uploaded = certificates::upload(conn, id, &old, Purpose::Current, now())
        .await
        .unwrap();
    assert!(is_new(&uploaded));
    let counted = instances::get(conn, "i0")
        .await
        .unwrap()
        .unwrap()
        .status_version;
    let uploaded = certificates::upload(conn, id, &old, Purpose::Current, now())
        .await
        .unwrap();
    assert!(!is_new(&uploaded));
    let same = instances::get(conn, "i0")
        .await
        .unwrap()
        .unwrap()
        .status_version;
    assert_eq!(same, counted, "uploading the pin again writes nothing");
    certificates::upload(conn, id, &new, Purpose::Next, now())
        .await
        .unwrap();
    let pins = certificates::pins(conn, id).await.unwrap();
    assert_eq!(pins.current.unwrap().certificate, old);
    assert_eq!(pins.next.unwrap().certificate, new);
    let refused = certificates::upload(conn, id, &old, Purpose::Next, now()).await;
    assert_eq!(refused.unwrap(), Upload::AlreadyCurrent);
    let moved = certificates::upload(conn, id, &new, Purpose::Current, now())
        .await
        .unwrap();
    assert!(!is_new(&moved));
    let pins = certificates::pins(conn, id).await.unwrap();
    assert_eq!(pins.current.unwrap().certificate, new);
    assert!(pins.next.is_none(), "what became current is no longer next");
    assert!(
        certificates::mark_deleted(conn, id, &new.sha256, now())
            .await
            .unwrap()
    );
    assert!(
        !certificates::mark_deleted(conn, id, &new.sha256, now())
            .await
            .unwrap()
    );
    assert_eq!(
        certificates::pins(conn, id).await.unwrap(),
        certificates::Pins::default(),
        "forgetting the pin does not make an earlier upload the pin"
    );
    assert!(
        certificates::pin_hashes(conn, &[id])
            .await
            .unwrap()
            .is_empty()
    );
    let kept = certificates::by_hashes(conn, &[new.sha256]).await.unwrap();
    assert_eq!(kept, [new], "a job keeps what it was accepted with");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_moves_to_the_other_purpose_leaves_no_earlier_one_behind(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 1).await;
    let id = fleet[0].id;
    let (earlier, later) = (certificate(1), certificate(2));
    for (which, purpose) in [
        (&earlier, Purpose::Next),
        (&later, Purpose::Next),
        (&later, Purpose::Current),
    ] {
        certificates::upload(conn, id, which, purpose, now())
            .await
            .unwrap();
    }
    let pins = certificates::pins(conn, id).await.unwrap();
    assert_eq!(pins.current.unwrap().certificate, later);
    assert!(pins.next.is_none());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn one_of_the_same_issuer_and_serial_is_found_also_among_rows_of_an_older_version(
    pool: PgPool,
) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let twin = |serial: u64| {
        let key =
            rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
        let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        params.serial_number = Some(rcgen::SerialNumber::from(serial));
        let made = params.self_signed(&key.unwrap()).unwrap();
        Certificate::from_der(made.der()).unwrap()
    };
    let (one, other, third) = (twin(7), twin(7), twin(8));
    for (instance, which) in [(0, &one), (1, &third)] {
        certificates::upload(conn, fleet[instance].id, which, Purpose::Current, now())
            .await
            .unwrap();
    }
    sqlx::query("update certificates set issuer_serial = null")
        .execute(&mut *conn)
        .await
        .unwrap();
    let clashes = certificate_uses::clashes(conn, &other).await.unwrap();
    assert_eq!(clashes.len(), 1);
    assert_eq!(clashes[0].thumbprint, one.thumbprint);
    assert_eq!(
        (clashes[0].instance.as_str(), &clashes[0].held_as),
        ("i0", &None)
    );
    assert!(
        certificate_uses::clashes(conn, &one)
            .await
            .unwrap()
            .is_empty()
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_obtained_certificate_is_never_a_pin(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 1).await;
    let id = fleet[0].id;
    let (one, two) = (certificate(1), certificate(2));
    certificates::note_obtained(conn, id, &one, now())
        .await
        .unwrap();
    assert_eq!(
        certificates::pins(conn, id).await.unwrap(),
        certificates::Pins::default()
    );
    certificates::upload(conn, id, &two, Purpose::Current, now())
        .await
        .unwrap();
    certificates::note_obtained(conn, id, &two, now())
        .await
        .unwrap();
    let stored = certificates::get(conn, id, &two.sha256)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        stored.source,
        Source::Uploaded,
        "an upload stays what it is"
    );
    certificates::mark_deleted(conn, id, &two.sha256, now())
        .await
        .unwrap();
    certificates::note_obtained(conn, id, &two, now())
        .await
        .unwrap();
    let stored = certificates::get(conn, id, &two.sha256)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((stored.source, stored.purpose), (Source::Obtained, None));
    assert!(
        certificates::pins(conn, id)
            .await
            .unwrap()
            .current
            .is_none()
    );
    let mut known = certificates::known(conn, id).await.unwrap();
    known.sort();
    let mut both = vec![one.sha256, two.sha256];
    both.sort();
    assert_eq!(known, both);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_pin_moves_the_status_of_everyone_who_trusts_it(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 3).await;
    pair(conn, "erp", &fleet[0], &fleet[1]).await;
    certificates::upload(conn, fleet[1].id, &certificate(1), Purpose::Current, now())
        .await
        .unwrap();
    let versions: Vec<i64> = instances::list(conn, None, 10)
        .await
        .unwrap()
        .items
        .iter()
        .map(|i| i.status_version)
        .collect();
    assert_eq!(versions, [2, 2, 1]);
    assert_eq!(
        pairs::get(conn, "erp")
            .await
            .unwrap()
            .unwrap()
            .status_version,
        5
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_newer_look_at_a_trust_stays(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let job = queued(conn, &erp).await;
    let proof = Proof::Proven { since: Some(now()) };
    let newer = SeenTrust {
        status: TrustStatus {
            next: None,
            acceptor: fleet[0].id,
            peer: fleet[1].id,
            configured: Configured::Yes,
            admits: Admission {
                verdict: Admits::Yes,
                reasons: Vec::new(),
                lapses_at: Some(now()),
            },
            proof,
            sha256: Some(certificate(1).sha256),
            thumbprint: Some(certificate(1).thumbprint),
            checked_at: now(),
            job: job.id,
        },
        basis: "revisions 1 and 1".to_owned(),
    };
    let mut older = newer.clone();
    older.status.checked_at = now() - Duration::minutes(1);
    older.status.configured = Configured::No;
    trusts::save(conn, std::slice::from_ref(&newer))
        .await
        .unwrap();
    let counted = instances::get(conn, "i0")
        .await
        .unwrap()
        .unwrap()
        .status_version;
    trusts::save(conn, &[older]).await.unwrap();
    assert_eq!(
        instances::get(conn, "i0")
            .await
            .unwrap()
            .unwrap()
            .status_version,
        counted
    );
    let both = [(fleet[0].id, fleet[1].id), (fleet[1].id, fleet[0].id)];
    assert_eq!(trusts::these(conn, &both).await.unwrap(), [newer]);
}

/// Two who upload to, change and pair the same instances at once wait for each other, never in a circle.
#[sqlx::test(migrator = "MIGRATOR")]
async fn changes_around_the_same_instances_do_not_deadlock(
    _: sqlx::postgres::PgPoolOptions,
    options: PgConnectOptions,
) {
    let pool = PgPoolOptions::new()
        .max_connections(8)
        .connect_with(options)
        .await
        .unwrap();
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 3).await;
    let mut erp = new_pair("erp", &fleet[0], &fleet[1], Some(&fleet[2]));
    pairs::insert(conn, &erp).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for (n, instance) in fleet.iter().enumerate() {
        let (pool, id) = (pool.clone(), instance.id);
        tasks.spawn(async move {
            for round in 0..20 {
                let mut tx = pool.begin().await.unwrap();
                let new = certificate(1000 * n as u64 + round + 1);
                certificates::upload(&mut tx, id, &new, Purpose::Current, now())
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
            }
        });
    }
    for round in 0..20 {
        let mut tx = pool.begin().await.unwrap();
        pairs::get_for_update(&mut tx, "erp")
            .await
            .unwrap()
            .unwrap();
        erp.revision += 1;
        erp.spec.partners.swap(0, 1);
        pairs::update(&mut tx, &erp).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = pool.begin().await.unwrap();
        let mut changed = instances::get_for_update(&mut tx, "i1")
            .await
            .unwrap()
            .unwrap();
        changed.revision += 1;
        changed.labels.insert("round".to_owned(), round.to_string());
        instances::update(&mut tx, &changed).await.unwrap();
        tx.commit().await.unwrap();
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    assert_eq!(pairs::get(conn, "erp").await.unwrap().unwrap().revision, 21);
}

#[sqlx::test(migrations = false)]
async fn replicas_that_start_together_migrate_once(pool: PgPool) {
    let store = Store::from_pool(pool);
    let (one, two) = tokio::join!(store.migrate(), store.migrate());
    one.unwrap();
    two.unwrap();
    store.ping().await.unwrap();
    let conn = &mut *store.acquire().await.unwrap();
    assert!(
        credentials::list(conn, None, 1)
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn a_database_that_is_not_there_is_unavailable() {
    let refused = Store::connect("postgres://nobody@127.0.0.1:1/none", 1).await;
    assert!(refused.err().is_some_and(|e| e.is_unavailable()));
}
