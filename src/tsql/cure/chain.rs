//! Chains: login, user, CONNECT, certificate, in one transaction and in that order.

use super::text::{Part, free_name, no_open_transaction, run, stop_if};
use crate::domain::cure::{CertificatePart, ChainCure, LoginPart, UserPart};
use crate::domain::object_name::{ObjectName, SysName};
use crate::tsql::action::password;
use crate::tsql::quote::{Binary, Ident, Literal};

pub(super) fn make(chain: &ChainCure) -> String {
    let mut lines = vec![no_open_transaction()];
    if let CertificatePart::Give { certificate, from } = &chain.certificate {
        lines.push(still_owned(certificate, from));
    }
    lines.push(
        "DECLARE @login sysname, @user sysname, @certificate sysname, @n int, @do nvarchar(max);"
            .to_owned(),
    );
    lines.push("SET XACT_ABORT ON;\nBEGIN TRANSACTION;".to_owned());
    lines.extend(login(&chain.login));
    lines.extend(user(&chain.user, &chain.login));
    if let Some(endpoint) = &chain.endpoint {
        lines.push(run(&[
            Part::Text(format!(
                "GRANT CONNECT ON ENDPOINT::{} TO ",
                Ident::from(endpoint)
            )),
            login_name(&chain.login),
            ";".into(),
        ]));
    }
    lines.extend(certificate(&chain.certificate, &chain.user));
    lines.push("COMMIT TRANSACTION;".to_owned());
    lines.join("\n")
}

fn still_owned(certificate: &SysName, from: &SysName) -> String {
    stop_if(
        &format!(
            "NOT EXISTS (SELECT 1 FROM sys.certificates AS c JOIN sys.database_principals AS u ON u.principal_id = c.principal_id WHERE c.name = {} AND u.name = {})",
            Literal::from(certificate),
            Literal::from(from)
        ),
        "the certificate has another owner by now; ask for a new dry run",
    )
}

fn login(part: &LoginPart) -> Option<String> {
    let (name, sid) = match part {
        LoginPart::Existing(_) => return None,
        LoginPart::New(name) => (name, String::new()),
        LoginPart::WithSid { name, sid } => (name, format!(", SID = {}", Binary::new(sid))),
    };
    let (fixed, random) = password(name.as_str());
    Some(format!(
        "{}\nSET @do = N'CREATE LOGIN ' + QUOTENAME(@login) + N' WITH PASSWORD = N''{fixed}' + {random} + N'''{sid}, CHECK_POLICY = ON, CHECK_EXPIRATION = OFF;';\nEXEC (@do);",
        free_name("@login", name, "sys.server_principals")
    ))
}

fn user(part: &UserPart, login: &LoginPart) -> Option<String> {
    let UserPart::New(name) = part else {
        return None;
    };
    Some(format!(
        "{}\n{}",
        free_name("@user", name, "sys.database_principals"),
        run(&[
            "CREATE USER ".into(),
            Part::Name("@user"),
            " FOR LOGIN ".into(),
            login_name(login),
            ";".into(),
        ])
    ))
}

fn certificate(part: &CertificatePart, user: &UserPart) -> Option<String> {
    match part {
        CertificatePart::None => None,
        CertificatePart::Give { certificate, .. } => Some(run(&[
            Part::Text(format!(
                "ALTER AUTHORIZATION ON CERTIFICATE::{} TO ",
                Ident::from(certificate)
            )),
            user_name(user),
            ";".into(),
        ])),
        CertificatePart::Import { name, der } => Some(import(name, der, user)),
    }
}

fn import(name: &ObjectName, der: &[u8], user: &UserPart) -> String {
    format!(
        "{}\n{}",
        free_name("@certificate", name, "sys.certificates"),
        run(&[
            "CREATE CERTIFICATE ".into(),
            Part::Name("@certificate"),
            " AUTHORIZATION ".into(),
            user_name(user),
            Part::Text(format!(" FROM BINARY = {};", Binary::new(der))),
        ])
    )
}

fn login_name(part: &LoginPart) -> Part<'static> {
    match part {
        LoginPart::Existing(name) => Ident::from(name).to_string().into(),
        LoginPart::New(_) | LoginPart::WithSid { .. } => Part::Name("@login"),
    }
}

fn user_name(part: &UserPart) -> Part<'static> {
    match part {
        UserPart::Existing(name) => Ident::from(name).to_string().into(),
        UserPart::New(_) => Part::Name("@user"),
    }
}
