//! The kinds of jobs. What a kind is stands in a file of its own, as [`Facts`]; everything else asks these.
//!
//! A kind whose attempts go through one of the flows costs that file and its line in the list.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{JobOptions, SubjectKind};
use crate::domain::words::words;

/// What a kind of job is.
#[derive(Debug)]
struct Facts {
    /// What it can be asked for on.
    subjects: &'static [SubjectKind],
    flow: Flow,
    /// The options it takes beside those that every kind takes (`reason`, `change_ref`, `deadline`).
    options: &'static [JobOption],
}

/// How an attempt goes from what was seen to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Ends when the subject was seen, whatever was found.
    Inspect,
    /// Ends by what is in place.
    Verify,
    /// Changes until nothing is missing; with `dry_run` it ends with the plan.
    Configure,
}

/// An option that only some kinds take, by its name in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum JobOption {
    DryRun,
    OnlyIfPlan,
    IfEndpointInUse,
    Partial,
    AcceptIdentity,
}

words!(JobOption);

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $file:ident,)+) => {
        $(mod $file;)+

        /// What kind of job.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[derive(IntoStaticStr, EnumString, VariantArray)]
        #[serde(rename_all = "kebab-case")]
        #[strum(serialize_all = "kebab-case")]
        pub enum JobKind {
            $($(#[$doc])* $kind,)+
        }

        impl JobKind {
            fn facts(self) -> &'static Facts {
                match self { $(Self::$kind => &$file::FACTS,)+ }
            }
        }
    };
}

kinds! {
    /// Brings every member's inbound side into the wanted state.
    ConfigureInbound = configure_inbound,
    /// Looks only; fails with `not_in_place` if anything is missing.
    VerifyInbound = verify_inbound,
    /// Observes one instance; with `accept_identity` pins a changed identity anew.
    Inspect = inspect,
}

words!(JobKind);

impl JobKind {
    /// The kinds that can be asked for on such a subject.
    pub fn on(subject: SubjectKind) -> impl Iterator<Item = Self> {
        let is_on = move |kind: &Self| kind.facts().subjects.contains(&subject);
        Self::ALL.iter().copied().filter(is_on)
    }

    #[must_use]
    pub fn flow(self) -> Flow {
        self.facts().flow
    }

    #[must_use]
    pub fn takes(self, option: JobOption) -> bool {
        self.facts().options.contains(&option)
    }

    /// Whether attempts of a job with these options may change something on an instance. Such a job holds its instances.
    #[must_use]
    pub fn may_change(self, options: &JobOptions) -> bool {
        self.flow() == Flow::Configure && !options.dry_run
    }

    /// Whether it is a person's way of asking for another try of a log-in that was refused.
    #[must_use]
    pub fn retries_refused_log_in(self) -> bool {
        self.flow() == Flow::Inspect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_on_something_and_every_option_of_some_kind() {
        for &kind in JobKind::ALL {
            assert!(!kind.facts().subjects.is_empty(), "{kind:?}");
        }
        for &option in JobOption::ALL {
            assert!(JobKind::ALL.iter().any(|k| k.takes(option)), "{option:?}");
        }
    }

    #[test]
    fn a_question_holds_no_instance() {
        let dry = JobOptions {
            dry_run: true,
            ..JobOptions::default()
        };
        for &kind in JobKind::ALL {
            assert!(!kind.may_change(&dry), "{kind:?}");
            let changes = kind.may_change(&JobOptions::default());
            assert_eq!(changes, kind.takes(JobOption::DryRun), "{kind:?}");
        }
    }

    #[test]
    fn only_a_look_that_a_person_asked_for_tries_a_refused_log_in_again() {
        for &kind in JobKind::ALL {
            let retries = kind == JobKind::Inspect;
            assert_eq!(kind.retries_refused_log_in(), retries, "{kind:?}");
        }
    }

    #[test]
    fn a_pair_is_configured_or_verified_and_an_instance_is_looked_at() {
        let on = |subject| JobKind::on(subject).collect::<Vec<_>>();
        assert_eq!(
            on(SubjectKind::Pair),
            [JobKind::ConfigureInbound, JobKind::VerifyInbound]
        );
        assert_eq!(on(SubjectKind::Instance), [JobKind::Inspect]);
    }
}
