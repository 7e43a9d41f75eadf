//! One simulated instance: where its state, its clock, its sessions and its part of the network meet.
//!
//! Look-ups and small steps only; rules live in `ddl`, `run` and `net`.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use chrono::{NaiveDateTime, TimeDelta, Utc};
use rcgen::KeyPair;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::PasswordPolicy;
use super::faults::Faults;
use super::files::Files;
use super::keys;
use super::ledger::Ledger;
use super::net::error_log::LogLine;
use super::net::transport::Transport;
use super::network::Network;
use super::run::facts::SessionFacts;
use super::run::locks::AppLocks;
use super::state::certificate::BadCertificate;
use super::state::collation::Collation;
use super::state::initial;
use super::state::version::{Edition, Platform, Version};
use super::state::{State, TEMPDB};
use super::switches::Unverified;
use crate::server_api::TlsIdentity;
use crate::spec::InstanceSpec;

/// Lines of the error log beyond this are dropped, oldest first: whoever fails to log in must not fill the memory.
const LONGEST_LOG: usize = 20_000;

/// Earlier logs kept; the installer's default.
const ARCHIVED_LOGS: usize = 6;

/// A row of `sys.dm_exec_sessions`.
#[derive(Debug, Clone)]
pub struct OpenSession {
    pub spid: u16,
    pub login: i32,
    pub login_name: String,
    pub sid: Vec<u8>,
    pub application: String,
    pub client_host: String,
    pub encrypted: bool,
    pub packet_size: u16,
    pub since: NaiveDateTime,
    pub connection: Uuid,
    /// Cancelled by KILL.
    pub ended: CancellationToken,
}

/// The inside of an instance.
pub struct Engine {
    /// Position in the fleet.
    pub number: usize,
    pub(crate) spec: InstanceSpec,
    pub(crate) network: Weak<Network>,
    tls: RwLock<Arc<TlsIdentity>>,
    committed: RwLock<Arc<State>>,
    writer: Arc<AsyncMutex<()>>,
    transport: Mutex<Transport>,
    clock_offset: AtomicI64,
    switches: Mutex<Unverified>,
    sessions: Mutex<BTreeMap<u16, OpenSession>>,
    next_spid: AtomicU16,
    wrong_passwords: Mutex<HashMap<i32, u32>>,
    ledger: Ledger,
    faults: Faults,
    files: Files,
    locks: AppLocks,
    pub(crate) port: AtomicU16,
    pub(crate) running: AtomicBool,
    /// The mirroring endpoint did not get its port when it wanted to listen.
    pub(super) unbound: AtomicBool,
}

