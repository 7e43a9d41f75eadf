//! What nobody has verified on a real server: the main job works under both settings of every switch.

use sqlserver_sim::{InstanceSpec, Unverified, Version};
use sqlx::PgPool;

use crate::harness::{TestApp, assert_succeeded, host};

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
    for to in TRIO {
        for from in TRIO.iter().filter(|from| **from != to) {
            assert!(app.lets_in(to, from), "{to} does not let {from} in");
        }
    }
    assert_succeeded(&app.verify("erp").await);
}

#[sqlx::test(migrations = false)]
async fn with_every_switch_the_other_way_round(pool: PgPool) {
    trio_works_on(&pool, |spec| spec.unverified = Unverified::opposite()).await;
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
