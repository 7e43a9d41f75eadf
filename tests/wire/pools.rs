//! Sessions: how often one logs in, and which are never used again. Counted by the servers.

use std::time::Duration;

use mirrorgate::domain::clock::Clock;
use mirrorgate::domain::failure::{Failure, FailureClass};
use mirrorgate::domain::id::new_id;
use mirrorgate::domain::instance::Tls;
use mirrorgate::domain::observation::Observation;
use mirrorgate::sqlserver::{PoolSettings, Pools, Target};
use mirrorgate::tsql::batch_comment::BatchComment;
use mirrorgate::tsql::observe::observe;
use sqlserver_sim::{
    Encryption, Fault, Fleet, Instance, InstanceSpec, LoginFault, Rule, TlsCertificate,
};

use super::world::{PASSWORD, target, verified};

async fn server(fleet: &Fleet, change: impl FnOnce(&mut InstanceSpec)) -> Instance {
    let mut spec = InstanceSpec::named("HOST_A");
    spec.sa_password = PASSWORD.to_owned();
    change(&mut spec);
    fleet.start(spec).await.unwrap()
}

async fn look(pools: &Pools, target: &Target) -> Result<Observation, Failure> {
    let comment = BatchComment {
        job: new_id(),
        change_ref: Some("CHG-1"),
    };
    pools
        .observe(target, &observe(comment, &[]), &[], &Clock::System)
        .await
}

#[tokio::test]
async fn a_warm_pool_logs_in_zero_times_and_never_probes() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |_| {}).await;
    let pools = Pools::new(PoolSettings::default());
    let target = target(a.port(), verified(fleet.ca_pem()));
    for _ in 0..5 {
        look(&pools, &target).await.unwrap();
    }
    let counters = a.counters();
    assert_eq!(
        (counters.logins, counters.batches, counters.round_trips),
        (1, 5, 6)
    );
    assert_eq!(pools.open_sessions(), 1);
    let entry = a.ledger().into_iter().find(|e| e.login == "sa").unwrap();
    assert_eq!(entry.application, "mirrorgate");
}

#[tokio::test]
async fn another_credential_version_or_policy_shares_no_session() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |_| {}).await;
    let pools = Pools::new(PoolSettings::default());
    let mut target = target(a.port(), verified(fleet.ca_pem()));
    look(&pools, &target).await.unwrap();
    target.credential_revision = 2;
    look(&pools, &target).await.unwrap();
    assert_eq!(a.counters().logins, 2);
    target.tls = Tls::TrustServerCertificate;
    look(&pools, &target).await.unwrap();
    assert_eq!(a.counters().logins, 3);
    assert_eq!(
        pools.open_sessions(),
        1,
        "pools of earlier settings are closed"
    );
}

#[tokio::test]
async fn old_and_idle_sessions_are_not_used_again() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |_| {}).await;
    let none = PoolSettings {
        max_age: Duration::ZERO,
        ..PoolSettings::default()
    };
    let pools = Pools::new(none);
    let target = target(a.port(), verified(fleet.ca_pem()));
    look(&pools, &target).await.unwrap();
    look(&pools, &target).await.unwrap();
    assert_eq!(a.counters().logins, 2);
    let idle = Pools::new(PoolSettings {
        max_idle: Duration::ZERO,
        ..PoolSettings::default()
    });
    look(&idle, &target).await.unwrap();
    assert_eq!(idle.open_sessions(), 1);
    idle.sweep();
    assert_eq!(idle.open_sessions(), 0);
}

#[tokio::test]
async fn a_dead_session_from_the_pool_is_replaced_within_the_call() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |_| {}).await;
    let pools = Pools::new(PoolSettings::default());
    let target = target(a.port(), verified(fleet.ca_pem()));
    look(&pools, &target).await.unwrap();
    a.faults().drop_connections();
    look(&pools, &target).await.unwrap();
    assert_eq!(a.counters().logins, 2);
}

#[tokio::test]
async fn a_fresh_session_that_dies_is_not_tried_twice() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |_| {}).await;
    let pools = Pools::new(PoolSettings::default());
    let target = target(a.port(), verified(fleet.ca_pem()));
    a.faults()
        .add(Rule::next("SELECT", Fault::HangUpBefore).every_time());
    let failure = look(&pools, &target).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Unreachable, "{failure:?}");
    assert_eq!(a.counters().logins, 1);
}

#[tokio::test]
async fn a_session_whose_answer_was_not_read_is_never_used_again() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |_| {}).await;
    let pools = Pools::new(PoolSettings::default());
    let mut target = target(a.port(), verified(fleet.ca_pem()));
    target.timeouts.observe = Duration::from_millis(300);
    look(&pools, &target).await.unwrap();
    a.faults().add(Rule::next("SELECT", Fault::StallBefore));
    // The pooled session stalls. A server that says nothing is not asked again at once; the next one gets a fresh session.
    let failure = look(&pools, &target).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Unreachable);
    assert_eq!(a.counters().logins, 1);
    look(&pools, &target).await.unwrap();
    assert_eq!(a.counters().logins, 2);
    // Whoever waits is cancelled in the middle: the next one gets a clean session all the same.
    a.faults().add(Rule::next("SELECT", Fault::StallBefore));
    let cut = tokio::time::timeout(Duration::from_millis(100), look(&pools, &target)).await;
    assert!(cut.is_err());
    look(&pools, &target).await.unwrap();
    assert_eq!(a.counters().logins, 3);
}

