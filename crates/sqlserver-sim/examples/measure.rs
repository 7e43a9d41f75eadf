//! What a simulated instance costs: memory of an idle one, time to start one, and the round trip of `SELECT 1`.
//!
//! `measure [INSTANCES]`; Linux only (it reads `/proc/self/statm`).

use std::time::{Duration, Instant};

use sqlserver_sim::{Fleet, Instance, InstanceSpec};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

type Failure = Box<dyn std::error::Error>;

const ROUND_TRIPS: usize = 500;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let count = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => 300,
    };
    let fleet = Fleet::new()?;
    // The first pays for what all share: the runtime, the pool of keys.
    for n in 0..10 {
        start(&fleet, n).await?;
    }
    let (before, begun) = (resident()?, Instant::now());
    for n in 10..10 + count {
        start(&fleet, n).await?;
    }
    let (grown, took) = (resident()?.saturating_sub(before), begun.elapsed());
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    println!("{count} instances, each with certificate and endpoint, {build} build");
    println!("memory of an idle instance: {} kB", grown / count / 1024);
    println!(
        "time to start one:          {:?}",
        took / u32::try_from(count)?
    );
    let first = fleet
        .instance("NODE_0")
        .ok_or("the first instance is gone")?;
    for level in [EncryptionLevel::NotSupported, EncryptionLevel::Required] {
        let [median, slow] = round_trips(&fleet, &first, level).await?;
        println!("SELECT 1, {level:?}: median {median:?}, 99th percentile {slow:?}");
    }
    Ok(())
}

async fn start(fleet: &Fleet, n: usize) -> Result<(), Failure> {
    let spec = InstanceSpec {
        shared_keys: true,
        ..InstanceSpec::named(&format!("NODE_{n}"))
    };
    let instance = fleet.start(spec).await?;
    let prepared = instance.prepare_outbound(instance.name(), 7024).await;
    prepared.map_err(|errors| format!("{errors:?}").into())
}

/// Bytes of this process in memory.
fn resident() -> Result<usize, Failure> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split(' ').nth(1).ok_or("statm has another shape")?;
    Ok(pages.parse::<usize>()? * 4096)
}

async fn round_trips(
    fleet: &Fleet,
    instance: &Instance,
    level: EncryptionLevel,
) -> Result<[Duration; 2], Failure> {
    let mut client = connect(fleet, instance, level).await?;
    let mut times = Vec::new();
    for _ in 0..ROUND_TRIPS {
        let begun = Instant::now();
        client.simple_query("SELECT 1").await?.into_row().await?;
        times.push(begun.elapsed());
    }
    times.sort();
    let at = |n: usize| times.get(n).copied().unwrap_or_default();
    Ok([at(ROUND_TRIPS / 2), at(ROUND_TRIPS * 99 / 100)])
}

async fn connect(
    fleet: &Fleet,
    instance: &Instance,
    level: EncryptionLevel,
) -> Result<Client<Compat<TcpStream>>, Failure> {
    let mut config = Config::new();
    config.host("localhost");
    config.port(instance.port());
    config.authentication(AuthMethod::sql_server("sa", "Passw0rd!sim"));
    config.encryption(level);
    config.trust_cert_ca_bundle(fleet.ca_pem().as_bytes().to_vec());
    let tcp = TcpStream::connect(("127.0.0.1", instance.port())).await?;
    tcp.set_nodelay(true)?;
    Ok(Client::connect(config, tcp.compat_write()).await?)
}
