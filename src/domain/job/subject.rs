//! What a job works on.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::domain::name::NamedRef;
use crate::domain::words::words;

/// The kinds of things that jobs work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum SubjectKind {
    Pair,
    Instance,
}

words!(SubjectKind);

impl SubjectKind {
    #[must_use]
    pub fn of(self, named: NamedRef) -> Subject {
        match self {
            Self::Pair => Subject::Pair(named),
            Self::Instance => Subject::Instance(named),
        }
    }
}

/// One of them, by the name it had when the job was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Pair(NamedRef),
    Instance(NamedRef),
}

impl Subject {
    #[must_use]
    pub fn named(&self) -> &NamedRef {
        match self {
            Self::Pair(named) | Self::Instance(named) => named,
        }
    }

    #[must_use]
    pub fn kind(&self) -> SubjectKind {
        match self {
            Self::Pair(_) => SubjectKind::Pair,
            Self::Instance(_) => SubjectKind::Instance,
        }
    }
}
