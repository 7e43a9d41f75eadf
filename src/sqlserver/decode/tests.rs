//! Answers that are not what was asked for: each is refused in words, none panics and none is guessed at.

use std::borrow::Cow;

use tiberius::{ColumnData, ColumnType};

use super::*;

fn row(columns: &[(&str, ColumnData<'static>)]) -> Row {
    columns
        .iter()
        .fold(Row::builder(), |row, (name, value)| {
            row.column(*name, ColumnType::Null, value.clone())
        })
        .build()
}

fn text(value: &'static str) -> ColumnData<'static> {
    ColumnData::String(Some(Cow::Borrowed(value)))
}

#[test]
fn a_set_nobody_asked_for_is_refused() {
    let mut incoming = Incoming::new(&[]);
    let refused = incoming.take(&row(&[("surprise", ColumnData::I32(Some(1)))]));
    assert!(refused.is_err_and(|e| e.contains("surprise")));
    assert!(incoming.take(&row(&[])).is_err());
}

#[test]
fn a_column_of_another_type_is_named_without_its_content() {
    let mut incoming = Incoming::new(&[]);
    let refused = incoming.take(&row(&[
        ("mg_right", text("s3cret")),
        ("granted", ColumnData::Bit(Some(true))),
    ]));
    let Err(said) = refused else {
        panic!("taken as a number")
    };
    assert!(
        said.contains("mg_right") && !said.contains("s3cret"),
        "{said}"
    );
}

#[test]
fn an_answer_cut_short_is_no_observation() {
    let mut incoming = Incoming::new(&[]);
    incoming.take(&row(&[("mg_trigger", text("t"))])).unwrap();
    let now = DateTime::<Utc>::UNIX_EPOCH;
    assert!(incoming.finish(now).is_err_and(|e| e.contains("end")));
    let mut ended = Incoming::new(&[]);
    ended
        .take(&row(&[("mg_end", ColumnData::I32(Some(1)))]))
        .unwrap();
    assert!(ended.finish(now).is_err_and(|e| e.contains("mg_server")));
}

#[test]
fn a_peer_not_asked_about_is_refused() {
    let mut incoming = Incoming::new(&[]);
    let refused = incoming.take(&row(&[
        ("mg_name_certificate", ColumnData::I32(Some(0))),
        ("is_renewed", ColumnData::Bit(Some(false))),
        ("certificate_id", ColumnData::I32(Some(256))),
    ]));
    assert!(refused.is_err());
}
