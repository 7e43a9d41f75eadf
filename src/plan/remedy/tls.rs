//! TLS that did not come about, by cause. What weakens is named only where nothing else would do, and with what is lost.

use super::Advice;
use crate::domain::certificate::Presented;
use crate::domain::tls_cause::{TlsCause, TlsFault};

/// Where to compare before a hash is pinned: over the very connection that is not trusted, anybody could have shown it.
const COMPARE: &str = "first compare the hash with the one on the server itself, since anybody between could have shown this one";

#[expect(clippy::too_many_lines, reason = "a table of texts")]
pub(super) fn advice(cause: &TlsCause, instance: &str, address: &str) -> Advice {
    let presented = cause.presented.as_ref();
    let remedy = match &cause.fault {
        TlsFault::NoEncryption => format!(
            "Give {instance} a certificate or let it make its own, so that it encrypts (any SQL Server that can be reached this way otherwise does). If it cannot, the only way is tls mode off in its registration: anyone on the path then reads the log-in's password and everything else."
        ),
        TlsFault::EncryptionForced => format!(
            "Set tls in the registration of {instance} to required, with ca_pem, or pinned; mode off has no use against a server that insists."
        ),
        TlsFault::StrictOnly => format!(
            "Set tls in the registration of {instance} to strict, which is verified like required, or to pinned, which finds out by itself."
        ),
        TlsFault::NoStrict => format!(
            "Set tls in the registration of {instance} to required, with the same ca_pem and server_name: it is verified just as well."
        ),
        TlsFault::OldTls => format!(
            "Have TLS 1.2 enabled on {instance}: SQL Server 2008 to 2014 need the update that brings it, newer ones have it unless Windows or mssql.conf turned it off. No tls mode gets around that."
        ),
        TlsFault::ClosedAtHello => format!(
            "Look on {instance} for the reason: its error log, and Schannel's events (36871, 36874, 36888) in the system log of Windows. Mostly TLS 1.2 is not enabled, there is no cipher suite in common, or the service account cannot read its certificate's private key. What was not verified is not the reason, so no weaker mode would help."
        ),
        TlsFault::Alert(_) => format!(
            "Look on {instance} for the reason: its error log, and Schannel's events in the system log of Windows. Mostly it has no usable certificate, or no cipher suite in common."
        ),
        TlsFault::Fallback => format!(
            "Install a certificate of a CA on {instance}, for the name it is registered under, and give that CA as ca_pem. A pin would hold until its next start only. Without a certificate the only way is tls mode trust_server_certificate: anyone on the path can then pose as the server and read the log-in's password."
        ),
        TlsFault::VersionOne => format!(
            "Install an X.509 v3 certificate of a CA on {instance} and give that CA as ca_pem{}.",
            or_pin(presented)
        ),
        TlsFault::AuthorityItself => format!(
            "Install a certificate on {instance} that is not an authority's (basicConstraints CA:FALSE; openssl req -x509 sets TRUE unless told otherwise), and give its issuer as ca_pem; giving this very certificate as ca_pem does not help{}.",
            or_pin(presented)
        ),
        TlsFault::ShortKey { .. } => format!(
            "Install a certificate of a CA with an RSA key of 2048 bits or more on {instance}{}.",
            or_pin(presented)
        ),
        TlsFault::UnknownIssuer { given } => unknown_issuer(presented, given, instance),
        TlsFault::NoNames { expected } => format!(
            "Have the certificate of {instance} issued again with {expected} as a subject alternative name; server_name cannot help, there is no name to give{}.",
            or_pin(presented)
        ),
        TlsFault::OtherName { expected } => format!(
            "If {address} is meant, have the certificate issued again with {expected} as a subject alternative name, or name in server_name the one of its names that is surely this server's ({}). If not, correct host in the registration of {instance}.",
            presented.map(|p| p.names.join(", ")).unwrap_or_default()
        ),
        TlsFault::Expired { .. } => format!(
            "Renew the certificate of {instance} and restart the instance, which reads it at its start; if the dates are right, look at the clock of the machine mirrorgate runs on."
        ),
        TlsFault::NotYetValid { .. } => format!(
            "Look at the clock of the machine mirrorgate runs on and at the one the certificate was made on; else wait, or have the certificate of {instance} issued again."
        ),
        TlsFault::NotThePin { .. } if presented.is_some_and(Presented::is_fallback) => format!(
            "{instance} shows the certificate it makes for itself at every start, so no pin outlasts its next start. Install a certificate on it, of a CA whose certificate is then given as ca_pem, or a self-made one that is then pinned."
        ),
        TlsFault::NotThePin { .. } => format!(
            "If the certificate of {instance} was renewed, compare the hash on the server itself and register the new one as sha256. If nobody renewed it, somebody else answers at {address}."
        ),
        TlsFault::KeyNotProven => format!(
            "The certificate is public, its key is not: somebody else may answer at {address}, and nothing was sent to him. On {instance} itself, see whether certificate and key belong together."
        ),
        TlsFault::Other(_) => format!(
            "Look at the certificate {instance} uses; one of a CA, for the name it is registered under and for server authentication, given with that CA as ca_pem, is verified{}.",
            or_pin(presented)
        ),
    };
    Advice {
        wanted: wanted(&cause.fault, address),
        remedy: remedy + " Not tried again by itself.",
    }
}

