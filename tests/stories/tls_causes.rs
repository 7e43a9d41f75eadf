//! TLS that does not come about: one remedy per cause, against servers that really show such certificates; and the pin.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sqlserver_sim::{Encryption, InstanceSpec, Platform, TlsCertificate, TlsFault, Version};
use sqlx::PgPool;

use crate::harness::{TestApp, assert_failed, assert_succeeded, has_finding, host};

const PAIR: [&str; 2] = ["HOST_A", "HOST_B"];

/// Name, certificate, what is shown of it, and what the remedy has and has not.
type Case = (
    &'static str,
    TlsCertificate,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

fn showing(name: &str, tls: TlsCertificate) -> InstanceSpec {
    InstanceSpec {
        tls,
        shared_keys: true,
        ..host(name)
    }
}

fn sha256(der: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    digest.as_ref().iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

async fn register(app: &TestApp, name: &str, tls: Value) {
    let mut spec = app.instance_spec(name);
    spec["tls"] = tls;
    let answer = app
        .put(&format!("/v1/instances/{name}"), &json!({"spec": spec}))
        .await;
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
}

/// What was found and what to do about it, of an inspection that was refused before anything secret was sent.
async fn refused(app: &TestApp, name: &str) -> (String, String) {
    app.host(name).reset_counters();
    let job = app.inspect(name, false).await;
    assert_failed(&job, "tls_not_trusted");
    assert_eq!(job["attempts"], 1, "{job:#}");
    let counters = app.host(name).counters();
    assert_eq!((counters.logins, counters.refused_logins), (0, 0), "{name}");
    let findings = job["plan"]["findings"].as_array().unwrap();
    let finding = findings.iter().find(|f| f["code"] == "tls_not_trusted");
    let finding = finding.unwrap_or_else(|| panic!("{job:#}"));
    let text = |key: &str| finding[key].as_str().unwrap().to_owned();
    (text("found"), text("remedy"))
}

fn says(name: &str, text: &str, wanted: &[&str], unwanted: &[&str]) {
    for part in wanted {
        assert!(text.contains(part), "{name} lacks {part}: {text}");
    }
    for part in unwanted {
        assert!(!text.contains(part), "{name} has {part}: {text}");
    }
}

#[sqlx::test(migrations = false)]
async fn every_certificate_that_is_refused_has_a_remedy_of_its_own(pool: PgPool) {
    use TlsCertificate as C;
    const WEAKER: &str = "trust_server_certificate";
    const PIN: &str = "\"mode\": \"pinned\"";
    let table: [Case; 9] = [
        (
            "FALLBACK",
            C::SelfSignedFallback,
            "SSL_Self_Signed_Fallback",
            &[WEAKER, "anyone on the path", "next start"],
            &[PIN],
        ),
        (
            "SELF_MADE",
            C::SelfMade,
            "self-signed",
            &[PIN, "compare the hash"],
            &[WEAKER],
        ),
        (
            "VERSION_1",
            C::VersionOne,
            "X.509 v1",
            &[PIN, "v3"],
            &[WEAKER],
        ),
        (
            "OTHER_CA",
            C::OtherCa,
            "issued by CN=another CA",
            &["Its issuer is CN=another CA; given is CN=sqlserver-sim fleet CA"],
            &[WEAKER, PIN],
        ),
        (
            "NAMESAKE",
            C::NamesakeCa,
            "issued by CN=sqlserver-sim fleet CA",
            &["another key"],
            &[WEAKER, PIN],
        ),
        (
            "NO_NAMES",
            C::NoNames,
            "without any subject alternative name",
            &["127.0.0.1 as a subject alternative name"],
            &[WEAKER],
        ),
        (
            "OTHER_NAME",
            C::OtherName,
            "for elsewhere.example",
            &["server_name", "elsewhere.example"],
            &[WEAKER, PIN],
        ),
        (
            "EXPIRED",
            C::Expired,
            "to 2001-12-31",
            &["Renew the certificate of EXPIRED"],
            &[WEAKER, PIN],
        ),
        (
            "TOO_EARLY",
            C::NotYetValid,
            "valid 2048-01-01",
            &["clock"],
            &[WEAKER, PIN],
        ),
    ];
    let specs = table.iter().map(|(name, tls, ..)| showing(name, *tls));
    let app = TestApp::with(&pool, specs.collect(), &[]).await;
    app.register_credential().await;
    for (name, _, shown, wanted, unwanted) in table {
        app.register_instance(name).await;
        let (found, remedy) = refused(&app, name).await;
        let hash = sha256(&app.host(name).tls_certificate_der());
        says(
            name,
            &found,
            &[shown, "presented CN=", &hash],
            &["UnixTime"],
        );
        says(name, &remedy, wanted, unwanted);
    }
}

#[sqlx::test(migrations = false)]
async fn every_server_that_cannot_encrypt_as_wanted_has_a_remedy_of_its_own(pool: PgPool) {
    let speaking = |name: &str, encryption| InstanceSpec {
        encryption,
        shared_keys: true,
        ..host(name)
    };
    let specs = vec![
        speaking("BARE", Encryption::NotSupported),
        speaking("FORCED", Encryption::Required),
        speaking("STRICT", Encryption::Strict),
        speaking("HANGS_UP", Encryption::Optional),
        speaking("OLD_TLS", Encryption::Optional),
        speaking("ALERTS", Encryption::Optional),
        InstanceSpec {
            version: Version::V2019,
            ..speaking("NO_STRICT", Encryption::Optional)
        },
    ];
    let app = TestApp::with(&pool, specs, &[]).await;
    let spoil = |name: &str, fault| app.host(name).faults().set_tls(Some(fault));
    spoil("HANGS_UP", TlsFault::EndsAtClientHello);
    spoil("OLD_TLS", TlsFault::OnlyTls10);
    spoil("ALERTS", TlsFault::NoCertificate);
    app.register_credential().await;
    let ca = app.fleet.ca_pem();
    let with_ca = |mode: &str| json!({"mode": mode, "ca_pem": ca});
    let table: [(&str, Value, &str, &str); 7] = [
        (
            "BARE",
            with_ca("required"),
            "offers no encryption",
            "mode off",
        ),
        (
            "FORCED",
            json!({"mode": "off"}),
            "insists on encryption",
            "to required",
        ),
        ("STRICT", with_ca("required"), "TDS 8.0", "to strict"),
        (
            "HANGS_UP",
            with_ca("required"),
            "ended the connection",
            "Schannel",
        ),
        (
            "OLD_TLS",
            with_ca("required"),
            "no TLS from 1.2 on",
            "TLS 1.2",
        ),
        (
            "ALERTS",
            with_ca("required"),
            "alert",
            "no usable certificate",
        ),
        (
            "NO_STRICT",
            with_ca("strict"),
            "2022 or later",
            "to required",
        ),
    ];
    for (name, tls, found, remedy) in table {
        register(&app, name, tls).await;
        let said = refused(&app, name).await;
        says(name, &said.0, &[found], &[]);
        says(name, &said.1, &[remedy], &["trust_server_certificate"]);
    }
    // What the remedies say is so.
    register(&app, "FORCED", with_ca("required")).await;
    register(&app, "STRICT", with_ca("strict")).await;
    register(&app, "NO_STRICT", with_ca("required")).await;
    register(&app, "BARE", json!({"mode": "off"})).await;
    for name in ["FORCED", "STRICT", "NO_STRICT", "BARE"] {
        assert_succeeded(&app.inspect(name, false).await);
    }
}

#[sqlx::test(migrations = false)]
async fn a_pin_is_as_good_as_a_ca(pool: PgPool) {
    let specs = vec![
        showing("HOST_A", TlsCertificate::VersionOne),
        InstanceSpec {
            encryption: Encryption::Strict,
            ..showing("HOST_B", TlsCertificate::SelfMade)
        },
    ];
    let app = TestApp::with(&pool, specs, &[]).await;
    app.register_credential().await;
    for name in PAIR {
        let pin = sha256(&app.host(name).tls_certificate_der());
        register(&app, name, json!({"mode": "pinned", "sha256": pin})).await;
        let view = app.get(&format!("/v1/instances/{name}")).await.json();
        assert_eq!(
            view["spec"]["tls"],
            json!({"mode": "pinned", "sha256": pin})
        );
        let text = app
            .get_as(&format!("/v1/instances/{name}"), "text/plain")
            .await;
        assert!(text.text.contains(&pin), "{}", text.text);
    }
    app.register_pair("erp", &PAIR).await;
    // No uploads: what is obtained comes over a connection that is trusted.
    let job = app.configure("erp").await;
    assert_succeeded(&job);
    assert!(!has_finding(&job, "tls_unverified", "HOST_A"), "{job:#}");
    assert!(app.lets_in("HOST_A", "HOST_B") && app.lets_in("HOST_B", "HOST_A"));
}

#[sqlx::test(migrations = false)]
async fn who_shows_the_pinned_certificate_without_its_key_is_refused(pool: PgPool) {
    let specs = vec![showing("HOST_A", TlsCertificate::Impostor)];
    let app = TestApp::with(&pool, specs, &[]).await;
    app.register_credential().await;
    let pin = sha256(&app.host("HOST_A").tls_certificate_der());
    register(&app, "HOST_A", json!({"mode": "pinned", "sha256": pin})).await;
    let (found, remedy) = refused(&app, "HOST_A").await;
    says("HOST_A", &found, &["could not prove", &pin], &[]);
    says(
        "HOST_A",
        &remedy,
        &["somebody else may answer"],
        &["trust_server"],
    );
}

#[sqlx::test(migrations = false)]
async fn the_fallback_certificate_is_another_after_a_restart(pool: PgPool) {
    let specs = vec![InstanceSpec {
        platform: Platform::Linux,
        ..showing("HOST_A", TlsCertificate::SelfSignedFallback)
    }];
    let app = TestApp::with(&pool, specs, &[]).await;
    app.register_credential().await;
    let pin = sha256(&app.host("HOST_A").tls_certificate_der());
    register(&app, "HOST_A", json!({"mode": "pinned", "sha256": pin})).await;
    assert_succeeded(&app.inspect("HOST_A", false).await);
    app.host("HOST_A").stop();
    app.host("HOST_A").start();
    let (found, remedy) = refused(&app, "HOST_A").await;
    let now = sha256(&app.host("HOST_A").tls_certificate_der());
    assert_ne!(now, pin);
    says("HOST_A", &found, &[&pin, &now], &[]);
    says(
        "HOST_A",
        &remedy,
        &["next start"],
        &["register the new one"],
    );
}

#[sqlx::test(migrations = false)]
async fn a_pin_is_a_hash_and_stands_alone(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR[..1]).await;
    app.register_credential().await;
    let hash = "ab".repeat(32);
    for (tls, pointer) in [
        (json!({"mode": "pinned"}), "/spec/tls/sha256"),
        (
            json!({"mode": "pinned", "sha256": "abc"}),
            "/spec/tls/sha256",
        ),
        (
            json!({"mode": "required", "sha256": hash}),
            "/spec/tls/sha256",
        ),
        (
            json!({"mode": "pinned", "sha256": hash, "server_name": "a"}),
            "/spec/tls/mode",
        ),
    ] {
        let mut spec = app.instance_spec("HOST_A");
        spec["tls"] = tls;
        let answer = app
            .put("/v1/instances/HOST_A", &json!({"spec": spec}))
            .await;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(answer.text.contains(pointer), "{answer:?}");
    }
    let colons = vec!["AB"; 32].join(":");
    register(&app, "HOST_A", json!({"mode": "pinned", "sha256": colons})).await;
}
