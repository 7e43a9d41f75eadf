//! The observe batch on every version there is, with other collations, and with a log-in that may do nothing.

use mirrorgate::domain::clock::Clock;
use mirrorgate::domain::desired_state::PeerQuestion;
use mirrorgate::domain::id::new_id;
use mirrorgate::domain::naming::Naming;
use mirrorgate::domain::object_name::ObjectName;
use mirrorgate::domain::observation::{EndpointRole, EndpointState, Observation, PrivateKey};
use mirrorgate::sqlserver::{PoolSettings, Pools};
use mirrorgate::tsql::batch_comment::BatchComment;
use mirrorgate::tsql::observe::observe;
use sqlserver_sim::{Fleet, Instance, InstanceSpec, Platform, Version};

use super::world::{PASSWORD, target, verified};

async fn server(fleet: &Fleet, change: impl FnOnce(&mut InstanceSpec)) -> Instance {
    let mut spec = InstanceSpec::named("HOST_A");
    spec.sa_password = PASSWORD.to_owned();
    change(&mut spec);
    let instance = fleet.start(spec).await.unwrap();
    instance.prepare_outbound("HOST_A", 5022).await.unwrap();
    instance
}

fn question(peer: &str) -> PeerQuestion {
    PeerQuestion {
        peer: 1,
        names: Naming::default()
            .render(&ObjectName::parse(peer).unwrap())
            .unwrap(),
        renewed_certificate: Some(ObjectName::parse(&format!("{peer}_cert_01234567")).unwrap()),
    }
}

async fn look_as(
    fleet: &Fleet,
    instance: &Instance,
    user: &str,
    asked: &[PeerQuestion],
) -> Observation {
    let pools = Pools::new(PoolSettings::default());
    let mut target = target(instance.port(), verified(fleet.ca_pem()));
    target.log_in.user = user.to_owned();
    let comment = BatchComment {
        job: new_id(),
        change_ref: None,
    };
    pools
        .observe(&target, &observe(comment, asked), asked, &Clock::System)
        .await
        .unwrap()
}

/// HOST_B's whole chain, made by hand under the topic's names.
async fn chain(instance: &Instance, der: &[u8]) {
    let statements = [
        "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'".to_owned(),
        "CREATE USER [HOST_B_user] FOR LOGIN [HOST_B_login]".to_owned(),
        format!(
            "CREATE CERTIFICATE [HOST_B_cert] AUTHORIZATION [HOST_B_user] FROM BINARY = 0x{}",
            hex(der)
        ),
        "GRANT CONNECT ON ENDPOINT::[Endpoint_Mirroring] TO [HOST_B_login]".to_owned(),
    ];
    for statement in statements {
        instance
            .exec(&statement)
            .await
            .unwrap_or_else(|e| panic!("{statement}: {e:?}"));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}

#[tokio::test]
async fn every_version_answers_in_one_round_trip() {
    let fleet = Fleet::new().unwrap();
    let versions = [
        (Version::V2008R2, 10),
        (Version::V2012, 11),
        (Version::V2014, 12),
        (Version::V2016, 13),
        (Version::V2017, 14),
        (Version::V2019, 15),
        (Version::V2022, 16),
        (Version::V2025, 17),
    ];
    for (version, major) in versions {
        let instance = server(&fleet, |spec| {
            spec.name = format!("HOST_{major}");
            spec.version = version;
        })
        .await;
        instance.reset_counters();
        let seen = look_as(&fleet, &instance, "sa", &[question("HOST_B")]).await;
        assert_eq!(instance.counters().batches, 1);
        assert_eq!(seen.server.major(), major);
        let endpoint = seen.endpoint.unwrap();
        let own = endpoint.certificate.unwrap();
        assert_eq!(own.private_key, PrivateKey::MasterKey);
        let der = instance.endpoint_certificate_der().unwrap();
        assert_eq!(own.der, (major >= 11).then_some(der), "{version:?}");
        assert!(seen.master_key.exists && seen.master_key.opened_by_server);
    }
}

#[tokio::test]
async fn the_whole_chain_is_seen_as_it_stands() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |_| {}).await;
    let b = server(&fleet, |spec| spec.name = "HOST_B".to_owned()).await;
    let der = b.endpoint_certificate_der().unwrap();
    chain(&a, &der).await;
    let seen = look_as(
        &fleet,
        &a,
        "sa",
        &[
            question("host_b"),
            PeerQuestion {
                peer: 2,
                ..question("HOST_W")
            },
        ],
    )
    .await;

    let endpoint = seen.endpoint.as_ref().unwrap();
    assert_eq!(endpoint.name.as_str(), "Endpoint_Mirroring");
    assert_eq!(
        (endpoint.state, endpoint.role),
        (EndpointState::Started, EndpointRole::All)
    );
    assert_eq!(endpoint.port, Some(5022));
    assert!(endpoint.accepts_certificates && endpoint.encryption.aes);

    let held = seen
        .certificates
        .iter()
        .find(|c| c.name.as_str() == "HOST_B_cert")
        .unwrap();
    assert_eq!(
        held.sha256,
        Some(mirrorgate::domain::hash::Sha256::of(&der))
    );
    assert_eq!(
        held.thumbprint,
        mirrorgate::domain::hash::Thumbprint::of(&der)
    );
    assert_eq!(
        held.issuer_serial,
        mirrorgate::domain::certificate::IssuerSerial::of(&der)
    );
    assert!(held.issuer_serial.is_some());
    assert!(!held.has_private_key);
    let owner = held.owner.as_ref().unwrap();
    assert_eq!((owner.name.as_str(), owner.kind), ("HOST_B_user", 'S'));
    let login = owner.login.as_ref().unwrap();
    assert_eq!(
        (login.name.as_str(), login.kind, login.is_privileged),
        ("HOST_B_login", 'S', false)
    );
    let row = seen
        .rights
        .connect()
        .find(|row| row.grantee.principal_id == login.principal_id)
        .unwrap();
    assert!(row.granted);

    // The server's own collation decides: it ignores case here.
    let names = &seen.names[0];
    assert_eq!(names.login.as_ref(), Some(login));
    assert_eq!(names.login_user.as_ref(), Some(owner));
    assert_eq!(names.user.as_ref(), Some(owner));
    assert_eq!(names.certificate_id, Some(held.certificate_id));
    assert_eq!(names.renewed_certificate_id, None);
    let free = &seen.names[1];
    assert!(free.login.is_none() && free.user.is_none() && free.certificate_id.is_none());

    assert!(seen.login.is_sysadmin);
    assert_eq!(seen.server.encrypted, Some(true));
    assert_eq!(seen.connections, Some(Vec::new()));
    assert!(!seen.server.through_listener);
}

