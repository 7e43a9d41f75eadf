//! Fleets as a whole: descriptions with many instances, SQL Browser, handshakes of both sides, faults of TLS and triggers.

use std::collections::BTreeSet;

use sqlserver_sim::{Fault, Instance, InstanceSpec, Platform, Rule, Unverified, fleet_file};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, SqlBrowser};
use tokio::net::{TcpStream, UdpSocket};
use tokio_util::compat::TokioAsyncWriteCompatExt;

use crate::world::{errors, inbound, number, ok, one, spec, text, trio, trio_of};

/// Logs in by TLS that verifies the fleet's authority, and selects @@SERVERNAME.
async fn server_name(mut config: Config, ca: &str, tcp: TcpStream) -> tiberius::Result<String> {
    config.authentication(AuthMethod::sql_server("sa", "Passw0rd!sim"));
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca_bundle(ca.as_bytes().to_vec());
    let mut client = Client::connect(config, tcp.compat_write()).await?;
    let row = client.simple_query("SELECT @@SERVERNAME").await?;
    let row = row.into_row().await?.unwrap();
    Ok(row.get::<&str, _>(0).unwrap().to_owned())
}

#[tokio::test]
async fn named_instances_of_one_machine_are_found_through_the_browser() {
    let world = one().await;
    for name in ["PROD", "TEST"] {
        let named = InstanceSpec {
            instance_name: Some(name.to_owned()),
            ..spec("HOST_A")
        };
        world.fleet.start(named).await.unwrap();
    }
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    world.fleet.serve_browser(socket);
    for (asked, wanted) in [("test", r"HOST_A\TEST"), ("PROD", r"HOST_A\PROD")] {
        let mut config = Config::new();
        config.host("localhost");
        config.port(port);
        config.instance_name(asked);
        let tcp = TcpStream::connect_named(&config).await.unwrap();
        let found = server_name(config, world.fleet.ca_pem(), tcp).await;
        assert_eq!(found.unwrap(), wanted);
    }
    let all = world.fleet.instances();
    all.iter()
        .find(|i| i.port() != world.a.port())
        .unwrap()
        .stop();
    assert_eq!(
        (world.fleet.browser_entries())().len(),
        2,
        "a stopped one is not listed"
    );
}

#[tokio::test]
async fn a_hundred_instances_of_one_line_share_few_keys() {
    let text = r#"
        shared_keys = true
        [[instance]]
        name = "NODE_{n}"
        count = 100
        hosts = ["node{n}.example"]
        sa_password = "Passw0rd!sim"
        key_bits = 2048
        outbound = true
    "#;
    let file = fleet_file::parse(text, "inline").unwrap();
    let fleet = fleet_file::start(&file, "127.0.0.1").await.unwrap();
    let all = fleet.instances();
    assert_eq!(all.len(), 100);
    let ports: BTreeSet<u16> = all.iter().map(Instance::port).collect();
    assert_eq!(ports.len(), 100);
    let ders: BTreeSet<Vec<u8>> = all
        .iter()
        .filter_map(Instance::endpoint_certificate_der)
        .collect();
    assert_eq!(ders.len(), 100, "shared keys, certificates of their own");
    let (first, last) = (&all[0], &all[99]);
    assert_eq!(
        last.endpoint_address().unwrap(),
        "TCP://node100.example:7024"
    );
    ok(first, &inbound(last).join("\n")).await;
    fleet.handshake(last, first).unwrap();
    assert_eq!(fleet.handshake(&all[50], first).unwrap_err().number, 28035);
}

#[tokio::test]
async fn every_version_starts_with_a_sysadmin_login() {
    for version in [
        "2008R2", "2012", "2014", "2016", "2017", "2019", "2022", "2025",
    ] {
        let text = format!(
            r#"
            shared_keys = true
            [[instance]]
            name = "HOST_A"
            version = "{version}"
            sa_password = "Passw0rd!sim"
            key_bits = 2048
            outbound = true
            logins = [{{ name = "it's]", password = "S3cret!pass", sysadmin = true }}]
        "#
        );
        let file = fleet_file::parse(&text, "inline").unwrap();
        let fleet = fleet_file::start(&file, "127.0.0.1").await.unwrap();
        let a = fleet.instance("HOST_A").unwrap();
        let member = "SELECT IS_SRVROLEMEMBER('sysadmin', N'it''s]')";
        assert_eq!(number(&a, member).await, 1, "{version}");
        let role = "CREATE SERVER ROLE r; ALTER SERVER ROLE r ADD MEMBER [it's]]]";
        let expected = if version == "2008R2" {
            vec![102]
        } else {
            vec![]
        };
        assert_eq!(errors(&a, role).await, expected, "{version}");
    }
}

