//! JSON read into a tree that knows what serde's own reader forgives: duplicate members, bottomless nesting, NUL.
//!
//! No message from here repeats a value.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::http::problem::{Fault, Problem, ProblemKind};

/// Objects and arrays inside each other; the deepest documented body has 5.
const MAX_DEPTH: usize = 16;

/// A JSON value as it was written.
#[derive(Clone, PartialEq)]
pub enum Node {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// Reads one JSON document.
///
/// # Errors
/// `malformed_json` for what is no JSON; `invalid_body` for a duplicate member, too deep a nesting or a NUL, with pointer.
pub fn parse(bytes: &[u8]) -> Result<Node, Problem> {
    let found = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seed = Seed {
        place: &Place::Root,
        depth: 0,
        found: &found,
    };
    let read = seed
        .deserialize(&mut reader)
        .and_then(|node| reader.end().map(|()| node));
    match (read, found.into_inner()) {
        (_, Some(fault)) => Err(Problem::of(ProblemKind::InvalidBody, fault)),
        (Ok(node), None) => Ok(node),
        (Err(error), None) => Err(Problem::new(
            ProblemKind::MalformedJson,
            malformed(bytes, error.line(), error.column()),
        )),
    }
}

fn malformed(bytes: &[u8], line: usize, column: usize) -> String {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        "the body is empty; wanted is a JSON object".to_owned()
    } else {
        format!("the body stops being JSON at line {line}, column {column}")
    }
}

/// Where in the document we are; rendered only when there is something to say.
enum Place<'a> {
    Root,
    Member(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(parent, key) => write!(f, "{parent}/{}", escape(key)),
            Self::Item(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// A member's name as a JSON pointer's segment.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    place: &'a Place<'a>,
    depth: usize,
    found: &'a RefCell<Option<Fault>>,
}

impl Seed<'_> {
    fn refuse<E: serde::de::Error>(&self, code: &'static str, detail: String) -> E {
        *self.found.borrow_mut() = Some(Fault::new(self.place.to_string(), code, detail));
        E::custom(code)
    }

    fn check_depth<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.depth < MAX_DEPTH {
            return Ok(());
        }
        Err(self.refuse(
            "too_deep",
            format!("objects and arrays are nested more than {MAX_DEPTH} deep"),
        ))
    }

    fn text<E: serde::de::Error>(&self, text: String) -> Result<Node, E> {
        if text.contains('\0') {
            return Err(self.refuse("nul_character", "the text contains U+0000".to_owned()));
        }
        Ok(Node::Text(text))
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Node, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Signed(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Unsigned(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Node, E> {
        self.text(value.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Node, E> {
        self.text(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        self.check_depth()?;
        let mut items = Vec::new();
        loop {
            let place = Place::Item(self.place, items.len());
            let seed = Seed {
                place: &place,
                depth: self.depth + 1,
                found: self.found,
            };
            match access.next_element_seed(seed)? {
                Some(item) => items.push(item),
                None => return Ok(Node::List(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        self.check_depth()?;
        let mut members: Vec<(String, Node)> = Vec::new();
        let mut keys = std::collections::HashSet::new();
        while let Some(key) = access.next_key::<String>()? {
            let place = Place::Member(self.place, &key);
            let seed = Seed {
                place: &place,
                depth: self.depth + 1,
                found: self.found,
            };
            if key.contains('\0') {
                return Err(A::Error::custom("nul"));
            }
            if !keys.insert(key.clone()) {
                return Err(seed.refuse(
                    "duplicate_member",
                    "the member is written twice; which one counts would be anybody's guess"
                        .to_owned(),
                ));
            }
            let value = access.next_value_seed(seed)?;
            members.push((key, value));
        }
        Ok(Node::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        parse(text.as_bytes()).err().unwrap().errors()[0].clone()
    }

    #[test]
    fn duplicates_are_found_at_any_depth() {
        assert_eq!(fault(r#"{"a":1,"a":2}"#).pointer, "/a");
        assert_eq!(fault(r#"{"a":[{"b/c":1,"b/c":1}]}"#).pointer, "/a/0/b~1c");
        assert_eq!(fault(r#"{"a":1,"\u0061":2}"#).code, "duplicate_member");
    }

    #[test]
    fn nesting_has_a_bottom() {
        let deep = format!("{}{}", "[".repeat(17), "]".repeat(17));
        assert_eq!(fault(&deep).code, "too_deep");
        let fine = format!("{}{}", "[".repeat(16), "]".repeat(16));
        assert!(parse(fine.as_bytes()).is_ok());
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn nul_never_reaches_the_database() {
        assert_eq!(fault(r#"{"a":"x\u0000"}"#).code, "nul_character");
        assert!(parse(br#"{"\u0000":1}"#).is_err());
    }

    #[test]
    fn what_is_no_json_is_told_without_its_content() {
        for bad in [
            "",
            " ",
            "{",
            "hunter2",
            "{}x",
            "\"hunter2",
            "{\"a\":hunter2}",
        ] {
            let problem = parse(bad.as_bytes()).err().unwrap();
            assert_eq!(problem.kind(), ProblemKind::MalformedJson, "{bad:?}");
            assert!(!problem.line().contains("hunter2"));
        }
        assert!(parse(b"\"\xff\"").is_err());
    }
}
