//! Simulated instances as the stories need them.

use sqlserver_sim::protocol::Value;
use sqlserver_sim::{Instance, InstanceSpec, Unverified};

/// The simulated administrators' password; only ever sent to 127.0.0.1.
pub const PASSWORD: &str = "Canary-sa-7f3e!Q";

/// An instance of this name on a free port, SQL Server 2022.
pub fn host(name: &str) -> InstanceSpec {
    InstanceSpec {
        sa_password: PASSWORD.to_owned(),
        key_bits: Some(2048),
        unverified: unverified(),
        ..InstanceSpec::named(name)
    }
}

/// How the points behave that nobody has verified on a real server: as usual, or, with `MIRRORGATE_TEST_UNVERIFIED=opposite`,
/// every one the other way round. The stories hold either way.
pub fn unverified() -> Unverified {
    match std::env::var("MIRRORGATE_TEST_UNVERIFIED").as_deref() {
        Ok("opposite") => Unverified::opposite(),
        Ok(other) => {
            panic!("MIRRORGATE_TEST_UNVERIFIED is {other:?}; wanted is opposite, or nothing")
        }
        Err(_) => Unverified::default(),
    }
}

/// Runs the topic's outbound half: master key, own certificate, endpoint.
pub async fn outbound(instance: &Instance, name: &str) {
    instance
        .prepare_outbound(name, 5022)
        .await
        .expect("the outbound half");
}

/// The DER bytes of the certificate its endpoint uses.
pub fn certificate_of(instance: &Instance) -> Vec<u8> {
    instance
        .endpoint_certificate_der()
        .expect("the endpoint has a certificate")
}

/// Whether a statement of this kind changes something that outlives the session.
pub fn is_change(kind: &str) -> bool {
    [
        "CREATE", "ALTER", "DROP", "GRANT", "DENY", "REVOKE", "BACKUP",
    ]
    .iter()
    .any(|verb| kind.starts_with(verb))
}

/// The DER bytes of a certificate in `master`.
pub async fn der_of(instance: &Instance, certificate: &str) -> Vec<u8> {
    let question = format!("SELECT CERTENCODED(CERT_ID(N'{certificate}')) AS der");
    match &instance
        .exec(&question)
        .await
        .expect("a certificate's bytes")[0]
        .rows[0][0]
    {
        Value::Binary(der) => der.clone(),
        other => panic!("{certificate} has no bytes: {other:?}"),
    }
}
