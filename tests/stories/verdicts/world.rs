//! A fleet, looked at over TDS as the service looks at it, whose handshakes are compared with the verdicts.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use mirrorgate::domain::clock::Clock;
use mirrorgate::domain::desired_state::{DesiredState, IfEndpointInUse, Thresholds};
use mirrorgate::domain::estate::Estate;
use mirrorgate::domain::pair::Role;
use mirrorgate::domain::trust::{Admission, Admits};
use mirrorgate::plan::{ObservedMember, certificate_bytes, plan, questions};
use mirrorgate::sqlserver::{PoolSettings, Pools, Target};
use mirrorgate::tsql::{apply, observe};
use rand::RngExt;
use rand::rngs::StdRng;
use sqlserver_sim::{
    Edition, Fleet, HandshakeRefusal, Instance, Purpose, Snapshot, Unverified, Version,
};

use crate::harness::{certificate_of, comment, host, least_privilege, member, outbound, target};

/// Two partners and their witness: every relation between two of them is a trust.
pub const HOSTS: [(&str, Role); 3] = [
    ("HOST_A", Role::Partner),
    ("HOST_B", Role::Partner),
    ("HOST_W", Role::Witness),
];

/// How many relations were judged how.
#[derive(Debug, Default, Clone, Copy)]
pub struct Judged {
    pub worlds: usize,
    pub yes: usize,
    pub no: usize,
    pub unknown: usize,
}

impl Judged {
    pub fn add(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.yes += other.yes;
        self.no += other.no;
        self.unknown += other.unknown;
    }
}

pub struct World {
    fleet: Fleet,
    pub hosts: Vec<Instance>,
    desired: DesiredState,
    targets: Vec<Target>,
    pools: Pools,
    /// What each host showed last; `None` when it has been changed since.
    seen: Vec<Option<ObservedMember>>,
    /// Whether mirrorgate's log-in is sysadmin, and so sees everything.
    pub is_sysadmin: bool,
    /// Every certificate that ever was one of a host's, and damaged twins of some.
    pub certificates: Vec<Vec<u8>>,
    /// How the unverified points are while changes are made.
    base: Unverified,
    healthy: Vec<Healthy>,
    story: Vec<String>,
}

/// A host as it was set up, and what it showed then.
type Healthy = (Snapshot, Option<ObservedMember>);

impl World {
    /// In which everybody lets everybody in; on servers of some versions, seen by some log-in.
    pub async fn of(chance: &mut StdRng) -> Self {
        let versions = [
            Version::V2012,
            Version::V2016,
            Version::V2019,
            Version::V2022,
            Version::V2025,
        ];
        let pick = |chance: &mut StdRng| versions[chance.random_range(0..versions.len())];
        let versions = [pick(chance), pick(chance), pick(chance)];
        let base = match chance.random_bool(0.5) {
            true => Unverified::default(),
            false => Unverified::opposite(),
        };
        let mut world = Self::on(versions, base).await;
        if chance.random_bool(0.25) {
            world.with_least_privilege().await;
        }
        world
    }

