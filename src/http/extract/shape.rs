//! From a JSON tree to a wire type. The messages are our own: serde's would repeat the value found, which may be a password.

use std::fmt::{self, Display};

use serde::Deserializer;
use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{self, Expected, IntoDeserializer, Unexpected, Visitor};

use super::tree::Node;

/// What is wrong with a value, without the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeError {
    pub code: &'static str,
    pub detail: String,
    /// The member to blame, below the place where reading stopped.
    pub member: Option<String>,
}

impl ShapeError {
    fn new(code: &'static str, detail: String) -> Self {
        Self {
            code,
            detail,
            member: None,
        }
    }
}

impl Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ShapeError {}

impl de::Error for ShapeError {
    /// The message is dropped on purpose: whoever wrote it may have quoted the value.
    fn custom<T: Display>(_: T) -> Self {
        Self::new(
            "invalid_value",
            "the value does not have the documented shape".to_owned(),
        )
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new(
            "invalid_type",
            format!("found {}, wanted {}", kind_of(&found), describe(wanted)),
        )
    }

    fn invalid_value(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new("invalid_value", format!("wanted is {}", describe(wanted)))
    }

    fn invalid_length(found: usize, wanted: &dyn Expected) -> Self {
        Self::new(
            "invalid_length",
            format!("found {found} elements, wanted {}", describe(wanted)),
        )
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::new("unknown_value", format!("wanted is {}", known.join(" or ")))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let known = match known {
            [] => "this operation takes none".to_owned(),
            known => format!("known are {}", known.join(", ")),
        };
        Self {
            code: "unknown_member",
            detail: format!("the member is not known here; {known}"),
            member: Some(field.to_owned()),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            code: "missing_member",
            detail: "the member is required".to_owned(),
            member: Some(field.to_owned()),
        }
    }
}

fn kind_of(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a number with a fraction",
        Unexpected::Str(_) | Unexpected::Char(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "an array",
        Unexpected::Map => "an object",
        _ => "something else",
    }
}

fn describe(wanted: &dyn Expected) -> String {
    match wanted.to_string().as_str() {
        "u16" => "an integer from 0 to 65535".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a map" => "an object".to_owned(),
        text if text.starts_with("struct ") => "an object".to_owned(),
        text if text.contains("enum ") => "one of the documented values".to_owned(),
        text => text.to_owned(),
    }
}

impl Node {
    fn unexpected(&self) -> Unexpected<'static> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Bool(b) => Unexpected::Bool(*b),
            Self::Signed(n) => Unexpected::Signed(*n),
            Self::Unsigned(n) => Unexpected::Unsigned(*n),
            Self::Float(n) => Unexpected::Float(*n),
            Self::Text(_) => Unexpected::Str(""),
            Self::List(_) => Unexpected::Seq,
            Self::Object(_) => Unexpected::Map,
        }
    }
}

impl<'de> IntoDeserializer<'de, ShapeError> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = ShapeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(b) => visitor.visit_bool(b),
            Self::Signed(n) => visitor.visit_i64(n),
            Self::Unsigned(n) => visitor.visit_u64(n),
            Self::Float(n) => visitor.visit_f64(n),
            Self::Text(text) => visitor.visit_string(text),
            Self::List(items) => {
                let mut items = SeqDeserializer::new(items.into_iter());
                let value = visitor.visit_seq(&mut items)?;
                items.end().map(|()| value)
            }
            Self::Object(members) => visitor.visit_map(MapDeserializer::new(members.into_iter())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        match self {
            Self::Null => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        match self {
            Self::Text(variant) => visitor.visit_enum(variant.into_deserializer()),
            Self::Object(members) if members.len() == 1 && !matches!(members[0].1, Self::Null) => {
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(
                    members.into_iter(),
                )))
            }
            other => Err(de::Error::invalid_type(
                other.unexpected(),
                &"one of the documented values",
            )),
        }
    }

    /// Objects only: serde's own structs would take a list of the members' values too, and so make their order API.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        match self {
            Self::Object(_) => self.deserialize_any(visitor),
            other => Err(de::Error::invalid_type(other.unexpected(), &"an object")),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string
        bytes byte_buf unit unit_struct seq tuple tuple_struct map
        identifier ignored_any
    }
}
