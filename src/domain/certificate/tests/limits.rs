//! Sizes and moments that are just taken, and the next ones that are not.

use super::*;

/// A valid certificate that is so many bytes longer than the shortest.
fn longer_by(key: &KeyPair, bytes: usize) -> Vec<u8> {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    let filling = vec![0; 1000 + bytes];
    params.custom_extensions = vec![rcgen::CustomExtension::from_oid_content(
        &[1, 3, 6, 1, 4, 1, 99_999, 1],
        filling,
    )];
    params.self_signed(key).unwrap().der().to_vec()
}

#[test]
fn a_certificate_of_16_kib_is_taken_and_one_byte_more_is_not() {
    let key = rsa();
    let room = MAX_DER_BYTES - longer_by(&key, 0).len();
    let largest = longer_by(&key, room);
    assert_eq!(largest.len(), 16 * 1024);
    assert!(taken(&largest).is_ok());
    assert_eq!(
        taken(&longer_by(&key, room + 1)),
        Err(RefusedCertificate::TooLarge {
            bytes: 16 * 1024 + 1
        })
    );
}

#[test]
fn a_certificate_is_valid_up_to_and_in_its_last_second() {
    let key = rsa();
    assert!(taken(made_with(&key, now()).der()).is_ok());
    let ended = made_with(&key, now() - Duration::seconds(1));
    assert_eq!(
        taken(ended.der()).unwrap_err().code(),
        "certificate_expired"
    );
}

#[test]
fn one_that_ends_in_the_second_it_begins_is_in_order() {
    let made = made_with(&rsa(), now() - Duration::days(400));
    let allowing = UploadTerms {
        allow_expired: true,
        ..terms()
    };
    let certificate = Certificate::from_upload(made.der(), &allowing).unwrap();
    assert_eq!(certificate.not_before, certificate.not_after);
}
