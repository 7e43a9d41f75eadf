//! R8: the link to a SQL Server ends at any byte of an answer, in any manner; the job ends as asked all the same.

use sqlx::PgPool;

use super::proxy::{Harm, Proxy, Upstream};
use super::replica::Replica;
use super::site::{LONG, Site};
use super::soak;

/// Pairs hurt at the same time.
const SIDE_BY_SIDE: usize = 8;
/// Offsets tried in the short form, spread over the whole conversation.
const SAMPLES: usize = 32;

#[sqlx::test(migrations = false)]
async fn r8_a_link_that_ends_at_any_byte_of_an_answer_is_healed(pool: PgPool) {
    let site = Site::apart(&pool, SIDE_BY_SIDE).await;
    let mut proxies = Vec::new();
    let mut ports: Vec<u16> = site
        .hosts
        .iter()
        .map(sqlserver_sim::Instance::port)
        .collect();
    for (first, _) in &site.pairs {
        let proxy = Proxy::to(Upstream::Tcp(site.hosts[*first].port())).await;
        ports[*first] = proxy.port;
        proxies.push(proxy);
    }
    let flags = [
        "--concurrency",
        "32",
        "--batch-timeout",
        "2s",
        "--connect-timeout",
        "2s",
    ];
    let replica = site.replica(&flags).await;
    site.register(&replica, &ports).await;
    let asked = site.configure_all(&replica).await;
    site.all_succeed(&asked, LONG).await;
    let length = proxies[0].answered();
    assert!(
        length > 4000,
        "an answer of {length} bytes is no whole conversation"
    );
    let harms = harms(length);
    println!(
        "{} harms over the {length} bytes of a conversation",
        harms.len()
    );
    for some in harms.chunks(SIDE_BY_SIDE) {
        hurt(&site, &replica, &proxies, some).await;
    }
}

/// Every offset in the long form, each in one manner; a sample in the short one.
fn harms(length: usize) -> Vec<Harm> {
    let step = if soak::is_long() { 1 } else { length / SAMPLES };
    let offsets = (0..length).step_by(step.max(1));
    let mut harms: Vec<Harm> = offsets
        .enumerate()
        .map(|(n, offset)| match n % 8 {
            0 | 4 | 6 => Harm::Reset(offset),
            1 => Harm::HalfClose(offset),
            // The slow one: a time-out has to end it.
            2 => Harm::BlackHole(offset),
            _ => Harm::Cut(offset),
        })
        .collect();
    // Those that a time-out has to end go together: one of them makes its whole round slow.
    harms.sort_by_key(|harm| matches!(harm, Harm::BlackHole(_)));
    harms.extend([Harm::Slices(1), Harm::Slices(7), Harm::Slices(511)]);
    harms
}

async fn hurt(site: &Site, replica: &Replica, proxies: &[Proxy], harms: &[Harm]) {
    site.undo().await;
    let since = site.now();
    for proxy in proxies {
        proxy.cut();
    }
    for (proxy, harm) in proxies.iter().zip(harms) {
        proxy.hurt_next(*harm);
    }
    let asked = site.configure_all(replica).await;
    site.all_succeed(&asked, LONG).await;
    site.assert_as_asked(since);
    for (proxy, harm) in proxies.iter().zip(harms) {
        assert!(proxy.is_spent(), "{harm:?} met no connection");
    }
}
