//! The names of result sets, by which the reader tells them apart: each is the name of a set's first column.

// What an apply batch says.
/// After each action, with its ordinal.
pub const APPLIED: &str = "mg_applied";
/// Once, last: everything is committed.
pub const COMMITTED: &str = "mg_committed";
/// Once, in place of it: the error, and the ordinal of the action it came from; 0 means before the first.
pub const FAILED: &str = "mg_failed";

// What an observe batch says.
/// Who answered.
pub const SERVER: &str = "mg_server";
/// Who we are there.
pub const LOGIN: &str = "mg_login";
/// What is denied to us.
pub const OWN_DENY: &str = "mg_own_deny";
/// The mirroring endpoint.
pub const ENDPOINT: &str = "mg_endpoint";
/// The master key of `master`.
pub const MASTER_KEY: &str = "mg_master_key";
/// A certificate in `master`, with its owner.
pub const CERTIFICATE: &str = "mg_certificate";
/// A certificate's bytes.
pub const ENCODED: &str = "mg_encoded";
/// A user without login.
pub const WITHOUT_LOGIN: &str = "mg_without_login";
/// A right to connect, given or denied.
pub const RIGHT: &str = "mg_right";
/// A member of a server role.
pub const ROLE_MEMBER: &str = "mg_role_member";
/// What has the name asked about: a login.
pub const NAME_LOGIN: &str = "mg_name_login";
/// The user of that login.
pub const NAME_LOGIN_USER: &str = "mg_name_login_user";
/// A user.
pub const NAME_USER: &str = "mg_name_user";
/// A certificate.
pub const NAME_CERTIFICATE: &str = "mg_name_certificate";
/// Whether this very session is encrypted.
pub const ENCRYPTED: &str = "mg_encrypted";
/// That it may not be seen.
pub const ENCRYPTED_REFUSED: &str = "mg_encrypted_refused";
/// A connection of the endpoint.
pub const CONNECTION: &str = "mg_connection";
/// That those may not be seen.
pub const CONNECTIONS_REFUSED: &str = "mg_connections_refused";
/// An availability group.
pub const AVAILABILITY_GROUP: &str = "mg_availability_group";
/// A listener we came in by.
pub const LISTENER: &str = "mg_listener";
/// That those may not be seen.
pub const GROUPS_REFUSED: &str = "mg_groups_refused";
/// A mirrored database.
pub const DATABASE: &str = "mg_database";
/// A database this server is a witness of.
pub const WITNESSED: &str = "mg_witnessed";
/// A DDL trigger.
pub const TRIGGER: &str = "mg_trigger";
/// The last row: without it the answer was cut short.
pub const END: &str = "mg_end";
