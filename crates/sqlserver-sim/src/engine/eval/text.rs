//! Text functions. Positions and lengths count UTF-16 units' worth of characters as Rust sees them: one per character.

use super::convert::{self, cut_units};
use super::limits::{may_grow_to, not_too_long};
use crate::engine::errors::Outcome;
use crate::engine::state::collation::Collation;
use crate::protocol::{SqlType, Value};

/// The functions of a text that is not NULL.
const OF_TEXT: [&str; 17] = [
    "LEFT",
    "RIGHT",
    "LEN",
    "LOWER",
    "UPPER",
    "LTRIM",
    "RTRIM",
    "TRIM",
    "REPLACE",
    "REPLICATE",
    "REVERSE",
    "STUFF",
    "SUBSTRING",
    "CHARINDEX",
    "QUOTENAME",
    "UNICODE",
    "PARSENAME",
];

/// The value of a text function; `None` when `name` is none.
///
/// # Errors
/// Conversions of the arguments.
pub fn call(name: &str, values: &[Value], collation: &Collation) -> Outcome<Option<Value>> {
    if name == "CONCAT" {
        let parts = values
            .iter()
            .map(|v| Ok(convert::text(v)?.unwrap_or_default()));
        let parts = parts.collect::<Outcome<Vec<String>>>()?;
        may_grow_to(parts.iter().map(String::len).sum())?;
        return Ok(Some(Value::Text(parts.concat())));
    }
    if name == "SUBSTRING"
        && let Some(Value::Binary(bytes)) = values.first()
    {
        return binary_part(bytes, values).map(Some);
    }
    if name == "CHAR" || name == "NCHAR" {
        return character(values).map(Some);
    }
    if !OF_TEXT.contains(&name) {
        return Ok(None);
    }
    if values.contains(&Value::Null) {
        return Ok(Some(Value::Null));
    }
    let first = text_at(values, 0)?;
    of_text(name, &first, values, collation).map(Some)
}

fn of_text(name: &str, first: &str, values: &[Value], collation: &Collation) -> Outcome<Value> {
    Ok(match name {
        "LEFT" => Value::Text(first.chars().take(count_at(values, 1)?).collect()),
        "RIGHT" => {
            let skip = first.chars().count().saturating_sub(count_at(values, 1)?);
            Value::Text(first.chars().skip(skip).collect())
        }
        "LEN" => int(first.trim_end_matches(' ').encode_utf16().count()),
        "LOWER" => Value::Text(first.to_lowercase()),
        "UPPER" => Value::Text(first.to_uppercase()),
        "LTRIM" => Value::Text(first.trim_start_matches(' ').to_owned()),
        "RTRIM" => Value::Text(first.trim_end_matches(' ').to_owned()),
        "TRIM" => Value::Text(first.trim_matches(' ').to_owned()),
        "REVERSE" => Value::Text(first.chars().rev().collect()),
        "REPLICATE" => {
            let count = count_at(values, 1)?.min(8000);
            may_grow_to(first.len().saturating_mul(count))?;
            Value::Text(first.repeat(count))
        }
        "REPLACE" => Value::Text(replace(
            first,
            &text_at(values, 1)?,
            &text_at(values, 2)?,
            collation,
        )?),
        "STUFF" => stuff(first, values)?,
        "SUBSTRING" => substring(first, values)?,
        "CHARINDEX" => char_index(first, values, collation)?,
        "QUOTENAME" => quote_name(first, values)?,
        "PARSENAME" => parse_name(first, values)?,
        _ => int(first.encode_utf16().next().map_or(0, usize::from)),
    })
}

fn int(n: usize) -> Value {
    Value::Int(i32::try_from(n).unwrap_or(i32::MAX))
}

fn text_at(values: &[Value], n: usize) -> Outcome<String> {
    match values.get(n) {
        Some(value) => Ok(convert::text(value)?.unwrap_or_default()),
        None => Ok(String::new()),
    }
}

fn number_at(values: &[Value], n: usize) -> Outcome<i64> {
    match values.get(n) {
        Some(value) => Ok(convert::integer(value)?.unwrap_or(0)),
        None => Ok(0),
    }
}

fn count_at(values: &[Value], n: usize) -> Outcome<usize> {
    Ok(usize::try_from(number_at(values, n)?).unwrap_or(0))
}

/// Bytes of the first value in the type it is declared with.
pub fn data_length(values: &[Value], types: &[Option<SqlType>]) -> Value {
    let ty = types
        .first()
        .copied()
        .flatten()
        .unwrap_or(SqlType::VarBinary(None));
    match values.first() {
        None | Some(Value::Null) => Value::Null,
        Some(Value::Text(text)) => int(convert::text_bytes(text, ty).len()),
        Some(Value::Binary(bytes)) => int(bytes.len()),
        Some(Value::Bit(_) | Value::TinyInt(_)) => int(1),
        Some(Value::SmallInt(_)) => int(2),
        Some(Value::Int(_)) => int(4),
        Some(Value::Guid(_)) => int(16),
        Some(_) => int(8),
    }
}

