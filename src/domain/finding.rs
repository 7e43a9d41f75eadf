//! Findings: what preflight has to say. The list of codes is open to growth; a code never changes its meaning.

use serde::{Deserialize, Serialize};

use super::cure::Cure;
use crate::domain::words::words;

/// How much a finding weighs.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Anywhere: nothing is changed anywhere.
    Blocker,
    /// Shown and kept in the history.
    Warning,
    /// Explains.
    Info,
}

macro_rules! codes {
    ($($variant:ident $severity:ident,)+) => {
        /// The stable code of a finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[derive(strum::IntoStaticStr, strum::EnumString, strum::VariantArray)]
        #[serde(rename_all = "snake_case")]
        #[strum(serialize_all = "snake_case")]
        pub enum Code { $($variant,)+ }

        words!(Code);

        impl Code {
            /// The severity where the table of findings gives only one; the rest are raised by the rule that finds them.
            #[must_use]
            pub fn usual_severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }
        }
    };
}

codes! {
    Unreachable Blocker,
    TlsNotTrusted Blocker,
    LoginRefused Blocker,
    ObservationFailed Blocker,
    InstanceIdentityChanged Blocker,
    InstanceNameDiffers Blocker,
    SameServerTwice Blocker,
    ConnectedThroughListener Blocker,
    PermissionMissing Blocker,
    VersionTooOld Blocker,
    EditionWitnessOnly Blocker,
    NoEndpoint Blocker,
    EndpointNotCertificate Blocker,
    EndpointStopped Warning,
    EndpointRoleInsufficient Warning,
    EndpointAllowsRc4 Warning,
    NoCommonAlgorithm Blocker,
    NoMasterKey Blocker,
    OwnCertificateWithoutKey Blocker,
    MasterKeyNotOpenedByServer Warning,
    OwnCertificateExpired Blocker,
    OwnCertificateNotYetValid Blocker,
    OwnCertificateExpiresSoon Warning,
    OwnCertificateUnusable Blocker,
    ClockSkew Warning,
    PinnedCertificateNotInUse Blocker,
    CertificateSourceUntrusted Blocker,
    SharedEndpointCertificate Blocker,
    CertificateOwnedByDbo Blocker,
    UserOrphaned Blocker,
    NameTaken Blocker,
    ConnectDenied Blocker,
    FileMismatch Blocker,
    PeerLoginPrivileged Warning,
    EndpointInUse Warning,
    NextCertificateInUse Info,
    SupersededCertificate Info,
    LoginOwnsEndpoint Warning,
    DdlTriggerPresent Warning,
    EndpointPortDiffers Warning,
    PartnerVersionsDiffer Warning,
    PartnerEditionsDiffer Warning,
    AsynchronousNeedsEnterprise Warning,
    MirroringUnsupportedOnLinux Warning,
    TlsUnverified Warning,
    PeerLoginDisabled Warning,
    PeerPrivateKeyHeld Warning,
    EndpointAllowsNoEncryption Warning,
    WeakCertificate Warning,
    EndpointPortClash Warning,
    ConnectLostWhileConnected Warning,
    CertificateOfTwoInstances Blocker,
    ServerRegisteredTwice Blocker,
    IssuerSerialTaken Blocker,
    NextCertificateUnusable Warning,
}

impl Code {
    /// What stands in the way of a chain, with the object found. Where it blocks, it is counted as a conflict.
    #[must_use]
    pub fn is_conflict(self) -> bool {
        matches!(
            self,
            Self::CertificateOwnedByDbo
                | Self::UserOrphaned
                | Self::NameTaken
                | Self::ConnectDenied
                | Self::FileMismatch
                | Self::IssuerSerialTaken
                | Self::PeerLoginPrivileged
        )
    }

    /// As a blocker it forbids the import of one certificate, which is left out of the plan, and nothing else.
    #[must_use]
    pub fn leaves_out_one_import(self) -> bool {
        matches!(
            self,
            Self::OwnCertificateExpired
                | Self::OwnCertificateNotYetValid
                | Self::OwnCertificateWithoutKey
                | Self::SharedEndpointCertificate
                | Self::CertificateOfTwoInstances
        )
    }

    /// What was seen may be another server than the one meant: nothing of it is kept under that one's name.
    #[must_use]
    pub fn is_about_identity(self) -> bool {
        matches!(
            self,
            Self::InstanceIdentityChanged
                | Self::InstanceNameDiffers
                | Self::SameServerTwice
                | Self::ServerRegisteredTwice
                | Self::ConnectedThroughListener
        )
    }

    /// A later attempt may find it gone with nobody having done anything.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Unreachable)
    }
}

/// One thing preflight has to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Finding {
    pub code: Code,
    pub severity: Severity,
    /// The instance it is about.
    #[schema(example = "HOST_A")]
    pub instance: String,
    /// Where it is about a trust: the peer that would be let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    pub found: String,
    pub wanted: String,
    /// What to do, in words.
    pub remedy: String,
    /// T-SQL with real names that cures it, to be run in `master` on `instance`, where T-SQL can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy_tsql: Option<String>,
    /// What `remedy_tsql` is written from; the history keeps the text only.
    #[serde(skip)]
    #[schema(ignore)]
    pub cure: Option<Cure>,
}

impl Finding {
    /// The job cannot succeed with it.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.severity == Severity::Blocker
    }

    /// Nothing may be changed anywhere with it.
    #[must_use]
    pub fn forbids_changes(&self) -> bool {
        self.blocks() && !self.code.leaves_out_one_import()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_written_the_way_it_is_serialised() {
        for code in Code::ALL {
            assert_eq!(
                serde_json::to_value(code).unwrap(),
                serde_json::Value::from(code.as_str())
            );
        }
    }

    fn those(is_one: fn(Code) -> bool) -> Vec<&'static str> {
        let all = Code::ALL.iter().filter(|code| is_one(**code));
        all.map(|code| code.as_str()).collect()
    }

    #[test]
    fn a_conflict_is_an_object_that_stands_in_the_way_of_a_chain() {
        assert_eq!(
            those(Code::is_conflict),
            [
                "certificate_owned_by_dbo",
                "user_orphaned",
                "name_taken",
                "connect_denied",
                "file_mismatch",
                "peer_login_privileged",
                "issuer_serial_taken",
            ]
        );
    }

    /// What is kept under an instance's name is only what was surely seen of it.
    #[test]
    fn what_may_be_another_server_is_told_from_what_is_wrong_with_this_one() {
        assert_eq!(
            those(Code::is_about_identity),
            [
                "instance_identity_changed",
                "instance_name_differs",
                "same_server_twice",
                "connected_through_listener",
                "server_registered_twice",
            ]
        );
    }

    #[test]
    fn only_a_server_that_was_not_reached_may_be_well_the_next_time() {
        assert_eq!(those(Code::may_pass), ["unreachable"]);
    }

    #[test]
    fn conflicts_block() {
        // Where a chain of it works already, a privileged login is a warning.
        let always = |c: &&Code| c.is_conflict() && **c != Code::PeerLoginPrivileged;
        for code in Code::ALL.iter().filter(always) {
            assert_eq!(code.usual_severity(), Severity::Blocker, "{code:?}");
        }
    }
}
