//! What reading everything about mirroring costs an instance with ten peers, and what a client's connection costs it.
//!
//! Linux only: processor time of the serving thread is read from `/proc`.

use sqlserver_sim::{Fleet, Instance, InstanceSpec};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const BATCH: &str = include_str!("observe.sql");
const PEERS: usize = 10;
const ROUNDS: u32 = 300;
const CONNECTIONS: u32 = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let fleet = Fleet::new()?;
    let instance = start(&fleet, "HOST").await?;
    for n in 0..PEERS {
        let peer = start(&fleet, &format!("PEER_{n:02}")).await?;
        exec(&instance, &inbound(&peer)?).await?;
    }
    let another = start(&fleet, "ANOTHER").await?;
    let (script, back) = (inbound(&another)?, outbound(another.name()));
    let begun = processor_time()?;
    for _ in 0..ROUNDS {
        exec(&instance, &script).await?;
        exec(&instance, &back).await?;
    }
    report(
        "letting a peer in and out",
        processor_time()? - begun,
        ROUNDS,
    );
    let mut session = instance.connect_as("sa").ok_or("sa is gone")?;
    let begun = processor_time()?;
    for _ in 0..ROUNDS {
        let errors = session.run(BATCH).await.errors();
        if !errors.is_empty() {
            return Err(format!("{errors:?}").into());
        }
    }
    report("an observe batch", processor_time()? - begun, ROUNDS);
    let (port, authority) = (instance.port(), fleet.ca_pem().as_bytes().to_vec());
    let begun = processor_time()?;
    let clients = std::thread::spawn(move || connect_often(port, &authority));
    while !clients.is_finished() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    clients.join().map_err(|_| "the client is broken")??;
    let spent = processor_time()? - begun;
    report("a connection with its log-in", spent, CONNECTIONS);
    Ok(())
}

fn report(what: &str, nanoseconds: u64, times: u32) {
    let each = nanoseconds / u64::from(times) / 1000;
    println!("{what}: {each} µs of processor time");
}

/// Of this thread, which serves the instances.
fn processor_time() -> Result<u64, Failure> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = text.split(' ').next();
    Ok(first.ok_or("schedstat has another shape")?.parse()?)
}

async fn start(fleet: &Fleet, name: &str) -> Result<Instance, Failure> {
    let spec = InstanceSpec {
        shared_keys: true,
        ..InstanceSpec::named(name)
    };
    let instance = fleet.start(spec).await?;
    let prepared = instance.prepare_outbound(name, 7024).await;
    prepared.map_err(|errors| format!("{errors:?}"))?;
    Ok(instance)
}

async fn exec(instance: &Instance, script: &str) -> Result<(), Failure> {
    let done = instance.exec(script).await;
    done.map(|_| ())
        .map_err(|errors| format!("{errors:?}").into())
}

/// Login, user, certificate and right to connect for a peer.
fn inbound(peer: &Instance) -> Result<String, Failure> {
    let name = peer.name();
    let der = peer.endpoint_certificate_der().ok_or("no certificate")?;
    let der = hex::encode_upper(der);
    Ok(format!(
        "CREATE LOGIN {name}_login WITH PASSWORD = N'Inb0und!Pass-7';
CREATE USER {name}_user FOR LOGIN {name}_login;
CREATE CERTIFICATE {name}_cert AUTHORIZATION {name}_user FROM BINARY = 0x{der};
GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO {name}_login;"
    ))
}

/// Takes it all away again.
fn outbound(name: &str) -> String {
    format!("DROP CERTIFICATE {name}_cert; DROP USER {name}_user; DROP LOGIN {name}_login;")
}

fn connect_often(port: u16, authority: &[u8]) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        for _ in 0..CONNECTIONS {
            let mut config = Config::new();
            config.host("localhost");
            config.port(port);
            config.authentication(AuthMethod::sql_server("sa", "Passw0rd!sim"));
            config.encryption(EncryptionLevel::Required);
            config.trust_cert_ca_bundle(authority.to_vec());
            let tcp = TcpStream::connect(("127.0.0.1", port)).await?;
            tcp.set_nodelay(true)?;
            Client::connect(config, tcp.compat_write()).await?;
        }
        Ok(())
    })
}
