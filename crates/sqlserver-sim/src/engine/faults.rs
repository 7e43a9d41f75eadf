//! Faults set from outside at run time: rules that sessions ask at every statement boundary.
//!
//! A rule says when and what; carrying it out is the session's work.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Closes the connection before the statement runs.
    HangUpBefore,
    /// Closes the connection after the statement ran, its answer unsent.
    HangUpAfter,
    /// Closes the connection after this many rows of the statement were sent.
    HangUpAfterRow(u64),
    /// Runs nothing and answers nothing, for ever.
    StallBefore,
    /// Runs the statement and answers nothing, for ever.
    StallAfter,
    /// The statement does not run and ends with this error.
    Error {
        number: i32,
        class: u8,
        text: String,
    },
    /// A DDL trigger takes the statement back: 3609, and batch and transaction are lost.
    Veto,
    /// Waits before the statement runs.
    Delay(Duration),
    /// Waits before the statement runs, until the instance's faults are cleared.
    Hold,
    /// A second party runs this batch as sysadmin right before the statement.
    Race(String),
    /// Rows of this query's result that contain the text are not shown.
    HideRows(String),
}

/// When a rule strikes. Counting starts when the rule is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Statement kind such as `CREATE LOGIN`; `None` matches every statement.
    pub kind: Option<String>,
    /// Only statements whose text contains this.
    pub containing: Option<String>,
    /// Strikes at the n-th match, 1 being the next.
    pub nth: u64,
    /// Strikes at every later match too.
    pub always: bool,
    pub fault: Fault,
}

impl Rule {
    /// Strikes once, at the next statement of this kind.
    pub fn next(kind: &str, fault: Fault) -> Self {
        Self {
            kind: Some(kind.to_owned()),
            containing: None,
            nth: 1,
            always: false,
            fault,
        }
    }

    /// Strikes at the n-th statement from now, whatever its kind.
    pub fn nth_statement(nth: u64, fault: Fault) -> Self {
        Self {
            kind: None,
            containing: None,
            nth,
            always: false,
            fault,
        }
    }

    #[must_use]
    pub fn every_time(mut self) -> Self {
        self.always = true;
        self
    }
}

/// How log-ins are treated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginFault {
    pub delay: Duration,
    /// Number, class and text of a refusal.
    pub refuse: Option<(i32, u8, String)>,
    /// How many log-ins are still to be treated so; `None` is all.
    pub times: Option<u64>,
}

/// What becomes of TLS handshakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsFault {
    /// Ended with an alert, as by a server that lost its certificate.
    NoCertificate,
    /// The connection ends at the client's first message, without a word.
    EndsAtClientHello,
    /// The server knows no version above 1.0, and says so in its hello.
    OnlyTls10,
}

#[derive(Debug, Default)]
struct Set {
    latency: Duration,
    rules: Vec<(Rule, u64)>,
    login: Option<LoginFault>,
    handshake_off: bool,
    tls: Option<TlsFault>,
}

/// The faults of one instance.
#[derive(Debug, Default)]
pub struct Faults {
    set: Mutex<Set>,
    drop_idle: tokio::sync::Notify,
    cleared: watch::Sender<u64>,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits this long before every request is worked on.
    pub fn set_latency(&self, latency: Duration) {
        self.lock().latency = latency;
    }

    pub fn latency(&self) -> Duration {
        self.lock().latency
    }

    pub fn add(&self, rule: Rule) {
        self.lock().rules.push((rule, 0));
    }

    pub fn set_login(&self, fault: Option<LoginFault>) {
        self.lock().login = fault;
    }

    /// Refuses every endpoint handshake, as if the port were closed.
    pub fn set_handshake_off(&self, off: bool) {
        self.lock().handshake_off = off;
    }

    pub fn handshake_off(&self) -> bool {
        self.lock().handshake_off
    }

    /// Spoils every TLS handshake from now on, or none.
    pub fn set_tls(&self, fault: Option<TlsFault>) {
        self.lock().tls = fault;
    }

    pub fn tls(&self) -> Option<TlsFault> {
        self.lock().tls
    }

    /// Ends every TLS handshake with an alert, as a server does that lost its certificate.
    pub fn set_tls_broken(&self, broken: bool) {
        self.set_tls(broken.then_some(TlsFault::NoCertificate));
    }

    /// The rules that can still strike, each with its matches so far.
    pub fn rules(&self) -> Vec<(Rule, u64)> {
        self.lock().rules.clone()
    }

    /// How log-ins are treated now.
    pub fn login(&self) -> Option<LoginFault> {
        self.lock().login.clone()
    }

    /// Removes every rule and setting.
    pub fn clear(&self) {
        *self.lock() = Set::default();
        self.cleared.send_modify(|times| *times += 1);
    }

    /// Changes when the faults are cleared from now on.
    pub fn clearings(&self) -> watch::Receiver<u64> {
        self.cleared.subscribe()
    }

    /// The faults that strike this statement, in the order their rules were added.
    pub fn strike(&self, kind: &str, text: &str) -> Vec<Fault> {
        let mut set = self.lock();
        let mut struck = Vec::new();
        for (rule, seen) in &mut set.rules {
            let matches = rule
                .kind
                .as_ref()
                .is_none_or(|k| k.eq_ignore_ascii_case(kind))
                && rule
                    .containing
                    .as_ref()
                    .is_none_or(|c| text.contains(c.as_str()));
            if matches {
                *seen += 1;
                if *seen == rule.nth || (rule.always && *seen > rule.nth) {
                    struck.push(rule.fault.clone());
                }
            }
        }
        set.rules
            .retain(|(rule, seen)| rule.always || *seen < rule.nth);
        struck
    }

    /// How the log-in at hand is treated.
    pub fn strike_login(&self) -> Option<LoginFault> {
        let mut set = self.lock();
        let fault = set.login.clone()?;
        if let Some(times) = set.login.as_mut().and_then(|l| l.times.as_mut()) {
            *times = times.saturating_sub(1);
            if *times == 0 {
                set.login = None;
            }
        }
        Some(fault)
    }

    /// Closes every connection of the instance at once, idle ones too.
    pub fn drop_connections(&self) {
        self.drop_idle.notify_waiters();
    }

    pub async fn dropped(&self) {
        self.drop_idle.notified().await;
    }
}
