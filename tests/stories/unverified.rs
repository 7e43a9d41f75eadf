//! What nobody has verified on a real server: the main job works under both settings of every switch.

use sqlserver_sim::{InstanceSpec, Unverified, Version};
use sqlx::PgPool;

use crate::harness::{TestApp, assert_succeeded, der_of, host};

const TRIO: [&str; 3] = ["HOST_A", "HOST_B", "HOST_W"];

async fn trio_works_on(pool: &PgPool, change: impl Fn(&mut InstanceSpec)) {
    let specs = TRIO
        .iter()
        .map(|name| {
            let mut spec = host(name);
            change(&mut spec);
            spec
        })
        .collect();
    let app = TestApp::with(pool, specs, &[]).await;
    app.register_all(&TRIO).await;
    assert_succeeded(&app.configure("erp").await);
    everybody_is_let_in(&app);
    assert_succeeded(&app.verify("erp").await);
    let before: Vec<_> = TRIO.iter().map(|name| app.changes(name)).collect();
    assert_succeeded(&app.configure("erp").await);
    let after: Vec<_> = TRIO.iter().map(|name| app.changes(name)).collect();
    assert_eq!(before, after, "a finished job again changes nothing");
    renewal_is_ordinary_work(&app).await;
}

fn everybody_is_let_in(app: &TestApp) {
    for to in TRIO {
        for from in TRIO.iter().filter(|from| **from != to) {
            assert!(app.lets_in(to, from), "{to} does not let {from} in");
        }
    }
}

/// HOST_B's endpoint changes to a new certificate, which is uploaded and configured.
async fn renewal_is_ordinary_work(app: &TestApp) {
    let host = app.host("HOST_B");
    host.exec("CREATE CERTIFICATE renewed WITH SUBJECT = N'HOST_B renewed', START_DATE = '20200101', EXPIRY_DATE = '20400101'")
        .await
        .unwrap();
    host.exec("ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE renewed)")
        .await
        .unwrap();
    assert!(!app.lets_in("HOST_A", "HOST_B"), "not yet known to HOST_A");
    app.upload("HOST_B", der_of(host, "renewed").await, "current")
        .await
        .expect_status(201);
    assert_succeeded(&app.configure("erp").await);
    everybody_is_let_in(app);
}

#[sqlx::test(migrations = false)]
async fn with_every_switch_the_other_way_round(pool: PgPool) {
    trio_works_on(&pool, |spec| spec.unverified = Unverified::opposite()).await;
}

/// The main job with this switch at its other setting, everything else as usual.
async fn with_only(pool: &PgPool, switch: &str) {
    let (_, unverified) = Unverified::one_at_a_time()
        .into_iter()
        .find(|(name, _)| *name == switch)
        .unwrap();
    trio_works_on(pool, |spec| {
        spec.unverified = unverified;
        // A point that concerns one version only.
        if switch == "rc4_refused_in_2025" {
            spec.version = Version::V2025;
        }
    })
    .await;
}

macro_rules! switches {
    ($($name:ident)+) => {
        /// The tests below, by name.
        const TESTED: &[&str] = &[$(stringify!($name)),+];

        mod only {
            use sqlx::PgPool;

            $(#[sqlx::test(migrations = false)]
            async fn $name(pool: PgPool) {
                super::with_only(&pool, stringify!($name)).await;
            })+
        }
    };
}

switches! {
    drop_bound_certificate_3716
    drop_bound_certificate_15187
    drop_bound_certificate_15559
    endpoint_in_transaction
    validity_warnings_are_errors
    bad_der_15208
    bad_der_15468
    bad_file_is_15208
    user_and_certificate_survive_rollback
    endpoint_grant_survives_rollback
    user_sid_checked_first
    certificate_permission
    class_262_is_14
    authorization_needs_impersonate
    disabled_login_passes
    without_connect_sql_passes
    denied_owner_is_refused
    executor_is_grantor
    revoke_leaves_other_grantors
    revoke_cuts_connections
    drop_login_blocked_by_connection
    same_serial_refused
    certificate_change_restarts
    duplicate_endpoint_name
    ports_to_65535
    taken_port_is_7890
    mirroring_view_needs_security_state
    rc4_refused_in_2025
    dialler_skips_peer_certificate
    dialler_shows_peer_certificate
    role_refused_as_28080
    supported_falls_back_to_none
    twin_of_peer_refused
    os_words_in_1474
    linux_mirrors
}

/// `one_at_a_time` itself cannot forget a switch: it takes the struct apart field by field.
#[test]
fn no_switch_is_without_its_test() {
    let all = Unverified::one_at_a_time();
    for (name, _) in &all {
        assert!(TESTED.contains(name), "{name} has no test here");
    }
    assert_eq!(all.len(), TESTED.len());
}

macro_rules! versions {
    ($($name:ident $version:expr;)+) => {
        $(#[sqlx::test(migrations = false)]
        async fn $name(pool: PgPool) {
            trio_works_on(&pool, |spec| spec.version = $version).await;
        })+
    };
}

versions! {
    on_sql_server_2012 Version::V2012;
    on_sql_server_2014 Version::V2014;
    on_sql_server_2016 Version::V2016;
    on_sql_server_2017 Version::V2017;
    on_sql_server_2019 Version::V2019;
    on_sql_server_2025 Version::V2025;
}

#[sqlx::test(migrations = false)]
async fn on_a_case_sensitive_server(pool: PgPool) {
    trio_works_on(&pool, |spec| {
        spec.collation = "Latin1_General_BIN2".to_owned()
    })
    .await;
}
