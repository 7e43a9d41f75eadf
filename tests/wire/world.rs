//! A worker with its registrations, asked directly; and targets for the pools alone.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mirrorgate::config::WorkerConfig;
use mirrorgate::domain::clock::Clock;
use mirrorgate::domain::credential::{CredentialKind, CredentialSpec, HostPattern, LoginSecret};
use mirrorgate::domain::id::new_id;
use mirrorgate::domain::instance::{
    Address, ExpectedEndpoint, InstanceSpec, Tls, Transport, Verification,
};
use mirrorgate::domain::job::{Accepted, AcceptedMember, Job, JobKind, JobOptions, Subject};
use mirrorgate::domain::name::{NamedRef, RegistrationName};
use mirrorgate::domain::naming::Naming;
use mirrorgate::domain::object_name::ObjectName;
use mirrorgate::domain::pair::{PairSpec, Role};
use mirrorgate::domain::registration::{Labels, Registered};
use mirrorgate::domain::step::Step;
use mirrorgate::sqlserver::{Target, Timeouts};
use mirrorgate::store::credentials::Credential;
use mirrorgate::store::seal::SealKey;
use mirrorgate::store::{Store, binding, credentials, instances, jobs, pairs, steps, wake};
use mirrorgate::worker::{Settings, Worker};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub const PASSWORD: &str = "Canary-wire-51d0!Q";

/// Limits short enough for a test that waits for one.
pub fn short() -> Timeouts {
    Timeouts {
        connect: Duration::from_secs(2),
        log_in: Duration::from_secs(2),
        ..Timeouts::default()
    }
}

pub fn verified(ca_pem: &str) -> Tls {
    Tls::Required(Verification {
        ca_pem: Some(ca_pem.to_owned()),
        server_name: None,
    })
}

pub fn target(port: u16, tls: Tls) -> Target {
    Target {
        instance_id: new_id(),
        name: "HOST_A".to_owned(),
        address: address(port),
        tls,
        log_in: LoginSecret {
            user: "sa".to_owned(),
            password: PASSWORD.to_owned().into(),
        },
        application: "mirrorgate".into(),
        credential_id: Uuid::nil(),
        credential_revision: 1,
        refusals: 0,
        timeouts: short(),
    }
}

pub fn address(port: u16) -> Address {
    Address {
        host: "127.0.0.1".to_owned(),
        port: Some(port),
        instance_name: None,
    }
}

/// A port that nothing listens on.
pub fn closed_port() -> u16 {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    taken.local_addr().unwrap().port()
}

pub struct World {
    pub store: Store,
    pub worker: Worker,
    pub members: Vec<NamedRef>,
    pub credential: NamedRef,
    key: SealKey,
    pair: NamedRef,
    _directory: tempfile::TempDir,
}

fn registered<S>(named: &NamedRef, spec: S) -> Registered<S> {
    let now = now();
    Registered {
        id: named.id,
        name: named.name.clone(),
        labels: Labels::new(),
        revision: 1,
        status_version: 1,
        created_at: now,
        updated_at: now,
        spec,
    }
}

/// Pauses and limits short enough for tests.
pub fn settings() -> Settings {
    Settings {
        concurrency: 2,
        timeouts: short(),
        retry_base: Duration::from_millis(1),
        retry_cap: Duration::from_millis(2),
        grace: Duration::from_millis(200),
        ..Settings::from(&WorkerConfig::default())
    }
}

fn now() -> DateTime<Utc> {
    Clock::System.now()
}

fn named(name: &str) -> NamedRef {
    NamedRef {
        id: new_id(),
        name: RegistrationName::parse(name).unwrap(),
    }
}

impl World {
    /// The first two are the partners of pair `erp`, a third its witness.
    pub async fn new(pool: &PgPool, hosts: &[(&str, u16, Tls)]) -> Self {
        Self::with(pool, hosts, settings()).await
    }

