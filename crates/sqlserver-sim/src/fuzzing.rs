//! Doors for the fuzz targets in `fuzz/`, and for the tests that keep those from rotting. Not for other use.

use std::sync::{Arc, OnceLock};

use crate::server_api::{Encryption, Greeting, TlsIdentity};
use crate::spec::InstanceSpec;
use crate::tls::Authority;

/// Parses a batch and throws the result away.
pub fn parse(text: &str) {
    let _ = crate::engine::lang::parse(text, &[]);
    let _ = crate::engine::lang::parse_parameters(text);
}

/// Feeds bytes to the protocol state machine. The first byte chooses encryption, log-in state and how the rest is cut.
pub fn converse(bytes: &[u8]) {
    static TLS: OnceLock<Option<Arc<TlsIdentity>>> = OnceLock::new();
    let tls = TLS.get_or_init(|| {
        let authority = Authority::new().ok()?;
        authority.identity(&InstanceSpec::default()).ok()
    });
    let (Some(tls), Some((choice, rest))) = (tls, bytes.split_first()) else {
        return;
    };
    let encryption = match choice & 3 {
        0 => Encryption::NotSupported,
        1 => Encryption::Required,
        2 => Encryption::Strict,
        _ => Encryption::Optional,
    };
    let greeting = Greeting {
        encryption,
        version: (16, 0, 4135),
        server_name: "FUZZ".to_owned(),
        instance_name: None,
        tls: Arc::clone(tls),
        attention_in_one_message: choice & 4 != 0,
    };
    let cut = usize::from(choice >> 4) * 7 + 1;
    crate::tds::fuzzing::converse(greeting, choice & 8 != 0, cut, rest);
}
