//! The token stream of an answer: one function for each token this server sends.
//!
//! Lengths and layouts only. The order of tokens is `answer`'s and `conversation`'s.

use super::types::{COLLATION, Unsendable, write_type_info, write_value};
use crate::protocol::{Column, Message, Value};

const RETURN_STATUS: u8 = 0x79;
const COLUMN_METADATA: u8 = 0x81;
const ERROR: u8 = 0xAA;
const INFO: u8 = 0xAB;
const RETURN_VALUE: u8 = 0xAC;
const LOGIN_ACK: u8 = 0xAD;
const FEATURE_EXT_ACK: u8 = 0xAE;
const ROW: u8 = 0xD1;
const ENV_CHANGE: u8 = 0xE3;
const DONE: u8 = 0xFD;
const DONE_PROC: u8 = 0xFE;
const DONE_IN_PROC: u8 = 0xFF;

/// Messages above this class are errors, the others information.
pub(crate) const HIGHEST_INFO_CLASS: u8 = 10;
/// The longest message text sent, UTF-16 units: a token's length is 16 bits of bytes.
const LONGEST_TEXT: usize = 16_000;

/// Bits of DONE's status.
pub(crate) mod status {
    pub(crate) const MORE: u16 = 0x01;
    pub(crate) const ERROR: u16 = 0x02;
    pub(crate) const COUNT: u16 = 0x10;
    pub(crate) const ATTENTION: u16 = 0x20;
}

/// Which of the three DONE tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Batch,
    InProcedure,
    Procedure,
}

/// What a DONE token says beside its status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) status: u16,
    pub(crate) command: u16,
    pub(crate) rows: u64,
}

pub(crate) fn done(out: &mut Vec<u8>, place: Place, done: Done) {
    out.push(match place {
        Place::Batch => DONE,
        Place::InProcedure => DONE_IN_PROC,
        Place::Procedure => DONE_PROC,
    });
    out.extend_from_slice(&done.status.to_le_bytes());
    out.extend_from_slice(&done.command.to_le_bytes());
    out.extend_from_slice(&done.rows.to_le_bytes());
}

/// ERROR or INFO, by the message's class.
pub(crate) fn message(out: &mut Vec<u8>, server_name: &str, message: &Message) {
    let token = if message.class > HIGHEST_INFO_CLASS {
        ERROR
    } else {
        INFO
    };
    counted(out, token, |out| {
        out.extend_from_slice(&message.number.to_le_bytes());
        out.extend_from_slice(&[message.state, message.class]);
        us_varchar(out, &message.text);
        b_varchar(out, server_name);
        b_varchar(out, &message.procedure);
        out.extend_from_slice(&message.line.to_le_bytes());
    });
}

pub(crate) fn columns(out: &mut Vec<u8>, columns: &[Column]) {
    const NULLABLE: u16 = 0x01;
    const UPDATABLE_UNKNOWN: u16 = 0x08;
    out.push(COLUMN_METADATA);
    // More columns than SQL Server's 4096 cannot come from the engine; 0xFFFF would mean "none".
    let count = u16::try_from(columns.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&count.to_le_bytes());
    for column in columns {
        let flags = UPDATABLE_UNKNOWN | if column.nullable { NULLABLE } else { 0 };
        out.extend_from_slice(&0_u32.to_le_bytes());
        out.extend_from_slice(&flags.to_le_bytes());
        write_type_info(out, column.ty, column.nullable);
        b_varchar(out, &column.name);
    }
}

/// On an error nothing has been appended.
pub(crate) fn row(
    out: &mut Vec<u8>,
    columns: &[Column],
    values: &[Value],
) -> Result<(), Unsendable> {
    if values.len() != columns.len() {
        return Err(Unsendable {
            ty: format!("a row of {} columns", columns.len()),
            value: "row of another length",
        });
    }
    let start = out.len();
    out.push(ROW);
    for (column, value) in columns.iter().zip(values) {
        if let Err(error) = write_value(out, column.ty, column.nullable, value) {
            out.truncate(start);
            return Err(error);
        }
    }
    Ok(())
}

pub(crate) fn return_status(out: &mut Vec<u8>, value: i32) {
    out.push(RETURN_STATUS);
    out.extend_from_slice(&value.to_le_bytes());
}

/// An output parameter. `ordinal` is its position among the call's parameters, from 0.
pub(crate) fn return_value(
    out: &mut Vec<u8>,
    ordinal: u16,
    column: &Column,
    value: &Value,
) -> Result<(), Unsendable> {
    let start = out.len();
    out.push(RETURN_VALUE);
    out.extend_from_slice(&ordinal.to_le_bytes());
    b_varchar(out, &column.name);
    // Status 1: an output parameter. Then the user type and the flags.
    out.push(1);
    out.extend_from_slice(&[0; 6]);
    write_type_info(out, column.ty, true);
    write_value(out, column.ty, true, value).inspect_err(|_| out.truncate(start))
}

/// `tds_version` as in LOGIN7; here its bytes stand the other way round.
pub(crate) fn login_ack(out: &mut Vec<u8>, tds_version: u32, version: (u8, u8, u16)) {
    let (major, minor, build) = version;
    counted(out, LOGIN_ACK, |out| {
        out.push(1);
        out.extend_from_slice(&tds_version.to_be_bytes());
        b_varchar(out, "Microsoft SQL Server");
        out.extend_from_slice(&[major, minor]);
        out.extend_from_slice(&build.to_be_bytes());
    });
}

