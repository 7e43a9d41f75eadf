//! Comparing values of any two types: implicit conversion, collation, trailing blanks, LIKE.

use std::cmp::Ordering;

use crate::engine::errors::Outcome;
use crate::engine::eval::convert;
use crate::engine::state::collation::Collation;
use crate::protocol::{SqlType, Value};

/// Order of two values; `None` when either is NULL.
///
/// # Errors
/// A text that cannot be converted to the other side's type.
pub fn compare(a: &Value, b: &Value, collation: &Collation) -> Outcome<Option<Ordering>> {
    use Value::{Binary, DateTime, DateTime2, Guid, Null, Text};
    Ok(Some(match (a, b) {
        (Null, _) | (_, Null) => return Ok(None),
        (Text(x), Text(y)) => collation.compare(x, y),
        (Binary(x), Binary(y)) => padded(x, y),
        (Guid(x), Guid(y)) => x.cmp(y),
        (DateTime(x) | DateTime2(x), DateTime(y) | DateTime2(y)) => x.cmp(y),
        (Text(_), other) => {
            return compare(&convert::to_type_of(a, other)?, b, collation);
        }
        (other, Text(_)) => {
            return compare(a, &convert::to_type_of(b, other)?, collation);
        }
        (Binary(_), other) if convert::number(other).is_some() => {
            let number = convert::convert(a, SqlType::VarBinary(None), SqlType::BigInt, 0)?;
            return compare(&number, b, collation);
        }
        (other, Binary(_)) if convert::number(other).is_some() => {
            let number = convert::convert(b, SqlType::VarBinary(None), SqlType::BigInt, 0)?;
            return compare(a, &number, collation);
        }
        _ => match (convert::number(a), convert::number(b)) {
            (Some(x), Some(y)) => numbers(x, y),
            _ => return Err(convert::clash(a, b)),
        },
    }))
}

/// Binary values compare as if the shorter were filled with zeros.
fn padded(x: &[u8], y: &[u8]) -> Ordering {
    let length = x.len().max(y.len());
    let at = |bytes: &[u8], n: usize| bytes.get(n).copied().unwrap_or(0);
    (0..length)
        .map(|n| at(x, n).cmp(&at(y, n)))
        .find(|o| *o != Ordering::Equal)
        .unwrap_or(Ordering::Equal)
}

/// What [`padded`] tells binary values apart by.
pub fn trimmed(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().rev().take_while(|b| **b == 0).count();
    &bytes[..bytes.len() - zeros]
}

fn numbers((x, sx): (i128, u8), (y, sy): (i128, u8)) -> Ordering {
    if sx == sy {
        return x.cmp(&y);
    }
    let scale = sx.max(sy);
    let lift = |n: i128, s: u8| n.saturating_mul(10_i128.saturating_pow(u32::from(scale - s)));
    lift(x, sx).cmp(&lift(y, sy))
}

/// Order for ORDER BY, MIN, MAX and DISTINCT: NULL first, incomparable as equal.
pub fn sort_order(a: &Value, b: &Value, collation: &Collation) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        _ => compare(a, b, collation)
            .ok()
            .flatten()
            .unwrap_or(Ordering::Equal),
    }
}

/// `LIKE`: `%`, `_`, `[a-z]`, `[^x]`, and an escape character.
pub fn like(text: &str, pattern: &str, escape: Option<char>, collation: &Collation) -> bool {
    let text: Vec<char> = collation.fold(text).chars().collect();
    let pattern = compile(&collation.fold(pattern), escape);
    // One row of reachable text positions per pattern element keeps hostile patterns linear.
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    for element in &pattern {
        let mut next = vec![false; text.len() + 1];
        match element {
            Element::Many => {
                let first = reach.iter().position(|r| *r).unwrap_or(text.len() + 1);
                for slot in next.iter_mut().skip(first) {
                    *slot = true;
                }
            }
            Element::One(test) => {
                for (at, c) in text.iter().enumerate() {
                    next[at + 1] = reach[at] && test.accepts(*c);
                }
            }
        }
        reach = next;
    }
    // Trailing blanks of the text do not count.
    let blanks = text.iter().rev().take_while(|c| **c == ' ').count();
    (text.len() - blanks..=text.len()).any(|at| reach[at])
}

enum Element {
    Many,
    One(Test),
}

enum Test {
    Any,
    Exactly(char),
    Set(bool, Vec<(char, char)>),
}

impl Test {
    fn accepts(&self, c: char) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(wanted) => *wanted == c,
            Self::Set(negated, ranges) => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

fn compile(pattern: &str, escape: Option<char>) -> Vec<Element> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut elements = Vec::new();
    let mut at = 0;
    while let Some(c) = chars.get(at).copied() {
        at += 1;
        elements.push(match c {
            c if Some(c) == escape => {
                let literal = chars.get(at).copied().unwrap_or(c);
                at += 1;
                Element::One(Test::Exactly(literal))
            }
            '%' => Element::Many,
            '_' => Element::One(Test::Any),
            '[' => match set(&chars[at..]) {
                Some((test, length)) => {
                    at += length;
                    Element::One(test)
                }
                None => Element::One(Test::Exactly('[')),
            },
            c => Element::One(Test::Exactly(c)),
        });
    }
    elements
}

/// The set after `[`, and how many characters it took.
fn set(chars: &[char]) -> Option<(Test, usize)> {
    let close = chars.iter().position(|c| *c == ']')?;
    let negated = chars.first() == Some(&'^');
    let body = &chars[usize::from(negated)..close];
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(low) = body.get(at).copied() {
        if body.get(at + 1) == Some(&'-')
            && let Some(high) = body.get(at + 2).copied()
        {
            ranges.push((low, high));
            at += 3;
        } else {
            ranges.push((low, low));
            at += 1;
        }
    }
    Some((Test::Set(negated, ranges), close + 1))
}
