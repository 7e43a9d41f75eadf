//! The script that people run by hand, as sqlcmd runs it: on the right server or not at all, and with a true exit status.

use serde_json::{Value, json};
use sqlserver_sim::protocol::Value as Sql;
use sqlx::PgPool;

use crate::harness::{
    Sqlcmd, TestApp, assert_failed, assert_succeeded, certificate_of, has_finding,
};

const MEMBERS: [&str; 2] = ["HOST_A", "HOST_B"];
/// What a script raises on a server it is not for, where its characters arrive as others, and for a forbidden plan.
const WRONG_SERVER: i32 = 50004;
const MISREAD: i32 = 50005;
const FORBIDDEN: i32 = 50006;
/// What RAISERROR raises.
const OPEN_TRANSACTION: i32 = 50000;

/// A pair, and HOST_X, which has nothing to do with it.
async fn pair(pool: &PgPool) -> TestApp {
    let app = TestApp::start(pool, &["HOST_A", "HOST_B", "HOST_X"]).await;
    app.register_all(&MEMBERS).await;
    app
}

async fn whole(app: &TestApp, job: &Value) -> String {
    get(app, job, "").await
}

async fn alone(app: &TestApp, job: &Value, instance: &str) -> String {
    get(app, job, &format!("?instance={instance}")).await
}

async fn get(app: &TestApp, job: &Value, query: &str) -> String {
    let path = format!("/v1/jobs/{}/script{query}", job["id"].as_str().unwrap());
    app.get(&path).await.expect_status(200).text
}

/// Everything that changes something, tried by hand on this instance.
fn tried(app: &TestApp, host: &str) -> Vec<String> {
    app.host(host)
        .ledger()
        .into_iter()
        .filter(|e| e.application == "in-process" && crate::harness::is_change(e.kind))
        .map(|e| e.text)
        .collect()
}

async fn open_transactions(session: &mut Sqlcmd) -> Option<Sql> {
    session.type_in("SELECT @@TRANCOUNT").await
}

#[sqlx::test(migrations = false)]
async fn one_part_runs_on_its_own_server_from_any_database(pool: PgPool) {
    let app = pair(&pool).await;
    let dry = app.dry_run("erp").await;
    for host in MEMBERS {
        app.host(host).add_database("erp").await.unwrap();
        let mut session = Sqlcmd::strict(app.host(host), "sa");
        session.type_in("USE erp").await;
        // However the caller has it set: BEGIN TRANSACTION would begin two.
        session.type_in("SET IMPLICIT_TRANSACTIONS ON").await;
        let ended = session
            .run(&alone(&app, &dry, &host.to_lowercase()).await)
            .await;
        assert_eq!((ended.status, ended.batches), (0, 1), "{ended:?}");
        assert!(
            ended
                .printed
                .contains(&format!("mirrorgate: committed on {host}; changes: 4.")),
            "{ended:?}"
        );
        assert_eq!(open_transactions(&mut session).await, Some(Sql::Int(0)));
    }
    assert!(app.lets_in("HOST_A", "HOST_B") && app.lets_in("HOST_B", "HOST_A"));
    assert_succeeded(&app.verify("erp").await);
}

#[sqlx::test(migrations = false)]
async fn on_another_server_nothing_is_tried(pool: PgPool) {
    let app = pair(&pool).await;
    let dry = app.dry_run("erp").await;
    let for_a = alone(&app, &dry, "HOST_A").await;
    let all = whole(&app, &dry).await;
    for (host, text) in [("HOST_B", &for_a), ("HOST_X", &for_a), ("HOST_X", &all)] {
        let before = tried(&app, host);
        let strict = Sqlcmd::strict(app.host(host), "sa").run(text).await;
        assert_eq!(strict.status, 1, "{strict:?}");
        let lenient = Sqlcmd::lenient(app.host(host), "sa").run(text).await;
        for ended in [strict, lenient] {
            assert_eq!(ended.numbers(), [WRONG_SERVER], "{ended:?}");
            assert!(
                ended.errors[0]
                    .1
                    .contains(&format!("this server is {host}; the script is for HOST_A")),
                "{ended:?}"
            );
        }
        assert_eq!(tried(&app, host), before, "{host}");
    }
}