fn guarded<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    pub fn new(
        number: usize,
        spec: InstanceSpec,
        network: Weak<Network>,
        tls: Arc<TlsIdentity>,
    ) -> Self {
        let collation = Collation::new(&spec.collation);
        let now = (Utc::now() + spec.clock_offset).naive_utc();
        let state = initial::installed(collation, spec.version, &spec.sa_password, now);
        let offset = spec.clock_offset.num_milliseconds();
        let switches = Mutex::new(spec.unverified);
        Self {
            number,
            spec,
            network,
            tls: RwLock::new(tls),
            committed: RwLock::new(Arc::new(state)),
            writer: Arc::default(),
            transport: Mutex::default(),
            clock_offset: AtomicI64::new(offset),
            switches,
            sessions: Mutex::default(),
            next_spid: AtomicU16::new(51),
            wrong_passwords: Mutex::default(),
            ledger: Ledger::default(),
            faults: Faults::default(),
            files: Files::default(),
            locks: AppLocks::default(),
            port: AtomicU16::new(0),
            running: AtomicBool::new(false),
            unbound: AtomicBool::new(false),
        }
    }

    /// The identity shown to TDS clients.
    pub(crate) fn tls(&self) -> Arc<TlsIdentity> {
        Arc::clone(&self.tls.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_tls(&self, tls: Arc<TlsIdentity>) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = tls;
    }

    /// As every start does.
    pub(crate) fn made_tempdb_anew(&self) {
        let mut state = (*self.committed()).clone();
        let now = self.now();
        if let Some(tempdb) = state.databases.get_mut(&TEMPDB) {
            tempdb.created = now;
        }
        self.publish(Arc::new(state));
    }

    pub fn version(&self) -> Version {
        self.spec.version
    }

    pub fn edition(&self) -> Edition {
        self.spec.edition
    }

    pub fn platform(&self) -> Platform {
        self.spec.platform
    }

    pub fn switches(&self) -> Unverified {
        *guarded(&self.switches)
    }

    pub fn set_switches(&self, switches: Unverified) {
        *guarded(&self.switches) = switches;
    }

    pub fn password_policy(&self) -> Option<PasswordPolicy> {
        self.spec.password_policy
    }

    pub fn windows_only(&self) -> bool {
        self.spec.windows_only
    }

    pub fn hadr_enabled(&self) -> bool {
        self.spec.hadr_enabled
    }

    pub fn machine_name(&self) -> &str {
        self.spec.machine_name()
    }

    pub fn instance_name(&self) -> Option<&str> {
        self.spec.instance_name.as_deref()
    }

    /// `MACHINE` or `MACHINE\INSTANCE`.
    pub fn server_name(&self) -> String {
        match &self.spec.instance_name {
            Some(instance) => format!("{}\\{instance}", self.machine_name()),
            None => self.machine_name().to_owned(),
        }
    }

    pub fn data_path(&self) -> &'static str {
        match self.spec.platform {
            Platform::Windows => "C:\\Program Files\\Microsoft SQL Server\\MSSQL\\DATA\\",
            Platform::Linux => "/var/opt/mssql/data/",
        }
    }

    pub fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    /// The instance's own time, UTC.
    pub fn now(&self) -> NaiveDateTime {
        let offset = TimeDelta::milliseconds(self.clock_offset.load(Ordering::Relaxed));
        let now = Utc::now().naive_utc();
        now.checked_add_signed(offset).unwrap_or(now)
    }

    pub fn set_clock_offset(&self, offset: TimeDelta) {
        self.clock_offset
            .store(offset.num_milliseconds(), Ordering::Relaxed);
    }

    /// How far the instance's clock is from the machine's, milliseconds.
    pub fn clock_offset_ms(&self) -> i64 {
        self.clock_offset.load(Ordering::Relaxed)
    }

    /// What every session outside a changing transaction sees.
    pub fn committed(&self) -> Arc<State> {
        Arc::clone(
            &self
                .committed
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Only the holder of the writer lock may publish, or changes are lost.
    pub fn publish(&self, state: Arc<State>) {
        *self
            .committed
            .write()
            .unwrap_or_else(PoisonError::into_inner) = state;
    }

    pub async fn writer(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.writer).lock_owned().await
    }

    pub fn transport(&self) -> MutexGuard<'_, Transport> {
        guarded(&self.transport)
    }

    pub fn sessions(&self) -> BTreeMap<u16, OpenSession> {
        guarded(&self.sessions).clone()
    }

    pub fn next_spid(&self) -> u16 {
        let sessions = guarded(&self.sessions);
        loop {
            let spid = self.next_spid.fetch_add(1, Ordering::Relaxed);
            if spid > 50 && spid < 32767 && !sessions.contains_key(&spid) {
                return spid;
            }
            if spid >= 32766 {
                self.next_spid.store(51, Ordering::Relaxed);
            }
        }
    }

    pub fn open_session(&self, facts: &SessionFacts, sid: Vec<u8>, ended: CancellationToken) {
        let row = OpenSession {
            spid: facts.spid,
            login: facts.login,
            login_name: facts.login_name.clone(),
            sid,
            application: facts.application.clone(),
            client_host: facts.client_host.clone(),
            encrypted: facts.encrypted,
            packet_size: facts.packet_size,
            since: self.now(),
            connection: facts.connection,
            ended,
        };
        guarded(&self.sessions).insert(facts.spid, row);
    }

    pub fn close_session(&self, spid: u16) {
        guarded(&self.sessions).remove(&spid);
        self.locks.release_session(spid, true);
    }

    pub fn is_locked_out(&self, login: i32) -> bool {
        let limit = self.spec.lockout_after;
        limit.is_some_and(|limit| {
            guarded(&self.wrong_passwords)
                .get(&login)
                .is_some_and(|n| *n >= limit)
        })
    }

    pub fn count_wrong_password(&self, login: i32, counted: bool) {
        if counted {
            *guarded(&self.wrong_passwords).entry(login).or_default() += 1;
        }
    }

    pub fn wrong_passwords_of(&self, login: i32) -> u32 {
        let wrong = guarded(&self.wrong_passwords);
        wrong.get(&login).copied().unwrap_or(0)
    }

    pub fn forget_wrong_passwords(&self, login: i32) {
        guarded(&self.wrong_passwords).remove(&login);
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    pub fn files(&self) -> &Files {
        &self.files
    }

    pub fn locks(&self) -> &AppLocks {
        &self.locks
    }

    /// # Errors
    /// When no key can be generated.
    pub fn new_key(&self) -> Result<KeyPair, BadCertificate> {
        let bits = self.spec.key_bits;
        let bits = bits.unwrap_or_else(|| self.version().rsa_bits());
        if self.spec.shared_keys {
            keys::take_shared(bits)
        } else {
            keys::take(bits)
        }
    }

    pub fn log(&self, number: i32, source: &str, text: impl Into<String>) {
        let line = LogLine {
            at: self.now(),
            source: source.to_owned(),
            number,
            text: text.into(),
        };
        let mut transport = self.transport();
        let log = &mut transport.log;
        if log.len() >= LONGEST_LOG {
            log.drain(..LONGEST_LOG / 10);
        }
        log.push(line);
    }

    /// Every line kept, those of earlier logs first.
    pub fn error_log(&self) -> Vec<LogLine> {
        let transport = self.transport();
        let earlier = transport.archived_logs.iter().rev().flatten();
        earlier.chain(&transport.log).cloned().collect()
    }

    /// The log in use (0) or the n-th before it.
    pub fn numbered_log(&self, n: usize) -> Option<Vec<LogLine>> {
        let transport = self.transport();
        match n.checked_sub(1) {
            None => Some(transport.log.clone()),
            Some(n) => transport.archived_logs.get(n).cloned(),
        }
    }

    /// Begins a new log, as every start does; the oldest of the kept ones goes.
    pub fn cycle_log(&self) {
        let mut transport = self.transport();
        let full = std::mem::take(&mut transport.log);
        transport.archived_logs.insert(0, full);
        transport.archived_logs.truncate(ARCHIVED_LOGS);
    }
}
