//! The whole probing: what it makes on both servers, what it found, and taking everything away again.

use tiberius::error::Error;

use super::server::Server;

/// Marks what the probe makes, so that it can be told from anything else and taken away.
const MADE: &str = "probe_real";

/// Why the probing could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    #[error("{server} cannot be talked to: {source}")]
    Connection { server: String, source: Error },
    #[error(
        "{server} has a DATABASE_MIRRORING endpoint, so it is not a server to throw away; drop the endpoint, or take another"
    )]
    InUse { server: String },
    #[error("{server} is to be asked as a sysadmin")]
    NotSysadmin { server: String },
    #[error("{server}: {what} ended with {number}: {text}")]
    Setup {
        server: String,
        what: String,
        number: u32,
        text: String,
    },
}

/// The answer to one open point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The switch's setting, as TOML.
    Known(String),
    /// Why this server cannot tell.
    Unknown(String),
}

/// Two servers and what they have said.
pub struct Probe {
    /// Asked about statements; dials.
    pub a: Server,
    /// Accepts.
    pub b: Server,
    pub found: Vec<(&'static str, Answer)>,
    /// Major version and platform of `b`.
    pub major: u32,
    pub linux: bool,
}

impl Probe {
    pub fn new(a: Server, b: Server) -> Self {
        Self {
            a,
            b,
            found: Vec::new(),
            major: 0,
            linux: false,
        }
    }

    /// Asks everything. What was made is taken away in any case.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn run(&mut self) -> Result<(), Stopped> {
        self.look().await?;
        let asked = self.ask().await;
        let cleaned = self.clean().await;
        asked.and(cleaned)
    }

    async fn ask(&mut self) -> Result<(), Stopped> {
        self.prepare().await?;
        self.statements().await?;
        self.rights().await?;
        self.handshakes().await
    }

    /// Says nothing may be lost: both are free of endpoints, and we are sysadmin.
    async fn look(&mut self) -> Result<(), Stopped> {
        for server in [self.a.clone(), self.b.clone()] {
            let endpoints = "SELECT CAST(COUNT(*) AS int) FROM sys.database_mirroring_endpoints";
            if self.cell(&server, endpoints).await? != "0" {
                return Err(Stopped::InUse {
                    server: server.host,
                });
            }
            if self
                .cell(&server, "SELECT CAST(IS_SRVROLEMEMBER('sysadmin') AS int)")
                .await?
                != "1"
            {
                return Err(Stopped::NotSysadmin {
                    server: server.host,
                });
            }
        }
        let version = "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128))";
        let version = self.cell(&self.b, version).await?;
        self.major = version
            .split('.')
            .next()
            .and_then(|m| m.parse().ok())
            .unwrap_or(0);
        let all = self
            .cell(&self.b, "SELECT CAST(@@VERSION AS nvarchar(400))")
            .await?;
        self.linux = all.contains("Linux");
        Ok(())
    }

