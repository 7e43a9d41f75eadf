//! What the tools that people run scripts with would read as their own, kept from them: `$(name)`, and lines within names
//! (`GO`, `:r file`, `!! command` are theirs wherever a line begins with them, inside quotes too).

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

/// `statement` as it stands; or, where one of the `texts` in it (names, paths) is hazardous, built on the server and executed.
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
    fn no_name_leaves_anything_for_a_tool() {
        for name in crate::tsql::tests::hostile::names() {
            let text = expression(&name);
            assert!(!text.contains("$("), "{text}");
            assert!(!text.contains(['\r', '\n']), "{text}");
        }
    }
}
