//! The kinds of jobs that can be asked for on each kind of subject, as a request names them.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde::de::{Deserialize, Deserializer, Error as _};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use crate::domain::job::{JobKind, SubjectKind};

macro_rules! kind_of {
    ($(#[$doc:meta])* $name:ident, $subject:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name(pub JobKind);

        impl $name {
            fn words() -> &'static [&'static str] {
                static WORDS: LazyLock<Vec<&str>> =
                    LazyLock::new(|| JobKind::on($subject).map(JobKind::as_str).collect());
                &WORDS
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let word = String::deserialize(from)?;
                let kind = JobKind::on($subject).find(|kind| kind.as_str() == word);
                kind.map(Self)
                    .ok_or_else(|| D::Error::unknown_variant(&word, Self::words()))
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .enum_values(Some(Self::words().iter().copied()))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

kind_of!(
    /// What can be asked for on a pair.
    PairJobKind,
    SubjectKind::Pair
);
kind_of!(
    /// What can be asked for on an instance.
    InstanceJobKind,
    SubjectKind::Instance
);
