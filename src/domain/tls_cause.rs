//! Why no trusted TLS connection came about: what the server showed and what rustls or the server said of it, in our words.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::certificate::Presented;
use super::hash::Sha256;

/// The least bits of an RSA key that handshakes are verified with.
const SHORTEST_RSA: usize = 2048;

/// What went wrong, and the certificate that was shown, if it came so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsCause {
    pub fault: TlsFault,
    pub presented: Option<Presented>,
}

/// One fault of a TLS connection; each has a remedy of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsFault {
    /// PRELOGIN said that the server does not encrypt.
    NoEncryption,
    /// Mode `off`, and the server insists ("Force Encryption").
    EncryptionForced,
    /// It speaks TLS before PRELOGIN only ("Force Strict Encryption"). Seen, not guessed.
    StrictOnly,
    /// Mode `strict`, and the server hung up on TLS before PRELOGIN.
    NoStrict,
    /// Only versions of TLS below 1.2.
    OldTls,
    /// It hung up on the ClientHello, twice, without a word.
    ClosedAtHello,
    /// It ended the handshake with an alert.
    Alert(String),
    /// The certificate SQL Server makes at its start.
    Fallback,
    /// X.509 version 1, which cannot be verified by a CA.
    VersionOne,
    /// It is marked as an authority's own, which no server may show where it is verified by a CA.
    AuthorityItself,
    /// Its RSA key has fewer bits than signatures are verified with.
    ShortKey {
        bits: usize,
    },
    /// None of the CAs that count has signed it. `given`: their subjects, none where the operating system's count.
    UnknownIssuer {
        given: Vec<String>,
    },
    /// It names neither hosts nor addresses.
    NoNames {
        expected: String,
    },
    /// It is for others.
    OtherName {
        expected: String,
    },
    Expired {
        at: DateTime<Utc>,
    },
    NotYetValid {
        at: DateTime<Utc>,
    },
    /// Another certificate than the registration pins.
    NotThePin {
        pinned: Sha256,
    },
    /// The certificate was shown by somebody who could not prove to have its key.
    KeyNotProven,
    /// Anything else that was refused, in the library's words.
    Other(String),
}

/// What the verification of a chain complained of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Complaint {
    Issuer,
    Name,
    Date,
    Key,
    Other(String),
}

/// What counted when the certificate was verified.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The name the certificate was to be for.
    pub expected: String,
    /// Subjects of the CAs given; none where the operating system's count.
    pub given: Vec<String>,
    pub now: DateTime<Utc>,
}

impl TlsFault {
    /// What `complaint` comes down to. What the certificate is comes first: one that can never be verified has no cure in
    /// its name or its date.
    #[must_use]
    pub fn of(presented: &Presented, complaint: Complaint, terms: Terms) -> Self {
        let Terms {
            expected,
            given,
            now: at,
        } = terms;
        let is_before = |moment: Option<DateTime<Utc>>| moment.is_some_and(|moment| at < moment);
        let is_after = |moment: Option<DateTime<Utc>>| moment.is_some_and(|moment| at > moment);
        match complaint {
            Complaint::Key => match presented.rsa_bits {
                Some(bits) if bits < SHORTEST_RSA => Self::ShortKey { bits },
                _ => Self::KeyNotProven,
            },
            _ if presented.is_fallback() => Self::Fallback,
            _ if presented.version < 3 => Self::VersionOne,
            Complaint::Issuer => Self::UnknownIssuer { given },
            Complaint::Name if presented.names.is_empty() => Self::NoNames { expected },
            Complaint::Name => Self::OtherName { expected },
            Complaint::Date if is_after(presented.not_after) => Self::Expired { at },
            Complaint::Date if is_before(presented.not_before) => Self::NotYetValid { at },
            Complaint::Date => Self::Other(
                "a certificate above it, of an authority, is out of its time".to_owned(),
            ),
            Complaint::Other(_) if presented.is_authority => Self::AuthorityItself,
            Complaint::Other(said) => Self::Other(said),
        }
    }

