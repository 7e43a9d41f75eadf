//! A job as people read it on one screen: its state, what was planned where, what stands in the way, and the remedies.

use std::fmt::Write as _;

use super::plan_view::SummaryView;
use crate::domain::action::Action;
use crate::domain::finding::{Finding, Severity};
use crate::domain::hash::Thumbprint;
use crate::domain::job::{Job, JobKind, JobState, Subject};
use crate::domain::plan::{InstancePlan, Plan, TrustPlan};
use crate::domain::trust::{Admission, Admits, Configured, Proof};
use crate::http::text::{lines, maybe_moment, moment, one_line};

/// What no observation can tell.
const NOT_CHECKED: &str = "TCP between the endpoints; FIPS mode; what DDL triggers would do";

/// The answer to a request for a job; it may have got one that was open already.
#[must_use]
pub fn answer(of: &Job, deduplicated: bool) -> String {
    match deduplicated {
        true => format!(
            "the same was asked for before, and is under way:\n{}",
            job(of)
        ),
        false => job(of),
    }
}

/// The whole job as text.
#[must_use]
pub fn job(job: &Job) -> String {
    let mut out = head(job);
    if let Some(plan) = &job.plan {
        let _ = writeln!(out, "\n{}", plan_line(job, plan));
        for instance in &plan.instances {
            out.push_str(&instance_lines(instance));
        }
        out.push_str(&findings(plan));
        if job.options.dry_run && plan.has_changes() && !plan.is_blocked() {
            let _ = writeln!(out, "to approve   \"only_if_plan\": \"{}\"", plan.plan_hash);
        }
        let _ = writeln!(out, "not checked  {NOT_CHECKED}");
        out.push_str(&remedies(plan));
    }
    lines(&out)
}

fn subject(job: &Job) -> String {
    match &job.subject {
        Subject::Pair(named) => format!("pair {}", named.name),
        Subject::Instance(named) => format!("instance {}", named.name),
    }
}

fn head(job: &Job) -> String {
    let dry = if job.options.dry_run {
        " (dry run)"
    } else {
        ""
    };
    let mut out = format!(
        "job {}   {}{dry} on {}   {}\n",
        job.id,
        job.kind.as_str(),
        subject(job),
        job.state.as_str()
    );
    let _ = writeln!(
        out,
        "asked {}   started {}   finished {}   attempts {}",
        moment(job.created_at),
        or_dash(maybe_moment(job.started_at)),
        or_dash(maybe_moment(job.finished_at)),
        job.attempts
    );
    if let Some(reference) = &job.options.change_ref {
        let _ = writeln!(out, "change {}", one_line(reference));
    }
    if let Some((code, detail)) = &job.failure {
        let _ = writeln!(out, "{}: {}", code.as_str(), one_line(detail));
    }
    if let Some(at) = job.cancel_requested_at {
        let _ = writeln!(out, "asked to be cancelled {}", moment(at));
    }
    if let (JobState::Queued, Some(at)) = (job.state, job.next_attempt_at) {
        let last = job.last_problem.as_deref().unwrap_or("not begun yet");
        let _ = writeln!(out, "next attempt {}   ({})", moment(at), one_line(last));
    }
    out
}

fn or_dash(text: String) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}

