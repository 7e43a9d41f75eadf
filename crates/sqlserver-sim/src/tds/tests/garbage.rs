//! Random, mutated and truncated bytes for every decoder: an error at worst, never a panic.

use rustls_pki_types::CertificateDer;

use super::scripted::greeting;
use crate::server_api::Encryption;
use crate::tds::conversation::Conversation;
use crate::tds::login7::{Login7, tests::sample as login_sample, tests::with_login};
use crate::tds::packet::{Assembler, LIMIT, Message};
use crate::tds::prelogin::Prelogin;
use crate::tds::reader::Reader;
use crate::tds::requests::Request;
use crate::tds::rpc;
use crate::tds::types::read_parameter;

/// A small generator with a fixed seed: a failure can be repeated.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most);
        (0..length).map(|_| self.byte()).collect()
    }

    /// A valid message with some bytes changed, and perhaps its end cut off.
    fn spoilt(&mut self, valid: &[u8]) -> Vec<u8> {
        let mut bytes = valid.to_vec();
        for _ in 0..self.below(6) {
            let at = self.below(bytes.len());
            let byte = self.byte();
            if let Some(slot) = bytes.get_mut(at) {
                *slot = byte;
            }
        }
        if self.below(3) == 0 {
            bytes.truncate(self.below(valid.len()));
        }
        bytes
    }
}

fn decode_everything(bytes: &[u8]) {
    let _ = Prelogin::decode(bytes);
    let _ = Login7::decode(bytes);
    let _ = rpc::decode(bytes);
    let _ = read_parameter(&mut Reader::new(bytes));
    for kind in [1, 3, 14, 7] {
        let _ = Request::decode(&Message {
            kind,
            ignored: false,
            reset: false,
            body: bytes.to_vec(),
        });
    }
    let mut assembler = Assembler::new(LIMIT);
    assembler.push(bytes);
    while let Ok(Some(_)) = assembler.next_message() {}
}

#[test]
fn random_bytes() {
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    for _ in 0..20_000 {
        decode_everything(&noise.bytes(200));
    }
}

#[test]
fn every_prefix_of_valid_messages() {
    for valid in [login_sample(), rpc::tests::sample()] {
        for length in 0..valid.len() {
            decode_everything(&valid[..length]);
        }
        assert!(Login7::decode(&valid[..10]).is_err());
    }
}

#[test]
fn spoilt_messages_and_every_type_token() {
    let mut noise = Noise(42);
    for _ in 0..20_000 {
        decode_everything(&noise.spoilt(&login_sample()));
        decode_everything(&noise.spoilt(&rpc::tests::sample()));
    }
    for token in 0..=255 {
        for _ in 0..300 {
            let mut bytes = noise.bytes(60);
            bytes.insert(0, token);
            let _ = read_parameter(&mut Reader::new(&bytes));
        }
    }
}

#[test]
fn a_length_that_is_a_lie_reserves_no_memory() {
    let mut max = vec![0xE7, 0xFF, 0xFF, 0, 0, 0, 0, 0];
    max.extend_from_slice(&(u64::MAX - 2).to_le_bytes());
    max.extend_from_slice(&u32::MAX.to_le_bytes());
    assert!(read_parameter(&mut Reader::new(&max)).is_err());
    let ntext = [0x63, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF];
    assert!(read_parameter(&mut Reader::new(&ntext)).is_err());
}

/// The whole state machine, before and after the log-in.
#[test]
fn conversations_survive_nonsense() {
    let mut noise = Noise(7);
    let greeting = greeting(Encryption::Optional);
    let login = packet(0x10, &with_login("sa", "x"));
    let call = packet(
        3,
        &[[4, 0, 0, 0].as_slice(), &rpc::tests::sample()].concat(),
    );
    let prelogin = packet(0x12, &[1, 0, 6, 0, 1, 0xFF, 1]);
    for round in 0..6000 {
        let mut talk = Conversation::new(greeting.clone());
        match round % 3 {
            0 => {}
            1 => talk.receive(&prelogin),
            _ => {
                talk.receive(&login);
                assert!(talk.next_step().is_some());
                talk.logged_in(51, Vec::new());
            }
        }
        for _ in 0..4 {
            let bytes = if noise.below(2) == 0 {
                noise.spoilt(&call)
            } else {
                noise.bytes(100)
            };
            talk.receive(&bytes);
            if talk.next_step().is_some() {
                talk.batch_ended();
            }
        }
    }
}

#[test]
fn a_certificate_that_is_none_is_refused() {
    let key = rcgen::KeyPair::generate().unwrap().serialize_der();
    let made = crate::server_api::TlsIdentity::new(
        vec![CertificateDer::from(vec![1, 2, 3])],
        rustls_pki_types::PrivateKeyDer::Pkcs8(key.into()),
    );
    assert!(made.is_err());
}

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 8).unwrap().to_be_bytes();
    [[kind, 1, length[0], length[1], 0, 0, 1, 0].as_slice(), body].concat()
}
