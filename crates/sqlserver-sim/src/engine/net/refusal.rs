//! Why an endpoint would not let another in, and what both sides write into their logs then.

use crate::engine::Engine;

/// Who found the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Dialler,
    Acceptor,
}

/// Why a connection was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} ({number}, found by the {side:?})")]
pub struct Refusal {
    /// The inner number, 28034 and the like; 0 when nobody answered at the address.
    pub number: i32,
    pub text: String,
    pub side: Side,
    /// The login that was recognised before the refusal.
    pub login: Option<String>,
}

pub(super) fn refuse<T>(side: Side, number: i32, text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal {
        number,
        text: text.into(),
        side,
        login: None,
    })
}

pub(super) fn log_refusal(from: &Engine, to: &Engine, refusal: &Refusal) {
    let (number, who) = match &refusal.login {
        Some(login) => (28048, format!(" by user '{login}'")),
        None => (28047, String::new()),
    };
    let line = |peer: &str| {
        format!(
            "Database Mirroring login attempt{who} failed with error: '{}'. [CLIENT: {peer}]",
            refusal.text
        )
    };
    match (refusal.number, refusal.side) {
        (0, _) => {
            let why = if from.switches().os_words_in_1474 {
                "Connection attempt failed with error: '10061(No connection could be made because the target machine actively refused it.)'."
            } else {
                refusal.text.as_str()
            };
            let text = format!(
                "Database mirroring connection error 2 '{why}' for '{}'.",
                to.machine_name()
            );
            from.log(1474, "Server", text);
        }
        (28080 | 9763 | 28036 | 28037, Side::Dialler) => {
            // Found before anything was sent: the other side has seen nothing.
            from.log(number, "Logon", line(to.machine_name()));
        }
        (_, Side::Dialler) => {
            from.log(number, "Logon", line(to.machine_name()));
            log_closed_by_peer(to, from);
        }
        (_, Side::Acceptor) => {
            to.log(number, "Logon", line(from.machine_name()));
            log_closed_by_peer(from, to);
        }
    }
}

/// All that a side learns when the other one refuses: the reason is in the other's log.
fn log_closed_by_peer(at: &Engine, peer: &Engine) {
    let text = format!(
        "Database Mirroring login attempt failed with error: 'Connection handshake failed. The handshake message could not be sent or the connection was closed by peer. State 81.'. [CLIENT: {}]",
        peer.machine_name()
    );
    at.log(28047, "Logon", text);
}
