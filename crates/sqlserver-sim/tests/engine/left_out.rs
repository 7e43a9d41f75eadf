//! The topic's reference script, both hosts and a witness, with one statement left out at a time: which side notices, by
//! which number, with which words. The table is `left_out.tsv`.

use std::collections::BTreeMap;

use sqlserver_sim::{Fleet, Instance};

use crate::world::spec;

/// What the script said and left behind: `HOST number text` of every error, and of every log-in refused at an endpoint.
type Said = Vec<String>;

const HOSTS: [(&str, u16); 3] = [("HOST_A", 7024), ("HOST_B", 7025), ("HOST_W", 7026)];

type Statement = (&'static str, String, String);

/// The script in order: the host it runs on, the name of the statement, its text.
fn script() -> Vec<Statement> {
    let mut all: Vec<Statement> = HOSTS.iter().flat_map(|h| outbound(*h)).collect();
    for (host, _) in HOSTS {
        for (peer, _) in HOSTS.iter().filter(|(peer, _)| *peer != host) {
            all.extend(inbound(host, peer));
        }
    }
    let set = |host, what: &str, to: &str| {
        let name = format!("set {}", what.to_lowercase());
        let text = format!("ALTER DATABASE sales SET {what} = 'TCP://{to}'");
        (host, name, text)
    };
    all.extend([
        set("HOST_B", "PARTNER", "HOST_A:7024"),
        set("HOST_A", "PARTNER", "HOST_B:7025"),
        set("HOST_A", "WITNESS", "HOST_W:7026"),
    ]);
    all
}

/// What a host does for itself.
fn outbound((host, port): (&'static str, u16)) -> [Statement; 5] {
    let on = |name: &str, text: String| (host, name.to_owned(), text);
    [
        on(
            "master key",
            "CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'Outb0und!Key-7'".to_owned(),
        ),
        on(
            "certificate",
            format!(
                "CREATE CERTIFICATE {host}_cert WITH SUBJECT = N'{host} certificate', START_DATE = '20200101', EXPIRY_DATE = '20401231'"
            ),
        ),
        on(
            "endpoint",
            format!(
                "CREATE ENDPOINT Endpoint_Mirroring AS TCP (LISTENER_PORT = {port}, LISTENER_IP = ALL) FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE {host}_cert, ENCRYPTION = REQUIRED ALGORITHM AES, ROLE = ALL)"
            ),
        ),
        on(
            "start",
            "ALTER ENDPOINT Endpoint_Mirroring STATE = STARTED".to_owned(),
        ),
        on(
            "backup",
            format!("BACKUP CERTIFICATE {host}_cert TO FILE = N'C:\\{host}_cert.cer'"),
        ),
    ]
}

/// What a host does to let a peer in.
fn inbound(host: &'static str, peer: &str) -> [Statement; 4] {
    let on = |name: &str, text: String| (host, format!("{name} for {peer}"), text);
    [
        on(
            "login",
            format!("CREATE LOGIN {peer}_login WITH PASSWORD = N'Str0ng!Pass_word'"),
        ),
        on(
            "user",
            format!("CREATE USER {peer}_user FOR LOGIN {peer}_login"),
        ),
        on(
            "import",
            format!(
                "CREATE CERTIFICATE {peer}_cert AUTHORIZATION {peer}_user FROM FILE = N'C:\\{peer}_cert.cer'"
            ),
        ),
        on(
            "grant",
            format!("GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO [{peer}_login]"),
        ),
    ]
}

/// Copies every certificate file to every host, as an administrator would between the halves.
fn carry_files(hosts: &BTreeMap<&str, Instance>) {
    for (from, instance) in hosts {
        let path = format!("C:\\{from}_cert.cer");
        if let Some(bytes) = instance.files().read(&path) {
            for (_, other) in hosts.iter().filter(|(to, _)| *to != from) {
                other.files().put(&path, bytes.clone());
            }
        }
    }
}

async fn run_without(left_out: &str) -> Said {
    let fleet = Fleet::new().unwrap();
    let mut hosts = BTreeMap::new();
    for (host, _) in HOSTS {
        hosts.insert(host, fleet.start(spec(host)).await.unwrap());
    }
    hosts["HOST_A"].add_database("sales").await.unwrap();
    hosts["HOST_B"]
        .restore_copy(&hosts["HOST_A"], "sales")
        .await
        .unwrap();
    let (mut said, mut skipped) = (Vec::new(), false);
    for (host, name, text) in script() {
        if name.starts_with("login for") {
            carry_files(&hosts);
        }
        if format!("{host} {name}") == left_out {
            skipped = true;
            continue;
        }
        for error in hosts[host].run(&text).await.errors() {
            said.push(format!("{host} {} {}", error.number, error.text));
        }
    }
    assert!(
        skipped || left_out == "nothing",
        "no statement is called {left_out}"
    );
    for (host, instance) in &hosts {
        let refused = instance
            .error_log()
            .into_iter()
            .filter(|l| [28047, 28048].contains(&l.number));
        said.extend(refused.map(|l| format!("{host} {} {}", l.number, l.text)));
    }
    said
}

#[tokio::test]
async fn each_statement_left_out_is_noticed_where_the_table_says() {
    let table = include_str!("left_out.tsv");
    let mut named = Vec::new();
    let mut wrong = Vec::new();
    for row in table
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        let columns: Vec<_> = row.split('\t').collect();
        let [left_out, side, number, text] = columns[..] else {
            panic!("four columns are wanted: {row}");
        };
        named.push(left_out.to_owned());
        let said = run_without(left_out).await;
        let wanted = format!("{side} {number} ");
        let found = match number {
            "-" => said.is_empty(),
            _ => said
                .iter()
                .any(|s| s.starts_with(&wanted) && s.contains(text)),
        };
        if !found {
            wrong.push(format!("{row}\n    {}", said.join("\n    ")));
        }
    }
    for (host, name, _) in script() {
        let name = format!("{host} {name}");
        if !named.contains(&name) {
            wrong.push(format!("{name} has no row"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
