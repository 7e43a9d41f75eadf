//! The seal holds against every change of what was sealed, and key files are only taken whole and private.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;

fn key(byte: u8) -> SealKey {
    SealKey::from_bytes(Zeroizing::new([byte; KEY_BYTES]))
}

fn sealed() -> Sealed {
    key(1)
        .seal(&["credential", "a"], &SecretString::from("hunter2"))
        .unwrap()
}

fn opens(key: &SealKey, kind: &str, name: &str, sealed: &Sealed) -> bool {
    key.open(&[kind, name], sealed).is_ok()
}

#[test]
fn it_opens_where_it_was_sealed_and_nowhere_else() {
    let sealed = sealed();
    let opened = key(1).open(&["credential", "a"], &sealed).unwrap();
    assert_eq!(opened.expose_secret(), "hunter2");
    assert!(!opens(&key(1), "credential", "b", &sealed));
    assert!(!opens(&key(1), "token", "a", &sealed));
    assert!(
        !opens(&key(1), "credentia", "la", &sealed),
        "parts do not run into each other"
    );
    let other = key(2).open(&["credential", "a"], &sealed);
    assert!(matches!(other, Err(SealError::OtherKey { .. })));
    let mut renamed = sealed;
    renamed.key_id = key(2).id;
    assert!(!opens(&key(2), "credential", "a", &renamed));
}

#[test]
fn every_flipped_bit_of_every_byte_is_noticed() {
    let whole = sealed();
    for at in 0..whole.ciphertext.len() + whole.nonce.len() {
        for bit in 0..8 {
            let mut changed = whole.clone();
            match changed.ciphertext.get_mut(at) {
                Some(byte) => *byte ^= 1 << bit,
                None => changed.nonce[at - whole.ciphertext.len()] ^= 1 << bit,
            }
            assert!(
                !opens(&key(1), "credential", "a", &changed),
                "byte {at} bit {bit}"
            );
        }
    }
    for length in 0..whole.ciphertext.len() {
        let mut cut = whole.clone();
        cut.ciphertext.truncate(length);
        assert!(!opens(&key(1), "credential", "a", &cut), "cut to {length}");
    }
    let mut short = whole.clone();
    short.nonce.pop();
    assert!(!opens(&key(1), "credential", "a", &short));
}

#[test]
fn a_secret_is_not_in_its_seal_and_no_two_seals_are_alike() {
    let (one, two) = (sealed(), sealed());
    assert_ne!(one.nonce, two.nonce);
    assert_ne!(one.ciphertext, two.ciphertext);
    assert!(!one.ciphertext.windows(7).any(|w| w == b"hunter2"));
}

#[test]
fn a_key_file_is_made_once_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("seal.key");
    assert!(matches!(
        SealKey::from_file(&path),
        Err(SealKeyError::Missing { .. })
    ));
    let made = SealKey::create_file(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(SealKey::from_file(&path).unwrap().key_id(), made.key_id());
    assert!(matches!(
        SealKey::create_file(&path),
        Err(SealKeyError::Exists { .. })
    ));
}

#[test]
fn three_forms_of_one_key_are_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (100..132).collect();
    let forms = [
        bytes.clone(),
        format!("{}\n", hex::encode(&bytes)).into_bytes(),
        format!("{}\n", STANDARD.encode(&bytes)).into_bytes(),
    ];
    for (n, form) in forms.iter().enumerate() {
        let path = dir.path().join(n.to_string());
        fs::write(&path, form).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        let read = SealKey::from_file(&path).unwrap();
        assert_eq!(*read.bytes.as_slice(), *bytes, "form {n}");
    }
}

#[test]
fn a_key_that_others_can_read_or_of_another_length_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("seal.key");
    fs::write(&path, hex::encode([1; 32])).unwrap();
    for mode in [0o640, 0o604, 0o660, 0o644] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let refused = SealKey::from_file(&path).err().unwrap();
        assert!(matches!(refused, SealKeyError::Readable { .. }), "{mode:o}");
        assert!(refused.to_string().contains("chmod 600"));
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    for wrong in [
        "",
        "00",
        &hex::encode([1; 31]),
        &hex::encode([1; 33]),
        &"x".repeat(64),
    ] {
        fs::write(&path, wrong).unwrap();
        let refused = SealKey::from_file(&path).err().unwrap();
        assert!(matches!(refused, SealKeyError::Shape { .. }), "{wrong}");
        assert!(
            wrong.is_empty() || !refused.to_string().contains(wrong),
            "an error shows no key"
        );
    }
}

#[test]
fn what_nobody_drew_by_lot_is_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("seal.key");
    for text in [
        vec![0; 32],
        vec![b'a'; 32],
        b"0".repeat(64),
        b"passwordpasswordpasswordpassword".to_vec(),
        STANDARD.encode([7; 32]).into_bytes(),
    ] {
        fs::write(&path, &text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let refused = SealKey::from_file(&path).err().unwrap().to_string();
        assert!(refused.contains("anything but random"), "{refused}");
    }
}

#[test]
fn a_seal_shows_of_a_secret_only_roughly_how_long_it_is() {
    let lengths = |secret: &str| {
        let sealed = key(1).seal(&["credential", "a"], &secret.into()).unwrap();
        let opened = key(1).open(&["credential", "a"], &sealed).unwrap();
        assert_eq!(opened.expose_secret(), secret);
        sealed.ciphertext.len()
    };
    assert_eq!(lengths(""), 64 + 16);
    assert_eq!(lengths(&"x".repeat(60)), 64 + 16);
    assert_eq!(lengths(&"x".repeat(61)), 128 + 16);
}

#[test]
fn every_part_of_the_place_counts_and_the_form_cannot_be_turned() {
    let place = ["credential", "a", "sql_login", "sa", "one", "two"];
    let sealed = key(1).seal(&place, &"hunter2".into()).unwrap();
    assert!(key(1).open(&place, &sealed).is_ok());
    for part in 0..place.len() {
        let mut turned = place;
        turned[part] = "x";
        assert!(key(1).open(&turned, &sealed).is_err(), "{turned:?}");
        assert!(key(1).open(&place[..part], &sealed).is_err());
    }
    let row = Sealed::stored(
        &sealed.named_key(),
        sealed.nonce.clone(),
        sealed.ciphertext.clone(),
    );
    assert!(row == sealed);
    let older = Sealed::stored(&sealed.key_id, sealed.nonce, sealed.ciphertext);
    assert_eq!(older.form, Form::Named);
    assert!(key(1).open(&place, &older).is_err());
}

#[test]
fn what_is_authenticated_is_each_part_in_its_place() {
    let parts = |parts: &[&str]| parts.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>();
    let tag = key(1).authenticate(&parts(&["a", "b", ""]));
    assert!(key(1).authenticates(&parts(&["a", "b", ""]), &tag));
    for other in [
        &["a", "b"][..],
        &["ab", "", ""],
        &["b", "a", ""],
        &["a", "", "b"],
    ] {
        assert!(!key(1).authenticates(&parts(other), &tag), "{other:?}");
    }
    assert!(!key(2).authenticates(&parts(&["a", "b", ""]), &tag));
}
