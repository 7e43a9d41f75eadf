//! A handle on a running instance, for a test or a program.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, Execution, ResultSet};
use crate::engine::Engine;
use crate::engine::error_log::LogLine;
use crate::engine::faults::Faults;
use crate::engine::files::Files;
use crate::engine::ledger::{Counters, Entry};
use crate::engine::net::reconnect;
use crate::engine::run::session::EngineSession;
use crate::engine::state::MASTER;
use crate::engine::state::database::DatabaseState;
use crate::engine::state::version::Edition;
use crate::engine::switches::Unverified;
use crate::protocol::Message;
use crate::server::TdsServer;
use crate::spec::TlsCertificate;

/// A handle on an instance; clones are the same instance.
#[derive(Clone)]
pub struct Instance {
    engine: Arc<Engine>,
}

/// What the catalogs of an instance held at some time.
#[derive(Clone)]
pub struct Snapshot(Arc<crate::engine::state::State>);

impl Instance {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The name it was started with.
    pub fn name(&self) -> &str {
        &self.engine.spec.name
    }

    /// The TDS port.
    pub fn port(&self) -> u16 {
        self.engine.port()
    }

    pub(crate) fn listen(&self, listener: TcpListener, shutdown: &CancellationToken) {
        let port = listener.local_addr().map_or(0, |a| a.port());
        self.engine.port.store(port, Ordering::Relaxed);
        self.engine.running.store(true, Ordering::Relaxed);
        let server = Arc::new(TdsServer::new(Arc::clone(&self.engine)));
        tokio::spawn(crate::server::accept(server, listener, shutdown.clone()));
    }

    /// `TCP://host:port` of the mirroring endpoint; `None` while there is none.
    pub fn endpoint_address(&self) -> Option<String> {
        let state = self.engine.committed();
        let endpoint = state.mirroring_endpoint()?;
        let host = self.engine.spec.hosts().into_iter().next()?;
        Some(format!("TCP://{host}:{}", endpoint.port))
    }

    /// Runs a batch as sysadmin, in process.
    ///
    /// # Errors
    /// The errors, if there were any; what came before them is dropped.
    pub async fn exec(&self, sql: &str) -> Result<Vec<ResultSet>, Vec<Message>> {
        self.run(sql).await.into_sets()
    }

    /// Runs a batch as sysadmin and keeps everything it answered.
    pub async fn run(&self, sql: &str) -> Execution {
        let session = EngineSession::internal(&self.engine, "in-process");
        Connection::new(session).run(sql).await
    }

    /// Runs a batch as a login, without its password.
    ///
    /// # Errors
    /// The errors; 18456 for a login that does not exist.
    pub async fn exec_as(&self, login: &str, sql: &str) -> Result<Vec<ResultSet>, Vec<Message>> {
        let Some(mut connection) = self.connect_as(login) else {
            let text = format!("Login failed for user '{login}'.");
            return Err(vec![crate::engine::errors::message(18456, 14, 1, text)]);
        };
        connection.run(sql).await.into_sets()
    }

    /// An in-process session that keeps its transaction and options between batches; `None` for an unknown login.
    pub fn connect_as(&self, login: &str) -> Option<Connection> {
        let state = self.engine.committed();
        let principal = state.principal(login)?;
        let login = (principal.id, &*principal.name);
        let session = EngineSession::internal_as(&self.engine, login, "in-process");
        Some(Connection::new(session))
    }

