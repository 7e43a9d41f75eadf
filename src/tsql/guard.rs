//! What keeps a script that people run to the server it was made for, out of their transactions, and as it was written.

use super::client_safe::expression;
use super::quote::Literal;
use super::throws::{FORBIDDEN, MISREAD, WRONG_SERVER};
use crate::domain::identity::ServerIdentity;
use crate::domain::script::Frame;

/// A condition that holds on every server but this one, waiting for its statement.
#[must_use]
pub fn unless_here(server: &ServerIdentity) -> String {
    format!(
        "IF ISNULL(CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)), N'') <> {}\n",
        expression(&server.server_name)
    )
}

/// Around [`unless_here`]: fails on another server.
#[must_use]
pub fn stop(server: &ServerIdentity) -> Frame {
    Frame {
        before: not_in_a_transaction(),
        after: wrong_server(&format!("the script is for {}", server.server_name)),
    }
}

/// Around [`unless_here`]: leaves the batch on another server.
#[must_use]
pub fn skip() -> Frame {
    Frame {
        before: String::new(),
        after: format!("    RETURN;\n{}", not_in_a_transaction()),
    }
}

/// Around the [`unless_here`]s of a file's parts: fails where none of them was for this server.
#[must_use]
pub fn nowhere(servers: &[&ServerIdentity]) -> Frame {
    let names: Vec<&str> = servers.iter().map(|s| s.server_name.as_str()).collect();
    Frame {
        before: not_in_a_transaction(),
        after: wrong_server(&format!("the script is for {}", names.join(", "))),
    }
}

// An error ends the transaction that is open where XACT_ABORT is on, and THROW is an error to it; RAISERROR is none.
// So whatever somebody has open is asked first, and left as it is.
fn not_in_a_transaction() -> String {
    "IF @@TRANCOUNT > 0\nBEGIN\n    \
     RAISERROR (N'mirrorgate: a transaction is open in this session. Commit it or roll it back, then run this again; nothing was done.', 16, 1);\n    \
     RETURN;\nEND;\n"
        .to_owned()
}

fn wrong_server(wanted: &str) -> String {
    // THROW takes no expression, and no more than this.
    let wanted: String = wanted.chars().take(900).collect();
    format!(
        "BEGIN\n    DECLARE @mg_why nvarchar(2048) = N'mirrorgate: this server is ' + ISNULL(CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)), N'nameless') + {} + N'; nothing was done.';\n    \
         ;THROW {WRONG_SERVER}, @mg_why, 1;\nEND;\n",
        expression(&format!("; {wanted}"))
    )
}

/// Fails where a tool has read the file in another encoding than UTF-8, so that names would become others. Empty
/// where there is nothing to be misread.
#[must_use]
pub fn as_written(text: &str) -> String {
    let mut odd: Vec<char> = text
        .chars()
        .filter(|c| !c.is_ascii() && !c.is_control())
        .collect();
    odd.sort_unstable();
    odd.dedup();
    odd.truncate(1000);
    if odd.is_empty() {
        return String::new();
    }
    let odd: String = odd.into_iter().collect();
    let bytes: Vec<u8> = odd.encode_utf16().flat_map(u16::to_le_bytes).collect();
    format!(
        "IF CAST({} AS varbinary(8000)) <> {}\nBEGIN\n    ;THROW {MISREAD}, {}, 1;\nEND;\n",
        expression(&odd),
        super::quote::Binary::new(&bytes),
        Literal::new(
            "mirrorgate: this file was read in another encoding than UTF-8 (with sqlcmd: -f 65001), so that names in it would become others; nothing was done."
        ),
    )
}

/// A text that fails and changes nothing, for a plan that findings forbid.
#[must_use]
pub fn forbidden() -> String {
    format!(
        "{};THROW {FORBIDDEN}, {}, 1;\n",
        not_in_a_transaction(),
        Literal::new(
            "mirrorgate: findings forbid these changes; they stand at the head of the script. Nothing was done."
        ),
    )
}
