//! `scripts/probe-real` against simulated servers: it finds the switches they were started with.

use std::collections::BTreeMap;

use sqlserver_sim::{Fleet, InstanceSpec, Platform, Unverified, Version};

use crate::world::{number, spec};

#[path = "../../examples/probe_real/handshakes.rs"]
mod handshakes;
#[path = "../../examples/probe_real/probe.rs"]
mod probe;
#[path = "../../examples/probe_real/rights.rs"]
mod rights;
#[path = "../../examples/probe_real/server.rs"]
mod server;
#[path = "../../examples/probe_real/statements.rs"]
mod statements;

use probe::{Answer, Probe, report};
use server::Server;

/// Switches by their fields, as `Debug` shows them.
fn settings(unverified: Unverified) -> BTreeMap<String, String> {
    let shown = format!("{unverified:#?}");
    let fields = shown
        .lines()
        .filter_map(|line| line.trim().trim_end_matches(',').split_once(": "));
    fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Probes two servers with these switches: every answer is the truth, and only `silent` stays unanswered.
async fn finds(
    change: impl Fn(InstanceSpec) -> InstanceSpec,
    unverified: Unverified,
    silent: &[&str],
) {
    let fleet = Fleet::new().unwrap();
    let mut servers = Vec::new();
    for (name, endpoint_port) in [("HOST_A", 5998), ("HOST_B", 5999)] {
        let instance = fleet
            .start(change(InstanceSpec {
                unverified,
                ..spec(name)
            }))
            .await
            .unwrap();
        servers.push(Server {
            host: "localhost".to_owned(),
            port: instance.port(),
            login: "sa".to_owned(),
            password: "Passw0rd!sim".to_owned(),
            ca: Some(fleet.ca_pem().as_bytes().to_vec()),
            endpoint_host: name.to_owned(),
            endpoint_port,
        });
    }
    let [a, b] = servers.try_into().ok().unwrap();
    let mut asked = Probe::new(a, b);
    asked.run().await.unwrap();
    let truth = settings(unverified);
    for (switch, answer) in &asked.found {
        match answer {
            Answer::Known(setting) => {
                assert_eq!(
                    setting.trim_matches('"'),
                    truth[*switch],
                    "{switch}\n{}",
                    report(&asked)
                );
                assert!(!silent.contains(switch), "{switch} is answered");
            }
            Answer::Unknown(why) => assert!(silent.contains(switch), "{switch}: {why}"),
        }
    }
    let answered: Vec<&str> = asked.found.iter().map(|(switch, _)| *switch).collect();
    for switch in truth.keys() {
        assert_eq!(
            answered.iter().filter(|s| *s == switch).count(),
            1,
            "{switch}"
        );
    }
    // What it prints is what a fleet file takes.
    let text = report(&asked).replace("[instance.unverified]", "");
    toml::from_str::<Unverified>(&text).unwrap();
    for instance in fleet.instances() {
        let left = "SELECT (SELECT COUNT(*) FROM sys.server_principals WHERE name LIKE N'probe_real%') + (SELECT COUNT(*) FROM sys.database_principals WHERE name LIKE N'probe_real%') + (SELECT COUNT(*) FROM sys.certificates WHERE name LIKE N'probe_real%') + (SELECT COUNT(*) FROM sys.database_mirroring_endpoints) + (SELECT COUNT(*) FROM sys.symmetric_keys WHERE name <> N'##MS_ServiceMasterKey##') + (SELECT COUNT(*) FROM sys.databases WHERE name = N'probe_real')";
        assert_eq!(number(&instance, left).await, 0, "nothing is left behind");
    }
}

const OTHERS: [&str; 2] = ["rc4_refused_in_2025", "linux_mirrors"];

#[tokio::test]
async fn the_usual_settings_are_found() {
    let silent = [
        OTHERS.as_slice(),
        &["class_262_is_14", "taken_port_is_7890"],
    ]
    .concat();
    finds(|spec| spec, Unverified::default(), &silent).await;
}

#[tokio::test]
async fn the_opposite_settings_are_found() {
    let silent = [
        OTHERS.as_slice(),
        &["bad_file_is_15208", "twin_of_peer_refused"],
    ]
    .concat();
    finds(|spec| spec, Unverified::opposite(), &silent).await;
}

#[tokio::test]
async fn what_only_some_servers_can_tell_is_asked_of_those() {
    let silent = [
        "class_262_is_14",
        "taken_port_is_7890",
        "linux_mirrors",
        "supported_falls_back_to_none",
    ];
    let refused = Unverified {
        rc4_refused_in_2025: true,
        ..Unverified::default()
    };
    finds(
        |spec| InstanceSpec {
            version: Version::V2025,
            ..spec
        },
        refused,
        &silent,
    )
    .await;
    let mirrors = Unverified {
        linux_mirrors: true,
        ..Unverified::default()
    };
    let silent = [
        "class_262_is_14",
        "taken_port_is_7890",
        "rc4_refused_in_2025",
    ];
    finds(
        |spec| InstanceSpec {
            platform: Platform::Linux,
            ..spec
        },
        mirrors,
        &silent,
    )
    .await;
}

#[tokio::test]
async fn a_server_in_use_is_left_alone() {
    let world = crate::world::trio().await;
    let server = |name: &str| {
        let instance = world.fleet.instance(name).unwrap();
        Server {
            host: "localhost".to_owned(),
            port: instance.port(),
            login: "sa".to_owned(),
            password: "Passw0rd!sim".to_owned(),
            ca: Some(world.fleet.ca_pem().as_bytes().to_vec()),
            endpoint_host: name.to_owned(),
            endpoint_port: 5999,
        }
    };
    let mut asked = Probe::new(server("HOST_A"), server("HOST_B"));
    let stopped = asked.run().await.unwrap_err();
    assert!(matches!(stopped, probe::Stopped::InUse { .. }), "{stopped}");
    assert_eq!(
        number(
            &world.a,
            "SELECT COUNT(*) FROM sys.database_mirroring_endpoints"
        )
        .await,
        1
    );
}