fn character(values: &[Value]) -> Outcome<Value> {
    let code = u32::try_from(number_at(values, 0)?).ok();
    Ok(match code.and_then(char::from_u32) {
        Some(c) => Value::Text(c.to_string()),
        None => Value::Null,
    })
}

/// Start and length as SQL counts them, clipped to `total`.
fn window(values: &[Value], total: usize) -> Outcome<(usize, usize)> {
    let start = number_at(values, 1)?;
    let end = start.saturating_add(number_at(values, 2)?.max(0));
    let clip = |n: i64| usize::try_from(n - 1).unwrap_or(0).min(total);
    Ok((clip(start), clip(end)))
}

fn binary_part(bytes: &[u8], values: &[Value]) -> Outcome<Value> {
    let (from, to) = window(values, bytes.len())?;
    Ok(Value::Binary(bytes[from..to.max(from)].to_vec()))
}

fn substring(text: &str, values: &[Value]) -> Outcome<Value> {
    let chars: Vec<char> = text.chars().collect();
    let (from, to) = window(values, chars.len())?;
    Ok(Value::Text(chars[from..to.max(from)].iter().collect()))
}

fn stuff(text: &str, values: &[Value]) -> Outcome<Value> {
    let chars: Vec<char> = text.chars().collect();
    let start = number_at(values, 1)?;
    if start < 1 || usize::try_from(start).unwrap_or(usize::MAX) > chars.len() {
        return Ok(Value::Null);
    }
    let (from, to) = window(values, chars.len())?;
    let head: String = chars[..from].iter().collect();
    let tail: String = chars[to.max(from)..].iter().collect();
    not_too_long(Value::Text(format!("{head}{}{tail}", text_at(values, 3)?)))
}

fn replace(text: &str, from: &str, to: &str, collation: &Collation) -> Outcome<String> {
    if from.is_empty() {
        return Ok(text.to_owned());
    }
    let source: Vec<char> = text.chars().collect();
    let folded: Vec<char> = collation.fold(text).chars().collect();
    let wanted: Vec<char> = collation.fold(from).chars().collect();
    let mut result = String::new();
    let mut at = 0;
    while at < source.len() {
        if folded.get(at..at + wanted.len()) == Some(wanted.as_slice()) {
            may_grow_to(result.len() + to.len())?;
            result.push_str(to);
            at += wanted.len();
        } else {
            result.push(source[at]);
            at += 1;
        }
    }
    Ok(result)
}

fn char_index(wanted: &str, values: &[Value], collation: &Collation) -> Outcome<Value> {
    let wanted: Vec<char> = collation.fold(wanted).chars().collect();
    let text: Vec<char> = collation.fold(&text_at(values, 1)?).chars().collect();
    let start = usize::try_from(number_at(values, 2)? - 1).unwrap_or(0);
    if wanted.is_empty() {
        return Ok(int(0));
    }
    let found = (start..text.len()).find(|at| text[*at..].starts_with(&wanted));
    Ok(int(found.map_or(0, |at| at + 1)))
}

/// NULL over 128 units: `QUOTENAME` takes a sysname.
fn quote_name(name: &str, values: &[Value]) -> Outcome<Value> {
    if name.encode_utf16().count() > 128 {
        return Ok(Value::Null);
    }
    let quote = if values.len() > 1 {
        text_at(values, 1)?
    } else {
        "[".to_owned()
    };
    let (open, close) = match quote.chars().next() {
        Some('[' | ']') => ('[', ']'),
        Some('\'') => ('\'', '\''),
        Some('"') => ('"', '"'),
        Some('(' | ')') => ('(', ')'),
        Some('<' | '>') => ('<', '>'),
        Some('{' | '}') => ('{', '}'),
        Some('`') => ('`', '`'),
        _ => return Ok(Value::Null),
    };
    let doubled = name.replace(close, &format!("{close}{close}"));
    Ok(Value::Text(cut_units(
        format!("{open}{doubled}{close}"),
        258,
    )))
}

fn parse_name(name: &str, values: &[Value]) -> Outcome<Value> {
    let parts: Vec<&str> = name.split('.').rev().collect();
    let index = count_at(values, 1)?.checked_sub(1);
    Ok(match index.and_then(|n| parts.get(n)) {
        Some(part) => Value::Text(part.trim_matches(['[', ']']).to_owned()),
        None => Value::Null,
    })
}