#[sqlx::test(migrations = false)]
async fn of_a_file_each_server_runs_its_own_part(pool: PgPool) {
    let app = pair(&pool).await;
    let dry = app.dry_run("erp").await;
    let all = whole(&app, &dry).await;
    for (host, peer) in [("HOST_A", "HOST_B"), ("HOST_B", "HOST_A")] {
        let ended = Sqlcmd::strict(app.host(host), "sa").run(&all).await;
        assert_eq!((ended.status, ended.batches), (0, 3), "{ended:?}");
        assert!(app.lets_in(host, peer));
        assert!(
            !tried(&app, host)
                .iter()
                .any(|t| t.contains(&format!("{host}_login")))
        );
    }
    assert_succeeded(&app.verify("erp").await);
    // There is nothing left; what says so keeps to its servers all the same.
    let again = whole(&app, &app.dry_run("erp").await).await;
    assert!(again.contains("There is nothing to change"), "{again}");
    assert_eq!(
        Sqlcmd::strict(app.host("HOST_A"), "sa")
            .run(&again)
            .await
            .status,
        0
    );
    assert_eq!(
        Sqlcmd::strict(app.host("HOST_X"), "sa")
            .run(&again)
            .await
            .status,
        1
    );
}

#[sqlx::test(migrations = false)]
async fn what_somebody_has_open_stays_open(pool: PgPool) {
    let app = pair(&pool).await;
    let dry = app.dry_run("erp").await;
    let texts = [whole(&app, &dry).await, alone(&app, &dry, "HOST_A").await];
    for host in ["HOST_A", "HOST_X"] {
        for (n, text) in texts.iter().enumerate() {
            let mut session = Sqlcmd::strict(app.host(host), "sa");
            // With XACT_ABORT any error that is thrown would end their transaction.
            let theirs = format!(
                "SET XACT_ABORT ON; BEGIN TRANSACTION; CREATE LOGIN [theirs{n}] WITH PASSWORD = N'Chosen-by-hand-1'"
            );
            session.type_in(&theirs).await;
            let ended = session.run(text).await;
            assert_eq!(
                (ended.status, ended.numbers()),
                (1, vec![OPEN_TRANSACTION]),
                "{host}: {ended:?}"
            );
            assert_eq!(open_transactions(&mut session).await, Some(Sql::Int(1)));
            session.type_in("COMMIT").await;
            let there = session
                .type_in(&format!(
                    "SELECT name FROM sys.server_principals WHERE name = N'theirs{n}'"
                ))
                .await;
            assert_eq!(there, Some(Sql::Text(format!("theirs{n}"))));
        }
    }
    assert!(!app.lets_in("HOST_A", "HOST_B"));
}

#[sqlx::test(migrations = false)]
async fn an_error_midway_takes_back_its_own_and_fails(pool: PgPool) {
    let app = pair(&pool).await;
    let dry = app.dry_run("erp").await;
    app.host("HOST_A")
        .exec("CREATE USER [HOST_B_user] WITHOUT LOGIN")
        .await
        .unwrap();
    for text in [whole(&app, &dry).await, alone(&app, &dry, "HOST_A").await] {
        for mut session in [
            Sqlcmd::strict(app.host("HOST_A"), "sa"),
            Sqlcmd::lenient(app.host("HOST_A"), "sa"),
        ] {
            let ended = session.run(&text).await;
            assert_eq!(ended.numbers(), [15023], "{ended:?}");
            assert_eq!(open_transactions(&mut session).await, Some(Sql::Int(0)));
            let login = "SELECT name FROM sys.server_principals WHERE name = N'HOST_B_login'";
            assert_eq!(session.type_in(login).await, None, "the login stayed");
            assert!(
                ended.printed.iter().all(|p| !p.contains("committed")),
                "{ended:?}"
            );
        }
        let mut strict = Sqlcmd::strict(app.host("HOST_A"), "sa");
        assert_eq!(strict.run(&text).await.status, 1);
    }
    assert_failed(&app.verify("erp").await, "not_in_place");
}

