//! The cellar with real clusters: kept data, orphans, strangers' process numbers, other versions, a second tenant.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use sqlx::{Connection, PgConnection};

use super::*;

/// Below the system's temporary directory, where every account can go.
fn somewhere() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

async fn ask(cluster: &Cluster, statement: &'static str) -> Result<Option<String>, sqlx::Error> {
    let mut conn = PgConnection::connect(cluster.url()).await?;
    sqlx::query_scalar(statement).fetch_one(&mut conn).await
}

fn postmaster(dir: &Path) -> u32 {
    let text = fs::read_to_string(dir.join("pg/cluster/postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

fn refused(result: Result<Cluster, ClusterError>) -> ClusterError {
    result.err().unwrap()
}

#[tokio::test]
async fn data_outlives_the_cluster_and_a_second_tenant_is_refused() {
    let dir = somewhere();
    let home = dir.path().join("pg");
    let first = Cluster::start(&home).await.unwrap();
    assert!(
        first.describe().contains("Unix socket only"),
        "{}",
        first.describe()
    );
    let mut conn = PgConnection::connect(first.url()).await.unwrap();
    let table = "create table kept as select 'here' as word";
    sqlx::query(table).execute(&mut conn).await.unwrap();
    assert_eq!(
        ask(&first, "show fsync").await.unwrap().as_deref(),
        Some("on")
    );
    assert_eq!(
        ask(&first, "show listen_addresses")
            .await
            .unwrap()
            .as_deref(),
        Some("")
    );
    assert!(matches!(
        refused(Cluster::start(&home).await),
        ClusterError::InUse { .. }
    ));
    first.stop().await.unwrap();
    assert!(
        !home.join("cluster/postmaster.pid").exists(),
        "stopped, not killed"
    );
    let second = Cluster::start(&home).await.unwrap();
    let word = ask(&second, "select word from kept").await.unwrap();
    assert_eq!(word.as_deref(), Some("here"));
    second.stop().await.unwrap();
}

#[tokio::test]
async fn an_orphan_is_stopped_first() {
    let dir = somewhere();
    let home = dir.path().join("pg");
    let mut orphaned = Cluster::start(&home).await.unwrap();
    let orphan = postmaster(dir.path());
    let url = orphaned.url.clone();
    let mut held = PgConnection::connect(&url).await.unwrap();
    // As after a SIGKILL of the service: the lock is gone, and nobody stops the server.
    let stand_in = tokio::process::Command::new("true").spawn().unwrap();
    let child = std::mem::replace(&mut orphaned.server.child, stand_in);
    orphaned.server.child.wait().await.unwrap();
    drop(orphaned);
    let second = Cluster::start(&home).await.unwrap();
    assert_ne!(postmaster(dir.path()), orphan);
    assert!(
        held.ping().await.is_err(),
        "the orphan's connections are cut"
    );
    second.stop().await.unwrap();
    drop(child);
}

#[tokio::test]
async fn a_process_number_that_is_a_strangers_by_now_is_left_alone() {
    let dir = somewhere();
    let home = dir.path().join("pg");
    Cluster::start(&home).await.unwrap().stop().await.unwrap();
    let account = Account::for_server(&home.join("cluster")).unwrap();
    let mut command = account.command(Path::new("sleep"));
    let mut stranger = command.arg("600").stdout(Stdio::null()).spawn().unwrap();
    let stale = format!(
        "{}\n{}\n1\n5432\n\n\n",
        stranger.id(),
        home.join("cluster").display()
    );
    let pid_file = home.join("cluster/postmaster.pid");
    fs::write(&pid_file, stale).unwrap();
    account.own(&pid_file).unwrap();
    let cluster = Cluster::start(&home).await.unwrap();
    assert!(
        stranger.try_wait().unwrap().is_none(),
        "nobody stopped the stranger"
    );
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    cluster.stop().await.unwrap();
}

/// Root's own directories are closed to the account the server runs as; to ourselves they are not.
#[tokio::test]
async fn a_way_that_is_closed_is_named() {
    let dir = somewhere();
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let started = Cluster::start(&closed.join("pg")).await;
    match Account::for_server(&closed).unwrap() {
        Account::Ourselves => started.unwrap().stop().await.unwrap(),
        Account::Other { .. } => {
            let error = refused(started);
            assert!(
                matches!(&error, ClusterError::Unreachable { dir, .. } if *dir == closed),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn a_half_made_cluster_is_made_anew() {
    let dir = somewhere();
    let home = dir.path().join("pg");
    fs::create_dir_all(home.join("cluster.unfinished/base")).unwrap();
    let cluster = Cluster::start(&home).await.unwrap();
    assert!(!home.join("cluster.unfinished").exists());
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn data_of_another_major_version_is_not_touched() {
    let dir = somewhere();
    let home = dir.path().join("pg");
    fs::create_dir_all(home.join("cluster")).unwrap();
    fs::write(home.join("cluster/PG_VERSION"), "9\n").unwrap();
    let error = refused(Cluster::start(&home).await);
    assert!(
        matches!(&error, ClusterError::OtherMajor { data, .. } if data == "9"),
        "{error}"
    );
    assert!(
        error.to_string().contains(&*home.to_string_lossy()),
        "{error}"
    );
    assert_eq!(fs::read_dir(home.join("cluster")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_long_path_has_its_socket_elsewhere() {
    let dir = somewhere();
    let home = dir
        .path()
        .join("a-directory-with-a-rather-long-name".repeat(3));
    let cluster = Cluster::start(&home).await.unwrap();
    assert!(ask(&cluster, "select 'x'").await.is_ok());
    let (_, socket) = cluster.url().split_once("host=").unwrap();
    let socket = PathBuf::from(socket);
    assert!(socket.exists() && !socket.starts_with(&home));
    cluster.stop().await.unwrap();
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_path_of_odd_characters_is_quoted_everywhere() {
    let dir = somewhere();
    let home = dir.path().join("a, \"b\" & c%20é");
    let cluster = Cluster::start(&home).await.unwrap();
    assert!(ask(&cluster, "select 'x'").await.is_ok());
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn without_binaries_the_message_says_what_to_do() {
    let dir = somewhere();
    let nothing = Sources::default();
    let error = refused(Cluster::start_from(&dir.path().join("pg"), &nothing).await);
    assert!(
        error.to_string().contains("MIRRORGATE_PG_BINDIR"),
        "{error}"
    );
    let named = Sources {
        named: Some(dir.path().join("none")),
        ..Sources::of_this_machine()
    };
    let error = refused(Cluster::start_from(&dir.path().join("pg"), &named).await);
    assert!(
        error.to_string().contains("no initdb there"),
        "named ones and no others: {error}"
    );
}

#[tokio::test]
async fn a_server_that_dies_shows_its_last_words() {
    let dir = somewhere();
    let home = dir.path().join("pg");
    Cluster::start(&home).await.unwrap().stop().await.unwrap();
    let settings = home.join("cluster/postgresql.auto.conf");
    fs::write(&settings, "no_such_setting = 1\n").unwrap();
    let error = refused(Cluster::start(&home).await);
    assert!(
        matches!(&error, ClusterError::Died { said, .. } if said.contains("no_such_setting")),
        "{error}"
    );
}

#[tokio::test]
async fn one_that_is_dropped_is_told_to_stop() {
    let dir = somewhere();
    let home = dir.path().join("pg");
    let cluster = Cluster::start(&home).await.unwrap();
    drop(cluster);
    let pid_file = home.join("cluster/postmaster.pid");
    let gone = async {
        while pid_file.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .unwrap();
}