    pub async fn on(versions: [Version; 3], base: Unverified) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let fleet = Fleet::new().unwrap();
        let mut hosts = Vec::new();
        for ((name, _), version) in HOSTS.into_iter().zip(versions) {
            let mut spec = host(name);
            spec.shared_keys = true;
            spec.version = version;
            spec.edition = Edition::Enterprise;
            spec.unverified = base;
            let instance = fleet.start(spec).await.unwrap();
            outbound(&instance, name).await;
            hosts.push(instance);
        }
        let members: Vec<_> = HOSTS
            .iter()
            .zip(&hosts)
            .map(|((_, role), instance)| {
                let mut member = member(instance, *role);
                // What is in use is what is wanted: no pin stands in the way of it.
                member.current = None;
                member.known = Vec::new();
                member
            })
            .collect();
        let mut world = Self {
            targets: hosts.iter().map(|h| target(&fleet, h)).collect(),
            certificates: hosts.iter().map(certificate_of).collect(),
            seen: vec![None; hosts.len()],
            desired: DesiredState {
                trusts: DesiredState::full_mesh(members.len()),
                members,
                operating_mode: None,
                inspection: None,
                estate: Estate::default(),
                if_endpoint_in_use: IfEndpointInUse::Proceed,
                partial: false,
                thresholds: Thresholds::default(),
            },
            fleet,
            hosts,
            pools: Pools::new(PoolSettings::default()),
            is_sysadmin: true,
            base,
            healthy: Vec::new(),
            story: vec![format!("on {versions:?}")],
        };
        world.configure().await;
        world.keep().await;
        world
    }

    /// From now on mirrorgate is a login with no more than it needs.
    pub async fn with_least_privilege(&mut self) {
        let members = self.hosts.iter().zip(&mut self.targets);
        least_privilege(members).await;
        self.is_sysadmin = false;
        self.seen.fill(None);
        self.story.push("with least privilege".to_owned());
        self.keep().await;
    }

    async fn keep(&mut self) {
        let seen = self.look().await;
        let snapshots = self.hosts.iter().map(Instance::snapshot);
        self.healthy = snapshots.zip(seen.into_iter().map(Some)).collect();
        self.story.push("all is well".to_owned());
    }

    /// Back to where everybody lets everybody in.
    pub async fn heal(&mut self) {
        for (host, (snapshot, seen)) in self.healthy.iter().enumerate() {
            self.hosts[host].restore(snapshot).await;
            self.hosts[host].set_clock_offset(TimeDelta::zero());
            self.seen[host] = seen.clone();
        }
        let well = self.story.iter().rposition(|line| line == "all is well");
        self.story.truncate(well.map_or(0, |at| at + 1));
    }

    /// What the servers refuse has not happened.
    pub async fn run(&mut self, host: usize, sql: &str) -> bool {
        let done = self.hosts[host].exec(sql).await.is_ok();
        if done {
            self.seen[host] = None;
            self.story.push(format!("on {}: {sql}", HOSTS[host].0));
        }
        done
    }

    pub fn set_clock(&mut self, host: usize, days: i64) {
        self.hosts[host].set_clock_offset(TimeDelta::days(days));
        self.seen[host] = None;
        self.story
            .push(format!("clock of {} by {days} days", HOSTS[host].0));
    }

    async fn look(&mut self) -> Vec<ObservedMember> {
        for member in 0..self.hosts.len() {
            if self.seen[member].is_some() {
                continue;
            }
            let asked = questions(&self.desired, member, &BTreeMap::new()).unwrap();
            let batch = observe::observe(comment(), &asked);
            let seen = self
                .pools
                .observe(&self.targets[member], &batch, &asked, &Clock::System)
                .await;
            self.seen[member] = Some(match seen {
                Ok(observation) => ObservedMember::Answered(Box::new(observation)),
                Err(failure) => ObservedMember::Failed(failure),
            });
        }
        self.seen.iter().flatten().cloned().collect()
    }

    pub fn has_changed(&self) -> bool {
        self.seen.iter().any(Option::is_none)
    }

    /// What `configure-inbound` would do, if it would do anything.
    pub async fn configure(&mut self) {
        let seen = self.look().await;
        let plan = plan(&self.desired, &seen, Clock::System.now());
        if plan.is_blocked() {
            return;
        }
        let bytes = certificate_bytes(&self.desired, &seen);
        for (member, instance) in plan.instances.iter().enumerate() {
            if let Some(batch) = apply::batch(comment(), instance, &bytes).unwrap() {
                let _ = self
                    .pools
                    .apply(&self.targets[member], &batch, || true)
                    .await;
                self.seen[member] = None;
                self.story
                    .push(format!("configure-inbound on {}", HOSTS[member].0));
            }
        }
    }

    /// The verdict on the trust on `acceptor` from `peer`.
    pub async fn verdict(&mut self, acceptor: usize, peer: usize) -> Admission {
        let seen = self.look().await;
        let plan = plan(&self.desired, &seen, Clock::System.now());
        plan.instances[acceptor]
            .trusts
            .iter()
            .find(|t| t.peer == HOSTS[peer].0)
            .unwrap()
            .admits
            .clone()
    }

    /// Compares every verdict with the handshake.
    pub async fn judge(&mut self, chance: &mut StdRng) -> Judged {
        let seen = self.look().await;
        let plan = plan(&self.desired, &seen, Clock::System.now());
        let all = Unverified::one_at_a_time();
        let (_, one) = all[chance.random_range(0..all.len())];
        let settings = [Unverified::default(), Unverified::opposite(), one];
        let mut judged = Judged {
            worlds: 1,
            ..Judged::default()
        };
        for (acceptor, instance) in plan.instances.iter().enumerate() {
            for trust in &instance.trusts {
                let peer = HOSTS.iter().position(|(n, _)| *n == trust.peer).unwrap();
                match trust.admits.verdict {
                    Admits::Yes => judged.yes += 1,
                    Admits::No => judged.no += 1,
                    Admits::Unknown => judged.unknown += 1,
                }
                self.compare(acceptor, peer, &trust.admits, &settings);
            }
        }
        for instance in &self.hosts {
            instance.set_unverified(self.base);
        }
        judged
    }

    fn compare(&self, acceptor: usize, peer: usize, said: &Admission, settings: &[Unverified]) {
        for setting in settings {
            let done = self.handshake(acceptor, peer, *setting);
            let holds = match said.verdict {
                Admits::Yes => done.is_ok(),
                Admits::No => done.is_err(),
                // Whoever sees everything has no other reason not to know than a point that no catalog tells.
                Admits::Unknown => {
                    !said.reasons.is_empty()
                        && (said.hangs_on_unverified_points() || !self.is_sysadmin)
                }
            };
            assert!(
                holds,
                "on {} from {}: admits is {said:#?}, and the handshake: {done:?}\nunder {setting:?}{}",
                HOSTS[acceptor].0,
                HOSTS[peer].0,
                self.told()
            );
        }
    }

    fn handshake(
        &self,
        acceptor: usize,
        peer: usize,
        setting: Unverified,
    ) -> Result<(), HandshakeRefusal> {
        let purpose = match (HOSTS[peer].1, HOSTS[acceptor].1) {
            (Role::Partner, Role::Witness) => Purpose::ToWitness,
            (Role::Witness, _) => Purpose::AsWitness,
            (Role::Partner, Role::Partner) => Purpose::Partner,
        };
        for instance in &self.hosts {
            instance.set_unverified(setting);
        }
        self.fleet
            .handshake_for(purpose, &self.hosts[peer], &self.hosts[acceptor])
    }

    /// Whether the acceptor lets the peer in, under every single setting of every switch.
    pub fn handshakes(&self, acceptor: usize, peer: usize) -> Vec<bool> {
        let each = Unverified::one_at_a_time().into_iter().map(|(_, one)| one);
        let settings = each.chain([Unverified::default(), Unverified::opposite()]);
        let done: Vec<bool> = settings
            .map(|setting| self.handshake(acceptor, peer, setting).is_ok())
            .collect();
        for instance in &self.hosts {
            instance.set_unverified(self.base);
        }
        done
    }

    pub fn told(&self) -> String {
        format!("\n{}", self.story.join("\n"))
    }
}
