//! What every registration has around its spec, and what a declaration (PUT) makes of the one that is there.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

use super::name::{NamedRef, RegistrationName};

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

impl<S> Registered<S> {
    /// How others refer to it.
    #[must_use]
    pub fn named(&self) -> NamedRef {
        NamedRef {
            id: self.id,
            name: self.name.clone(),
        }
    }
}

/// What a registration is declared to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted<S> {
    pub spec: S,
    pub labels: Labels,
    /// Something is wanted otherwise that no spec shows, such as a password.
    pub is_secret_changed: bool,
}

impl<S> Wanted<S> {
    #[must_use]
    pub fn new(spec: S, labels: Labels) -> Self {
        Self {
            spec,
            labels,
            is_secret_changed: false,
        }
    }

    #[must_use]
    pub fn with_secret_changed(self, is_secret_changed: bool) -> Self {
        Self {
            is_secret_changed,
            ..self
        }
    }
}

/// What a declaration comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Declared<S> {
    /// There was none: revision 1.
    Created(Registered<S>),
    /// It was something else: the next revision, under the name as it was first spelt.
    Changed(Registered<S>),
    /// It was this already: nothing is to be written.
    Unchanged(Registered<S>),
}

impl<S: PartialEq> Declared<S> {
    /// The rule of PUT. `name` and `id` are for one that is not there yet; `now` is taken to the microsecond, which is what
    /// the store keeps.
    #[must_use]
    pub fn of(
        current: Option<Registered<S>>,
        wanted: Wanted<S>,
        (name, id): (RegistrationName, Uuid),
        now: DateTime<Utc>,
    ) -> Self {
        let now = now.trunc_subsecs(6);
        let Wanted {
            spec,
            labels,
            is_secret_changed,
        } = wanted;
        match current {
            None => Self::Created(Registered {
                id,
                name,
                labels,
                revision: 1,
                status_version: 1,
                created_at: now,
                updated_at: now,
                spec,
            }),
            Some(same) if !is_secret_changed && same.spec == spec && same.labels == labels => {
                Self::Unchanged(same)
            }
            Some(current) => Self::Changed(Registered {
                labels,
                spec,
                revision: current.revision + 1,
                updated_at: now,
                ..current
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn declare(
        current: Option<Registered<u8>>,
        spec: u8,
        label: &str,
        secret: bool,
    ) -> Declared<u8> {
        let labels = Labels::from([("env".to_owned(), label.to_owned())]);
        let wanted = Wanted::new(spec, labels).with_secret_changed(secret);
        let second = if current.is_none() { 1 } else { 2 };
        let now = Utc.timestamp_opt(second, 123_456_789).unwrap();
        let name = RegistrationName::parse("ERP").unwrap();
        Declared::of(current, wanted, (name, Uuid::from_u128(7)), now)
    }

    fn created() -> Registered<u8> {
        match declare(None, 5, "prod", false) {
            Declared::Created(new) => new,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_there_is_created_to_the_microsecond() {
        let new = created();
        assert_eq!((new.revision, new.status_version, new.spec), (1, 1, 5));
        assert_eq!(new.created_at, new.updated_at);
        assert_eq!(new.created_at.timestamp_subsec_nanos(), 123_456_000);
    }

    #[test]
    fn the_same_again_is_no_change() {
        let declared = declare(Some(created()), 5, "prod", false);
        assert_eq!(declared, Declared::Unchanged(created()));
    }

    #[test]
    fn another_spec_label_or_secret_is_the_next_revision_of_the_same_object() {
        for (spec, label, secret) in [(6, "prod", false), (5, "test", false), (5, "prod", true)] {
            let mut current = created();
            current.name = RegistrationName::parse("Erp").unwrap();
            current.status_version = 4;
            let Declared::Changed(changed) = declare(Some(current.clone()), spec, label, secret)
            else {
                panic!("unchanged");
            };
            assert_eq!((changed.revision, changed.status_version), (2, 4));
            assert_eq!((changed.id, &changed.name), (current.id, &current.name));
            assert_eq!(changed.created_at, current.created_at);
            assert!(changed.updated_at > current.updated_at);
            assert_eq!(
                (changed.spec, changed.labels["env"].as_str()),
                (spec, label)
            );
        }
    }
}