/// UTF8_SUPPORT, the only feature this server implements.
pub(crate) fn utf8_feature_ack(out: &mut Vec<u8>) {
    out.extend_from_slice(&[FEATURE_EXT_ACK, 0x0A, 1, 0, 0, 0, 1, 0xFF]);
}

pub(crate) fn database_changed(out: &mut Vec<u8>, from: &str, to: &str) {
    text_change(out, 1, from, to);
}

pub(crate) fn language_changed(out: &mut Vec<u8>) {
    text_change(out, 2, "", "us_english");
}

pub(crate) fn packet_size_changed(out: &mut Vec<u8>, from: u16, to: u16) {
    text_change(out, 4, &from.to_string(), &to.to_string());
}

pub(crate) fn collation_changed(out: &mut Vec<u8>) {
    binary_change(out, 7, &COLLATION, &[]);
}

pub(crate) fn transaction_began(out: &mut Vec<u8>, descriptor: u64) {
    binary_change(out, 8, &descriptor.to_le_bytes(), &[]);
}

pub(crate) fn transaction_committed(out: &mut Vec<u8>, descriptor: u64) {
    binary_change(out, 9, &[], &descriptor.to_le_bytes());
}

pub(crate) fn transaction_rolled_back(out: &mut Vec<u8>, descriptor: u64) {
    binary_change(out, 10, &[], &descriptor.to_le_bytes());
}

/// Answers RESETCONNECTION; must be the first token of the answer.
pub(crate) fn connection_reset(out: &mut Vec<u8>) {
    binary_change(out, 18, &[], &[]);
}

fn text_change(out: &mut Vec<u8>, kind: u8, from: &str, to: &str) {
    counted(out, ENV_CHANGE, |out| {
        out.push(kind);
        b_varchar(out, to);
        b_varchar(out, from);
    });
}

/// `to` and `from` are at most eight bytes long.
fn binary_change(out: &mut Vec<u8>, kind: u8, to: &[u8], from: &[u8]) {
    counted(out, ENV_CHANGE, |out| {
        out.push(kind);
        for value in [to, from] {
            out.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(value);
        }
    });
}

/// A token with its length in 16 bits after the token byte.
fn counted(out: &mut Vec<u8>, token: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    write(&mut body);
    out.push(token);
    out.extend_from_slice(&u16::try_from(body.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(&body);
}

fn us_varchar(out: &mut Vec<u8>, text: &str) {
    let units: Vec<u16> = text.encode_utf16().take(LONGEST_TEXT).collect();
    out.extend_from_slice(&u16::try_from(units.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(units.into_iter().flat_map(u16::to_le_bytes));
}

/// Text longer than 255 units is cut.
fn b_varchar(out: &mut Vec<u8>, text: &str) {
    let units: Vec<u16> = text.encode_utf16().take(usize::from(u8::MAX)).collect();
    out.push(u8::try_from(units.len()).unwrap_or(u8::MAX));
    out.extend(units.into_iter().flat_map(u16::to_le_bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out);
        out
    }

    #[test]
    fn environment_changes() {
        assert_eq!(
            written(collation_changed),
            [0xE3, 8, 0, 7, 5, 0x09, 0x04, 0xD0, 0x00, 0x34, 0]
        );
        assert_eq!(written(connection_reset), [0xE3, 3, 0, 18, 0, 0]);
        assert_eq!(
            written(|out| transaction_began(out, 1)),
            [0xE3, 11, 0, 8, 8, 1, 0, 0, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(
            written(|out| database_changed(out, "a", "b")),
            [0xE3, 7, 0, 1, 1, b'b', 0, 1, b'a', 0]
        );
    }

    #[test]
    fn the_class_decides_between_error_and_info() {
        let message = |class| Message {
            number: 102,
            state: 1,
            class,
            text: "x".into(),
            line: 3,
            procedure: String::new(),
        };
        let error = written(|out| super::message(out, "S", &message(15)));
        assert_eq!(
            error,
            [
                0xAA, 18, 0, 102, 0, 0, 0, 1, 15, 1, 0, b'x', 0, 1, b'S', 0, 0, 3, 0, 0, 0
            ]
        );
        assert_eq!(
            written(|out| super::message(out, "S", &message(10))).first(),
            Some(&0xAB)
        );
    }

    #[test]
    fn texts_too_long_for_their_token_are_cut() {
        let long = Message {
            number: 1,
            state: 1,
            class: 16,
            text: "x".repeat(100_000),
            line: 0,
            procedure: "p".repeat(300),
        };
        let out = written(|out| message(out, "S", &long));
        let length = usize::from(u16::from_le_bytes([out[1], out[2]]));
        assert_eq!(out.len(), length + 3);
    }

    #[test]
    fn a_row_that_cannot_be_sent_leaves_nothing_behind() {
        let column = |ty| Column {
            name: "c".into(),
            ty,
            nullable: false,
        };
        let columns = [
            column(crate::protocol::SqlType::Int),
            column(crate::protocol::SqlType::Int),
        ];
        let mut out = vec![1];
        assert!(row(&mut out, &columns, &[Value::Int(1), Value::Null]).is_err());
        assert_eq!(out, [1]);
    }
}