#[sqlx::test(migrations = false)]
async fn names_that_a_tool_would_read_as_its_own_are_names(pool: PgPool) {
    const FOUND: &str = "x'\"\r\nGO\r\nDROP LOGIN sa\r\n:r y\r\n!! z\n$(PATH) $(NONE)";
    let app = TestApp::start(&pool, &MEMBERS).await;
    app.register_credential().await;
    for name in MEMBERS {
        let mut spec = app.instance_spec(name);
        spec["peer_name"] = json!(format!("{name}'$(PATH)$(NONE)]--/*é"));
        app.put(&format!("/v1/instances/{name}"), &json!({"spec": spec}))
            .await
            .expect_status(201);
        app.pin(name).await;
    }
    app.register_pair("erp", &MEMBERS).await;
    // On HOST_A the login and what belongs to it are found, and only the grant is missing.
    let der = hex::encode(certificate_of(app.host("HOST_B")));
    for statement in [
        format!("CREATE LOGIN [{FOUND}] WITH PASSWORD = N'Chosen-by-hand-1'"),
        format!("CREATE USER [{FOUND}] FOR LOGIN [{FOUND}]"),
        format!("CREATE CERTIFICATE [{FOUND}] AUTHORIZATION [{FOUND}] FROM BINARY = 0x{der}"),
    ] {
        app.host("HOST_A").exec(&statement).await.unwrap();
    }
    let dry = app.dry_run("erp").await;
    let all = whole(&app, &dry).await;
    // What is read in another encoding would make other names.
    let misread: String = all.bytes().map(char::from).collect();
    let ended = Sqlcmd::strict(app.host("HOST_B"), "sa").run(&misread).await;
    assert_eq!(ended.numbers(), [MISREAD], "{ended:?}");
    for host in MEMBERS {
        let ended = Sqlcmd::strict(app.host(host), "sa").run(&all).await;
        assert_eq!((ended.status, ended.batches), (0, 3), "{ended:?}\n{all}");
    }
    assert!(app.lets_in("HOST_A", "HOST_B") && app.lets_in("HOST_B", "HOST_A"));
    assert_succeeded(&app.verify("erp").await);
}

#[sqlx::test(migrations = false)]
async fn what_findings_forbid_is_told_and_fails(pool: PgPool) {
    let app = pair(&pool).await;
    app.host("HOST_B")
        .exec("DROP ENDPOINT Endpoint_Mirroring")
        .await
        .unwrap();
    let dry = app.dry_run("erp").await;
    assert!(has_finding(&dry, "no_endpoint", "HOST_B"), "{dry:#}");
    for text in [whole(&app, &dry).await, alone(&app, &dry, "HOST_A").await] {
        assert!(text.contains("-- no_endpoint on HOST_B: "), "{text}");
        let before = tried(&app, "HOST_A");
        let ended = Sqlcmd::strict(app.host("HOST_A"), "sa").run(&text).await;
        assert_eq!(
            (ended.status, ended.numbers()),
            (1, vec![FORBIDDEN]),
            "{ended:?}"
        );
        assert_eq!(tried(&app, "HOST_A"), before);
    }
}

#[sqlx::test(migrations = false)]
async fn there_is_no_script_for_who_is_no_member(pool: PgPool) {
    let app = pair(&pool).await;
    let dry = app.dry_run("erp").await;
    let path = format!("/v1/jobs/{}/script", dry["id"].as_str().unwrap());
    for (query, status) in [
        ("?instance=HOST_X", 404),
        ("?instance=", 400),
        ("?other=1", 400),
    ] {
        app.get(&format!("{path}{query}"))
            .await
            .expect_status(status);
    }
}