    /// With a worker that behaves otherwise.
    pub async fn with(pool: &PgPool, hosts: &[(&str, u16, Tls)], settings: Settings) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let store = Store::from_pool(pool.clone());
        store.migrate().await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let key = SealKey::create_file(&directory.path().join("seal.key")).unwrap();
        let (wakeups, _listening) = wake::listen(&store, CancellationToken::new());
        let (clock, sealing) = (Clock::System, key.clone());
        let worker = Worker::new(store.clone(), wakeups, clock, sealing, settings);
        let mut world = Self {
            store,
            worker,
            members: Vec::new(),
            credential: named("dba"),
            key,
            pair: named("erp"),
            _directory: directory,
        };
        world.register(hosts).await;
        world
    }

    async fn register(&mut self, hosts: &[(&str, u16, Tls)]) {
        let mut tx = self.store.begin().await.unwrap();
        let credential = registered(
            &self.credential,
            CredentialSpec {
                kind: CredentialKind::SqlLogin,
                user: "sa".to_owned(),
                hosts: vec![HostPattern::parse("127.0.0.1").unwrap()],
            },
        );
        let sealed = self.seal(&credential, PASSWORD);
        credentials::insert(&mut tx, &credential, &sealed)
            .await
            .unwrap();
        for (name, port, tls) in hosts {
            let member = named(name);
            let spec = InstanceSpec {
                address: address(*port),
                credential: self.credential.clone(),
                peer_name: ObjectName::parse(name).unwrap(),
                naming: Naming::default(),
                tls: tls.clone(),
                transport: Transport::default(),
                endpoint: ExpectedEndpoint::default(),
            };
            let instance = registered(&member, spec);
            instances::insert(&mut tx, &instance).await.unwrap();
            binding::write(&mut tx, &self.key, &instance).await.unwrap();
            self.members.push(member);
        }
        let pair = PairSpec {
            partners: [self.members[0].clone(), self.members[1].clone()],
            witness: self.members.get(2).cloned(),
            operating_mode: None,
        };
        pairs::insert(&mut tx, &registered(&self.pair, pair))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    fn seal(&self, credential: &Credential, password: &str) -> mirrorgate::store::seal::Sealed {
        credentials::seal(&self.key, credential, &password.to_owned().into()).unwrap()
    }

    /// Gives the credential another password: its next revision.
    pub async fn change_password(&self, password: &str) {
        let mut tx = self.store.begin().await.unwrap();
        let mut credential = credentials::get_by_id(&mut tx, self.credential.id)
            .await
            .unwrap()
            .unwrap();
        credential.revision += 1;
        let sealed = self.seal(&credential, password);
        credentials::update(&mut tx, &credential, &sealed)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Registers another port for a member, as when an alias was moved.
    pub async fn move_to(&self, member: usize, port: u16) {
        let mut tx = self.store.begin().await.unwrap();
        let mut instance = instances::get_by_id(&mut tx, self.members[member].id)
            .await
            .unwrap()
            .unwrap();
        instance.revision += 1;
        instance.spec.address = address(port);
        instances::update(&mut tx, &instance).await.unwrap();
        binding::write(&mut tx, &self.key, &instance).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Writes a job on the pair down, without any pins.
    pub async fn ask(&self, kind: JobKind, options: JobOptions) -> Uuid {
        let members = self
            .members
            .iter()
            .enumerate()
            .map(|(i, member)| AcceptedMember {
                instance: member.clone(),
                role: if i < 2 { Role::Partner } else { Role::Witness },
                current: None,
                next: None,
            });
        self.enqueue(
            kind,
            Subject::Pair(self.pair.clone()),
            members.collect(),
            options,
        )
        .await
    }

    pub async fn ask_to_inspect(&self, member: usize, options: JobOptions) -> Uuid {
        let instance = self.members[member].clone();
        let accepted = AcceptedMember {
            instance: instance.clone(),
            role: Role::Partner,
            current: None,
            next: None,
        };
        self.enqueue(
            JobKind::Inspect,
            Subject::Instance(instance),
            vec![accepted],
            options,
        )
        .await
    }

    async fn enqueue(
        &self,
        kind: JobKind,
        subject: Subject,
        members: Vec<AcceptedMember>,
        options: JobOptions,
    ) -> Uuid {
        let id = new_id();
        let new = jobs::NewJob {
            id,
            kind,
            subject,
            options,
            accepted: Accepted {
                revision: 1,
                operating_mode: None,
                members,
            },
            request_id: None,
            created_at: now(),
        };
        let mut tx = self.store.begin().await.unwrap();
        jobs::enqueue(&mut tx, &new).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Asks for `configure-inbound` and lets the worker make one attempt.
    pub async fn configure(&self) -> Job {
        let id = self
            .ask(JobKind::ConfigureInbound, JobOptions::default())
            .await;
        self.attempt(id).await
    }

    /// One attempt at this job, which must be the one that is due.
    pub async fn attempt(&self, id: Uuid) -> Job {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(done) = self.worker.run_next().await.unwrap() {
                assert_eq!(done, id, "another job was due");
                return self.job(id).await;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "the job never came due"
            );
            tokio::task::yield_now().await;
        }
    }

    pub async fn job(&self, id: Uuid) -> Job {
        let mut conn = self.store.acquire().await.unwrap();
        jobs::get(&mut conn, id).await.unwrap().unwrap()
    }

    pub async fn steps(&self, id: Uuid) -> Vec<Step> {
        let mut conn = self.store.acquire().await.unwrap();
        steps::list(&mut conn, id, None, 500).await.unwrap().items
    }
}