#[tokio::test]
async fn count_without_a_place_for_the_number_is_refused() {
    let file: fleet_file::FleetFile = fleet_file::parse(
        "[[instance]]\nname = \"A\"\ncount = 2\nsa_password = \"Passw0rd!sim\"",
        "inline",
    )
    .unwrap();
    let refused = fleet_file::start(&file, "127.0.0.1").await.err().unwrap();
    assert!(refused.to_string().contains("{n}"), "{refused}");
}

fn log_numbers(instance: &Instance, containing: &str) -> Vec<i32> {
    let lines = instance.error_log().into_iter();
    lines
        .filter(|l| l.text.contains(containing))
        .map(|l| l.number)
        .collect()
}

#[tokio::test]
async fn the_dialler_wants_the_acceptors_certificate_too() {
    for skips in [false, true] {
        let world = trio_of(|spec| InstanceSpec {
            unverified: Unverified {
                dialler_skips_peer_certificate: skips,
                ..Unverified::default()
            },
            ..spec
        })
        .await;
        // B may come in to A's endpoint's peer list, but A knows nothing of B's certificate.
        ok(&world.b, &inbound(&world.a).join("\n")).await;
        assert_eq!(world.set_partners().await, [1418]);
        let found = log_numbers(&world.a, "Certificate not found");
        let closed = log_numbers(&world.b, "closed by peer");
        if skips {
            // A's connection is let in; B's way back is what fails, and A, accepting, says why.
            assert_eq!(found, [28047]);
            assert_eq!(closed, [28047]);
            assert_eq!(log_numbers(&world.b, "succeeded for user").len(), 1);
        } else {
            assert_eq!(found, [28047], "found by A, who dials");
            assert_eq!(closed, [28047]);
            assert!(log_numbers(&world.b, "succeeded for user").is_empty());
        }
        ok(&world.a, &inbound(&world.b).join("\n")).await;
        assert!(world.set_partners().await.is_empty());
    }
}

#[tokio::test]
async fn linux_has_endpoints_but_no_mirroring() {
    let world = trio_of(|spec| InstanceSpec {
        platform: Platform::Linux,
        ..spec
    })
    .await;
    world.trust_all().await;
    world.fleet.handshake(&world.b, &world.a).unwrap();
    let set = "ALTER DATABASE sales SET PARTNER = 'TCP://HOST_B:7025'";
    assert_eq!(errors(&world.a, set).await, [1463]);
}

#[tokio::test]
async fn broken_tls_ends_the_handshake_until_it_is_mended() {
    let world = one().await;
    let try_it = async || {
        let mut config = Config::new();
        config.host("localhost");
        config.port(world.a.port());
        let tcp = TcpStream::connect(("127.0.0.1", world.a.port()))
            .await
            .unwrap();
        server_name(config, world.fleet.ca_pem(), tcp).await
    };
    world.a.faults().set_tls_broken(true);
    let error = try_it().await.unwrap_err();
    assert!(error.code().is_none(), "no SQL error: {error}");
    assert_eq!(world.a.counters().logins, 0);
    world.a.faults().clear();
    assert_eq!(try_it().await.unwrap(), "HOST_A");
}

#[tokio::test]
async fn a_triggers_veto_takes_the_transaction_and_the_batch() {
    let world = one().await;
    let create = |name: &str| format!("CREATE LOGIN {name} WITH PASSWORD = 'Str0ng!Pass'");
    world.a.faults().add(Rule {
        containing: Some("vetoed".to_owned()),
        ..Rule::next("CREATE LOGIN", Fault::Veto).every_time()
    });
    let batch = format!(
        "BEGIN TRAN; {}; {}; COMMIT; SELECT 1",
        create("fine"),
        create("vetoed")
    );
    let answer = world.a.run(&batch).await;
    assert_eq!(answer.errors()[0].number, 3609);
    assert!(answer.sets.is_empty(), "the batch is over");
    let left = "SELECT COUNT(*) FROM sys.server_principals WHERE name IN ('fine', 'vetoed')";
    assert_eq!(number(&world.a, left).await, 0);
    let caught = format!(
        "BEGIN TRAN; BEGIN TRY {} END TRY BEGIN CATCH SELECT CONCAT(ERROR_NUMBER(), '/', @@TRANCOUNT) END CATCH",
        create("vetoed")
    );
    assert_eq!(text(&world.a, &caught).await, "3609/0");
    ok(&world.a, &create("fine")).await;
}

#[tokio::test]
async fn xp_readerrorlog_reads_what_the_handshake_wrote() {
    let world = trio().await;
    world.fleet.handshake(&world.b, &world.a).unwrap_err();
    let read = world
        .a
        .exec("EXEC xp_readerrorlog 0, 1, N'Database Mirroring login', N'not found'")
        .await;
    let sets = read.unwrap();
    assert_eq!(sets[0].rows.len(), 1);
    assert_eq!(sets[0].columns.len(), 3);
}