fn wanted(fault: &TlsFault, address: &str) -> String {
    match fault {
        TlsFault::NoEncryption => format!("TLS offered by {address}"),
        TlsFault::EncryptionForced => format!("a tls mode with encryption for {address}"),
        TlsFault::StrictOnly => format!("tls mode strict for {address}"),
        TlsFault::NoStrict => format!("TDS 8.0 at {address}, or another tls mode"),
        TlsFault::OldTls | TlsFault::ClosedAtHello | TlsFault::Alert(_) => {
            format!("TLS 1.2 or later with {address}")
        }
        TlsFault::NotThePin { pinned } => {
            format!("the certificate of SHA-256 {pinned}, presented by {address}")
        }
        _ => format!("a certificate that can be verified, presented by {address}"),
    }
}

fn unknown_issuer(presented: Option<&Presented>, given: &[String], instance: &str) -> String {
    let Some(presented) = presented else {
        return format!("Give the CA of the certificate of {instance} as ca_pem.");
    };
    if presented.is_self_made() {
        return format!(
            "{} was made by whoever set up {instance}, so no CA can vouch for it. Install one of a CA and give that CA as ca_pem{}.",
            presented.subject,
            or_pin(Some(presented))
        );
    }
    let issuer = &presented.issuer;
    match given {
        [] => format!(
            "Give the certificate of its issuer, {issuer}, as ca_pem in the registration of {instance}; without one only the CAs of the operating system count."
        ),
        given if given.contains(issuer) => format!(
            "The CA given has the very name of the issuer, {issuer}, and another key: it was renewed, or is another one of that name. Give the certificate of the one that signed."
        ),
        given => format!(
            "Its issuer is {issuer}; given is {}. Give the certificate of {issuer}, or, if that is an authority in between, have {instance} send it along. If {issuer} is no authority of yours, somebody else may answer there.",
            given.join("; ")
        ),
    }
}

