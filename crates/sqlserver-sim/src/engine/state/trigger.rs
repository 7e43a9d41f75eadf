//! Triggers ON ALL SERVER, and which statements set them off.

use std::sync::Arc;

use chrono::NaiveDateTime;

use crate::engine::lang::ast::Statement;

/// A row of `sys.server_triggers`, with its body.
#[derive(Debug, Clone)]
pub struct ServerTrigger {
    pub id: i32,
    pub name: String,
    /// `LOGON`, or event types and groups, in upper case.
    pub events: Vec<String>,
    pub disabled: bool,
    /// The login it acts as; `None`: whoever set it off.
    pub runs_as: Option<String>,
    /// Empty for one that is only pretended.
    pub body: Arc<Vec<Statement>>,
    pub created: NaiveDateTime,
    pub modified: NaiveDateTime,
}

/// Groups of events, each with words one of which the event's name must contain.
const GROUPS: [(&str, &[&str]); 17] = [
    ("DDL_EVENTS", &[""]),
    (
        "DDL_SERVER_LEVEL_EVENTS",
        &["_LOGIN", "_ENDPOINT", "_SERVER", "_DATABASE"],
    ),
    ("DDL_SERVER_SECURITY_EVENTS", &["_LOGIN", "_SERVER"]),
    ("DDL_LOGIN_EVENTS", &["_LOGIN"]),
    ("DDL_ENDPOINT_EVENTS", &["_ENDPOINT"]),
    (
        "DDL_GDR_SERVER_EVENTS",
        &["GRANT_SERVER", "DENY_SERVER", "REVOKE_SERVER"],
    ),
    ("DDL_SERVER_ROLE_EVENTS", &["_SERVER_ROLE"]),
    ("DDL_AUTHORIZATION_SERVER_EVENTS", &["AUTHORIZATION_SERVER"]),
    (
        "DDL_DATABASE_LEVEL_EVENTS",
        &[
            "_USER",
            "_CERTIFICATE",
            "_MASTER_KEY",
            "_ROLE",
            "GRANT_DATABASE",
            "DENY_DATABASE",
            "REVOKE_DATABASE",
        ],
    ),
    (
        "DDL_DATABASE_SECURITY_EVENTS",
        &[
            "_USER",
            "_CERTIFICATE",
            "_MASTER_KEY",
            "_ROLE",
            "GRANT_DATABASE",
            "DENY_DATABASE",
            "REVOKE_DATABASE",
        ],
    ),
    ("DDL_USER_EVENTS", &["_USER"]),
    ("DDL_ROLE_EVENTS", &["_ROLE"]),
    ("DDL_CERTIFICATE_EVENTS", &["_CERTIFICATE"]),
    ("DDL_MASTER_KEY_EVENTS", &["_MASTER_KEY"]),
    ("DDL_CRYPTO_SIGNATURE_EVENTS", &["_SIGNATURE"]),
    ("DDL_DATABASE_EVENTS", &["_DATABASE"]),
    (
        "DDL_GDR_DATABASE_EVENTS",
        &["GRANT_DATABASE", "DENY_DATABASE", "REVOKE_DATABASE"],
    ),
];

const VERBS: [&str; 6] = ["CREATE_", "ALTER_", "DROP_", "GRANT_", "DENY_", "REVOKE_"];

/// Whether a trigger may be made for this event.
pub fn is_an_event(name: &str) -> bool {
    name == "LOGON"
        || GROUPS.iter().any(|(group, _)| *group == name)
        || VERBS.iter().any(|verb| name.starts_with(verb))
}

impl ServerTrigger {
    pub fn is_logon(&self) -> bool {
        self.events.iter().any(|e| e == "LOGON")
    }

    /// Whether the statement of this event sets it off.
    pub fn waits_for(&self, event: &str) -> bool {
        !self.disabled
            && self.events.iter().any(|waiting| {
                let group = GROUPS.iter().find(|(name, _)| name == waiting);
                waiting == event
                    || group.is_some_and(|(_, words)| words.iter().any(|w| event.contains(w)))
            })
    }
}
