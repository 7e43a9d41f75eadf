//! Trusts as the status of pairs and instances shows them: what was last seen, unless what it was seen with has changed.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::domain::trust::{AdmitReason, Admits, Configured, InPlace, ObservedWith, Proof};
use crate::http::problem::Problem;
use crate::http::text::{Tabular, maybe_moment, moment, table};
use crate::store::Conn;
use crate::store::peers::{self, Party};
use crate::store::trusts::{self, Couple, SeenTrust};

/// One trust: on an acceptor, from a peer.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct TrustView {
    /// The instance that lets in.
    #[schema(example = "HOST_A")]
    pub on: String,
    /// The instance that is let in.
    #[schema(example = "HOST_B")]
    pub from: String,
    /// `unknown` when nobody has looked since a pin or a registration changed.
    pub configured: Configured,
    /// Whether the acceptor would let the peer in at its next handshake, as far as both sides tell.
    pub admits: Admits,
    /// Why not `yes`; empty for `yes`, and when nobody has looked.
    pub admits_reasons: Vec<AdmitReason>,
    /// When a `yes` ends by itself: the first end of a certificate it stands on.
    #[schema(required)]
    pub lapses_at: Option<DateTime<Utc>>,
    /// Whether the peer was seen logged in by that certificate. Configured is not proven.
    pub proof: Proof,
    /// The certificate that lets the peer in.
    #[schema(required)]
    pub certificate: Option<TrustCertificateView>,
    /// The peer's certificate uploaded as `next`; null where there is none.
    #[schema(required)]
    pub next: Option<NextView>,
    /// When a job last looked.
    #[schema(required)]
    pub checked_at: Option<DateTime<Utc>>,
    /// The job that looked.
    #[schema(required)]
    pub job: Option<Uuid>,
}

#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct TrustCertificateView {
    #[schema(required)]
    pub sha256: Option<String>,
    /// SHA-1, as SQL Server shows it.
    #[schema(required)]
    pub thumbprint: Option<String>,
}

/// The peer's next certificate on the acceptor.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct NextView {
    pub sha256: String,
    /// Whether the acceptor would let the peer in by it, once its endpoint uses it. `unknown` when nobody has looked since a
    /// pin or a registration changed.
    pub in_place: InPlace,
}

/// What trusts are shown from: what they stand on, and what was seen.
#[derive(Default)]
pub struct TrustStatuses {
    parties: HashMap<Uuid, Party>,
    seen: HashMap<(Uuid, Uuid), SeenTrust>,
}