    /// The topic's script on both, in both directions.
    async fn prepare(&mut self) -> Result<(), Stopped> {
        let (a, b) = (self.a.clone(), self.b.clone());
        for server in [&a, &b] {
            let port = server.endpoint_port;
            let begin = "CONVERT(nvarchar(8), DATEADD(day, -1, GETUTCDATE()), 112)";
            let script = format!(
                "USE master;
IF NOT EXISTS (SELECT 1 FROM sys.symmetric_keys WHERE name = N'##MS_DatabaseMasterKey##')
BEGIN
    CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'Pr0be!of_two_servers';
    CREATE SERVER ROLE {MADE}_key;
END;
DECLARE @make nvarchar(max) = N'CREATE CERTIFICATE {MADE}_cert WITH SUBJECT = N''{MADE}'', START_DATE = ''' + {begin} + N''', EXPIRY_DATE = ''20491231''';
EXEC (@make);
CREATE ENDPOINT {MADE} STATE = STARTED AS TCP (LISTENER_PORT = {port}, LISTENER_IP = ALL)
    FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE {MADE}_cert, ENCRYPTION = REQUIRED ALGORITHM AES, ROLE = ALL);
CREATE LOGIN {MADE}_peer WITH PASSWORD = N'Pr0be!of_two_servers';
CREATE USER {MADE}_peer FOR LOGIN {MADE}_peer;
CREATE LOGIN {MADE}_low WITH PASSWORD = N'Pr0be!of_two_servers';
CREATE USER {MADE}_low FOR LOGIN {MADE}_low;
CREATE LOGIN {MADE}_third WITH PASSWORD = N'Pr0be!of_two_servers';
CREATE USER {MADE}_third FOR LOGIN {MADE}_third;
CREATE SERVER ROLE {MADE}_role;"
            );
            self.must(server, "the preparation", &script).await?;
        }
        for (on, from) in [(&a, &b), (&b, &a)] {
            let der = self.certificate(from, "probe_real_cert").await?;
            let import = format!(
                "CREATE CERTIFICATE {MADE}_peer AUTHORIZATION {MADE}_peer FROM BINARY = 0x{der};
GRANT CONNECT ON ENDPOINT::{MADE} TO {MADE}_peer;"
            );
            self.must(on, "the exchange", &import).await?;
        }
        let database = format!("CREATE DATABASE {MADE}; ALTER DATABASE {MADE} SET RECOVERY FULL");
        self.must(&a, "CREATE DATABASE", &database)
            .await
            .map(|_| ())
    }

    /// A certificate's bytes in hexadecimal.
    pub async fn certificate(&self, on: &Server, name: &str) -> Result<String, Stopped> {
        let sql = format!("SELECT CONVERT(nvarchar(max), CERTENCODED(CERT_ID(N'{name}')), 2)");
        self.cell(on, &sql).await
    }

    /// Takes everything away; what is not there is no matter.
    async fn clean(&mut self) -> Result<(), Stopped> {
        for server in [self.a.clone(), self.b.clone()] {
            let database = format!("IF DB_ID(N'{MADE}') IS NOT NULL DROP DATABASE {MADE}");
            self.quiet(&server, &database).await?;
            self.quiet(&server, &format!("DROP ENDPOINT {MADE}"))
                .await?;
            for kind in ["CERTIFICATE", "USER", "LOGIN", "SERVER ROLE"] {
                let (view, filter) = match kind {
                    "CERTIFICATE" => ("sys.certificates", "1 = 1"),
                    "USER" => ("sys.database_principals", "1 = 1"),
                    "LOGIN" => ("sys.server_principals", "type = 'S'"),
                    _ => ("sys.server_principals", "type = 'R'"),
                };
                let names = format!(
                    "SELECT CAST(name AS nvarchar(128)) FROM {view} WHERE {filter} AND name LIKE N'{MADE}%' AND name <> N'{MADE}_key'"
                );
                let rows = self.rows(&server, &names).await?;
                for name in rows
                    .into_iter()
                    .filter_map(|row| row.into_iter().next().flatten())
                {
                    if kind == "SERVER ROLE" {
                        self.quiet(
                            &server,
                            &format!("ALTER SERVER ROLE [{name}] DROP MEMBER {MADE}_peer"),
                        )
                        .await?;
                    }
                    self.quiet(&server, &format!("DROP {kind} [{name}]"))
                        .await?;
                }
            }
            let key = format!(
                "IF EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'{MADE}_key') DROP MASTER KEY"
            );
            self.quiet(&server, &key).await?;
            self.quiet(&server, &format!("DROP SERVER ROLE {MADE}_key"))
                .await?;
        }
        Ok(())
    }

    pub fn known(&mut self, switch: &'static str, setting: impl ToString) {
        self.found
            .push((switch, Answer::Known(setting.to_string())));
    }

    pub fn unknown(&mut self, switch: &'static str, why: impl Into<String>) {
        self.found.push((switch, Answer::Unknown(why.into())));
    }

    /// `E` and the number, if it is one of those expected.
    pub fn by_number(&mut self, switch: &'static str, number: u32, expected: &[u32]) {
        if expected.contains(&number) {
            self.known(switch, format!("\"E{number}\""));
        } else {
            self.unknown(
                switch,
                format!("the number was {number}, which nobody expected"),
            );
        }
    }

    pub async fn number(&self, on: &Server, sql: &str) -> Result<u32, Stopped> {
        on.number(sql).await.map_err(|e| lost(on, e))
    }

    pub async fn cell(&self, on: &Server, sql: &str) -> Result<String, Stopped> {
        on.cell(sql).await.map_err(|e| lost(on, e))
    }

    pub async fn rows(&self, on: &Server, sql: &str) -> Result<super::server::Rows, Stopped> {
        let rows = on.run(sql).await.map_err(|e| lost(on, e))?;
        Ok(rows.unwrap_or_default())
    }

    /// A step everything after it needs.
    pub async fn must(&self, on: &Server, what: &str, sql: &str) -> Result<(), Stopped> {
        match on.run(sql).await.map_err(|e| lost(on, e))? {
            Ok(_) => Ok(()),
            Err(refused) => Err(Stopped::Setup {
                server: on.host.clone(),
                what: what.to_owned(),
                number: refused.number,
                text: refused.text,
            }),
        }
    }

    /// A step that may fail.
    pub async fn quiet(&self, on: &Server, sql: &str) -> Result<(), Stopped> {
        self.number(on, sql).await.map(|_| ())
    }
}

fn lost(on: &Server, source: Error) -> Stopped {
    Stopped::Connection {
        server: on.host.clone(),
        source,
    }
}

/// What was found, as the simulator's `[instance.unverified]`.
pub fn report(probe: &Probe) -> String {
    let mut text = format!(
        "# SQL Server {}{}, asked by probe-real.\n[instance.unverified]\n",
        probe.major,
        if probe.linux { " on Linux" } else { "" }
    );
    for (switch, answer) in &probe.found {
        match answer {
            Answer::Known(setting) => text.push_str(&format!("{switch} = {setting}\n")),
            Answer::Unknown(why) => text.push_str(&format!("# {switch}: not answered, {why}\n")),
        }
    }
    text
}
