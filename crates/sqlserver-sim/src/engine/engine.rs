//! One simulated instance: where its state, its clock, its sessions and its part of the network meet.
//!
//! Look-ups and small steps only; rules live in `ddl`, `run` and `net`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use chrono::{NaiveDateTime, TimeDelta, Utc};
use rcgen::KeyPair;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::PasswordPolicy;
use super::error_log::{ErrorLog, LogLine};
use super::faults::Faults;
use super::files::Files;
use super::keys;
use super::ledger::Ledger;
use super::net::transport::Transport;
use super::network::Network;
use super::run::locks::AppLocks;
use super::sessions::Sessions;
use super::state::certificate::BadCertificate;
use super::state::collation::Collation;
use super::state::initial;
use super::state::version::{Edition, Platform, Version};
use super::state::{State, TEMPDB};
use super::switches::Unverified;
use crate::server_api::TlsIdentity;
use crate::spec::InstanceSpec;

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
    sessions: Sessions,
    wrong_passwords: Mutex<HashMap<i32, u32>>,
    error_log: ErrorLog,
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
            sessions: Sessions::default(),
            wrong_passwords: Mutex::default(),
            error_log: ErrorLog::default(),
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

    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    pub fn close_session(&self, spid: u16) {
        self.sessions.remove(spid);
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

    pub fn error_log(&self) -> &ErrorLog {
        &self.error_log
    }

    pub fn log(&self, number: i32, source: &str, text: impl Into<String>) {
        let line = LogLine {
            at: self.now(),
            source: source.to_owned(),
            number,
            text: text.into(),
        };
        self.error_log.write(line);
    }
}
