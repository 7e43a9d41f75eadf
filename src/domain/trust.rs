//! The state of a trust: on an acceptor, from a peer. Stored once per (acceptor, peer), whichever pairs share it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::hash::{Sha256, Thumbprint};
use crate::domain::words::words;

/// Whether the inbound chain is there.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Configured {
    Yes,
    No,
    /// Something stands in the way; the findings name it.
    Conflict,
    /// Not looked at, or a pin or registration has changed since.
    Unknown,
}

/// Whether the peer has been seen logged in by that certificate. Configured is not proven.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
)]
#[serde(tag = "state", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Proof {
    /// A connection from the peer, logged in by the certificate, is open.
    Proven {
        since: Option<DateTime<Utc>>,
    },
    NeverDialled,
    NotPermittedToSee,
    Unknown,
}

/// Whether the acceptor would let the peer in at its next handshake, as far as both observed sides tell.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Admits {
    /// It would.
    Yes,
    /// It would be refused; the reasons say by what.
    No,
    /// Not seen, or it hangs on a point that no catalog tells or nobody has verified; the reasons name it.
    #[default]
    Unknown,
}

/// The verdict on the next handshake, with its evidence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Admission {
    pub verdict: Admits,
    /// Why not `yes`: each refusal, else each point that is not known. Empty for `yes`.
    pub reasons: Vec<AdmitReason>,
    /// When a `yes` ends by itself: the first of the certificates' ends, by the acceptor's and the peer's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapses_at: Option<DateTime<Utc>>,
}

/// One reason why a peer would not, or might not, be let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AdmitReason {
    /// Stable; the list is open.
    pub code: String,
    pub kind: AdmitReasonKind,
    /// In words, with the names found.
    pub detail: String,
}

/// What a reason says about the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdmitReasonKind {
    /// The handshake would be refused for it.
    Refuses,
    /// Not seen: a member did not answer, or the log-in may not see it.
    NotSeen,
    /// No catalog tells, or nobody has verified on a real server which way it goes. A live connection decides.
    Unverified,
}

impl Admission {
    /// Made of reasons: one that refuses decides, whatever else is unknown.
    #[must_use]
    pub fn of(reasons: Vec<AdmitReason>, lapses_at: Option<DateTime<Utc>>) -> Self {
        let refuses = |r: &AdmitReason| r.kind == AdmitReasonKind::Refuses;
        let verdict = if reasons.is_empty() {
            Admits::Yes
        } else if reasons.iter().any(refuses) {
            Admits::No
        } else {
            Admits::Unknown
        };
        Self {
            reasons: match verdict {
                Admits::No => reasons.into_iter().filter(refuses).collect(),
                Admits::Yes | Admits::Unknown => reasons,
            },
            lapses_at: lapses_at.filter(|_| verdict == Admits::Yes),
            verdict,
        }
    }

    /// Unknown for no other reason than points that no catalog tells.
    #[must_use]
    pub fn hangs_on_unverified_points(&self) -> bool {
        self.verdict == Admits::Unknown
            && !self.reasons.is_empty()
            && self
                .reasons
                .iter()
                .all(|r| r.kind == AdmitReasonKind::Unverified)
    }

    /// The reasons in one line.
    #[must_use]
    pub fn describe(&self) -> String {
        let words: Vec<&str> = self.reasons.iter().map(|r| r.detail.as_str()).collect();
        words.join("; ")
    }
}

words!(Configured);

words!(Admits);

words!(InPlace);

words!(Proof: as_str);

/// Whether the acceptor would let the peer in by a certificate, once its endpoint uses it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum InPlace {
    /// It is there, and its owner's login may connect.
    Yes,
    No,
    /// The log-in does not see everything that would tell.
    Unknown,
}

/// The peer's next certificate, as an acceptor was seen to have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextSeen {
    pub sha256: Sha256,
    pub in_place: InPlace,
}

/// What was last seen of one trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustStatus {
    pub acceptor: Uuid,
    pub peer: Uuid,
    pub configured: Configured,
    pub admits: Admission,
    pub proof: Proof,
    pub sha256: Option<Sha256>,
    pub thumbprint: Option<Thumbprint>,
    /// The peer's next certificate; absent where none is uploaded.
    pub next: Option<NextSeen>,
    /// When an attempt last looked.
    pub checked_at: DateTime<Utc>,
    /// The job that looked.
    pub job: Uuid,
}

