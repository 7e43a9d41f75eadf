//! Labels on the wire: where a refused one stands, and all of them in one cell of a table.

use crate::domain::labels::check;
use crate::domain::registration::Labels;
use crate::http::extract::escape;
use crate::http::problem::Faults;
use crate::http::text::one_line;

/// Every rule the labels of a body break.
pub fn faults(labels: &Labels) -> Faults {
    let mut faults = Faults::default();
    for refused in check(labels) {
        let pointer = match refused.key() {
            None => "/labels".to_owned(),
            Some(key) => format!("/labels/{}", escape(key)),
        };
        faults.add(pointer, refused.code(), &refused);
    }
    faults
}

/// Labels as one cell of a table.
pub fn cell(labels: &Labels) -> String {
    let all: Vec<_> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    one_line(&all.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_pointer() {
        let labels: Labels = [("a/b", "x"), ("-", "y"), ("c/d", "z\n")]
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        let problem = faults(&labels).refuse().unwrap_err();
        let found: Vec<_> = problem
            .errors()
            .iter()
            .map(|f| (f.pointer.as_str(), f.code))
            .collect();
        assert_eq!(
            found,
            [
                ("/labels/-", "invalid_label_key"),
                ("/labels/c~1d", "invalid_label_value")
            ]
        );
    }
}
