//! Whom we talk to, over real TLS with a simulated server: what a pin admits and what it does not, in both orders of
//! TLS and PRELOGIN.

use sqlserver_sim::{Fleet, Instance, InstanceSpec, TlsCertificate};

use super::*;
use crate::domain::hash::Sha256;

async fn server(fleet: &Fleet, tls: TlsCertificate) -> Instance {
    let spec = InstanceSpec {
        tls,
        ..InstanceSpec::named("HOST_A")
    };
    fleet.start(spec).await.unwrap()
}

async fn outcome(server: &Instance, tls: &Tls, order: Order) -> Result<(), SecureError> {
    let socket = TcpStream::connect(("127.0.0.1", server.port()))
        .await
        .unwrap();
    secure(socket, "127.0.0.1", tls, order).await.map(|_| ())
}

fn fault(outcome: Result<(), SecureError>) -> TlsFault {
    match outcome {
        Err(SecureError::Tls(cause)) => cause.fault,
        other => panic!("{other:?}"),
    }
}

fn pin_of(server: &Instance) -> Tls {
    Tls::Pinned {
        sha256: Sha256::of(&server.tls_certificate_der()),
    }
}

const ORDERS: [Order; 2] = [Order::PreloginFirst, Order::TlsFirst];

#[tokio::test]
async fn a_pinned_certificate_is_trusted_with_its_key_whatever_else_it_lacks() {
    for tls in [
        TlsCertificate::VersionOne,
        TlsCertificate::SelfMade,
        TlsCertificate::Expired,
        TlsCertificate::OtherName,
    ] {
        let fleet = Fleet::new().unwrap();
        let server = server(&fleet, tls).await;
        for order in ORDERS {
            outcome(&server, &pin_of(&server), order).await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_impostor_with_the_pinned_certificate_is_refused_for_want_of_its_key() {
    let fleet = Fleet::new().unwrap();
    let server = server(&fleet, TlsCertificate::Impostor).await;
    for order in ORDERS {
        let fault = fault(outcome(&server, &pin_of(&server), order).await);
        assert_eq!(fault, TlsFault::KeyNotProven, "{order:?}");
    }
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_is_refused_even_from_a_ca() {
    let fleet = Fleet::new().unwrap();
    let server = server(&fleet, TlsCertificate::FleetCa).await;
    let pinned = Sha256::of(b"another");
    for order in ORDERS {
        let fault = fault(outcome(&server, &Tls::Pinned { sha256: pinned }, order).await);
        assert_eq!(fault, TlsFault::NotThePin { pinned });
    }
}

#[tokio::test]
async fn a_ca_that_is_given_is_the_only_one() {
    let (fleet, other) = (Fleet::new().unwrap(), Fleet::new().unwrap());
    let server = server(&fleet, TlsCertificate::FleetCa).await;
    let by = |pem: &str| {
        Tls::Required(Verification {
            ca_pem: Some(pem.to_owned()),
            server_name: None,
        })
    };
    let order = Order::PreloginFirst;
    outcome(&server, &by(fleet.ca_pem()), order).await.unwrap();
    let refused = fault(outcome(&server, &by(other.ca_pem()), order).await);
    let given = vec!["CN=sqlserver-sim fleet CA".to_owned()];
    assert_eq!(refused, TlsFault::UnknownIssuer { given });
    let Check::Chain { roots, .. } = Check::of(&by(fleet.ca_pem())).unwrap() else {
        panic!("a chain");
    };
    assert_eq!(roots.len(), 1);
}

#[tokio::test]
async fn only_who_asks_for_it_trusts_anybody() {
    let fleet = Fleet::new().unwrap();
    let server = server(&fleet, TlsCertificate::SelfSignedFallback).await;
    let order = Order::PreloginFirst;
    outcome(&server, &Tls::TrustServerCertificate, order)
        .await
        .unwrap();
    let default = outcome(&server, &Tls::default(), order).await;
    assert!(matches!(default, Err(SecureError::Tls(_))), "{default:?}");
}
