//! Labels on the wire: where a refused one stands, and all of them in one cell of a table.

use crate::domain::labels::{RefusedLabel, check};
use crate::domain::registration::Labels;
use crate::http::extract::escape;
use crate::http::problem::Fault;
use crate::http::text::one_line;

/// Every rule the labels of a body break.
pub fn faults(labels: &Labels) -> Vec<Fault> {
    let fault = |refused: &RefusedLabel| {
        let pointer = match refused.key() {
            None => "/labels".to_owned(),
            Some(key) => format!("/labels/{}", escape(key)),
        };
        Fault::new(pointer, refused.code(), refused.to_string())
    };
    check(labels).iter().map(fault).collect()
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
        let found: Vec<_> = faults(&labels)
            .into_iter()
            .map(|f| (f.pointer, f.code))
            .collect();
        assert_eq!(
            found,
            [
                ("/labels/-".to_owned(), "invalid_label_key"),
                ("/labels/c~1d".to_owned(), "invalid_label_value")
            ]
        );
    }
}