#[tokio::test]
async fn names_are_compared_by_the_servers_collation() {
    let fleet = Fleet::new().unwrap();
    let strict = server(&fleet, |spec| {
        spec.collation = "Latin1_General_BIN2".to_owned()
    })
    .await;
    let b = server(&fleet, |spec| spec.name = "HOST_B".to_owned()).await;
    chain(&strict, &b.endpoint_certificate_der().unwrap()).await;
    let seen = look_as(&fleet, &strict, "sa", &[question("host_b")]).await;
    assert!(seen.names[0].login.is_none() && seen.names[0].certificate_id.is_none());
}

#[tokio::test]
async fn a_log_in_that_may_see_nothing_still_gets_an_answer() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |_| {}).await;
    a.exec(&format!(
        "CREATE LOGIN [poor] WITH PASSWORD = N'{PASSWORD}'"
    ))
    .await
    .unwrap();
    let seen = look_as(&fleet, &a, "poor", &[question("HOST_B")]).await;
    assert_eq!(seen.login.name.as_str(), "poor");
    assert!(!seen.login.is_sysadmin);
    assert_eq!(seen.login.create_login, Some(false));
    assert_eq!(seen.login.view_server_state, Some(false));
    assert_eq!(seen.login.view_any_definition, Some(false));
    assert_eq!(
        seen.connections, None,
        "not permitted is not the same as none"
    );
    assert_eq!(seen.server.encrypted, None);
}

#[tokio::test]
async fn linux_and_named_instances_say_so() {
    let fleet = Fleet::new().unwrap();
    let linux = server(&fleet, |spec| spec.platform = Platform::Linux).await;
    assert!(look_as(&fleet, &linux, "sa", &[]).await.server.is_linux);
    let named = server(&fleet, |spec| {
        spec.name = "HOST_N".to_owned();
        spec.instance_name = Some("PROD".to_owned());
    })
    .await;
    let seen = look_as(&fleet, &named, "sa", &[]).await;
    assert!(!seen.server.is_linux);
    assert_eq!(seen.server.identity.instance_name.as_deref(), Some("PROD"));
    assert_eq!(seen.server.identity.server_name, "HOST_N\\PROD");
}

#[tokio::test]
async fn hostile_names_come_back_as_they_are() {
    let fleet = Fleet::new().unwrap();
    let a = server(&fleet, |_| {}).await;
    let hostile = "a]b'c\"d--é/*\u{1F512}";
    let quoted = hostile.replace(']', "]]");
    a.exec(&format!(
        "CREATE LOGIN [{quoted}] WITH PASSWORD = N'Chosen-by-hand-1'"
    ))
    .await
    .unwrap();
    let name = ObjectName::parse(hostile).unwrap();
    let mut asked = question("HOST_B");
    asked.names.login = name.clone();
    asked.names.user = name.clone();
    asked.names.certificate = name;
    let seen = look_as(&fleet, &a, "sa", &[asked]).await;
    assert_eq!(seen.names[0].login.as_ref().unwrap().name.as_str(), hostile);
}