    /// On one line, after what was presented.
    #[must_use]
    pub fn describe(&self) -> String {
        let minute = |at: &DateTime<Utc>| at.format("%Y-%m-%d %H:%M UTC").to_string();
        match self {
            Self::NoEncryption => "the server offers no encryption".to_owned(),
            Self::EncryptionForced => {
                "the server insists on encryption (Force Encryption), and tls mode is off".to_owned()
            }
            Self::StrictOnly => {
                "the server speaks TLS before anything else only (TDS 8.0, Force Strict Encryption)"
                    .to_owned()
            }
            Self::NoStrict => {
                "the server ended the connection at the first TLS message; tls mode strict (TDS 8.0) needs SQL Server 2022 or later".to_owned()
            }
            Self::OldTls => "the server speaks no TLS from 1.2 on".to_owned(),
            Self::ClosedAtHello => {
                "the server agreed to encrypt and then ended the connection at the first TLS message, twice, without saying why".to_owned()
            }
            Self::Alert(alert) => format!("the server ended the TLS handshake with the alert {alert}"),
            Self::Fallback => {
                "made by SQL Server at its start because it was given no certificate; it cannot be verified, and the next start makes another".to_owned()
            }
            Self::VersionOne => "X.509 version 1 cannot be verified by a CA".to_owned(),
            Self::AuthorityItself => {
                "it is an authority's own certificate (CA:TRUE), which verifies no server".to_owned()
            }
            Self::ShortKey { bits } => {
                format!("its RSA key of {bits} bits is too short to be verified; wanted are {SHORTEST_RSA} or more")
            }
            Self::UnknownIssuer { given } if given.is_empty() => {
                "not signed by a CA the operating system trusts".to_owned()
            }
            Self::UnknownIssuer { given } => {
                format!("not signed by the CA that was given ({})", given.join("; "))
            }
            Self::NoNames { expected } => {
                format!("it has no subject alternative name, so it is not for {expected}, whatever its subject says")
            }
            Self::OtherName { expected } => format!("not for {expected}"),
            Self::Expired { at } => format!("expired; it is {}", minute(at)),
            Self::NotYetValid { at } => format!("not valid yet; it is {}", minute(at)),
            Self::NotThePin { pinned } => {
                format!("not the certificate the registration pins (SHA-256 {pinned})")
            }
            Self::KeyNotProven => {
                "whoever showed it could not prove to have its private key".to_owned()
            }
            Self::Other(said) => said.clone(),
        }
    }
}

impl TlsCause {
    /// What was presented, and what is wrong.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.presented {
            Some(presented) => format!(
                "presented {}: {}",
                presented.describe(),
                self.fault.describe()
            ),
            None => self.fault.describe(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::TimeDelta;

    use super::*;

    /// What is made of a sound certificate.
    type Change = fn(&mut Presented);

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
    }

    /// One of a CA, for a.corp, in its time, with nothing wrong about it.
    fn sound() -> Presented {
        Presented {
            subject: "CN=a".into(),
            issuer: "CN=ca".into(),
            version: 3,
            not_before: Some(now() - TimeDelta::days(1)),
            not_after: Some(now() + TimeDelta::days(1)),
            is_authority: false,
            rsa_bits: Some(SHORTEST_RSA),
            names: vec!["a.corp".into()],
            sha256: Sha256::of(b"der"),
        }
    }

    fn terms() -> Terms {
        Terms {
            expected: "b.corp".into(),
            given: vec!["CN=given".into()],
            now: now(),
        }
    }

    fn fault(change: impl FnOnce(&mut Presented), complaint: Complaint) -> TlsFault {
        let mut presented = sound();
        change(&mut presented);
        TlsFault::of(&presented, complaint, terms())
    }

    #[test]
    fn what_is_complained_of_is_told_by_what_the_certificate_is() {
        let odd = || Complaint::Other("odd".into());
        let cases: [(&str, Change, Complaint, TlsFault); 12] = [
            (
                "issuer",
                |_| {},
                Complaint::Issuer,
                TlsFault::UnknownIssuer {
                    given: terms().given,
                },
            ),
            (
                "name",
                |_| {},
                Complaint::Name,
                TlsFault::OtherName {
                    expected: "b.corp".into(),
                },
            ),
            (
                "no names",
                |p| p.names.clear(),
                Complaint::Name,
                TlsFault::NoNames {
                    expected: "b.corp".into(),
                },
            ),
            (
                "ended",
                |p| p.not_after = Some(now() - TimeDelta::seconds(1)),
                Complaint::Date,
                TlsFault::Expired { at: now() },
            ),
            (
                "to begin",
                |p| p.not_before = Some(now() + TimeDelta::seconds(1)),
                Complaint::Date,
                TlsFault::NotYetValid { at: now() },
            ),
            (
                "short key",
                |p| p.rsa_bits = Some(SHORTEST_RSA - 1),
                Complaint::Key,
                TlsFault::ShortKey {
                    bits: SHORTEST_RSA - 1,
                },
            ),
            (
                "long enough",
                |_| {},
                Complaint::Key,
                TlsFault::KeyNotProven,
            ),
            (
                "no RSA key",
                |p| p.rsa_bits = None,
                Complaint::Key,
                TlsFault::KeyNotProven,
            ),
            (
                "an authority's",
                |p| p.is_authority = true,
                odd(),
                TlsFault::AuthorityItself,
            ),
            (
                "anything else",
                |_| {},
                odd(),
                TlsFault::Other("odd".into()),
            ),
            ("version 1", |p| p.version = 1, odd(), TlsFault::VersionOne),
            (
                "fallback",
                |p| p.subject = "CN=SSL_Self_Signed_Fallback".into(),
                odd(),
                TlsFault::Fallback,
            ),
        ];
        for (what, change, complaint, wanted) in cases {
            assert_eq!(fault(change, complaint), wanted, "{what}");
        }
    }

