//! What the store's tests begin with: registrations and jobs written through the store itself. Test code only.

use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use secrecy::SecretString;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::claim::Terms;
use super::credentials::Credential;
use super::instances::Instance;
use super::jobs::NewJob;
use super::lease::Lease;
use super::pairs::Pair;
use super::seal::SealKey;
use super::{Conn, claim, credentials, instances, jobs, pairs};
use crate::domain::certificate::Certificate;
use crate::domain::credential::{CredentialKind, CredentialSpec, HostPattern};
use crate::domain::id::new_id;
use crate::domain::instance::{Address, ExpectedEndpoint, InstanceSpec, Tls, Transport};
use crate::domain::job::{Accepted, AcceptedMember, Job, JobKind, JobOptions, Subject};
use crate::domain::name::{NamedRef, RegistrationName};
use crate::domain::naming::Naming;
use crate::domain::object_name::ObjectName;
use crate::domain::pair::PairSpec;
use crate::domain::registration::{Labels, Registered};

/// Longer than any test takes.
pub const LONG: Duration = Duration::from_secs(600);

pub fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 12, 0, 0).unwrap()
}

pub fn name(text: &str) -> RegistrationName {
    RegistrationName::parse(text).unwrap()
}

pub fn key() -> SealKey {
    SealKey::from_bytes(Zeroizing::new([7; 32]))
}

fn registered<S>(called: &str, spec: S) -> Registered<S> {
    Registered {
        id: new_id(),
        name: name(called),
        labels: Labels::from([("team".to_owned(), "dba".to_owned())]),
        revision: 1,
        status_version: 1,
        created_at: now(),
        updated_at: now(),
        spec,
    }
}

pub async fn credential(conn: &mut Conn, called: &str) -> Credential {
    let new = registered(
        called,
        CredentialSpec {
            kind: CredentialKind::SqlLogin,
            user: "mirrorgate".to_owned(),
            hosts: vec![HostPattern::parse("*.corp").unwrap()],
        },
    );
    let password = SecretString::from("pass-of-the-fixture");
    let sealed = credentials::seal(&key(), &new, &password).unwrap();
    credentials::insert(conn, &new, &sealed).await.unwrap();
    new
}

pub fn new_instance(called: &str, credential: &Credential) -> Instance {
    registered(
        called,
        InstanceSpec {
            address: Address {
                host: format!("{}.corp", called.to_lowercase().replace('_', "-")),
                port: Some(1433),
                instance_name: None,
            },
            credential: NamedRef {
                id: credential.id,
                name: credential.name.clone(),
            },
            peer_name: ObjectName::parse(called).unwrap(),
            naming: Naming::default(),
            tls: Tls::default(),
            transport: Transport::default(),
            endpoint: ExpectedEndpoint::default(),
        },
    )
}

pub async fn instance(conn: &mut Conn, called: &str, credential: &Credential) -> Instance {
    let new = new_instance(called, credential);
    instances::insert(conn, &new).await.unwrap();
    new
}

/// Instances `i0`, `i1` … on one credential.
pub async fn fleet(conn: &mut Conn, size: usize) -> Vec<Instance> {
    let credential = credential(conn, "dba").await;
    let mut fleet = Vec::new();
    for n in 0..size {
        fleet.push(instance(conn, &format!("i{n}"), &credential).await);
    }
    fleet
}

pub fn named<S>(of: &Registered<S>) -> NamedRef {
    NamedRef {
        id: of.id,
        name: of.name.clone(),
    }
}

pub fn new_pair(
    called: &str,
    first: &Instance,
    second: &Instance,
    witness: Option<&Instance>,
) -> Pair {
    registered(
        called,
        PairSpec {
            partners: [named(first), named(second)],
            witness: witness.map(named),
            operating_mode: None,
        },
    )
}

pub async fn pair(conn: &mut Conn, called: &str, first: &Instance, second: &Instance) -> Pair {
    let new = new_pair(called, first, second, None);
    pairs::insert(conn, &new).await.unwrap();
    new
}

pub fn new_job(pair: &Pair, kind: JobKind, dry_run: bool) -> NewJob {
    let members = pair.spec.members();
    NewJob {
        id: new_id(),
        kind,
        subject: Subject::Pair(named(pair)),
        options: JobOptions {
            dry_run,
            ..JobOptions::default()
        },
        accepted: Accepted {
            revision: pair.revision,
            operating_mode: None,
            members: members
                .into_iter()
                .map(|(member, role)| AcceptedMember {
                    instance: member.clone(),
                    role,
                    current: None,
                    next: None,
                })
                .collect(),
        },
        request_id: None,
        created_at: now(),
    }
}

/// A changing job of this pair, in the queue.
pub async fn queued(conn: &mut Conn, pair: &Pair) -> NewJob {
    let new = new_job(pair, JobKind::ConfigureInbound, false);
    jobs::enqueue(conn, &new).await.unwrap();
    new
}

pub async fn taken(conn: &mut Conn) -> Option<(Lease, Job)> {
    claim::claim(conn, &Terms::new("tests", LONG, 3))
        .await
        .unwrap()
}

/// Ends the lease's time now: the job is due from this moment on.
pub async fn expire(conn: &mut Conn, lease: &Lease) {
    for statement in [
        "update jobs set lease_until = clock_timestamp() where lease_token = $1",
        "update instance_leases set until = clock_timestamp() where token = $1",
    ] {
        sqlx::query(statement)
            .bind(lease.token)
            .execute(&mut *conn)
            .await
            .unwrap();
    }
}

/// A certificate of its own for every `serial`.
pub fn certificate(serial: u64) -> Certificate {
    use std::sync::OnceLock;
    static KEY: OnceLock<rcgen::KeyPair> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap()
    });
    let mut params = rcgen::CertificateParams::default();
    params.serial_number = Some(rcgen::SerialNumber::from(serial));
    Certificate::from_der(params.self_signed(key).unwrap().der()).unwrap()
}

pub async fn count(conn: &mut Conn, question: &'static str, id: Uuid) -> i64 {
    sqlx::query_scalar(question)
        .bind(id)
        .fetch_one(conn)
        .await
        .unwrap()
}
