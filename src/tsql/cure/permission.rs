//! Permissions of mirrorgate's own log-in, and DENYs that are in the way: taken from whom they are on, whoever gave
//! them.

use super::text::{Part, expression, free_name, run};
use crate::domain::object_name::SysName;
use crate::domain::own_deny::{DeniedOn, OwnDeny};
use crate::tsql::quote::{Ident, Literal};

/// To the login's user in `master`, whatever its name; one is made if there is none.
pub(super) fn grant_in_master(permission: &str, login: &SysName) -> String {
    let create = run(&[
        "CREATE USER ".into(),
        Part::Name("@user"),
        format!(" FOR LOGIN {};", Ident::from(login)).into(),
    ]);
    let grant = run(&[
        format!("GRANT {permission} ON DATABASE::master TO ").into(),
        Part::Name("@user"),
        ";".into(),
    ]);
    format!(
        "DECLARE @user sysname, @n int, @do nvarchar(max);\n\
         SET @user = (SELECT name FROM sys.database_principals WHERE sid = SUSER_SID({}));\n\
         IF @user IS NULL\nBEGIN\n{}\n{create}\nEND;\n{grant}",
        Literal::from(login),
        free_name("@user", login, "sys.database_principals"),
    )
}

/// On the endpoint, or at server scope.
pub(super) fn revoke(permission: &str, endpoint: Option<&SysName>, grantee: &SysName) -> String {
    let on = endpoint.map_or_else(String::new, |e| format!(" ON ENDPOINT::{}", Ident::from(e)));
    let revoke = format!("REVOKE {permission}{on} FROM {}", Ident::from(grantee));
    let place = endpoint.map_or_else(
        || "p.class = 100".to_owned(),
        |endpoint| {
            format!(
                "p.class = 105 AND p.major_id IN (SELECT e.endpoint_id FROM sys.endpoints AS e WHERE e.name = {})",
                Literal::from(endpoint)
            )
        },
    );
    let rows = format!(
        "sys.server_permissions AS p JOIN sys.server_principals AS g ON g.principal_id = p.grantee_principal_id WHERE {place} AND p.state = 'D' AND p.permission_name = {} AND g.name = {}",
        Literal::new(permission),
        Literal::from(grantee)
    );
    format!(
        "{revoke};\nDECLARE @grantor int, @do nvarchar(max);\n{}",
        others(&[revoke.clone().into()], &rows, "SUSER_NAME(@grantor)")
    )
}

/// Rows are kept per grantor: a DENY that REVOKE leaves is another's, and is revoked in that one's name.
fn others(revoke: &[Part<'_>], rows: &str, grantor: &str) -> String {
    format!(
        "SET @grantor = 0;\nWHILE @grantor IS NOT NULL\nBEGIN\n    \
         SET @grantor = (SELECT MIN(p.grantor_principal_id) FROM {rows} AND p.grantor_principal_id > @grantor);\n    \
         SET @do = {} + N' AS ' + QUOTENAME({grantor}) + N';';\n    \
         IF @do IS NOT NULL EXEC (@do);\nEND;",
        expression(revoke)
    )
}

pub(super) fn revoke_own(denies: &[OwnDeny]) -> String {
    let mut lines = vec![
        "DECLARE @grantor int, @grantee sysname, @kind sysname, @on sysname, @do nvarchar(max);"
            .to_owned(),
    ];
    for deny in denies {
        lines.push(revoke_one(deny));
    }
    lines.join("\n")
}

/// Where the catalog keeps a DENY: views of permissions and principals, and how a grantor's id becomes a name.
struct Catalog {
    permissions: &'static str,
    principals: &'static str,
    grantor: &'static str,
    in_master: bool,
}

impl Catalog {
    fn of(on: &DeniedOn) -> Self {
        match on {
            DeniedOn::Master | DeniedOn::User(_) | DeniedOn::Certificate(_) => Self {
                permissions: "sys.database_permissions",
                principals: "sys.database_principals",
                grantor: "USER_NAME(@grantor)",
                in_master: true,
            },
            DeniedOn::Server | DeniedOn::Login(_) | DeniedOn::Endpoint(_) => Self {
                permissions: "sys.server_permissions",
                principals: "sys.server_principals",
                grantor: "SUSER_NAME(@grantor)",
                in_master: false,
            },
        }
    }
}

/// `class` and `major_id` of its rows.
fn class_and_id(on: &DeniedOn) -> (i32, i32) {
    match *on {
        DeniedOn::Server => (100, 0),
        DeniedOn::Login(id) => (101, id),
        DeniedOn::Endpoint(id) => (105, id),
        DeniedOn::Master => (0, 0),
        DeniedOn::User(id) => (4, id),
        DeniedOn::Certificate(id) => (25, id),
    }
}

/// Names that the log-in does not see are looked up by whoever runs this.
fn revoke_one(deny: &OwnDeny) -> String {
    let catalog = Catalog::of(&deny.on);
    let principals = catalog.principals;
    let mut lines = Vec::new();
    if let DeniedOn::Login(id) | DeniedOn::User(id) = deny.on {
        let (role, other) = match catalog.in_master {
            true => ("ROLE", "USER"),
            false => ("SERVER ROLE", "LOGIN"),
        };
        lines.push(format!(
            "SET @kind = (SELECT CASE type WHEN 'R' THEN N'{role}' ELSE N'{other}' END FROM {principals} WHERE principal_id = {id});"
        ));
    }
    let mut look_up = |variable, from: &str, column: &str, id: i32| {
        lines.push(format!(
            "SET {variable} = (SELECT name FROM {from} WHERE {column} = {id});"
        ));
        Part::Name(variable)
    };
    let mut statement = vec![Part::Text(format!("REVOKE {}", deny.permission))];
    match deny.on {
        DeniedOn::Server => {}
        DeniedOn::Master => statement.push(" ON DATABASE::master".into()),
        DeniedOn::Endpoint(id) => {
            statement.push(" ON ENDPOINT::".into());
            statement.push(look_up("@on", "sys.endpoints", "endpoint_id", id));
        }
        DeniedOn::Certificate(id) => {
            statement.push(" ON CERTIFICATE::".into());
            statement.push(look_up("@on", "sys.certificates", "certificate_id", id));
        }
        DeniedOn::Login(id) | DeniedOn::User(id) => {
            statement.push(" ON ".into());
            statement.push(Part::Word("@kind"));
            statement.push("::".into());
            statement.push(look_up("@on", principals, "principal_id", id));
        }
    }
    statement.push(" FROM ".into());
    statement.push(match &deny.grantee {
        Some(name) => Ident::from(name).to_string().into(),
        None => look_up(
            "@grantee",
            principals,
            "principal_id",
            deny.grantee_principal_id,
        ),
    });
    let (class, id) = class_and_id(&deny.on);
    let rows = format!(
        "{} AS p WHERE p.class = {class} AND p.major_id = {id} AND p.state = 'D' AND p.permission_name = {} AND p.grantee_principal_id = {}",
        catalog.permissions,
        Literal::new(deny.permission.as_str()),
        deny.grantee_principal_id
    );
    let plain: Vec<Part<'_>> = statement.iter().cloned().chain([";".into()]).collect();
    lines.push(run(&plain));
    lines.push(others(&statement, &rows, catalog.grantor));
    lines.join("\n")
}
