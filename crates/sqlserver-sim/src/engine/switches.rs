//! Named switches for everything nobody has verified on a real server: both behaviours are implemented.

use serde::Deserialize;

/// Number of DROP CERTIFICATE while an endpoint uses the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum DropBoundCertificate {
    #[default]
    E15352,
    E3716,
    E15187,
    E15559,
}

/// Number of endpoint DDL and ALTER DATABASE inside a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum InTransaction {
    #[default]
    E574,
    E226,
}

/// Number for bytes that are no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum BadDer {
    #[default]
    E15297,
    E15208,
    E15468,
}

/// Number of CREATE CERTIFICATE without permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum CertificatePermission {
    #[default]
    E15247,
    E262,
}

/// What a second endpoint of the same name gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum DuplicateEndpoint {
    #[default]
    E7862,
    E15530,
}

/// One field per unverified point; the default is the likelier behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Unverified {
    pub drop_bound_certificate: DropBoundCertificate,
    pub endpoint_in_transaction: InTransaction,
    /// 15213, 15214 and 15215 arrive as ERROR tokens (class 16) rather than INFO; the certificate is made either way.
    pub validity_warnings_are_errors: bool,
    pub bad_der: BadDer,
    /// For FROM FILE: 15208 whatever is wrong with the file, rather than the number for bad bytes.
    pub bad_file_is_15208: bool,
    /// CREATE USER and CREATE CERTIFICATE stay when their transaction is rolled back.
    pub user_and_certificate_survive_rollback: bool,
    /// GRANT ON ENDPOINT stays when its transaction is rolled back.
    pub endpoint_grant_survives_rollback: bool,
    /// CREATE USER looks at the login's existing user (15063) before the name (15023).
    pub user_sid_checked_first: bool,
    pub certificate_permission: CertificatePermission,
    /// Class of 262: 14 rather than 16.
    pub class_262_is_14: bool,
    /// CREATE CERTIFICATE AUTHORIZATION another user needs IMPERSONATE on that user.
    pub authorization_needs_impersonate: bool,
    /// A disabled login still passes the endpoint's CONNECT check.
    pub disabled_login_passes: bool,
    /// So does one without CONNECT SQL: denied it (itself, or through a role) or revoked.
    pub without_connect_sql_passes: bool,
    /// The endpoint's owner is refused when CONNECT is denied to a role it is in, or to public.
    pub denied_owner_is_refused: bool,
    /// Who grants on somebody else's endpoint by CONTROL, ALTER ANY ENDPOINT or as sysadmin is written down as the grantor, rather
    /// than the endpoint's owner.
    pub executor_is_grantor: bool,
    /// REVOKE leaves what another grantor granted or denied, rather than taking every grantor's row.
    pub revoke_leaves_other_grantors: bool,
    /// REVOKE and DENY CONNECT cut the connections they would refuse.
    pub revoke_cuts_connections: bool,
    /// DROP LOGIN fails with 15434 while the peer's endpoint connection is up.
    pub drop_login_blocked_by_connection: bool,
    /// Importing a certificate whose issuer and serial exist with other bytes is refused with 15232.
    pub same_serial_refused: bool,
    /// Creating or dropping any certificate in master restarts the transport (11296).
    pub certificate_change_restarts: bool,
    pub duplicate_endpoint_name: DuplicateEndpoint,
    /// LISTENER_PORT may be up to 65535 rather than 32767.
    pub ports_to_65535: bool,
    /// CREATE and ALTER ENDPOINT are refused with 7890 when the port is taken, rather than making an endpoint that does not listen.
    pub taken_port_is_7890: bool,
    /// 2022 and later want VIEW SERVER SECURITY STATE for `sys.dm_db_mirroring_connections`, not PERFORMANCE.
    pub mirroring_view_needs_security_state: bool,
    /// 2025 refuses RC4 for endpoints (28078).
    pub rc4_refused_in_2025: bool,
    /// The dialling side takes any acceptor that lets it in, without looking for the acceptor's certificate in its own master.
    pub dialler_skips_peer_certificate: bool,
    /// The dialling side's own row of `sys.dm_db_mirroring_connections` names the acceptor's certificate in `peer_certificate_id`.
    pub dialler_shows_peer_certificate: bool,
    /// An endpoint whose ROLE does not fit is refused as one that is not configured (28080), rather than with 9763.
    pub role_refused_as_28080: bool,
    /// Of two held certificates of the peer's issuer and serial the handshake compares with the older one only (28045), rather than
    /// finding the one whose bytes are the peer's.
    pub twin_of_peer_refused: bool,
    /// Two endpoints that allow no encryption too, and have no algorithm in common, connect unencrypted.
    pub supported_falls_back_to_none: bool,
    /// 1474 has the operating system's words for an unknown host and a closed port (11001, 10061).
    pub os_words_in_1474: bool,
    /// On Linux, which has no database mirroring, SET PARTNER and SET WITNESS are carried out rather than refused with 1463.
    pub linux_mirrors: bool,
}

