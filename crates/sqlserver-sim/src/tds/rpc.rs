//! The body of an RPC message: one or more procedure calls with their parameters.
//!
//! What a procedure does is the engine's; only ids become names here.

use super::reader::{Malformed, Reader};
use super::types::read_parameter;
use crate::protocol::{RpcParameter, RpcRequest, SqlType};

const BY_ID: u16 = 0xFFFF;
const OUTPUT: u8 = 0x01;
const ENCRYPTED: u8 = 0x08;
/// What may stand between two calls: "next call", in its form since 7.2, and "do not run the next one".
const SEPARATORS: [u8; 2] = [0xFF, 0xFE];
/// The procedures that have ids, from id 1.
const KNOWN: [&str; 15] = [
    "sp_cursor",
    "sp_cursoropen",
    "sp_cursorprepare",
    "sp_cursorexecute",
    "sp_cursorprepexec",
    "sp_cursorunprepare",
    "sp_cursorfetch",
    "sp_cursoroption",
    "sp_cursorclose",
    "sp_executesql",
    "sp_prepare",
    "sp_execute",
    "sp_prepexec",
    "sp_prepexecrpc",
    "sp_unprepare",
];

/// Decodes what follows ALL_HEADERS.
pub(crate) fn decode(body: &[u8]) -> Result<Vec<RpcRequest>, Malformed> {
    let mut reader = Reader::new(body);
    let mut calls = vec![call(&mut reader)?];
    while !reader.is_empty() {
        reader.u8("a separator")?;
        // A separator may also end the last call.
        if !reader.is_empty() {
            calls.push(call(&mut reader)?);
        }
    }
    Ok(calls)
}

/// Position and type of a call's output parameters, in order: what RETURNVALUE repeats.
pub(crate) fn outputs(call: &RpcRequest) -> Vec<(u16, SqlType)> {
    (0..)
        .zip(&call.parameters)
        .filter(|(_, parameter)| parameter.output)
        .map(|(at, parameter)| (at, parameter.ty))
        .collect()
}

/// Reads one call; stops before a separator or at the end.
fn call(reader: &mut Reader<'_>) -> Result<RpcRequest, Malformed> {
    let procedure = procedure(reader)?;
    // fWithRecomp, fNoMetaData, fReuseMetaData: none of them has to be honoured.
    reader.u16("a call's flags")?;
    let mut parameters = Vec::new();
    while reader
        .peek()
        .is_some_and(|next| !SEPARATORS.contains(&next))
    {
        parameters.push(parameter(reader)?);
    }
    Ok(RpcRequest {
        procedure,
        parameters,
    })
}

fn procedure(reader: &mut Reader<'_>) -> Result<String, Malformed> {
    const WHAT: &str = "a procedure's name";
    let length = reader.u16(WHAT)?;
    if length != BY_ID {
        return reader.utf16(usize::from(length), WHAT);
    }
    let id = reader.u16("a procedure's id")?;
    let name = usize::from(id)
        .checked_sub(1)
        .and_then(|index| KNOWN.get(index));
    name.map(ToString::to_string).ok_or(Malformed::Value {
        what: "a procedure's id",
        found: u64::from(id),
    })
}

fn parameter(reader: &mut Reader<'_>) -> Result<RpcParameter, Malformed> {
    let name = reader.b_varchar("a parameter's name")?;
    let status = reader.u8("a parameter's status")?;
    if status & ENCRYPTED != 0 {
        return Err(Malformed::Value {
            what: "a parameter's status",
            found: u64::from(status),
        });
    }
    let (ty, value) = read_parameter(reader)?;
    Ok(RpcParameter {
        name,
        output: status & OUTPUT != 0,
        ty,
        value,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::protocol::Value;

    /// sp_prepexec with an output handle and a text, then a call by name, as clients send them.
    pub(crate) fn sample() -> Vec<u8> {
        let mut body = vec![0xFF, 0xFF, 13, 0, 2, 0];
        body.extend_from_slice(&[0, 1, 0x26, 4, 0]);
        body.extend_from_slice(&[
            2, b'@', 0, b'p', 0, 0, 0xE7, 8, 0, 9, 4, 0xD0, 0, 0x34, 4, 0, b'h', 0, b'i', 0,
        ]);
        body.push(0xFF);
        body.extend_from_slice(&[2, 0, b's', 0, b'p', 0, 0, 0]);
        body
    }

    #[test]
    fn calls_by_id_and_by_name() {
        let calls = decode(&sample()).unwrap();
        let [first, second] = calls.as_slice() else {
            panic!("two calls")
        };
        assert_eq!(
            (first.procedure.as_str(), second.procedure.as_str()),
            ("sp_prepexec", "sp")
        );
        assert_eq!(outputs(first), [(0, SqlType::Int)]);
        let text = &first.parameters[1];
        assert_eq!(
            (text.name.as_str(), &text.ty, &text.value),
            ("@p", &SqlType::NVarChar(Some(4)), &Value::Text("hi".into()))
        );
    }

    #[test]
    fn unknown_ids_and_types_are_told_apart() {
        assert!(matches!(
            decode(&[0xFF, 0xFF, 99, 0, 0, 0]),
            Err(Malformed::Value { found: 99, .. })
        ));
        assert!(matches!(
            decode(&[0xFF, 0xFF, 10, 0, 0, 0, 0, 0, 0xF3]),
            Err(Malformed::UnknownType(0xF3))
        ));
    }
}
