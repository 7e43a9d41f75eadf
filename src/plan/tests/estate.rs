//! A desired state over several modelled servers: plans it, carries the plan out, and asks for what was found.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::made::{Made, made};
use super::world::{World, now};
use crate::domain::action::Action;
use crate::domain::desired_state::{
    DesiredState, IfEndpointInUse, Member, NeededRoles, Thresholds,
};
use crate::domain::estate::{Estate as Known, KnownCertificate, KnownInstance, Mark, Standing};
use crate::domain::finding::{Code, Finding, Severity};
use crate::domain::hash::Sha256;
use crate::domain::instance::{Address, Transport};
use crate::domain::name::RegistrationName;
use crate::domain::naming::Naming;
use crate::domain::object_name::ObjectName;
use crate::domain::pair::Role;
use crate::domain::plan::{Plan, TrustPlan};
use crate::plan::{ObservedMember, plan, questions};

pub struct Estate {
    pub desired: DesiredState,
    pub worlds: Vec<World>,
    /// Every certificate there is, so that an import finds its bytes.
    pub known: Vec<Made>,
    /// Instances that are registered and no members.
    pub others: Vec<KnownInstance>,
    /// In place of an observation.
    pub failed: BTreeMap<usize, crate::domain::failure::Failure>,
}

pub const A: usize = 0;
pub const B: usize = 1;
pub const W: usize = 2;

impl Estate {
    /// HOST_A and HOST_B as partners, each with its pin uploaded.
    pub fn pair() -> Self {
        Self::of(&[("HOST_A", Role::Partner), ("HOST_B", Role::Partner)])
    }

    pub fn trio() -> Self {
        Self::of(&[
            ("HOST_A", Role::Partner),
            ("HOST_B", Role::Partner),
            ("HOST_W", Role::Witness),
        ])
    }

    pub fn of(hosts: &[(&str, Role)]) -> Self {
        let certificates: Vec<Made> = hosts
            .iter()
            .enumerate()
            .map(|(i, (host, _))| made(host, i as u64 + 1, 300))
            .collect();
        let members = hosts
            .iter()
            .zip(&certificates)
            .enumerate()
            .map(|(i, ((host, role), made))| member(i, host, *role, made))
            .collect();
        Self {
            desired: DesiredState {
                members,
                trusts: DesiredState::full_mesh(hosts.len()),
                operating_mode: None,
                if_endpoint_in_use: IfEndpointInUse::Refuse,
                partial: false,
                thresholds: Thresholds::default(),
                inspection: None,
                estate: Known::default(),
            },
            others: Vec::new(),
            worlds: hosts
                .iter()
                .zip(&certificates)
                .map(|((host, _), made)| World::new(host, made))
                .collect(),
            known: certificates,
            failed: BTreeMap::new(),
        }
    }

    pub fn own(&self, member: usize) -> Made {
        self.known[member].clone()
    }

    /// The member's endpoint uses another certificate from now on.
    pub fn switch(&mut self, member: usize, made: &Made) {
        self.known.push(made.clone());
        let world = &mut self.worlds[member];
        let id = world.certificate("renewed_own", super::world::DBO, made);
        world.held.last_mut().unwrap().has_private_key = true;
        let used = world.endpoint().certificate.as_mut().unwrap();
        used.certificate_id = id;
        used.thumbprint = made.thumbprint();
        used.der = Some(made.der.clone());
        used.not_before = made.not_before;
        used.not_after = made.not_after;
    }

    pub fn upload_current(&mut self, member: usize, made: &Made) {
        self.desired.members[member].current = Some(made.uploaded());
        self.desired.members[member].known.push(made.sha256());
    }

    pub fn upload_next(&mut self, member: usize, made: &Made) {
        self.known.push(made.clone());
        self.desired.members[member].next = Some(made.uploaded());
        self.desired.members[member].known.push(made.sha256());
    }

    pub fn seen(&self) -> Vec<ObservedMember> {
        (0..self.worlds.len())
            .map(|i| match self.failed.get(&i) {
                Some(failure) => ObservedMember::Failed(failure.clone()),
                None => {
                    let asked = questions(&self.desired, i, &BTreeMap::new()).unwrap();
                    ObservedMember::Answered(Box::new(self.worlds[i].observe(&asked)))
                }
            })
            .collect()
    }

