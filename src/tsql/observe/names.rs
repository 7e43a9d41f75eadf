//! What stands under the names asked about: compared here, on the server, with its own collation.

use std::fmt::Write as _;

use super::principals::{LOGIN_COLUMNS, USER_COLUMNS};
use crate::domain::desired_state::PeerQuestion;
use crate::domain::object_name::ObjectName;
use crate::tsql::quote::Literal;
use crate::tsql::sets::{NAME_CERTIFICATE, NAME_LOGIN, NAME_LOGIN_USER, NAME_USER};

pub(super) fn names(questions: &[PeerQuestion]) -> String {
    if questions.is_empty() {
        return String::new();
    }
    let logins = asked(questions.iter().map(|q| (q.peer, 0, &q.names.login)));
    let users = asked(questions.iter().map(|q| (q.peer, 0, &q.names.user)));
    let certificates = asked(questions.iter().flat_map(|q| {
        let renewed = q.renewed_certificate.as_ref();
        std::iter::once((q.peer, 0, &q.names.certificate)).chain(renewed.map(|n| (q.peer, 1, n)))
    }));
    format!(
        "\
SELECT CAST(q.peer AS int) AS {NAME_LOGIN},
{LOGIN_COLUMNS}
FROM ({logins}) AS q
JOIN sys.server_principals AS l ON l.name = q.name;
SELECT CAST(q.peer AS int) AS {NAME_LOGIN_USER},
{USER_COLUMNS},
{LOGIN_COLUMNS}
FROM ({logins}) AS q
JOIN sys.server_principals AS l ON l.name = q.name
JOIN master.sys.database_principals AS u ON u.sid = l.sid;
SELECT CAST(q.peer AS int) AS {NAME_USER},
{USER_COLUMNS},
{LOGIN_COLUMNS}
FROM ({users}) AS q
JOIN master.sys.database_principals AS u ON u.name = q.name
LEFT JOIN sys.server_principals AS l ON l.sid = u.sid;
SELECT CAST(q.peer AS int) AS {NAME_CERTIFICATE}, CAST(q.renewed AS bit) AS is_renewed,
  CAST(c.certificate_id AS int) AS certificate_id
FROM ({certificates}) AS q
JOIN master.sys.certificates AS c ON c.name = q.name;
"
    )
}

fn asked<'a>(rows: impl Iterator<Item = (usize, u8, &'a ObjectName)>) -> String {
    let mut text = String::new();
    for (peer, renewed, name) in rows {
        if !text.is_empty() {
            text.push_str(" UNION ALL ");
        }
        let _ = write!(
            text,
            "SELECT {peer} AS peer, {renewed} AS renewed, CAST({} AS nvarchar(128)) AS name",
            Literal::from(name)
        );
    }
    text
}
