//! X.509 version 1, self-signed and with a negative serial, as SQL Server on Linux makes them: no extensions, so no names either.

use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
/// sha256WithRSAEncryption, with its NULL.
const SHA256_RSA: [u8; 15] = [
    SEQUENCE, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 5, 0,
];
const COMMON_NAME: [u8; 5] = [6, 3, 0x55, 4, 3];

/// Made with an RSA key, valid from 2026 to 2049.
pub(super) fn self_signed(common_name: &str, key: &KeyPair) -> Result<Vec<u8>, rcgen::Error> {
    let name = {
        let value = element(UTF8_STRING, common_name.as_bytes());
        let attribute = element(SEQUENCE, &[&COMMON_NAME[..], &value].concat());
        element(SEQUENCE, &element(SET, &attribute))
    };
    let validity = [b"260101000000Z", b"491231235959Z"].map(|time| element(UTC_TIME, time));
    // Random bytes with the top bit left alone; this one is set.
    let serial: Vec<u8> = std::iter::once(0x9f)
        .chain(uuid::Uuid::new_v4().into_bytes().into_iter().skip(1))
        .collect();
    let body = [
        element(INTEGER, &serial),
        SHA256_RSA.to_vec(),
        name.clone(),
        element(SEQUENCE, &validity.concat()),
        name,
        key.subject_public_key_info(),
    ];
    let body = element(SEQUENCE, &body.concat());
    let signature = [vec![0], key.sign(&body)?].concat();
    let whole = [body, SHA256_RSA.to_vec(), element(BIT_STRING, &signature)];
    Ok(element(SEQUENCE, &whole.concat()))
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    if content.len() < 0x80 {
        out.push(u8::try_from(content.len()).unwrap_or_default());
    } else {
        out.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
        out.extend_from_slice(&significant);
    }
    out.extend_from_slice(content);
    out
}