    #[test]
    fn one_that_can_never_be_verified_is_told_as_that_whatever_is_complained_of() {
        for complaint in [Complaint::Issuer, Complaint::Name, Complaint::Date] {
            let old = fault(|p| p.version = 1, complaint.clone());
            assert_eq!(old, TlsFault::VersionOne, "{complaint:?}");
            let made_at_start = fault(
                |p| {
                    p.subject = "CN=SSL_Self_Signed_Fallback".into();
                    p.version = 1;
                },
                complaint,
            );
            assert_eq!(made_at_start, TlsFault::Fallback);
        }
    }

    #[test]
    fn one_that_is_in_its_time_is_not_told_to_be_out_of_it() {
        let cases: [(&str, Change); 4] = [
            ("between its days", |_| {}),
            ("in its last second", |p| p.not_after = Some(now())),
            ("in its first second", |p| p.not_before = Some(now())),
            ("without days that can be read", |p| {
                p.not_before = None;
                p.not_after = None;
            }),
        ];
        for (what, change) in cases {
            let said = fault(change, Complaint::Date);
            assert!(
                matches!(&said, TlsFault::Other(said) if said.contains("above it")),
                "{what}: {said:?}"
            );
        }
    }

    /// What must be in the words about each fault.
    fn words() -> Vec<(TlsFault, &'static str)> {
        let at = now();
        vec![
            (TlsFault::NoEncryption, "offers no encryption"),
            (TlsFault::EncryptionForced, "Force Encryption"),
            (TlsFault::StrictOnly, "Force Strict Encryption"),
            (TlsFault::NoStrict, "tls mode strict"),
            (TlsFault::OldTls, "1.2"),
            (TlsFault::ClosedAtHello, "twice"),
            (
                TlsFault::Alert("HandshakeFailure".into()),
                "HandshakeFailure",
            ),
            (TlsFault::Fallback, "at its start"),
            (TlsFault::VersionOne, "version 1"),
            (TlsFault::AuthorityItself, "CA:TRUE"),
            (TlsFault::ShortKey { bits: 1024 }, "1024"),
            (
                TlsFault::UnknownIssuer { given: Vec::new() },
                "the operating system",
            ),
            (
                TlsFault::UnknownIssuer {
                    given: vec!["CN=x".into(), "CN=y".into()],
                },
                "CN=x; CN=y",
            ),
            (
                TlsFault::NoNames {
                    expected: "b.corp".into(),
                },
                "b.corp",
            ),
            (
                TlsFault::OtherName {
                    expected: "b.corp".into(),
                },
                "not for b.corp",
            ),
            (
                TlsFault::Expired { at },
                "expired; it is 2024-10-04 00:00 UTC",
            ),
            (
                TlsFault::NotYetValid { at },
                "not valid yet; it is 2024-10-04 00:00 UTC",
            ),
            (
                TlsFault::NotThePin {
                    pinned: Sha256::of(b"pin"),
                },
                "pins",
            ),
            (TlsFault::KeyNotProven, "private key"),
            (TlsFault::Other("odd".into()), "odd"),
        ]
    }

    #[test]
    fn every_fault_has_words_of_its_own_that_name_what_it_is_about() {
        let mut said = BTreeSet::new();
        for (fault, word) in words() {
            let text = fault.describe();
            assert!(text.contains(word), "{fault:?}: {text}");
            assert!(!text.contains('\n'));
            assert!(said.insert(text), "{fault:?} has the words of another");
        }
    }

    #[test]
    fn what_was_presented_is_told_before_what_is_wrong_with_it() {
        let fault = TlsFault::VersionOne;
        let alone = TlsCause {
            fault: fault.clone(),
            presented: None,
        };
        assert_eq!(alone.describe(), fault.describe());
        let both = TlsCause {
            fault: fault.clone(),
            presented: Some(sound()),
        };
        let wanted = format!("presented {}: {}", sound().describe(), fault.describe());
        assert_eq!(both.describe(), wanted);
    }
}
