//! A finding under construction, and all those of one plan. No rule lives here.

use chrono::{DateTime, Utc};

use crate::domain::cure::Cure;
use crate::domain::finding::{Code, Finding, Severity};

/// What a remedy says of T-SQL that is printed with it.
const AS_BELOW: &str = ", as below";

/// A finding under construction.
#[derive(Debug, Clone)]
pub(super) struct FindingBuilder {
    member: usize,
    finding: Box<Finding>,
}

impl FindingBuilder {
    pub fn new(code: Code, member: usize, instance: &str) -> Self {
        Self {
            member,
            finding: Box::new(Finding {
                code,
                severity: code.usual_severity(),
                instance: instance.to_owned(),
                peer: None,
                found: String::new(),
                wanted: String::new(),
                remedy: String::new(),
                remedy_tsql: None,
                cure: None,
            }),
        }
    }

    pub fn severity(mut self, severity: Severity) -> Self {
        self.finding.severity = severity;
        self
    }

    pub fn peer(mut self, peer: &str) -> Self {
        self.finding.peer = Some(peer.to_owned());
        self
    }

    pub fn found(mut self, text: impl Into<String>) -> Self {
        self.finding.found = text.into();
        self
    }

    pub fn wanted(mut self, text: impl Into<String>) -> Self {
        self.finding.wanted = text.into();
        self
    }

    pub fn remedy(mut self, text: impl Into<String>) -> Self {
        self.finding.remedy = text.into();
        self
    }

    pub fn cure(mut self, cure: impl Into<Option<Cure>>) -> Self {
        self.finding.cure = cure.into();
        self
    }

    /// A remedy does not point to T-SQL that is not there.
    fn finished(mut self) -> Finding {
        if self.finding.cure.is_none() {
            self.finding.remedy = self.finding.remedy.replace(AS_BELOW, "");
        }
        *self.finding
    }
}

/// All findings of one plan, in the order the rules made them.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<FindingBuilder>);

impl Findings {
    pub fn add(&mut self, finding: FindingBuilder) {
        self.0.push(finding);
    }

    pub fn extend(&mut self, more: impl IntoIterator<Item = FindingBuilder>) {
        self.0.extend(more);
    }

    /// The heaviest first, then by member; each said once.
    pub fn in_order(mut self) -> Vec<Finding> {
        self.0
            .sort_by_key(|built| (built.finding.severity, built.member));
        let mut findings: Vec<Finding> = Vec::with_capacity(self.0.len());
        for built in self.0 {
            let finding = built.finished();
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        findings
    }
}

/// A moment as findings show it.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
