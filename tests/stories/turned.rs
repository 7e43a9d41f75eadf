//! Whoever can write to the database, and do nothing else, has no password sent elsewhere, to somebody else, or less protected.

use serde_json::json;
use sqlx::PgPool;

use crate::harness::{TestApp, assert_failed, assert_succeeded};

/// Turns a row, and turns it back.
const TURNS: [(&str, &str, &str); 9] = [
    ("instances", "tls", r#"'{"mode": "off"}'"#),
    (
        "instances",
        "tls",
        r#"'{"mode": "trust_server_certificate"}'"#,
    ),
    ("instances", "tls", r#"'{"mode": "required"}'"#),
    ("instances", "host", "'localhost'"),
    ("instances", "port", "port + 1"),
    ("instances", "binding", "null"),
    ("instances", "binding", "'\\x00'"),
    ("credentials", "hosts", "hosts || array['*.evil.example']"),
    ("credentials", "login", "'sb'"),
];

async fn run(pool: &PgPool, statement: String) {
    let statement = sqlx::query(sqlx::AssertSqlSafe(statement));
    statement.execute(pool).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_row_that_was_turned_gets_no_password(pool: PgPool) {
    let app = TestApp::start(&pool, &["HOST_A", "HOST_B"]).await;
    app.register_all(&["HOST_A", "HOST_B"]).await;
    for (table, column, turned) in TURNS {
        for copied in ["credentials", "instances"] {
            run(
                &pool,
                format!("create table kept_{copied} as table {copied}"),
            )
            .await;
        }
        run(
            &pool,
            format!("update {table} set {column} = {turned} where name in ('HOST_A', 'dba')"),
        )
        .await;
        app.reset_counters();
        let job = app.verify("erp").await;
        assert_failed(&job, "registration_unusable");
        let counted = app.host("HOST_A").counters();
        let asked = (counted.logins, counted.refused_logins);
        assert_eq!(asked, (0, 0), "{column} {turned}");
        run(
            &pool,
            format!(
                "update {table} t set {column} = k.{column} from kept_{table} k where k.id = t.id"
            ),
        )
        .await;
        for copied in ["credentials", "instances"] {
            run(&pool, format!("drop table kept_{copied}")).await;
        }
    }
    assert_succeeded(&app.configure("erp").await);
}

#[sqlx::test(migrations = false)]
async fn declaring_the_instance_again_heals_it_and_declaring_the_credential_does_not(pool: PgPool) {
    let app = TestApp::start(&pool, &["HOST_A", "HOST_B"]).await;
    app.register_all(&["HOST_A", "HOST_B"]).await;
    run(
        &pool,
        "update instances set binding = null, tls = '{\"mode\": \"off\"}' where name = 'HOST_A'"
            .to_owned(),
    )
    .await;
    let credential = json!({"spec": {
        "kind": "sql_login", "user": "sa", "password": crate::harness::PASSWORD, "hosts": ["127.0.0.1", "10.0.0.1"],
    }});
    app.put("/v1/credentials/dba", &credential)
        .await
        .expect_status(200);
    assert_failed(&app.configure("erp").await, "registration_unusable");
    let instance = json!({"spec": app.instance_spec("HOST_A")});
    app.put("/v1/instances/HOST_A", &instance)
        .await
        .expect_status(200);
    assert_succeeded(&app.configure("erp").await);
    // The same once more: nothing has changed, and yet the binding is there again.
    run(&pool, "update instances set binding = null".to_owned()).await;
    assert_failed(&app.verify("erp").await, "registration_unusable");
    for name in ["HOST_A", "HOST_B"] {
        let instance = json!({"spec": app.instance_spec(name)});
        app.put(&format!("/v1/instances/{name}"), &instance)
            .await
            .expect_status(200);
    }
    assert_succeeded(&app.verify("erp").await);
}
