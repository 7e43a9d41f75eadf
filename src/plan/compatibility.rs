//! What two members must have in common: a version, an edition, the time. What they encrypt by is `encryption`.

use chrono::Duration;

use super::context::Context;
use super::findings::{FindingBuilder, Findings};
use crate::domain::duration_words::span;
use crate::domain::finding::Code;
use crate::domain::observation::{Observation, Server};
use crate::domain::pair::Role;

pub(super) fn check(context: &Context<'_>, findings: &mut Findings) {
    clocks(context, findings);
    let observed: Vec<_> = context.all_observed().collect();
    for (n, (first, one, a)) in observed.iter().enumerate() {
        for (second, other, b) in &observed[n + 1..] {
            if one.role == Role::Partner && other.role == Role::Partner {
                partners(context, (*first, &a.server), (*second, &b.server), findings);
            }
        }
    }
}

/// Said about the second of the two; the first is the peer.
fn finding(context: &Context<'_>, code: Code, first: usize, second: usize) -> FindingBuilder {
    context.finding(code, second).peer(context.name(first))
}

fn partners(
    context: &Context<'_>,
    (first, a): (usize, &Server),
    (second, b): (usize, &Server),
    findings: &mut Findings,
) {
    if a.major() != b.major() {
        findings.add(
            finding(context, Code::PartnerVersionsDiffer, first, second)
                .found(format!(
                    "{} has version {}, {} has {}",
                    context.name(first),
                    a.version,
                    context.name(second),
                    b.version
                ))
                .wanted("the same major version on both partners")
                .remedy("Fine during a rolling upgrade; after a failover to the newer one there is no way back."),
        );
    }
    if a.engine_edition != b.engine_edition {
        findings.add(
            finding(context, Code::PartnerEditionsDiffer, first, second)
                .found(format!(
                    "{} is {}, {} is {}",
                    context.name(first),
                    a.edition,
                    context.name(second),
                    b.edition
                ))
                .wanted("the same edition on both partners")
                .remedy("Mirroring is supported between equal editions."),
        );
    }
}

/// How far a server's clock is ahead of mirrorgate's.
fn ahead(seen: &Observation) -> Duration {
    seen.server.clock - seen.observed_at
}

fn clocks(context: &Context<'_>, findings: &mut Findings) {
    let limit = context.desired.thresholds.clock_skew;
    let near: Vec<_> = context
        .all_observed()
        .filter(|(index, _, seen)| {
            let is_near = ahead(seen).abs() <= limit;
            if !is_near {
                findings.add(skew(context, *index, ahead(seen), "mirrorgate's clock"));
            }
            is_near
        })
        .collect();
    for (n, (first, _, a)) in near.iter().enumerate() {
        for (second, _, b) in &near[n + 1..] {
            let apart = ahead(b) - ahead(a);
            if apart.abs() > limit {
                let whose = format!("{}'s clock", context.name(*first));
                findings.add(skew(context, *second, apart, &whose).peer(context.name(*first)));
            }
        }
    }
}

fn skew(context: &Context<'_>, index: usize, by: Duration, against: &str) -> FindingBuilder {
    let direction = if by < Duration::zero() {
        "behind"
    } else {
        "ahead of"
    };
    // To the second as long as that tells more than it hides.
    let by = match by.abs() {
        long if long >= Duration::hours(2) => span(long),
        short => format!("{} s", short.num_seconds()),
    };
    context
        .finding(Code::ClockSkew, index)
        .found(format!("its clock is {by} {direction} {against}"))
        .wanted(format!(
            "at most {} s between two clocks",
            context.desired.thresholds.clock_skew.num_seconds()
        ))
        .remedy("Put the clocks right: a certificate may be expired or not yet valid by one of them alone.")
}