#[tokio::test]
async fn an_error_in_the_answer_costs_no_session() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |_| {}).await;
    let pools = Pools::new(PoolSettings::default());
    let target = target(a.port(), verified(fleet.ca_pem()));
    let failure = pools
        .observe(&target, "SELECT 1/0 AS mg_end", &[], &Clock::System)
        .await
        .unwrap_err();
    assert_eq!(failure.class, FailureClass::Rejected);
    assert_eq!(failure.sql.unwrap().number, 8134);
    look(&pools, &target).await.unwrap();
    assert_eq!(a.counters().logins, 1);
}

#[tokio::test]
async fn an_answer_that_is_not_ours_is_a_protocol_fault() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |_| {}).await;
    let pools = Pools::new(PoolSettings::default());
    let target = target(a.port(), verified(fleet.ca_pem()));
    for batch in [
        "SELECT 1 AS surprise",
        "SELECT N'x' AS mg_right",
        "PRINT N'nothing'",
    ] {
        let failure = pools
            .observe(&target, batch, &[], &Clock::System)
            .await
            .unwrap_err();
        assert_eq!(
            failure.class,
            FailureClass::Protocol,
            "{batch}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn no_more_sessions_than_the_bound() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |_| {}).await;
    a.faults().set_latency(Duration::from_millis(20));
    let pools = Pools::new(PoolSettings::default());
    let target = target(a.port(), verified(fleet.ca_pem()));
    let looks = (0..10).map(|_| look(&pools, &target));
    for outcome in futures_util::future::join_all(looks).await {
        outcome.unwrap();
    }
    assert!(a.counters().logins <= 2, "{:?}", a.counters());
}

#[tokio::test]
async fn a_refused_log_in_is_told_by_its_number_and_names_no_password() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |spec| {
        spec.sa_password = "Another-one-1!".to_owned()
    })
    .await;
    let pools = Pools::new(PoolSettings::default());
    let failure = look(&pools, &target(a.port(), verified(fleet.ca_pem())))
        .await
        .unwrap_err();
    assert_eq!(failure.class, FailureClass::LoginRefused);
    assert_eq!(failure.sql.as_ref().unwrap().number, 18456);
    assert!(!serde_json::to_string(&failure).unwrap().contains(PASSWORD));
    assert_eq!(a.counters().refused_logins, 1);
}

#[tokio::test]
async fn those_who_ask_side_by_side_share_one_refusal() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |spec| {
        spec.sa_password = "Another-one-1!".to_owned()
    })
    .await;
    let pools = Pools::new(PoolSettings::default());
    let target = target(a.port(), verified(fleet.ca_pem()));
    let (one, two, three, four, five) = tokio::join!(
        look(&pools, &target),
        look(&pools, &target),
        look(&pools, &target),
        look(&pools, &target),
        look(&pools, &target),
    );
    for answer in [one, two, three, four, five] {
        assert_eq!(answer.unwrap_err().class, FailureClass::LoginRefused);
    }
    assert_eq!(
        a.counters().refused_logins,
        1,
        "each would be a step towards a lock-out"
    );

    // Who had decided to ask before it was refused does not; who knows of the refusal has a reason to.
    assert!(look(&pools, &target).await.is_err());
    assert_eq!(a.counters().refused_logins, 1);
    let mut target = target;
    target.refusals = pools.refusals(&target);
    assert!(look(&pools, &target).await.is_err());
    assert_eq!(a.counters().refused_logins, 2);
}

#[tokio::test]
async fn a_server_not_ready_for_log_ins_is_merely_unreachable() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |_| {}).await;
    let pools = Pools::new(PoolSettings::default());
    a.faults().set_login(Some(LoginFault {
        refuse: Some((
            17187,
            16,
            "SQL Server is not ready to accept new client connections".to_owned(),
        )),
        ..LoginFault::default()
    }));
    let failure = look(&pools, &target(a.port(), verified(fleet.ca_pem())))
        .await
        .unwrap_err();
    assert_eq!(failure.class, FailureClass::Unreachable, "{failure:?}");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_verified_is_named() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |spec| spec.tls = TlsCertificate::SelfSignedFallback).await;
    let pools = Pools::new(PoolSettings::default());
    let refused = look(&pools, &target(a.port(), verified(fleet.ca_pem())))
        .await
        .unwrap_err();
    assert_eq!(refused.class, FailureClass::TlsNotTrusted);
    assert!(
        refused.detail.contains("SSL_Self_Signed_Fallback"),
        "{}",
        refused.detail
    );
    assert_eq!(
        a.counters().logins + a.counters().refused_logins,
        0,
        "no log-in was sent"
    );
    look(&pools, &target(a.port(), Tls::TrustServerCertificate))
        .await
        .unwrap();
}

#[tokio::test]
async fn each_tls_mode_does_what_it_says() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |_| {}).await;
    let pools = Pools::new(PoolSettings::default());
    let encrypted = |o: Observation| o.server.encrypted;
    let off = look(&pools, &target(a.port(), Tls::Off)).await.unwrap();
    assert_eq!(encrypted(off), Some(false));
    let on = look(&pools, &target(a.port(), verified(fleet.ca_pem())))
        .await
        .unwrap();
    assert_eq!(encrypted(on), Some(true));
    let strict = match verified(fleet.ca_pem()) {
        Tls::Required(verification) => Tls::Strict(verification),
        other => other,
    };
    look(&pools, &target(a.port(), strict)).await.unwrap();

    let bare = server(&fleet, |spec| {
        spec.name = "BARE".to_owned();
        spec.encryption = Encryption::NotSupported;
    })
    .await;
    let refused = look(&pools, &target(bare.port(), verified(fleet.ca_pem())))
        .await
        .unwrap_err();
    assert_eq!(refused.class, FailureClass::TlsNotTrusted, "{refused:?}");
    assert_eq!(bare.counters().logins, 0);
}