impl Default for Unverified {
    fn default() -> Self {
        Self {
            drop_bound_certificate: DropBoundCertificate::default(),
            endpoint_in_transaction: InTransaction::default(),
            validity_warnings_are_errors: false,
            bad_der: BadDer::default(),
            bad_file_is_15208: true,
            user_and_certificate_survive_rollback: false,
            endpoint_grant_survives_rollback: false,
            user_sid_checked_first: false,
            certificate_permission: CertificatePermission::default(),
            class_262_is_14: true,
            authorization_needs_impersonate: true,
            disabled_login_passes: true,
            without_connect_sql_passes: true,
            denied_owner_is_refused: false,
            executor_is_grantor: false,
            revoke_leaves_other_grantors: true,
            revoke_cuts_connections: false,
            drop_login_blocked_by_connection: false,
            same_serial_refused: false,
            certificate_change_restarts: false,
            duplicate_endpoint_name: DuplicateEndpoint::default(),
            ports_to_65535: false,
            taken_port_is_7890: false,
            mirroring_view_needs_security_state: false,
            rc4_refused_in_2025: false,
            dialler_skips_peer_certificate: false,
            dialler_shows_peer_certificate: false,
            role_refused_as_28080: false,
            twin_of_peer_refused: false,
            supported_falls_back_to_none: false,
            os_words_in_1474: false,
            linux_mirrors: false,
        }
    }
}

impl Unverified {
    /// Every setting of every switch that is not the default, one at a time, each named by its field (and by
    /// the setting, where there are several).
    pub fn one_at_a_time() -> Vec<(&'static str, Self)> {
        use DropBoundCertificate as Bound;
        let usual = Self::default();
        let bound = |drop_bound_certificate| Self {
            drop_bound_certificate,
            ..usual
        };
        let der = |bad_der| Self { bad_der, ..usual };
        let mut all = vec![
            ("drop_bound_certificate_3716", bound(Bound::E3716)),
            ("drop_bound_certificate_15187", bound(Bound::E15187)),
            ("drop_bound_certificate_15559", bound(Bound::E15559)),
            ("bad_der_15208", der(BadDer::E15208)),
            ("bad_der_15468", der(BadDer::E15468)),
        ];
        macro_rules! add_others {
            ($($field:ident)+) => {
                // Without `..`: a new switch that is missing from the list below does not compile.
                let Self { drop_bound_certificate: _, bad_der: _, $($field,)+ } = Self::opposite();
                $(all.push((stringify!($field), Self { $field, ..usual }));)+
            };
        }
        add_others! {
            endpoint_in_transaction
            validity_warnings_are_errors
            bad_file_is_15208
            user_and_certificate_survive_rollback
            endpoint_grant_survives_rollback
            user_sid_checked_first
            certificate_permission
            class_262_is_14
            authorization_needs_impersonate
            disabled_login_passes
            without_connect_sql_passes
            denied_owner_is_refused
            executor_is_grantor
            revoke_leaves_other_grantors
            revoke_cuts_connections
            drop_login_blocked_by_connection
            same_serial_refused
            certificate_change_restarts
            duplicate_endpoint_name
            ports_to_65535
            taken_port_is_7890
            mirroring_view_needs_security_state
            rc4_refused_in_2025
            dialler_skips_peer_certificate
            dialler_shows_peer_certificate
            role_refused_as_28080
            twin_of_peer_refused
            supported_falls_back_to_none
            os_words_in_1474
            linux_mirrors
        }
        all
    }

    /// Every point the other way round than by default.
    pub fn opposite() -> Self {
        let usual = Self::default();
        Self {
            drop_bound_certificate: DropBoundCertificate::E3716,
            endpoint_in_transaction: InTransaction::E226,
            validity_warnings_are_errors: !usual.validity_warnings_are_errors,
            bad_der: BadDer::E15208,
            bad_file_is_15208: !usual.bad_file_is_15208,
            user_and_certificate_survive_rollback: !usual.user_and_certificate_survive_rollback,
            endpoint_grant_survives_rollback: !usual.endpoint_grant_survives_rollback,
            user_sid_checked_first: !usual.user_sid_checked_first,
            certificate_permission: CertificatePermission::E262,
            class_262_is_14: !usual.class_262_is_14,
            authorization_needs_impersonate: !usual.authorization_needs_impersonate,
            disabled_login_passes: !usual.disabled_login_passes,
            without_connect_sql_passes: !usual.without_connect_sql_passes,
            denied_owner_is_refused: !usual.denied_owner_is_refused,
            executor_is_grantor: !usual.executor_is_grantor,
            revoke_leaves_other_grantors: !usual.revoke_leaves_other_grantors,
            revoke_cuts_connections: !usual.revoke_cuts_connections,
            drop_login_blocked_by_connection: !usual.drop_login_blocked_by_connection,
            same_serial_refused: !usual.same_serial_refused,
            certificate_change_restarts: !usual.certificate_change_restarts,
            duplicate_endpoint_name: DuplicateEndpoint::E15530,
            ports_to_65535: !usual.ports_to_65535,
            taken_port_is_7890: !usual.taken_port_is_7890,
            mirroring_view_needs_security_state: !usual.mirroring_view_needs_security_state,
            rc4_refused_in_2025: !usual.rc4_refused_in_2025,
            dialler_skips_peer_certificate: !usual.dialler_skips_peer_certificate,
            dialler_shows_peer_certificate: !usual.dialler_shows_peer_certificate,
            role_refused_as_28080: !usual.role_refused_as_28080,
            twin_of_peer_refused: !usual.twin_of_peer_refused,
            supported_falls_back_to_none: !usual.supported_falls_back_to_none,
            os_words_in_1474: !usual.os_words_in_1474,
            linux_mirrors: !usual.linux_mirrors,
        }
    }
}