fn plan_line(job: &Job, plan: &Plan) -> String {
    let sum = SummaryView::of(plan);
    let mut parts = vec![format!("{} configured", sum.configured)];
    for (count, word) in [
        (sum.to_do, "to do"),
        (
            sum.conflicts,
            if sum.conflicts == 1 {
                "conflict"
            } else {
                "conflicts"
            },
        ),
        (sum.unknown, "unknown"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    format!(
        "{}   plan {}   {} trusts: {}{}",
        subject(job),
        plan.plan_hash.get(..12).unwrap_or(&plan.plan_hash),
        sum.trusts,
        parts.join(", "),
        consequence(job, plan)
    )
}

fn consequence(job: &Job, plan: &Plan) -> &'static str {
    let changing = job.kind == JobKind::ConfigureInbound;
    match (
        changing,
        job.options.dry_run,
        plan.is_blocked(),
        plan.has_changes(),
    ) {
        (false, ..) => "",
        (_, true, true, _) => " → nothing would be changed",
        (_, false, true, _) => " → blocked, nothing more is changed",
        (_, _, false, false) => " → nothing is left to do",
        (_, true, false, true) => " → the rest would be set up",
        (_, false, false, true) => match job.state {
            JobState::Succeeded => " → all set up",
            _ => "",
        },
    }
}

fn instance_lines(instance: &InstancePlan) -> String {
    let mut out = format!("on {}", instance.instance);
    match &instance.server {
        Some(server) => {
            let _ = write!(out, "  ({})", one_line(server));
        }
        None => out.push_str("  (not observed)"),
    }
    if let Some(endpoint) = &instance.endpoint {
        let _ = write!(out, "  {}", one_line(endpoint));
    }
    out.push('\n');
    let width = instance
        .trusts
        .iter()
        .map(|t| t.peer.chars().count())
        .max()
        .unwrap_or(0);
    for trust in &instance.trusts {
        let _ = writeln!(
            out,
            "  from {:<width$}   {}",
            trust.peer,
            one_line(&trust_line(trust))
        );
    }
    out
}

fn trust_line(trust: &TrustPlan) -> String {
    let certificate = trust.certificate.as_ref().map(|c| {
        let source = if c.pinned { "pinned" } else { "obtained" };
        format!(
            "SHA-1 {} {source}, expires {}",
            short(c.thumbprint),
            c.not_after.format("%Y-%m-%d")
        )
    });
    let mut parts: Vec<String> = match trust.configured {
        Configured::Yes => vec!["configured".to_owned()],
        Configured::No if trust.actions.is_empty() => vec!["not configured".to_owned()],
        Configured::No => Vec::new(),
        Configured::Conflict => vec!["conflict".to_owned()],
        Configured::Unknown => vec!["unknown".to_owned()],
    };
    parts.extend(trust.actions.iter().map(in_brief));
    parts.extend(certificate);
    if trust.configured == Configured::Yes {
        parts.push(proof(trust.proof));
        parts.extend(admits(&trust.admits));
    }
    parts.join("; ")
}

/// The action in as few words as a line has room for; the steps and the script tell all of it.
fn in_brief(action: &Action) -> String {
    match action {
        Action::Adopt { login, user, .. } => format!("login [{login}], user [{user}]"),
        Action::CreateUser { user, .. } => format!("create user [{user}]"),
        Action::ImportCertificate {
            certificate,
            thumbprint,
            ..
        } => format!("import {} as [{certificate}]", short(*thumbprint)),
        Action::GrantConnect { .. } => "grant CONNECT".to_owned(),
        Action::CreateLogin { .. } => action.in_words(),
    }
}

/// `9FA2…1B21`: enough to compare by eye.
fn short(thumbprint: Thumbprint) -> String {
    let text = thumbprint.to_string();
    format!("{}…{}", &text[..4], &text[36..])
}

/// Says nothing where the peer would be let in.
fn admits(admits: &Admission) -> Option<String> {
    match admits.verdict {
        Admits::Yes => None,
        Admits::No => Some(format!("would be refused: {}", admits.in_words())),
        Admits::Unknown => Some(format!("admits unknown: {}", admits.in_words())),
    }
}

fn proof(proof: Proof) -> String {
    match proof {
        Proof::Proven { since: Some(at) } => format!("proven {}", moment(at)),
        Proof::Proven { since: None } => "proven".to_owned(),
        Proof::NeverDialled => "not proven: the peer has not dialled yet".to_owned(),
        Proof::NotPermittedToSee => "proof not permitted to see".to_owned(),
        Proof::Unknown => "proof unknown".to_owned(),
    }
}

fn findings(plan: &Plan) -> String {
    let mut out = String::new();
    type Belongs = fn(&Finding) -> bool;
    let groups: [(&str, Belongs); 4] = [
        ("blockers", |f| {
            f.severity == Severity::Blocker && !f.code.is_conflict()
        }),
        ("conflicts", |f| {
            f.severity == Severity::Blocker && f.code.is_conflict()
        }),
        ("warnings", |f| f.severity == Severity::Warning),
        ("infos", |f| f.severity == Severity::Info),
    ];
    for (heading, belongs) in groups {
        let mut group = plan.findings.iter().filter(|f| belongs(f)).peekable();
        if group.peek().is_some() {
            let _ = writeln!(out, "{heading}");
        }
        for finding in group {
            out.push_str(&finding_lines(finding));
        }
    }
    out
}

fn finding_lines(finding: &Finding) -> String {
    let from = finding
        .peer
        .as_ref()
        .map_or(String::new(), |p| format!(" from {p}"));
    let mut out = format!(
        "  {} {}{from}: {}\n",
        finding.code.as_str(),
        finding.instance,
        one_line(&finding.found)
    );
    for (label, text) in [("wanted", &finding.wanted), ("remedy", &finding.remedy)] {
        if !text.is_empty() {
            let _ = writeln!(out, "    {label}: {}", one_line(text));
        }
    }
    out
}

/// The remedies as one script per instance, to be read and run by hand.
fn remedies(plan: &Plan) -> String {
    let mut out = String::new();
    for instance in &plan.instances {
        let mut scripts: Vec<(&Finding, &str)> = Vec::new();
        for finding in plan
            .findings
            .iter()
            .filter(|f| f.instance == instance.instance)
        {
            if let Some(tsql) = finding.remedy_tsql.as_deref()
                && !scripts.iter().any(|(_, other)| *other == tsql)
            {
                scripts.push((finding, tsql));
            }
        }
        if !scripts.is_empty() {
            let _ = writeln!(
                out,
                "\n-- remedies on {}, in master; read before running",
                instance.instance
            );
        }
        for (finding, tsql) in scripts {
            let _ = writeln!(out, "-- {}\n{}\nGO", finding.code.as_str(), tsql.trim_end());
        }
    }
    out
}
