//! What a session is and has set: everything its expressions can ask about it.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::engine::eval::relation::Relation;
use crate::protocol::{LoginRequest, Message};

/// Facts of one session.
#[derive(Debug, Clone)]
pub struct SessionFacts {
    pub spid: u16,
    /// `principal_id` of the login.
    pub login: i32,
    pub login_name: String,
    pub database: i32,
    pub application: String,
    pub client_host: String,
    pub encrypted: bool,
    pub packet_size: u16,
    pub connection: Uuid,
    pub transaction_count: i32,
    /// The transaction can only be rolled back.
    pub doomed: bool,
    pub row_count: i32,
    pub last_error: i32,
    /// Milliseconds; -1 waits for ever.
    pub lock_timeout: i64,
    pub xact_abort: bool,
    pub no_count: bool,
    pub implicit_transactions: bool,
    /// Errors being handled, innermost CATCH last.
    pub caught: Vec<Message>,
    /// Databases whose master key OPEN MASTER KEY opened.
    pub open_master_keys: BTreeSet<i32>,
    /// Temporary tables by their names in lower case, each with how deep in scopes it was made.
    pub temporary: BTreeMap<String, (Relation, usize)>,
}

impl SessionFacts {
    /// A new session of a login in a database, with the options a new connection has.
    pub fn new(
        spid: u16,
        (login, login_name): (i32, &str),
        database: i32,
        client: LoginRequest,
    ) -> Self {
        Self {
            spid,
            login,
            login_name: login_name.to_owned(),
            database,
            application: client.application,
            client_host: client.client_host,
            encrypted: client.encrypted,
            packet_size: client.packet_size,
            connection: Uuid::new_v4(),
            transaction_count: 0,
            doomed: false,
            row_count: 0,
            last_error: 0,
            lock_timeout: -1,
            xact_abort: false,
            no_count: false,
            implicit_transactions: false,
            caught: Vec::new(),
            open_master_keys: BTreeSet::new(),
            temporary: BTreeMap::new(),
        }
    }

    /// `XACT_STATE()`.
    pub fn xact_state(&self) -> i16 {
        match (self.transaction_count, self.doomed) {
            (0, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        }
    }

    /// SET options as a new connection has them.
    pub fn forget_options(&mut self) {
        self.lock_timeout = -1;
        self.xact_abort = false;
        self.no_count = false;
        self.implicit_transactions = false;
        self.caught.clear();
        self.row_count = 0;
        self.last_error = 0;
    }
}
