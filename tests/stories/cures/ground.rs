//! A fleet whose advice is followed: looked at over TDS, planned, and every printed cure run as printed, where it says.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use mirrorgate::domain::certificate::Certificate;
use mirrorgate::domain::clock::Clock;
use mirrorgate::domain::desired_state::{DesiredState, IfEndpointInUse, Member, Thresholds};
use mirrorgate::domain::estate::{Estate, KnownCertificate, KnownInstance, Mark, Standing};
use mirrorgate::domain::finding::{Code, Finding};
use mirrorgate::domain::identity::ServerIdentity;
use mirrorgate::domain::pair::Role;
use mirrorgate::domain::plan::Plan;
use mirrorgate::plan::{ObservedMember, certificate_bytes, plan, questions};
use mirrorgate::sqlserver::{PoolSettings, Pools, Target};
use mirrorgate::tsql::{apply, cure, observe, script};
use sqlserver_sim::protocol::Value;
use sqlserver_sim::{Fleet, Instance};

use crate::harness::{
    Sqlcmd, certificate_of, comment, host, least_privilege, member, outbound, target,
};

/// The members, and one who is none: it is let in by HOST_A, and nothing may cost it that.
pub const HOSTS: [&str; 3] = ["HOST_A", "HOST_B", "HOST_X"];
pub const MEMBERS: usize = 2;

pub struct Ground {
    fleet: Fleet,
    pub hosts: Vec<Instance>,
    pub desired: DesiredState,
    targets: Vec<Target>,
    pools: Pools,
    /// What was done so far, for a failure's message.
    pub story: Vec<String>,
}

/// How following the advice ended.
#[derive(Debug)]
pub enum End {
    Green,
    /// Only words are left: these.
    Words(Vec<Finding>),
}

