//! R10: a replica whose wall clock is an hour off, or jumps, neither takes over too early nor loses its own lease.
//!
//! The clock is faked by Debian's libfaketime, preloaded into the real binary; PostgreSQL's clock is the machine's.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::PgPool;

use super::replica::Replica;
use super::site::{LONG, Site};
use super::{ledger, soak};

/// Where Debian and its kin put it, one directory per architecture.
fn libfaketime() -> PathBuf {
    let found = fs::read_dir("/usr/lib")
        .expect("libraries")
        .filter_map(|entry| {
            let path = entry.ok()?.path().join("faketime/libfaketime.so.1");
            path.exists().then_some(path)
        });
    found
        .into_iter()
        .next()
        .expect("libfaketime: apt-get install faketime")
}

#[sqlx::test(migrations = false)]
async fn r10_wall_clocks_that_are_off_and_jump_change_nothing(pool: PgPool) {
    let site = Site::ring(&pool, 6).await;
    let offset = site.directory.path().join("offset");
    fs::write(&offset, "-3600\n").expect("the offset");
    let library = libfaketime().display().to_string();
    let file = offset.display().to_string();
    let jumping = [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", file.as_str()),
        ("FAKETIME_NO_CACHE", "1"),
        // Only the wall clock jumps; a monotonic clock does not, by its definition.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let ahead = [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME", "+3600"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let start = |environment: Vec<(&'static str, String)>| {
        let (directory, database) = (site.directory.path(), site.database.as_str());
        async move {
            let borrowed: Vec<(&str, &str)> =
                environment.iter().map(|(k, v)| (*k, v.as_str())).collect();
            Replica::start(directory, database, &["--lease", "2s"], &borrowed).await
        }
    };
    let owned = |pairs: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        pairs.iter().map(|(k, v)| (*k, (*v).to_owned())).collect()
    };
    let replicas = [
        start(owned(&jumping)).await,
        start(owned(&ahead)).await,
        start(Vec::new()).await,
    ];
    site.register(&replicas[2], &[]).await;
    for host in &site.hosts {
        // Each attempt takes longer than a lease, and there are renewals to get wrong.
        host.faults().set_latency(Duration::from_millis(900));
    }
    for round in 0..if soak::is_long() { 10 } else { 1 } {
        site.undo().await;
        let since = site.now();
        let mut asked = Vec::new();
        for (number, replica) in (0..site.pairs.len()).zip(replicas.iter().cycle()) {
            asked.push(site.configure(replica, number).await);
        }
        let mut jumps = 0;
        while site.open(&asked).await > 0 {
            jumps += 1;
            let to = if jumps % 2 == 0 { "-3600" } else { "+3600" };
            fs::write(&offset, format!("{to}\n")).expect("the offset");
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert!(jumps < 200, "not everything ends");
        }
        site.all_succeed(&asked, LONG).await;
        site.assert_as_asked(since);
        for host in &site.hosts {
            assert_eq!(ledger::overlaps(host, since), [], "{}", host.name());
        }
        for job in &asked {
            assert_eq!(
                site.attempts(*job).await,
                ["succeeded"],
                "round {round}: {job} was taken over early"
            );
        }
    }
}
