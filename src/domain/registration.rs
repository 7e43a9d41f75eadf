//! What every registration has around its spec.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::name::RegistrationName;

/// Labels: keys and values are the caller's.
pub type Labels = BTreeMap<String, String>;

/// A registered object: its spec with the facts the store adds.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered<S> {
    pub id: Uuid,
    pub name: RegistrationName,
    pub labels: Labels,
    /// Counts changes of spec and labels, from 1.
    pub revision: i64,
    /// Counts changes of what `status` shows.
    pub status_version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub spec: S,
}