impl Ground {
    /// HOST_A and HOST_B as partners with their pins, and HOST_X, whom nothing is registered about. `sa` asks.
    pub async fn new() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let fleet = Fleet::new().unwrap();
        let mut hosts = Vec::new();
        for name in HOSTS {
            let mut spec = host(name);
            spec.shared_keys = true;
            let instance = fleet.start(spec).await.unwrap();
            outbound(&instance, name).await;
            hosts.push(instance);
        }
        let targets = (0..MEMBERS).map(|i| target(&fleet, &hosts[i])).collect();
        let members: Vec<Member> = hosts[..MEMBERS]
            .iter()
            .map(|instance| member(instance, Role::Partner))
            .collect();
        Self {
            desired: DesiredState {
                trusts: DesiredState::full_mesh(members.len()),
                members,
                operating_mode: None,
                inspection: None,
                estate: Estate::default(),
                if_endpoint_in_use: IfEndpointInUse::Refuse,
                partial: false,
                thresholds: Thresholds::default(),
            },
            fleet,
            hosts,
            targets,
            pools: Pools::new(PoolSettings::default()),
            story: Vec::new(),
        }
    }

    /// From now on mirrorgate is a login with no more than it needs.
    pub async fn with_least_privilege(&mut self) {
        let members = self.hosts.iter().zip(&mut self.targets);
        least_privilege(members).await;
    }

    /// HOST_X is let in by HOST_A, by a chain nobody registered.
    pub async fn let_the_stranger_in(&mut self) {
        let der = hex::encode(certificate_of(&self.hosts[2]));
        for sql in [
            "CREATE LOGIN [xl] WITH PASSWORD = N'Chosen-by-hand-1'".to_owned(),
            "CREATE USER [xu] FOR LOGIN [xl]".to_owned(),
            format!("CREATE CERTIFICATE [xc] AUTHORIZATION [xu] FROM BINARY = 0x{der}"),
            "GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO [xl]".to_owned(),
        ] {
            self.hosts[0].exec(&sql).await.unwrap();
        }
    }

    /// Runs it on the host, with `{A}`, `{B}` and `{X}` as the hosts' endpoint certificates.
    pub async fn run(&mut self, host: usize, sql: &str) -> Result<(), String> {
        let mut text = sql.to_owned();
        for (mark, instance) in ["{A}", "{B}", "{X}"].into_iter().zip(&self.hosts) {
            if text.contains(mark) {
                text = text.replace(mark, &hex::encode(certificate_of(instance)));
            }
        }
        self.story.push(format!("on {}: {sql}", HOSTS[host]));
        let done = self.hosts[host].exec(&text).await;
        done.map(|_| ()).map_err(|errors| format!("{errors:?}"))
    }

    pub fn has_endpoint(&self, host: usize) -> bool {
        self.hosts[host].endpoint_certificate_der().is_some()
    }

    pub fn move_clocks(&mut self, by: Duration) {
        self.story.push(format!("clocks by {} days", by.num_days()));
        for instance in &self.hosts {
            instance.set_clock_offset(by);
        }
    }

    /// Who is let in by whom now, over all ordered pairs.
    pub fn accepted(&self) -> BTreeSet<(&'static str, &'static str)> {
        let all = 0..HOSTS.len();
        all.clone()
            .flat_map(|to| all.clone().map(move |from| (to, from)))
            .filter(|(to, from)| to != from)
            .filter(|(to, from)| {
                let (from, to) = (&self.hosts[*from], &self.hosts[*to]);
                self.fleet.handshake(from, to).is_ok()
            })
            .map(|(to, from)| (HOSTS[to], HOSTS[from]))
            .collect()
    }

    async fn seen(&self) -> Vec<ObservedMember> {
        let mut all = Vec::new();
        for member in 0..MEMBERS {
            let asked = questions(&self.desired, member, &BTreeMap::new()).unwrap();
            let batch = observe::observe(comment(), &asked);
            let target = &self.targets[member];
            let seen = self
                .pools
                .observe(target, &batch, &asked, &Clock::System)
                .await;
            all.push(match seen {
                Ok(observation) => ObservedMember::Answered(Box::new(observation)),
                Err(failure) => ObservedMember::Failed(failure),
            });
        }
        all
    }

    /// The desired state, with what the registrations of the members know by now.
    fn desired(&self) -> DesiredState {
        let mut desired = self.desired.clone();
        desired.estate.instances = self.desired.members.iter().map(known).collect();
        desired
    }

    /// What a dry run says.
    pub async fn dry_run(&self) -> Plan {
        let mut plan = plan(&self.desired(), &self.seen().await, Clock::System.now());
        cure::fill_in(&mut plan);
        plan
    }

    /// What `configure-inbound` would do: on the first member as workers send it, on the others as people run it.
    async fn configure(&mut self) {
        let seen = self.seen().await;
        let plan = plan(&self.desired(), &seen, Clock::System.now());
        let bytes = certificate_bytes(&self.desired, &seen);
        self.story.push("configure-inbound".to_owned());
        let batches = apply::batches(comment(), &plan, &bytes).unwrap();
        if let Some(batch) = &batches[0] {
            let result = self.pools.apply(&self.targets[0], batch, || true).await;
            assert_eq!(result.failure, None, "{}\n{}", batch.text(), self.told());
        }
        let servers: Vec<_> = seen.iter().map(server).collect();
        let script = script::script(comment(), &plan, &servers, &batches);
        for (member, part) in script.parts.iter().enumerate().skip(1) {
            let text = part.alone().unwrap();
            let login = &self.targets[member].log_in.user;
            let ended = Sqlcmd::strict(&self.hosts[member], login).run(&text).await;
            assert_eq!(ended.status, 0, "{ended:?}\n{text}\n{}", self.told());
        }
    }

    /// Runs what the finding prints, where it says, and uploads what that shows for uploading.
    async fn carry_out(&mut self, finding: &Finding, text: &str) {
        let at = HOSTS
            .iter()
            .position(|name| *name == finding.instance)
            .unwrap();
        self.story.push(format!(
            "cure of {} on {}:\n{text}",
            finding.code.as_str(),
            HOSTS[at]
        ));
        let done = self.hosts[at].run(text).await;
        assert_eq!(
            done.errors(),
            [],
            "the cure cannot be carried out: {}",
            self.told()
        );
        for set in done.sets {
            let Some(column) = set.columns.iter().position(|c| c.name == "der") else {
                continue;
            };
            let Value::Binary(der) = &set.rows[0][column] else {
                panic!("no bytes to upload: {}", self.told());
            };
            let next = Certificate::from_der(der).unwrap();
            self.story.push(format!("upload for {} as next", HOSTS[at]));
            self.desired.members[at].known.push(next.sha256);
            self.desired.members[at].next = Some(next);
        }
    }

    /// What only words advise and a caller of mirrorgate can do: the upload of the certificate that is in use.
    fn by_hand(&mut self, finding: &Finding) -> bool {
        if finding.code != Code::PinnedCertificateNotInUse {
            return false;
        }
        let at = HOSTS
            .iter()
            .position(|name| *name == finding.instance)
            .unwrap();
        let used = Certificate::from_der(&certificate_of(&self.hosts[at])).unwrap();
        self.story
            .push(format!("upload for {} as current", HOSTS[at]));
        self.desired.members[at].known.push(used.sha256);
        self.desired.members[at].current = Some(used);
        true
    }

    /// Follows the advice to its end. After every step: nobody has lost by it, and the world has moved.
    pub async fn follow(&mut self, first: Option<Code>) -> End {
        let mut before = self.accepted();
        let mut plan = self.dry_run().await;
        for _ in 0..24 {
            let mut cures = plan.findings.iter().filter(|f| f.remedy_tsql.is_some());
            let chosen = cures
                .clone()
                .find(|f| first.is_none_or(|code| f.code == code))
                .or_else(|| cures.next())
                .cloned();
            let words = plan.findings.clone();
            if let Some(finding) = chosen {
                let text = finding.remedy_tsql.clone().unwrap();
                self.carry_out(&finding, &text).await;
            } else if plan.has_changes() && !plan.is_blocked() {
                self.configure().await;
            } else if !words.iter().any(|f| self.by_hand(f)) {
                return self.end(plan);
            }
            let now = self.accepted();
            let lost: Vec<_> = before.difference(&now).collect();
            assert!(lost.is_empty(), "{lost:?} lost by it: {}", self.told());
            let then = self.dry_run().await;
            assert_ne!(then, plan, "nothing has moved: {}", self.told());
            (before, plan) = (now, then);
        }
        panic!("the advice has no end: {}", self.told());
    }

    fn end(&self, plan: Plan) -> End {
        if plan.has_blockers() || plan.has_changes() {
            return End::Words(plan.findings);
        }
        let now = self.accepted();
        for pair in [("HOST_A", "HOST_B"), ("HOST_B", "HOST_A")] {
            assert!(
                now.contains(&pair),
                "green, but {pair:?} is refused: {plan:#?}\n{}",
                self.told()
            );
        }
        End::Green
    }

    pub fn told(&self) -> String {
        format!("\n{}", self.story.join("\n"))
    }
}

fn server(seen: &ObservedMember) -> Option<&ServerIdentity> {
    match seen {
        ObservedMember::Answered(observation) => Some(&observation.server.identity),
        ObservedMember::Failed(_) => None,
    }
}

fn known(member: &Member) -> KnownInstance {
    let is = |pin: &Option<Certificate>, sha256| pin.as_ref().is_some_and(|c| c.sha256 == sha256);
    let standing = |sha256| {
        if is(&member.current, sha256) {
            Standing::Current
        } else if is(&member.next, sha256) {
            Standing::Next
        } else {
            Standing::Earlier
        }
    };
    let certificates = member.known.iter().map(|sha256| KnownCertificate {
        mark: Mark {
            sha256: Some(*sha256),
            thumbprint: None,
        },
        standing: standing(*sha256),
    });
    KnownInstance {
        id: member.instance_id,
        name: member.name.to_string(),
        identity: None,
        started: None,
        certificates: certificates.collect(),
    }
}