/// The pin, where a certificate can be known again: not the fallback one, which the next start replaces.
fn or_pin(presented: Option<&Presented>) -> String {
    match presented {
        Some(presented) if !presented.is_fallback() => format!(
            "; or trust this one alone, by tls {{\"mode\": \"pinned\", \"sha256\": \"{}\"}}: {COMPARE}",
            presented.sha256
        ),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::hash::Sha256;

    fn presented(subject: &str, issuer: &str) -> Presented {
        Presented {
            subject: subject.into(),
            issuer: issuer.into(),
            version: 3,
            is_authority: false,
            rsa_bits: Some(2048),
            not_before: None,
            not_after: None,
            names: vec!["a.corp".into()],
            sha256: Sha256::of(b"der"),
        }
    }

    fn remedy(fault: TlsFault, presented: Option<Presented>) -> String {
        advice(&TlsCause { fault, presented }, "HOST_A", "a:1433").remedy
    }

    #[test]
    fn what_weakens_is_offered_only_where_it_is_the_only_way_and_with_what_is_lost() {
        let at = DateTime::UNIX_EPOCH;
        let expected = || "a.corp".to_owned();
        let all = [
            TlsFault::NoEncryption,
            TlsFault::EncryptionForced,
            TlsFault::StrictOnly,
            TlsFault::NoStrict,
            TlsFault::OldTls,
            TlsFault::ClosedAtHello,
            TlsFault::Alert("HandshakeFailure".into()),
            TlsFault::Fallback,
            TlsFault::VersionOne,
            TlsFault::UnknownIssuer { given: Vec::new() },
            TlsFault::NoNames {
                expected: expected(),
            },
            TlsFault::OtherName {
                expected: expected(),
            },
            TlsFault::Expired { at },
            TlsFault::NotYetValid { at },
            TlsFault::NotThePin {
                pinned: Sha256::of(b""),
            },
            TlsFault::KeyNotProven,
            TlsFault::AuthorityItself,
            TlsFault::ShortKey { bits: 1024 },
            TlsFault::Other("odd".into()),
        ];
        for fault in all {
            let said = remedy(fault.clone(), Some(presented("CN=a", "CN=ca")));
            let weakens =
                said.contains("trust_server_certificate") || said.contains("tls mode off in");
            let only_way = matches!(fault, TlsFault::Fallback | TlsFault::NoEncryption);
            assert_eq!(weakens, only_way, "{fault:?}: {said}");
            assert_eq!(
                said.contains("anyone on the path"),
                only_way,
                "{fault:?}: {said}"
            );
        }
    }

    #[test]
    fn a_pin_is_offered_for_self_made_certificates_and_never_for_the_fallback_one() {
        let unknown = || TlsFault::UnknownIssuer {
            given: vec!["CN=given".into()],
        };
        let own = remedy(unknown(), Some(presented("CN=a", "CN=a")));
        assert!(
            own.contains("pinned") && own.contains("compare the hash"),
            "{own}"
        );
        let foreign = remedy(unknown(), Some(presented("CN=a", "CN=seen")));
        assert!(!foreign.contains("pinned"), "{foreign}");
        assert!(
            foreign.contains("CN=seen") && foreign.contains("CN=given"),
            "{foreign}"
        );
        let name = "CN=SSL_Self_Signed_Fallback";
        let fallback = remedy(TlsFault::Fallback, Some(presented(name, name)));
        assert!(!fallback.contains("sha256"), "{fallback}");
    }

    #[test]
    fn what_is_wanted_is_what_the_server_is_to_do_or_the_registration_to_say() {
        let pinned = Sha256::of(b"pin");
        let cases = [
            (TlsFault::NoEncryption, "TLS offered by a:1433".to_owned()),
            (
                TlsFault::EncryptionForced,
                "a tls mode with encryption for a:1433".to_owned(),
            ),
            (
                TlsFault::StrictOnly,
                "tls mode strict for a:1433".to_owned(),
            ),
            (
                TlsFault::NoStrict,
                "TDS 8.0 at a:1433, or another tls mode".to_owned(),
            ),
            (TlsFault::OldTls, "TLS 1.2 or later with a:1433".to_owned()),
            (
                TlsFault::ClosedAtHello,
                "TLS 1.2 or later with a:1433".to_owned(),
            ),
            (
                TlsFault::Alert("x".into()),
                "TLS 1.2 or later with a:1433".to_owned(),
            ),
            (
                TlsFault::NotThePin { pinned },
                format!("the certificate of SHA-256 {pinned}, presented by a:1433"),
            ),
            (
                TlsFault::VersionOne,
                "a certificate that can be verified, presented by a:1433".to_owned(),
            ),
        ];
        for (fault, wanted) in cases {
            let cause = TlsCause {
                fault,
                presented: None,
            };
            assert_eq!(
                advice(&cause, "HOST_A", "a:1433").wanted,
                wanted,
                "{cause:?}"
            );
        }
    }

    #[test]
    fn no_pin_is_advised_for_what_the_next_start_replaces() {
        let name = "CN=SSL_Self_Signed_Fallback";
        let fallback = || Some(presented(name, name));
        let pinned = Sha256::of(b"pin");
        let said = remedy(TlsFault::NotThePin { pinned }, fallback());
        assert!(said.contains("no pin outlasts"), "{said}");
        let renewed = remedy(
            TlsFault::NotThePin { pinned },
            Some(presented("CN=a", "CN=ca")),
        );
        assert!(
            renewed.contains("register the new one as sha256"),
            "{renewed}"
        );
        assert!(!renewed.contains("no pin outlasts"), "{renewed}");
        for fault in [TlsFault::VersionOne, TlsFault::AuthorityItself] {
            assert!(
                !remedy(fault.clone(), fallback()).contains("\"pinned\""),
                "{fault:?}"
            );
            let other = remedy(fault, Some(presented("CN=a", "CN=ca")));
            assert!(other.contains("\"pinned\""), "{other}");
        }
    }

    #[test]
    fn of_an_unknown_issuer_it_is_told_which_certificate_to_give() {
        let said = |given: &[&str]| {
            let given = given.iter().map(|g| (*g).to_owned()).collect();
            remedy(
                TlsFault::UnknownIssuer { given },
                Some(presented("CN=a", "CN=ca")),
            )
        };
        assert!(said(&[]).contains("certificate of its issuer, CN=ca, as ca_pem"));
        let of_that_name = said(&["CN=x", "CN=ca"]);
        assert!(of_that_name.contains("another key"), "{of_that_name}");
        let of_another = said(&["CN=x", "CN=y"]);
        assert!(
            of_another.contains("Its issuer is CN=ca; given is CN=x; CN=y"),
            "{of_another}"
        );
        let unseen = remedy(TlsFault::UnknownIssuer { given: Vec::new() }, None);
        assert!(
            unseen.starts_with("Give the CA of the certificate of HOST_A"),
            "{unseen}"
        );
    }
}