/// What a trust was looked at with: two revisions and the peer's pins. Kept beside its status; a status seen with another
/// basis than today's says nothing about today, and reads `unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedWith {
    pub acceptor_revision: i64,
    pub peer_revision: i64,
    /// The peer's certificate uploaded as `current`.
    pub current: Option<Sha256>,
    /// The peer's certificate uploaded as `next`.
    pub next: Option<Sha256>,
}

impl ObservedWith {
    /// The stored form, compared as a whole.
    #[must_use]
    pub fn text(&self) -> String {
        let pin = |hash: &Option<Sha256>| hash.map_or_else(|| "-".to_owned(), |h| h.to_string());
        format!(
            "1 {} {} {} {}",
            self.acceptor_revision,
            self.peer_revision,
            pin(&self.current),
            pin(&self.next)
        )
    }
}

#[cfg(test)]
mod tests {
    use AdmitReasonKind::{NotSeen, Refuses, Unverified};

    use super::*;

    fn admission(kinds: &[AdmitReasonKind]) -> Admission {
        let reasons = kinds.iter().enumerate().map(|(n, kind)| AdmitReason {
            code: format!("code_{n}"),
            kind: *kind,
            detail: format!("detail {n}"),
        });
        Admission::of(reasons.collect(), Some(DateTime::UNIX_EPOCH))
    }

    #[test]
    fn one_reason_that_refuses_decides_and_only_a_yes_lapses() {
        let cases: [(&[AdmitReasonKind], Admits, usize); 5] = [
            (&[], Admits::Yes, 0),
            (&[Refuses], Admits::No, 1),
            (&[Unverified, Refuses, NotSeen], Admits::No, 1),
            (&[NotSeen, Unverified], Admits::Unknown, 2),
            (&[Unverified], Admits::Unknown, 1),
        ];
        for (kinds, verdict, told) in cases {
            let said = admission(kinds);
            assert_eq!(
                (said.verdict, said.reasons.len()),
                (verdict, told),
                "{kinds:?}"
            );
            assert_eq!(
                said.lapses_at.is_some(),
                verdict == Admits::Yes,
                "{kinds:?}"
            );
        }
    }

    /// A live connection settles those, and nothing else.
    #[test]
    fn a_verdict_hangs_on_unverified_points_only_where_there_is_no_other_reason() {
        let cases: [(&[AdmitReasonKind], bool); 6] = [
            (&[], false),
            (&[Unverified], true),
            (&[Unverified, Unverified], true),
            (&[Unverified, NotSeen], false),
            (&[NotSeen], false),
            (&[Refuses], false),
        ];
        for (kinds, hangs) in cases {
            assert_eq!(
                admission(kinds).hangs_on_unverified_points(),
                hangs,
                "{kinds:?}"
            );
        }
        // Nobody has looked.
        assert!(!Admission::default().hangs_on_unverified_points());
    }

    #[test]
    fn the_reasons_are_told_on_one_line() {
        let said = admission(&[NotSeen, Unverified]);
        assert_eq!(said.describe(), "detail 0; detail 1");
        assert_eq!(admission(&[]).describe(), "");
    }

    /// The stored form is compared as a whole, so what is another basis must be another text.
    #[test]
    fn no_two_bases_have_one_text() {
        let base = ObservedWith {
            acceptor_revision: 1,
            peer_revision: 2,
            current: Some(Sha256::of(b"current")),
            next: None,
        };
        assert_eq!(base.text(), format!("1 1 2 {} -", Sha256::of(b"current")));
        let others = [
            ObservedWith {
                acceptor_revision: 2,
                ..base
            },
            ObservedWith {
                peer_revision: 1,
                ..base
            },
            ObservedWith {
                current: None,
                ..base
            },
            ObservedWith {
                current: Some(Sha256::of(b"another")),
                ..base
            },
            ObservedWith {
                next: Some(Sha256::of(b"next")),
                ..base
            },
            ObservedWith {
                current: None,
                next: base.current,
                ..base
            },
        ];
        let texts: std::collections::BTreeSet<_> = others.iter().map(ObservedWith::text).collect();
        assert_eq!(texts.len(), others.len());
        assert!(!texts.contains(&base.text()));
    }
}