    /// The desired state, with what the registrations know by now.
    pub fn desired(&self) -> DesiredState {
        let mut desired = self.desired.clone();
        desired.estate.instances = self.desired.members.iter().map(known_as).collect();
        desired.estate.instances.extend(self.others.iter().cloned());
        desired
    }

    /// The plan, each of its texts known to somebody.
    pub fn plan(&self) -> Plan {
        let plan = self.plan_unread();
        super::texts::are_read(&plan);
        plan
    }

    /// Of a world that nobody thought out, whose names make texts that nobody has read.
    pub fn plan_unread(&self) -> Plan {
        let plan = plan(&self.desired(), &self.seen(), now());
        for finding in plan.findings.iter().filter(|f| f.cure.is_none()) {
            assert!(!finding.remedy.contains("below"), "{}", finding.remedy);
        }
        plan
    }

    /// One that is registered elsewhere, with this certificate.
    pub fn elsewhere(&mut self, name: &str, made: &Made, standing: Standing) {
        self.others.push(KnownInstance {
            id: Uuid::from_u128(1000 + self.others.len() as u128),
            name: name.to_owned(),
            identity: None,
            started: None,
            certificates: vec![entry(made.sha256(), standing)],
        });
    }

    pub fn carry_out(&mut self, plan: &Plan) {
        for (index, _, action) in plan.changes() {
            self.worlds[index].apply(action, &self.known);
        }
    }

    /// Carries out what is planned; the plan that follows.
    pub fn configure(&mut self) -> Plan {
        let plan = self.plan();
        assert!(!plan.is_blocked(), "{:#?}", plan.findings);
        self.carry_out(&plan);
        self.plan()
    }
}

fn entry(sha256: Sha256, standing: Standing) -> KnownCertificate {
    let mark = Mark {
        sha256: Some(sha256),
        thumbprint: None,
    };
    KnownCertificate { mark, standing }
}

fn known_as(member: &Member) -> KnownInstance {
    let pins = [
        (&member.current, Standing::Current),
        (&member.next, Standing::Next),
    ];
    let pinned = pins
        .iter()
        .filter_map(|(pin, standing)| Some(entry(pin.as_ref()?.sha256, *standing)));
    let is_pinned = |sha256: &Sha256| {
        let mut all = pins.iter().filter_map(|(pin, _)| pin.as_ref());
        all.any(|pin| pin.sha256 == *sha256)
    };
    let earlier = member.known.iter().filter(|sha256| !is_pinned(sha256));
    KnownInstance {
        id: member.instance_id,
        name: member.name.to_string(),
        identity: None,
        started: None,
        certificates: pinned
            .chain(earlier.map(|sha256| entry(*sha256, Standing::Earlier)))
            .collect(),
    }
}

fn member(index: usize, host: &str, role: Role, made: &Made) -> Member {
    Member {
        instance_id: Uuid::from_u128(index as u128 + 1),
        name: RegistrationName::parse(host).unwrap(),
        role,
        address: Address {
            host: format!("{}.corp", host.to_lowercase()),
            port: Some(1433),
            instance_name: None,
        },
        peer_name: ObjectName::parse(host).unwrap(),
        naming: Naming::default(),
        transport: Transport::Binary,
        tls_verified: true,
        pinned_identity: None,
        current: Some(made.uploaded()),
        next: None,
        known: vec![made.sha256()],
        needed_roles: NeededRoles::default(),
        expected_endpoint_port: None,
    }
}

/// The trust on `acceptor` from `peer`.
pub fn trust<'p>(plan: &'p Plan, acceptor: usize, peer: &str) -> &'p TrustPlan {
    plan.instances[acceptor]
        .trusts
        .iter()
        .find(|t| t.peer == peer)
        .unwrap()
}

pub fn kinds(trust: &TrustPlan) -> Vec<&'static str> {
    trust.actions.iter().map(Action::kind).collect()
}

pub fn find(plan: &Plan, code: Code) -> Vec<&Finding> {
    plan.findings.iter().filter(|f| f.code == code).collect()
}

/// The one finding of that code; it says something, and weighs what is expected.
pub fn only(plan: &Plan, code: Code, severity: Severity) -> Finding {
    let all = find(plan, code);
    assert_eq!(all.len(), 1, "{code:?} in {:#?}", plan.findings);
    let finding = all[0];
    assert_eq!(finding.severity, severity, "{finding:#?}");
    for text in [&finding.found, &finding.wanted, &finding.remedy] {
        assert!(!text.is_empty(), "{finding:#?}");
    }
    finding.clone()
}
