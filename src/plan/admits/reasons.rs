//! Reasons against a yes, as they are found. No rule lives here.

use chrono::{DateTime, Utc};

use crate::domain::trust::{Admission, AdmitReason, AdmitReasonKind};

#[derive(Debug, Default)]
pub(super) struct Reasons(Vec<AdmitReason>);

impl Reasons {
    /// The handshake is refused for it; where the log-in may not see everything, that is only not seen otherwise.
    pub fn refuses(&mut self, certain: bool, code: &str, detail: String) {
        let kind = if certain {
            AdmitReasonKind::Refuses
        } else {
            AdmitReasonKind::NotSeen
        };
        self.add(kind, code, detail);
    }

    pub fn not_seen(&mut self, code: &str, detail: String) {
        self.add(AdmitReasonKind::NotSeen, code, detail);
    }

    /// No catalog tells, or nobody has verified it on a real server.
    pub fn unverified(&mut self, code: &str, detail: String) {
        self.add(AdmitReasonKind::Unverified, code, detail);
    }

    fn add(&mut self, kind: AdmitReasonKind, code: &str, detail: String) {
        self.0.push(AdmitReason {
            code: code.to_owned(),
            kind,
            detail,
        });
    }

    pub fn verdict(self, lapses_at: Option<DateTime<Utc>>) -> Admission {
        Admission::of(self.0, lapses_at)
    }
}
