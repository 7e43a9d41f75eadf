//! By what a server certificate is judged: given CAs and no others, the operating system's, a pin, or nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::error::SecureError;
use crate::domain::certificate::Presented;
use crate::domain::hash::Sha256;
use crate::domain::instance::{Tls, Verification};
use crate::domain::tls_cause::TlsFault;

/// How soon a CA that an administrator adds or removes counts at the latest.
const SYSTEM_FOR: Duration = Duration::from_secs(30);

pub(super) enum Check {
    /// By these, whose subjects are `given`, empty for the operating system's.
    Chain {
        roots: Arc<RootCertStore>,
        given: Vec<String>,
    },
    Pinned(Sha256),
    Anything,
}

impl Check {
    pub fn of(tls: &Tls) -> Result<Self, SecureError> {
        match tls {
            Tls::Required(verification) | Tls::Strict(verification) => by_chain(verification),
            Tls::Pinned { sha256 } => Ok(Self::Pinned(*sha256)),
            Tls::TrustServerCertificate | Tls::Off => Ok(Self::Anything),
        }
    }

    pub fn is_by_name(&self) -> bool {
        matches!(self, Self::Chain { .. })
    }

    pub fn given(&self) -> Vec<String> {
        match self {
            Self::Chain { given, .. } => given.clone(),
            _ => Vec::new(),
        }
    }
}

fn by_chain(verification: &Verification) -> Result<Check, SecureError> {
    let mut given = Vec::new();
    let roots = match &verification.ca_pem {
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()).flatten() {
                given.extend(Presented::from_der(&certificate).map(|ca| ca.subject));
                // One that is no CA's certificate vouches for nobody, and is named where that matters.
                let _ = roots.add(certificate);
            }
            Arc::new(roots)
        }
        None => of_the_system(),
    };
    if roots.is_empty() && given.is_empty() {
        let what = "there is no CA to verify it by: the operating system has none; give ca_pem";
        return Err(TlsFault::Other(what.to_owned()).into());
    }
    Ok(Check::Chain { roots, given })
}

/// The operating system's CAs, read anew after [`SYSTEM_FOR`]: there are hundreds of them, and connections are made by the hundred.
fn of_the_system() -> Arc<RootCertStore> {
    static READ: Mutex<Option<(Instant, Arc<RootCertStore>)>> = Mutex::new(None);
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, roots)) = read.as_ref()
        && at.elapsed() < SYSTEM_FOR
    {
        return Arc::clone(roots);
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let roots = Arc::new(roots);
    *read = Some((Instant::now(), Arc::clone(&roots)));
    roots
}