    /// Does the outbound half: master key, `{host}_cert` valid since yesterday, endpoint `Endpoint_Mirroring` on `port`.
    ///
    /// # Errors
    /// The errors of the script.
    pub async fn prepare_outbound(&self, host: &str, port: u16) -> Result<(), Vec<Message>> {
        let start = (self.engine.now() - TimeDelta::days(1)).format("%Y%m%d");
        let quoted = host.replace(']', "]]");
        let text = host.replace('\'', "''");
        // Express can only be a witness.
        let role = match self.engine.edition() {
            Edition::Express => "WITNESS",
            _ => "ALL",
        };
        let script = format!(
            "USE master;
IF NOT EXISTS (SELECT * FROM sys.symmetric_keys WHERE name = N'##MS_DatabaseMasterKey##')
    CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'Outb0und!Key-7';
CREATE CERTIFICATE [{quoted}_cert] WITH SUBJECT = N'{text} certificate', START_DATE = '{start}';
CREATE ENDPOINT Endpoint_Mirroring STATE = STARTED AS TCP (LISTENER_PORT = {port}, LISTENER_IP = ALL)
    FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE [{quoted}_cert], ENCRYPTION = REQUIRED ALGORITHM AES, ROLE = {role});"
        );
        self.exec(&script).await.map(|_| ())
    }

    /// The certificate the mirroring endpoint uses, in DER.
    pub fn endpoint_certificate_der(&self) -> Option<Vec<u8>> {
        let state = self.engine.committed();
        let id = state.mirroring_endpoint()?.mirroring.as_ref()?.certificate;
        let master = state.databases.get(&MASTER)?;
        master.certificates.get(&id).map(|c| c.facts.der.clone())
    }

    pub fn counters(&self) -> Counters {
        self.engine.ledger().counters()
    }

    pub fn reset_counters(&self) {
        self.engine.ledger().reset();
    }

    /// Every statement executed, in order.
    pub fn ledger(&self) -> Vec<Entry> {
        self.engine.ledger().entries()
    }

    /// The error log, earlier ones included; `xp_readerrorlog` reads one at a time.
    pub fn error_log(&self) -> Vec<LogLine> {
        self.engine.error_log().all()
    }

    pub fn faults(&self) -> &Faults {
        self.engine.faults()
    }

    /// The files its service account sees.
    pub fn files(&self) -> &Files {
        self.engine.files()
    }

    /// Moves the instance's clock to this far from the machine's.
    pub fn set_clock_offset(&self, offset: TimeDelta) {
        self.engine.set_clock_offset(offset);
    }

    /// Everything its catalogs hold now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.engine.committed())
    }

    /// Puts back what the catalogs held then; connections, clock and log stay as they are.
    pub async fn restore(&self, snapshot: &Snapshot) {
        let _guard = self.engine.writer().await;
        self.engine.publish(Arc::clone(&snapshot.0));
    }

    /// From now on the points nobody has verified are these.
    pub fn set_unverified(&self, switches: Unverified) {
        self.engine.set_switches(switches);
    }

    /// Creates a user database in FULL recovery.
    ///
    /// # Errors
    /// 1801 when it exists.
    pub async fn add_database(&self, name: &str) -> Result<(), Vec<Message>> {
        let sql = format!("CREATE DATABASE [{}]", name.replace(']', "]]"));
        self.exec(&sql).await.map(|_| ())
    }

    /// Puts a RESTORING copy of another instance's database here, as a restored backup WITH NORECOVERY would.
    ///
    /// # Errors
    /// 1801 when there is one; 911 when the other has none.
    pub async fn restore_copy(&self, of: &Self, name: &str) -> Result<(), Vec<Message>> {
        let original = of.engine.committed().database(name).map(|d| d.family);
        let Some(family) = original else {
            let text = format!("Database '{name}' does not exist.");
            return Err(vec![crate::engine::errors::message(911, 16, 1, text)]);
        };
        self.add_database(name).await?;
        let _guard = self.engine.writer().await;
        let mut state = (*self.engine.committed()).clone();
        let id = state.database(name).map_or(0, |d| d.id);
        if let Some(database) = state.databases.get_mut(&id) {
            database.state = DatabaseState::Restoring;
            database.family = family;
        }
        self.engine.publish(Arc::new(state));
        Ok(())
    }

    /// Shuts the instance down: clients are refused and cut, endpoint connections end. What it remembers stays.
    pub fn stop(&self) {
        self.engine.running.store(false, Ordering::Relaxed);
        self.engine.faults().drop_connections();
        for peer in self.engine.peers() {
            self.engine.drop_connections_to(peer.number);
        }
        reconnect::heal(&self.engine);
    }

    /// Gets the disks of another instance: all its databases and what is in master, as after a copy of the machine or the volume,
    /// or after a restore of master. Names and ports stay.
    pub async fn copy_disks(&self, of: &Self) {
        let _guard = self.engine.writer().await;
        self.engine.publish(of.engine.committed());
        self.engine.made_tempdb_anew();
    }

    /// Starts a stopped instance on the same port; mirroring sessions reconnect.
    pub fn start(&self) {
        self.renew_fallback();
        self.engine.error_log().cycle();
        self.engine.made_tempdb_anew();
        self.engine.running.store(true, Ordering::Relaxed);
        self.engine.bind_endpoint();
        reconnect::heal(&self.engine);
    }

    /// What SQL Server makes for itself it makes anew at every start.
    fn renew_fallback(&self) {
        if self.engine.spec.tls != TlsCertificate::SelfSignedFallback {
            return;
        }
        let network = self.engine.network.upgrade();
        if let Some(Ok(tls)) = network.map(|n| n.authority.identity(&self.engine.spec)) {
            self.engine.set_tls(tls);
        }
    }

    /// The certificate it shows to TDS clients, in DER.
    pub fn tls_certificate_der(&self) -> Vec<u8> {
        self.engine.tls().certificate.clone()
    }

    pub fn is_running(&self) -> bool {
        self.engine.running.load(Ordering::Relaxed)
    }
}
