//! What the tools that people run scripts with would read as their own, kept from them: `$(name)`, and lines within
//! names (`GO`, `:r file`, `!! command` are theirs wherever a line begins with them, inside quotes too).

use std::fmt::Write as _;

use super::quote::{Literal, breaks_a_line};

/// `text` as an expression: one constant, or several with what no constant may hold between them.
///
/// Safe for texts of any length: where it is more than one constant, it is `nvarchar(max)` from its beginning.
#[must_use]
pub fn expression(text: &str) -> String {
    if !is_hazardous(text) {
        return Literal::new(text).to_string();
    }
    let mut expression = "CAST(N'' AS nvarchar(max))".to_owned();
    let mut plain = String::new();
    for c in text.chars() {
        if breaks_a_line(c) && c != '\0' {
            push_constant(&mut expression, &mut plain);
            let _ = write!(expression, " + NCHAR({})", u32::from(c));
            continue;
        }
        if c == '(' && plain.ends_with('$') {
            push_constant(&mut expression, &mut plain);
        }
        plain.push(c);
    }
    push_constant(&mut expression, &mut plain);
    expression
}

fn push_constant(expression: &mut String, plain: &mut String) {
    if !plain.is_empty() {
        let _ = write!(expression, " + {}", Literal::new(plain));
        plain.clear();
    }
}

/// `statement` as it stands; or, where one of the `texts` in it (names, paths) is hazardous, built on the server and
/// executed.
///
/// `ordinal` numbers the variable. The statement must be complete in itself: it runs in a scope of its own.
#[must_use]
pub fn statement<'a>(
    statement: String,
    texts: impl IntoIterator<Item = &'a str>,
    ordinal: usize,
) -> String {
    if !texts.into_iter().any(is_hazardous) {
        return statement;
    }
    format!(
        "DECLARE @t{ordinal} nvarchar(max) = {};\nEXEC (@t{ordinal});",
        expression(&statement)
    )
}

/// A text of several lines as it stands; or, where it holds what a tool reads as its own, built on the server and
/// executed.
///
/// For texts whose names are no longer told apart from their layout: a lone line feed within a name is left where no
/// tool would take the line behind it.
#[must_use]
pub fn whole(text: String) -> String {
    let odd = |c| c != '\n' && breaks_a_line(c);
    if !text.contains("$(") && !text.contains(odd) && !text.lines().any(is_a_tools) {
        return text;
    }
    format!(
        "DECLARE @mg_text nvarchar(max) = {};\nEXEC (@mg_text);",
        expression(&text)
    )
}

/// Whether a tool takes the line for one of its own commands.
fn is_a_tools(line: &str) -> bool {
    let line = line.trim_start();
    let word: String = line.chars().take_while(char::is_ascii_alphabetic).collect();
    line.starts_with(':')
        || line.starts_with("!!")
        || ["GO", "EXIT", "QUIT", "RESET", "ED", "LIST", "SERVERLIST"]
            .iter()
            .any(|own| word.eq_ignore_ascii_case(own))
}

fn is_hazardous(text: &str) -> bool {
    text.contains("$(") || text.chars().any(breaks_a_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_harmless_stays_as_it_is() {
        assert_eq!(expression("o'Brien $ (x)"), "N'o''Brien $ (x)'");
        let plain = "GRANT CONNECT\n    ON ENDPOINT::[e] TO [l];".to_owned();
        assert_eq!(statement(plain.clone(), ["e", "l"], 1), plain);
    }

    #[test]
    fn variables_and_lines_are_taken_apart() {
        assert_eq!(
            expression("a$(PATH)\r\nGO'"),
            "CAST(N'' AS nvarchar(max)) + N'a$' + N'(PATH)' + NCHAR(13) + NCHAR(10) + N'GO'''"
        );
        assert_eq!(
            statement("DROP USER [$(x)];".to_owned(), ["$(x)"], 7),
            "DECLARE @t7 nvarchar(max) = CAST(N'' AS nvarchar(max)) + N'DROP USER [$' + N'(x)];';\nEXEC (@t7);"
        );
    }

    #[test]
    fn a_whole_text_is_built_only_where_it_must_be() {
        let plain = "IF 1 = 1\nBEGIN\n    GRANT CONNECT TO [a\nb];\nEND;".to_owned();
        assert_eq!(whole(plain.clone()), plain);
        for hazard in [
            "[$(x)]",
            "[a\r\nb]",
            "[a\nGO\nb]",
            "[a\n  go 5]",
            "[a\n!! x]",
            "[a\n:r x]",
            "[a\nexit]",
        ] {
            let text = whole(format!("DROP USER {hazard};"));
            assert!(text.ends_with(";\nEXEC (@mg_text);"), "{text}");
            assert_eq!(text.lines().count(), 2, "{text}");
            assert_eq!(whole(text.clone()), text);
        }
    }

    #[test]
    fn no_name_leaves_anything_for_a_tool() {
        for name in crate::tsql::tests::hostile::names() {
            let text = expression(&name);
            assert!(!text.contains("$("), "{text}");
            assert!(!text.contains(['\r', '\n']), "{text}");
        }
    }
}