impl TrustStatuses {
    /// Loads what is known about these trusts and about these instances, however many, in two reads.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn load(
        conn: &mut Conn,
        instances: BTreeSet<Uuid>,
        trusts: BTreeSet<Couple>,
    ) -> Result<Self, Problem> {
        let couples: Vec<Couple> = trusts.into_iter().collect();
        let seen = trusts::these(conn, &couples).await?;
        let of = couples.into_iter().flat_map(|(on, from)| [on, from]);
        let ids: BTreeSet<Uuid> = of.chain(instances).collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let parties = peers::parties(conn, &ids).await?;
        Ok(Self {
            parties: parties.into_iter().map(|party| (party.id, party)).collect(),
            seen: seen
                .into_iter()
                .map(|s| ((s.status.acceptor, s.status.peer), s))
                .collect(),
        })
    }

    /// Those of these instances that were loaded, by their names.
    #[must_use]
    pub fn by_name(&self, instances: &[Uuid]) -> Vec<Uuid> {
        let known = instances.iter().filter_map(|id| self.parties.get(id));
        let mut named: Vec<(String, Uuid)> = known.map(|p| (p.name.key(), p.id)).collect();
        named.sort_unstable();
        named.into_iter().map(|(_, id)| id).collect()
    }

    /// The trust on `acceptor` from `peer`; `None` when one of them was not loaded.
    #[must_use]
    pub fn view(&self, acceptor: Uuid, peer: Uuid) -> Option<TrustView> {
        let (on, from) = (self.parties.get(&acceptor)?, self.parties.get(&peer)?);
        let basis = ObservedWith {
            acceptor_revision: on.revision,
            peer_revision: from.revision,
            current: from.pins.current,
            next: from.pins.next,
        };
        let seen = self.seen.get(&(acceptor, peer));
        let fresh = seen.filter(|s| s.basis == basis.text());
        let admission = fresh.map(|s| s.status.admits.clone()).unwrap_or_default();
        Some(TrustView {
            on: on.name.to_string(),
            from: from.name.to_string(),
            configured: fresh.map_or(Configured::Unknown, |s| s.status.configured),
            admits: admission.verdict,
            admits_reasons: admission.reasons,
            lapses_at: admission.lapses_at,
            proof: fresh.map_or(Proof::Unknown, |s| s.status.proof),
            certificate: fresh
                .filter(|s| s.status.sha256.is_some() || s.status.thumbprint.is_some())
                .map(|s| TrustCertificateView {
                    sha256: s.status.sha256.map(|h| h.to_string()),
                    thumbprint: s.status.thumbprint.map(|t| t.to_string()),
                }),
            next: from.pins.next.map(|sha256| NextView {
                sha256: sha256.to_string(),
                in_place: fresh
                    .and_then(|s| s.status.next)
                    .map_or(InPlace::Unknown, |next| next.in_place),
            }),
            checked_at: seen.map(|s| s.status.checked_at),
            job: seen.map(|s| s.status.job),
        })
    }

    /// The pins of a loaded instance: `current`, `next`.
    #[must_use]
    pub fn pins(&self, id: Uuid) -> (Option<String>, Option<String>) {
        let text = |hash: Option<crate::domain::hash::Sha256>| hash.map(|h| h.to_string());
        self.parties
            .get(&id)
            .map_or((None, None), |m| (text(m.pins.current), text(m.pins.next)))
    }
}

impl Tabular for TrustView {
    const COLUMNS: &'static [&'static str] = &[
        "ON",
        "FROM",
        "CONFIGURED",
        "ADMITS",
        "PROOF",
        "NEXT",
        "CERTIFICATE",
        "CHECKED",
    ];

    fn cells(&self) -> Vec<String> {
        let certificate = self.certificate.as_ref();
        let next = self.next.as_ref().map_or("", |next| match next.in_place {
            InPlace::Yes => "in place",
            InPlace::No => "missing",
            InPlace::Unknown => "unknown",
        });
        vec![
            self.on.clone(),
            self.from.clone(),
            self.configured.as_str().to_owned(),
            self.admits.as_str().to_owned(),
            match self.proof {
                Proof::Proven { since: Some(since) } => format!("proven {}", moment(since)),
                proof => proof.as_str().to_owned(),
            },
            next.to_owned(),
            certificate
                .and_then(|c| c.thumbprint.clone())
                .unwrap_or_default(),
            maybe_moment(self.checked_at),
        ]
    }
}

/// Trusts as a table, with the reasons of those that are not let in below it.
#[must_use]
pub fn columns(trusts: &[TrustView]) -> String {
    let mut text = table(trusts);
    for trust in trusts {
        for reason in &trust.admits_reasons {
            let _ = writeln!(
                text,
                "on {} from {}: {}",
                trust.on, trust.from, reason.detail
            );
        }
    }
    text
}

/// `3 of 6 configured, 3 admitted, 2 proven`.
#[must_use]
pub fn summary(trusts: &[TrustView]) -> String {
    let configured = trusts
        .iter()
        .filter(|t| t.configured == Configured::Yes)
        .count();
    let proven = trusts
        .iter()
        .filter(|t| matches!(t.proof, Proof::Proven { .. }))
        .count();
    let admitted = trusts.iter().filter(|t| t.admits == Admits::Yes).count();
    format!(
        "{configured} of {} configured, {admitted} admitted, {proven} proven",
        trusts.len()
    )
}
