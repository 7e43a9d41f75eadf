//! A job as people read it on one screen: its state, what was planned where, what stands in the way, and the remedies.

use std::fmt::Write as _;

use super::plan_view::SummaryView;
use crate::domain::finding::{Finding, Severity};
use crate::domain::job::{Flow, Job, JobState, Subject};
use crate::domain::plan::{InstancePlan, Plan};
use crate::http::text::{is_shown_as_it_is, lines, maybe_moment, moment, one_line};

mod trust;

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
        "asked {}   started {}   finished {}   {}",
        moment(job.created_at),
        or_dash(maybe_moment(job.started_at)),
        or_dash(maybe_moment(job.finished_at)),
        attempts(job)
    );
    if let Some(reference) = &job.options.change_ref {
        let _ = writeln!(out, "change {}", one_line(reference));
    }
    if let Some(deadline) = job.options.deadline {
        let _ = writeln!(out, "deadline {}", moment(deadline.moment()));
    }
    if let Some((code, detail)) = &job.failure {
        let _ = writeln!(out, "{}", one_line(&failure(code.as_str(), detail)));
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

/// A failure's code and what is said of it; where that begins with the code, once.
#[must_use]
pub fn failure(code: &str, detail: &str) -> String {
    match detail.strip_prefix(code) {
        Some(rest) if !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') => {
            detail.to_owned()
        }
        _ => format!("{code}: {detail}"),
    }
}

/// Steps are numbered by all that were begun; what was handed back does not count.
fn attempts(job: &Job) -> String {
    match job.attempts_begun - job.attempts {
        0 => format!("attempts {}", job.attempts),
        back => format!(
            "attempts {} (begun {}, handed back {back})",
            job.attempts, job.attempts_begun
        ),
    }
}

fn or_dash(text: String) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}

fn plan_line(job: &Job, plan: &Plan) -> String {
    if job.kind.flow() == Flow::Inspect {
        return format!("{}   as it was found", subject(job));
    }
    let sum = SummaryView::of(plan);
    // The plan is the one that was acted on; what came of it is the job's end.
    if has_acted(job, plan) && job.state == JobState::Succeeded {
        return format!(
            "{}   plan {}   {} trusts: all configured, {} of them by this job",
            subject(job),
            plan.plan_hash.short(),
            sum.trusts,
            sum.trusts - sum.configured
        );
    }
    let when = match has_acted(job, plan) && job.state.has_ended() {
        true => "when planned ",
        false => "",
    };
    let mut parts = vec![format!("{when}{} configured", sum.configured)];
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
        (sum.left_out, "left out"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    format!(
        "{}   plan {}   {} trusts: {}{}",
        subject(job),
        plan.plan_hash.short(),
        sum.trusts,
        parts.join(", "),
        consequence(job, plan)
    )
}

/// It was let change something, and something was to be changed.
fn has_acted(job: &Job, plan: &Plan) -> bool {
    job.kind.may_change(&job.options) && plan.has_changes() && !plan.is_blocked()
}

fn consequence(job: &Job, plan: &Plan) -> &'static str {
    let changing = job.kind.flow() == Flow::Configure;
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
        (_, false, false, true) => "",
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
    for line in uses(instance) {
        let _ = writeln!(out, "  {line}");
    }
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
            one_line(&trust::line(trust))
        );
    }
    out
}

/// Who an inspection found it to be registered with.
fn uses(instance: &InstancePlan) -> Vec<String> {
    let list = |names: &[String]| match names.is_empty() {
        true => "nobody".to_owned(),
        false => names.join(", "),
    };
    match instance.used_by.as_deref() {
        None => Vec::new(),
        Some([]) => vec!["named by no pair".to_owned()],
        Some(uses) => uses
            .iter()
            .map(|u| {
                format!(
                    "pair {} has it as {}: lets in {}; is let in by {}",
                    u.pair,
                    u.role.as_str(),
                    list(&u.lets_in),
                    list(&u.let_in_by)
                )
            })
            .collect(),
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
        if scripts.iter().any(|(_, tsql)| !is_shown_as_it_is(tsql)) {
            let _ = writeln!(
                out,
                "-- names in it have characters that are not seen, shown as \\u{{…}} here; take it from remedy_tsql of the JSON"
            );
        }
        for (finding, tsql) in scripts {
            let _ = writeln!(out, "-- {}\n{}\nGO", finding.code.as_str(), tsql.trim_end());
        }
    }
    out
}
