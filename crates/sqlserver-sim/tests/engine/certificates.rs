//! Certificates the engine makes and keeps: options, dates, subjects, what the platform and the version put into them.

use sqlserver_sim::protocol::Value;
use sqlserver_sim::{InstanceSpec, Platform, Version};
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

use crate::world::{World, errors, number, ok, one, one_of, scalar, spec, text};

async fn keyed(spec: InstanceSpec) -> World {
    let world = one_of(spec).await;
    ok(
        &world.a,
        "CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'Master!Key1'",
    )
    .await;
    world
}

async fn der(world: &World, name: &str) -> Vec<u8> {
    match scalar(&world.a, &format!("SELECT CERTENCODED(CERT_ID('{name}'))")).await {
        Value::Binary(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn options_stand_in_any_order_and_none_twice() {
    let world = keyed(spec("HOST_A")).await;
    let a = &world.a;
    ok(a, "CREATE CERTIFICATE c WITH EXPIRY_DATE = '20400101', SUBJECT = 'c', START_DATE = '20200101'").await;
    assert_eq!(number(a, "SELECT COUNT(*) FROM sys.certificates WHERE name = 'c' AND subject = 'c' AND start_date = '20200101' AND expiry_date = '20400101'").await, 1);
    for twice in [
        "CREATE CERTIFICATE d WITH SUBJECT = 'd', SUBJECT = 'e'",
        "CREATE CERTIFICATE d WITH SUBJECT = 'd', START_DATE = '20200101', START_DATE = '20200101'",
        "CREATE CERTIFICATE d WITH SUBJECT = 'd', EXPIRY_DATE = '20400101', EXPIRY_DATE = '20400101'",
        "CREATE CERTIFICATE d WITH START_DATE = '20200101'",
    ] {
        assert_eq!(errors(a, twice).await, [102], "{twice}");
    }
}

#[tokio::test]
async fn dates_may_name_the_month() {
    let world = keyed(spec("HOST_A")).await;
    let dates = [
        ("Oct 31, 2039", "2039-10-31 00:00:00"),
        ("31 October 2039 13:45", "2039-10-31 13:45:00"),
        ("2039 oct 31", "2039-10-31 00:00:00"),
        ("October 2039", "2039-10-01 00:00:00"),
        ("31-Oct-39 1:05:06 PM", "2039-10-31 13:05:06"),
        ("20391031 23:59:59", "2039-10-31 23:59:59"),
        ("10/31/2039", "2039-10-31 00:00:00"),
    ];
    for (n, (written, meant)) in dates.iter().enumerate() {
        ok(
            &world.a,
            &format!("CREATE CERTIFICATE d{n} WITH SUBJECT = 'd', EXPIRY_DATE = '{written}'"),
        )
        .await;
        let kept = text(&world.a, &format!("SELECT CONVERT(varchar(30), expiry_date, 120) FROM sys.certificates WHERE name = 'd{n}'")).await;
        assert_eq!(&kept, meant, "{written}");
    }
    for bad in [
        "Okt 31, 2039",
        "Oct 32, 2039",
        "Oct 31",
        "31 Oct Nov 2039",
        "soon",
    ] {
        let sql = format!("CREATE CERTIFICATE bad WITH SUBJECT = 'd', EXPIRY_DATE = '{bad}'");
        assert_eq!(errors(&world.a, &sql).await, [241], "{bad}");
    }
}

#[tokio::test]
async fn a_long_subject_is_whole_in_the_certificate_and_cut_in_the_catalog() {
    let world = keyed(spec("HOST_A")).await;
    let long = "s".repeat(200);
    ok(
        &world.a,
        &format!("CREATE CERTIFICATE c WITH SUBJECT = '{long}'"),
    )
    .await;
    assert_eq!(
        text(
            &world.a,
            "SELECT subject FROM sys.certificates WHERE name = 'c'"
        )
        .await,
        "s".repeat(128)
    );
    let bytes = der(&world, "c").await;
    let (_, read) = X509Certificate::from_der(&bytes).unwrap();
    assert_eq!(read.subject().to_string(), format!("CN={long}"));
    let linux = keyed(InstanceSpec {
        platform: Platform::Linux,
        ..spec("HOST_L")
    })
    .await;
    let sql = |n: usize| format!("CREATE CERTIFICATE c{n} WITH SUBJECT = '{}'", "s".repeat(n));
    ok(&linux.a, &sql(64)).await;
    assert_eq!(errors(&linux.a, &sql(65)).await, [15212]);
}

#[tokio::test]
async fn platform_and_version_decide_the_encoding() {
    let cases = [
        (
            Platform::Windows,
            Version::V2022,
            X509Version::V3,
            "1.2.840.113549.1.1.11",
        ),
        (
            Platform::Windows,
            Version::V2016,
            X509Version::V3,
            "1.2.840.113549.1.1.5",
        ),
        (
            Platform::Windows,
            Version::V2012,
            X509Version::V3,
            "1.2.840.113549.1.1.5",
        ),
        (
            Platform::Linux,
            Version::V2017,
            X509Version::V1,
            "1.2.840.113549.1.1.11",
        ),
    ];
    for (platform, version, encoding, signature) in cases {
        let world = keyed(InstanceSpec {
            platform,
            version,
            ..spec("HOST_A")
        })
        .await;
        ok(&world.a, "CREATE CERTIFICATE c WITH SUBJECT = 'c'").await;
        let bytes = der(&world, "c").await;
        let (_, read) = X509Certificate::from_der(&bytes).unwrap();
        assert_eq!(read.version(), encoding);
        assert_eq!(read.signature_algorithm.algorithm.to_id_string(), signature);
        assert_eq!(read.raw_serial().len(), 16);
        if platform == Platform::Windows {
            assert!(read.raw_serial()[0] < 0x80, "positive");
        }
    }
}

#[tokio::test]
async fn master_has_what_the_installer_leaves_there() {
    let world = one().await;
    let a = &world.a;
    assert_eq!(number(a, "SELECT COUNT(*) FROM master.sys.certificates WHERE name LIKE '##MS[_]%' AND pvt_key_encryption_type = 'NA'").await, 6);
    assert_eq!(number(a, "SELECT COUNT(*) FROM sys.certificates c JOIN sys.server_principals p ON p.sid = c.sid WHERE p.type = 'C' AND p.name = c.name").await, 6);
    assert_eq!(number(a, "SELECT COUNT(*) FROM sys.database_principals WHERE name LIKE '##MS[_]%' AND type IN ('S', 'C')").await, 2);
    assert_eq!(
        errors(a, "DROP CERTIFICATE ##MS_AgentSigningCertificate##").await,
        [15559]
    );
    ok(a, "CREATE DATABASE d").await;
    let sets = a
        .exec("USE d; SELECT COUNT(*) FROM sys.certificates")
        .await
        .unwrap();
    assert_eq!(sets[0].rows[0][0], Value::Int(0));
}

/// A peer whose certificates are v1 and of either sign is let in like any other.
#[tokio::test]
async fn linux_certificates_shake_hands() {
    let world = crate::world::trio_of(|spec| InstanceSpec {
        platform: Platform::Linux,
        ..spec
    })
    .await;
    world.trust_all().await;
    world.fleet.handshake(&world.b, &world.a).unwrap();
    world.fleet.handshake(&world.a, &world.w).unwrap();
}
