//! What two members must have in common: a version, an edition, the time. What they encrypt by is `encryption`.

use chrono::Duration;

use super::note::{Note, Report};
use super::scene::Scene;
use crate::domain::finding::Code;
use crate::domain::observation::{Observation, Server};
use crate::domain::pair::Role;

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    clocks(scene, report);
    let observed: Vec<_> = scene.all_observed().collect();
    for (n, (first, one, a)) in observed.iter().enumerate() {
        for (second, other, b) in &observed[n + 1..] {
            if one.role == Role::Partner && other.role == Role::Partner {
                partners(scene, (*first, &a.server), (*second, &b.server), report);
            }
        }
    }
}

/// Said about the second of the two; the first is the peer.
fn note(scene: &Scene<'_>, code: Code, first: usize, second: usize) -> Note {
    scene.note(code, second).peer(scene.name(first))
}

fn partners(
    scene: &Scene<'_>,
    (first, a): (usize, &Server),
    (second, b): (usize, &Server),
    report: &mut Report,
) {
    if a.major() != b.major() {
        report.add(
            note(scene, Code::PartnerVersionsDiffer, first, second)
                .found(format!(
                    "{} has version {}, {} has {}",
                    scene.name(first),
                    a.version,
                    scene.name(second),
                    b.version
                ))
                .wanted("the same major version on both partners")
                .remedy("Fine during a rolling upgrade; after a failover to the newer one there is no way back."),
        );
    }
    if a.engine_edition != b.engine_edition {
        report.add(
            note(scene, Code::PartnerEditionsDiffer, first, second)
                .found(format!(
                    "{} is {}, {} is {}",
                    scene.name(first),
                    a.edition,
                    scene.name(second),
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

fn clocks(scene: &Scene<'_>, report: &mut Report) {
    let limit = scene.desired.thresholds.clock_skew;
    let near: Vec<_> = scene
        .all_observed()
        .filter(|(index, _, seen)| {
            let is_near = ahead(seen).abs() <= limit;
            if !is_near {
                report.add(skew(scene, *index, ahead(seen), "mirrorgate's clock"));
            }
            is_near
        })
        .collect();
    for (n, (first, _, a)) in near.iter().enumerate() {
        for (second, _, b) in &near[n + 1..] {
            let apart = ahead(b) - ahead(a);
            if apart.abs() > limit {
                let whose = format!("{}'s clock", scene.name(*first));
                report.add(skew(scene, *second, apart, &whose).peer(scene.name(*first)));
            }
        }
    }
}

fn skew(scene: &Scene<'_>, index: usize, by: Duration, against: &str) -> Note {
    let direction = if by < Duration::zero() {
        "behind"
    } else {
        "ahead of"
    };
    scene
        .note(Code::ClockSkew, index)
        .found(format!(
            "its clock is {} s {direction} {against}",
            by.num_seconds().abs()
        ))
        .wanted(format!(
            "at most {} s between two clocks",
            scene.desired.thresholds.clock_skew.num_seconds()
        ))
        .remedy("Put the clocks right: a certificate may be expired or not yet valid by one of them alone.")
}
