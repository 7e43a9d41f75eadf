//! The acceptance story against real SQL Servers, named by `MIRRORGATE_TEST_SQLSERVERS` (CONTRIBUTING tells the form).
//!
//! SQL Server on Linux has no database mirroring but the same endpoints for availability groups, so the proof is a group with
//! `CLUSTER_TYPE = NONE` whose secondary replicas connect. Without the variable there is nothing to run against, and it says so.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use crate::harness::{TestApp, assert_succeeded};

const ENDPOINT_PORT: u16 = 5022;

/// One server as the variables name it.
#[derive(Clone)]
struct Server {
    name: String,
    host: String,
    port: u16,
    login: String,
    password: String,
    ca: Option<String>,
}

fn servers() -> Option<Vec<Server>> {
    let list = std::env::var("MIRRORGATE_TEST_SQLSERVERS").ok()?;
    let setting = |name: &str| std::env::var(format!("MIRRORGATE_TEST_SQLSERVER_{name}"));
    let (login, password) = (setting("LOGIN").unwrap(), setting("PASSWORD").unwrap());
    let ca = setting("CA").ok();
    let server = |entry: &str| {
        let (name, address) = entry.split_once('=').expect("NAME=host:port");
        let (host, port) = address.rsplit_once(':').expect("NAME=host:port");
        Server {
            name: name.to_owned(),
            host: host.to_owned(),
            port: port.parse().unwrap(),
            login: login.clone(),
            password: password.clone(),
            ca: ca.clone(),
        }
    };
    Some(list.split(',').map(server).collect())
}

impl Server {
    async fn connect(&self) -> Client<Compat<TcpStream>> {
        let mut config = Config::new();
        config.host(&self.host);
        config.authentication(AuthMethod::sql_server(&self.login, &self.password));
        config.encryption(EncryptionLevel::Required);
        match &self.ca {
            Some(ca) => config.trust_cert_ca(ca),
            None => config.trust_cert(),
        }
        let tcp = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .unwrap();
        Client::connect(config, tcp.compat_write()).await.unwrap()
    }

    async fn run(&self, batch: &str) -> Vec<tiberius::Row> {
        let mut client = self.connect().await;
        let stream = client.simple_query(batch.to_owned()).await;
        let results = stream.unwrap().into_results().await;
        results
            .unwrap_or_else(|e| panic!("{}: {batch}: {e}", self.name))
            .into_iter()
            .flatten()
            .collect()
    }

    /// The outbound half, where it is not there yet.
    async fn prepare(&self) {
        let name = &self.name;
        self.run(&format!(
            "IF NOT EXISTS (SELECT 1 FROM sys.symmetric_keys WHERE name = N'##MS_DatabaseMasterKey##')
                 CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'Acceptance-Key-1';
             IF NOT EXISTS (SELECT 1 FROM sys.certificates WHERE name = N'{name}_cert')
                 CREATE CERTIFICATE [{name}_cert] WITH SUBJECT = N'{name}', START_DATE = '20200101', EXPIRY_DATE = '20400101';
             IF NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints)
                 CREATE ENDPOINT [Acceptance] STATE = STARTED AS TCP (LISTENER_PORT = {ENDPOINT_PORT})
                 FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE [{name}_cert], ENCRYPTION = REQUIRED ALGORITHM AES, ROLE = ALL);"
        ))
        .await;
    }

    fn spec(&self) -> Value {
        let tls = match &self.ca {
            Some(ca) => json!({"mode": "required", "ca_pem": std::fs::read_to_string(ca).unwrap()}),
            None => json!({"mode": "trust_server_certificate"}),
        };
        json!({"host": self.host, "port": self.port, "credential": "dba", "tls": tls})
    }
}

#[sqlx::test(migrations = false)]
async fn real_servers_let_each_other_in(pool: PgPool) {
    let Some(servers) = servers() else {
        eprintln!("skipped: MIRRORGATE_TEST_SQLSERVERS names no servers");
        return;
    };
    let app = TestApp::start(&pool, &[]).await;
    let hosts: Vec<&str> = servers.iter().map(|s| s.host.as_str()).collect();
    let credential = json!({"spec": {
        "kind": "sql_login", "user": servers[0].login, "password": servers[0].password, "hosts": hosts,
    }});
    app.put("/v1/credentials/dba", &credential)
        .await
        .expect_status(201);
    for server in &servers {
        server.prepare().await;
        app.put(
            &format!("/v1/instances/{}", server.name),
            &json!({"spec": server.spec()}),
        )
        .await
        .expect_status(201);
        let rows = server
            .run("SELECT CERTENCODED(certificate_id) FROM sys.database_mirroring_endpoints")
            .await;
        let der: &[u8] = rows[0].get(0).unwrap();
        app.upload(&server.name, der.to_vec(), "current")
            .await
            .expect_status(201);
    }
    let names: Vec<&str> = servers.iter().map(|s| s.name.as_str()).collect();
    app.register_pair("acceptance", &names).await;
    assert_succeeded(&app.configure("acceptance").await);
    assert_succeeded(&app.verify("acceptance").await);
    prove_by_availability_group(&servers).await;
    let proven = app.verify("acceptance").await;
    assert_succeeded(&proven);
    assert!(
        proven["plan"]["instances"][0]["trusts"][0]["proof"]["state"] == "proven",
        "{proven:#}"
    );
}

/// Makes a group without a cluster, joins the others, and waits until the primary sees them connected.
async fn prove_by_availability_group(servers: &[Server]) {
    let replicas: Vec<String> = servers
        .iter()
        .map(|s| {
            format!(
                "N'{}' WITH (ENDPOINT_URL = N'TCP://{}:{ENDPOINT_PORT}', AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT,
                 FAILOVER_MODE = MANUAL, SEEDING_MODE = AUTOMATIC)",
                s.name, s.host
            )
        })
        .collect();
    servers[0]
        .run(&format!(
            "CREATE AVAILABILITY GROUP [acceptance] WITH (CLUSTER_TYPE = NONE) FOR REPLICA ON {}",
            replicas.join(", ")
        ))
        .await;
    for server in &servers[1..] {
        server
            .run("ALTER AVAILABILITY GROUP [acceptance] JOIN WITH (CLUSTER_TYPE = NONE)")
            .await;
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let rows = servers[0]
            .run("SELECT connected_state_desc FROM sys.dm_hadr_availability_replica_states")
            .await;
        let connected = rows
            .iter()
            .filter(|r| r.get::<&str, _>(0) == Some("CONNECTED"))
            .count();
        if connected == servers.len() {
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{connected} of {} connected",
            servers.len()
        );
        tokio::task::yield_now().await;
    }
}
