//! Findings: what preflight has to say. The list of codes is open to growth; a code never changes its meaning.

use serde::{Deserialize, Serialize};

use super::cure::Cure;

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
    ($($variant:ident $text:literal $severity:ident,)+) => {
        /// The stable code of a finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $($variant,)+ }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The severity where the table of findings gives only one; the rest are raised by the rule that finds them.
            #[must_use]
            pub fn usual_severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }
        }
    };
}

codes! {
    Unreachable "unreachable" Blocker,
    TlsNotTrusted "tls_not_trusted" Blocker,
    LoginRefused "login_refused" Blocker,
    ObservationFailed "observation_failed" Blocker,
    InstanceIdentityChanged "instance_identity_changed" Blocker,
    InstanceNameDiffers "instance_name_differs" Blocker,
    SameServerTwice "same_server_twice" Blocker,
    ConnectedThroughListener "connected_through_listener" Blocker,
    PermissionMissing "permission_missing" Blocker,
    VersionTooOld "version_too_old" Blocker,
    EditionWitnessOnly "edition_witness_only" Blocker,
    NoEndpoint "no_endpoint" Blocker,
    EndpointNotCertificate "endpoint_not_certificate" Blocker,
    EndpointStopped "endpoint_stopped" Warning,
    EndpointRoleInsufficient "endpoint_role_insufficient" Warning,
    EndpointAllowsRc4 "endpoint_allows_rc4" Warning,
    NoCommonAlgorithm "no_common_algorithm" Blocker,
    NoMasterKey "no_master_key" Blocker,
    OwnCertificateWithoutKey "own_certificate_without_key" Blocker,
    MasterKeyNotOpenedByServer "master_key_not_opened_by_server" Warning,
    OwnCertificateExpired "own_certificate_expired" Blocker,
    OwnCertificateNotYetValid "own_certificate_not_yet_valid" Blocker,
    OwnCertificateExpiresSoon "own_certificate_expires_soon" Warning,
    OwnCertificateUnusable "own_certificate_unusable" Blocker,
    ClockSkew "clock_skew" Warning,
    PinnedCertificateNotInUse "pinned_certificate_not_in_use" Blocker,
    CertificateSourceUntrusted "certificate_source_untrusted" Blocker,
    SharedEndpointCertificate "shared_endpoint_certificate" Blocker,
    CertificateOwnedByDbo "certificate_owned_by_dbo" Blocker,
    UserOrphaned "user_orphaned" Blocker,
    NameTaken "name_taken" Blocker,
    ConnectDenied "connect_denied" Blocker,
    FileMismatch "file_mismatch" Blocker,
    PeerLoginPrivileged "peer_login_privileged" Warning,
    EndpointInUse "endpoint_in_use" Warning,
    NextCertificateInUse "next_certificate_in_use" Info,
    SupersededCertificate "superseded_certificate" Info,
    LoginOwnsEndpoint "login_owns_endpoint" Warning,
    DdlTriggerPresent "ddl_trigger_present" Warning,
    EndpointPortDiffers "endpoint_port_differs" Warning,
    PartnerVersionsDiffer "partner_versions_differ" Warning,
    PartnerEditionsDiffer "partner_editions_differ" Warning,
    AsynchronousNeedsEnterprise "asynchronous_needs_enterprise" Warning,
    MirroringUnsupportedOnLinux "mirroring_unsupported_on_linux" Warning,
    TlsUnverified "tls_unverified" Warning,
    PeerLoginDisabled "peer_login_disabled" Warning,
    PeerPrivateKeyHeld "peer_private_key_held" Warning,
    EndpointAllowsNoEncryption "endpoint_allows_no_encryption" Warning,
    WeakCertificate "weak_certificate" Warning,
    EndpointPortClash "endpoint_port_clash" Warning,
    ConnectLostWhileConnected "connect_lost_while_connected" Warning,
    CertificateOfTwoInstances "certificate_of_two_instances" Blocker,
    ServerRegisteredTwice "server_registered_twice" Blocker,
    IssuerSerialTaken "issuer_serial_taken" Blocker,
    NextCertificateUnusable "next_certificate_unusable" Warning,
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

    #[test]
    fn conflicts_block() {
        // Where a chain of it works already, a privileged login is a warning.
        let always = |c: &&Code| c.is_conflict() && **c != Code::PeerLoginPrivileged;
        for code in Code::ALL.iter().filter(always) {
            assert_eq!(code.usual_severity(), Severity::Blocker, "{code:?}");
        }
    }
}
