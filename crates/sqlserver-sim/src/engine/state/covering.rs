//! The hierarchy of permissions: which one implies which.

use super::permission::Securable;

/// `name` on `securable` and everything that implies it.
pub(super) fn covering(securable: Securable, name: &str) -> Vec<(Securable, String)> {
    let mut found = vec![(securable, name.to_owned())];
    let mut next = 0;
    while let Some((securable, name)) = found.get(next).cloned() {
        for parent in parents(securable, &name) {
            if !found.contains(&parent) {
                found.push(parent);
            }
        }
        next += 1;
    }
    found
}

fn parents(securable: Securable, name: &str) -> Vec<(Securable, String)> {
    let mut list: Vec<(Securable, &str)> = Vec::new();
    let server = Securable::Server;
    if name != "CONTROL" && securable != server {
        list.push((securable, "CONTROL"));
    }
    match (securable, name) {
        (Securable::Server, "CONTROL SERVER") => {}
        (Securable::Server, _) => {
            list.push((server, "CONTROL SERVER"));
            list.extend(server_parent(name).map(|p| (server, p)));
        }
        (Securable::Endpoint(_), "ALTER") => list.push((server, "ALTER ANY ENDPOINT")),
        (Securable::Login(_), "ALTER") => list.push((server, "ALTER ANY LOGIN")),
        (Securable::Login(_), "IMPERSONATE") => list.push((server, "IMPERSONATE ANY LOGIN")),
        (Securable::ServerRole(_), "ALTER") => list.push((server, "ALTER ANY SERVER ROLE")),
        (
            Securable::Endpoint(_)
            | Securable::Login(_)
            | Securable::ServerRole(_)
            | Securable::Database(_),
            "VIEW DEFINITION",
        ) => {
            list.push((server, "VIEW ANY DEFINITION"));
            if !matches!(securable, Securable::Database(_)) {
                list.push((server, "VIEW ANY SECURITY DEFINITION"));
            }
        }
        (
            Securable::Endpoint(_)
            | Securable::Login(_)
            | Securable::ServerRole(_)
            | Securable::Database(_),
            "CONTROL",
        ) => list.push((server, "CONTROL SERVER")),
        (Securable::Database(_), _) => {
            list.extend(database_parent(name).map(|p| (securable, p)));
        }
        (Securable::User(db, _), _) => user_parents(db, name, "ALTER ANY USER", &mut list),
        (Securable::Role(db, _), _) => user_parents(db, name, "ALTER ANY ROLE", &mut list),
        (Securable::Certificate(db, _), _) => {
            user_parents(db, name, "ALTER ANY CERTIFICATE", &mut list);
        }
        _ => {}
    }
    list.into_iter().map(|(s, n)| (s, n.to_owned())).collect()
}

fn user_parents(
    db: i32,
    name: &str,
    alter_any: &'static str,
    list: &mut Vec<(Securable, &'static str)>,
) {
    let database = Securable::Database(db);
    match name {
        "ALTER" => list.push((database, alter_any)),
        "CONTROL" => list.push((database, "CONTROL")),
        "VIEW DEFINITION" => {
            list.push((database, "VIEW DEFINITION"));
            list.push((Securable::Server, "VIEW ANY SECURITY DEFINITION"));
        }
        _ => {}
    }
}

fn server_parent(name: &str) -> Option<&'static str> {
    Some(match name {
        "CREATE LOGIN" => "ALTER ANY LOGIN",
        "CREATE ENDPOINT" => "ALTER ANY ENDPOINT",
        "CREATE SERVER ROLE" => "ALTER ANY SERVER ROLE",
        "CREATE ANY DATABASE" => "ALTER ANY DATABASE",
        "VIEW ANY DATABASE" => "VIEW ANY DEFINITION",
        "VIEW ANY SECURITY DEFINITION" => "VIEW ANY DEFINITION",
        "VIEW SERVER SECURITY STATE" | "VIEW SERVER PERFORMANCE STATE" => "VIEW SERVER STATE",
        "VIEW SERVER STATE" => "ALTER SERVER STATE",
        _ => return None,
    })
}

fn database_parent(name: &str) -> Option<&'static str> {
    Some(match name {
        "CREATE CERTIFICATE" => "ALTER ANY CERTIFICATE",
        "CREATE USER" => "ALTER ANY USER",
        "CREATE ROLE" => "ALTER ANY ROLE",
        "ALTER ANY CERTIFICATE" | "ALTER ANY USER" | "ALTER ANY ROLE" => "ALTER",
        _ => return None,
    })
}
