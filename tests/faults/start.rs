//! Starting: replicas that start together on an empty database take turns at its schema, and all of them serve.

use sqlx::PgPool;

use super::replica::Replica;
use super::site::{LONG, Site};
use super::within;

#[sqlx::test(migrations = false)]
async fn replicas_that_start_together_make_the_schema_once(pool: PgPool) {
    let site = Site::apart(&pool, 1).await;
    let mut replicas: Vec<Replica> = (0..3)
        .map(|_| Replica::launch(site.directory.path(), &site.database, &[], &[]))
        .collect();
    for replica in &mut replicas {
        within(LONG, "it serves", || {
            assert!(!replica.has_ended(), "{}", replica.log());
            std::future::ready(replica.is_listening())
        })
        .await;
    }
    let made: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations where success")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(made as usize, mirrorgate::store::MIGRATOR.iter().count());
    site.register(&replicas[2], &[]).await;
    let asked = site.configure_all(&replicas[0]).await;
    site.all_succeed(&asked, LONG).await;
}

/// Starts a process that should not begin, and gives what it says.
async fn refused(mut replica: Replica) -> String {
    let ended = replica.ended(LONG).await;
    assert!(!ended.success());
    replica.log()
}

#[sqlx::test(migrations = false)]
async fn a_process_with_another_key_than_the_databases_does_not_begin(pool: PgPool) {
    let site = Site::apart(&pool, 1).await;
    let first = site.replica(&[]).await;
    site.register(&first, &[]).await;
    let log = first.log();
    let told = log.lines().find(|l| l.contains("/v1/credentials/{name}"));
    let told = told.unwrap_or_else(|| panic!("{log}"));
    assert!(told.contains("client.address=\"127.0.0.1:") && told.contains("caller=\"anybody\""));
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("seal.key");
    mirrorgate::store::seal::SealKey::create_file(&path).unwrap();
    let launch = |flags: &[&str]| Replica::launch(elsewhere.path(), &site.database, flags, &[]);
    let said = refused(launch(&[])).await;
    let known: String = sqlx::query_scalar("select id from seal_keys")
        .fetch_one(&pool)
        .await
        .unwrap();
    let wanted = format!("the stored passwords are sealed with key {known}");
    assert!(said.contains(&wanted), "{said}");
    assert!(said.contains(&format!("--seal-key-lost {known}")), "{said}");
    assert!(
        refused(launch(&["--seal-key-lost", "00000000"]))
            .await
            .contains(&wanted)
    );
    // Lost for good: it begins, and says what is lost.
    let mut second = launch(&["--seal-key-lost", &known]);
    within(LONG, "it serves", || {
        std::future::ready(second.is_listening())
    })
    .await;
    assert!(
        second.log().contains("have to be given again"),
        "{}",
        second.log()
    );
    let said = refused(Replica::launch(
        site.directory.path(),
        &site.database,
        &[],
        &[],
    ))
    .await;
    assert!(
        said.contains("all processes on one database need the same"),
        "{said}"
    );
}

/// The binary with a PostgreSQL of its own; its log is in `directory`.
fn alone(directory: &std::path::Path) -> std::process::Child {
    let log = std::fs::File::create(directory.join("log")).unwrap();
    std::process::Command::new(env!("CARGO_BIN_EXE_mirrorgate"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(directory.join("data"))
        .env_remove("DATABASE_URL")
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_process_ends_with_its_own_postgres_and_never_makes_a_second_key() {
    // Where the account that PostgreSQL runs as can get to.
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(directory.path(), open).unwrap();
    let log = || std::fs::read_to_string(directory.path().join("log")).unwrap();
    let mut process = alone(directory.path());
    within(LONG, "it serves", || {
        std::future::ready(log().contains("listening on "))
    })
    .await;
    let pid = directory
        .path()
        .join("data/postgres/cluster/postmaster.pid");
    let pid = std::fs::read_to_string(pid).unwrap();
    let killed = std::process::Command::new("kill")
        .args(["-9", pid.lines().next().unwrap()])
        .status()
        .unwrap();
    assert!(killed.success());
    let mut ended = None;
    within(LONG, "it ends", || {
        ended = process.try_wait().unwrap();
        std::future::ready(ended.is_some())
    })
    .await;
    assert!(!ended.unwrap().success(), "{}", log());
    assert!(
        log().contains("ended although nobody told it to"),
        "{}",
        log()
    );
    let key = directory.path().join("data/seal.key");
    std::fs::rename(&key, directory.path().join("away")).unwrap();
    let mut process = alone(directory.path());
    within(LONG, "it ends", || {
        ended = process.try_wait().unwrap();
        std::future::ready(ended.is_some())
    })
    .await;
    assert!(!ended.unwrap().success(), "{}", log());
    assert!(log().contains("put it back, or its copy"), "{}", log());
    assert!(!key.exists());
}
