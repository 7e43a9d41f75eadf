//! Steps: one read or action of one attempt, as people and audits see it. A record, never a program counter.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::failure::SqlError;
use crate::domain::words::words;

/// How a step ended.
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
pub enum StepOutcome {
    Done,
    Failed,
    /// It ran, and the batch's transaction was rolled back after it.
    RolledBack,
    /// An earlier action of its batch failed.
    NotReached,
    /// The link was lost; the next observation decides.
    Unknown,
}

words!(StepOutcome);

/// A step about to be sent: written down before the batch goes out.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStep {
    pub id: Uuid,
    pub instance_id: Uuid,
    /// The registration name at that time.
    pub instance: String,
    /// Where it is about a trust.
    pub peer: Option<String>,
    /// `observe`, `verify`, or an action's kind.
    pub kind: String,
    /// In words.
    pub summary: String,
    /// The very T-SQL; passwords are made on the server, so there is nothing to hide in it.
    pub statement: String,
    pub started_at: DateTime<Utc>,
}

/// How a step ended, to be written beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct StepEnd {
    pub id: Uuid,
    pub outcome: StepOutcome,
    pub error: Option<SqlError>,
    /// What else there is to say, such as why nothing could be sent.
    pub detail: Option<String>,
    pub ended_at: DateTime<Utc>,
}

/// A step as the history shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub id: Uuid,
    /// 1 for a job's first attempt.
    pub attempt: i32,
    /// Position in the attempt, from 1.
    pub ordinal: i32,
    pub instance_id: Uuid,
    pub instance: String,
    pub peer: Option<String>,
    pub kind: String,
    pub summary: String,
    pub statement: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// Absent while it runs.
    pub outcome: Option<StepOutcome>,
    pub error: Option<SqlError>,
    pub detail: Option<String>,
}
