//! What the cures' texts are made of: statements with names that only the server knows, and free names.

use crate::tsql::quote::Literal;
use crate::tsql::throws::NOT_AS_FOUND;

/// A piece of a statement.
#[derive(Clone)]
pub(super) enum Part<'a> {
    Text(String),
    /// A variable that holds a name.
    Name(&'a str),
    /// A variable that holds keywords, chosen from a fixed list; nothing that comes from a catalog.
    Word(&'a str),
}

impl<'a> From<&'a str> for Part<'_> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Part<'_> {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// The statement as it stands, or, where a variable is in it, built and executed on the server.
///
/// Names come in by QUOTENAME alone; `@do` must be declared.
pub(super) fn run(parts: &[Part<'_>]) -> String {
    let as_it_stands: Option<Vec<&str>> = parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Name(_) | Part::Word(_) => None,
        })
        .collect();
    match as_it_stands {
        Some(texts) => texts.concat(),
        None => format!("SET @do = {};\nEXEC (@do);", expression(parts)),
    }
}

/// The statement as an expression that gives its text.
pub(super) fn expression(parts: &[Part<'_>]) -> String {
    let pieces: Vec<String> = parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => Literal::new(text).to_string(),
            Part::Name(variable) => format!("QUOTENAME({variable})"),
            Part::Word(variable) => (*variable).to_owned(),
        })
        .collect();
    pieces.join(" + ")
}

/// `wanted`, or the first free name of it with a number behind, in `variable`. `@n` must be declared.
pub(super) fn free_name<'w>(
    variable: &str,
    wanted: impl Into<Literal<'w>>,
    catalog: &str,
) -> String {
    let wanted = wanted.into();
    format!(
        "SET {variable} = {wanted};\nSET @n = 1;\n\
         WHILE EXISTS (SELECT 1 FROM {catalog} WHERE name = {variable})\nBEGIN\n    \
         SET @n = @n + 1;\n    SET {variable} = LEFT({wanted}, 117) + N'_' + CAST(@n AS nvarchar(10));\nEND;"
    )
}

/// Refuses to begin inside somebody's transaction: an error would take it back.
pub(super) fn no_open_transaction() -> String {
    stop_if(
        "@@TRANCOUNT > 0",
        "a transaction is open in this session; commit it or roll it back, then run this again",
    )
}

/// Ends the batch with an error where `condition` holds.
pub(super) fn stop_if(condition: &str, why: &str) -> String {
    format!(
        "IF {condition}\nBEGIN\n    ;THROW {}, {}, 1;\nEND;",
        NOT_AS_FOUND,
        Literal::new(why)
    )
}
