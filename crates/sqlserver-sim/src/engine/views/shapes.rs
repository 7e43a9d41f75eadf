//! Columns of every view, written as `name:type`, `!` for NOT NULL, `@n` for "since major version n".

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::engine::eval::relation::Col;
use crate::engine::state::version::Version;
use crate::protocol::SqlType;

/// A column and the version it appeared in.
pub struct Shape {
    pub col: Col,
    pub since: Version,
}

const SERVER_PRINCIPAL: &str = "name:sysname! principal_id:int! sid:vb85 type:c1! type_desc:n60 is_disabled:bit create_date:dt! modify_date:dt! default_database_name:sysname default_language_name:sysname credential_id:int";
const ENDPOINT: &str = "name:sysname! endpoint_id:int! principal_id:int protocol:tinyint! protocol_desc:n60 type:tinyint! type_desc:n60 state:tinyint state_desc:n60 is_admin_endpoint:bit!";
const PERMISSION: &str = "class:tinyint! class_desc:n60 major_id:int! minor_id:int! grantee_principal_id:int! grantor_principal_id:int! type:c4! permission_name:n128 state:c1! state_desc:n60";

fn shape_of(view: &str) -> Option<String> {
    Some(match view {
        "server_principals" => format!("{SERVER_PRINCIPAL} owning_principal_id:int@11 is_fixed_role:bit!@11"),
        "sql_logins" => format!("{SERVER_PRINCIPAL} is_policy_checked:bit is_expiration_checked:bit password_hash:vb256"),
        "server_role_members" | "database_role_members" => "role_principal_id:int! member_principal_id:int!".to_owned(),
        "database_principals" => "name:sysname! principal_id:int! type:c1! type_desc:n60 default_schema_name:sysname create_date:dt! modify_date:dt! owning_principal_id:int sid:vb85 is_fixed_role:bit! authentication_type:int!@11 authentication_type_desc:n60@11 default_language_name:sysname@11 default_language_lcid:int@11 allow_encrypted_value_modifications:bit!@13".to_owned(),
        "sysusers" => "uid:smallint status:smallint! name:sysname sid:vb85 roles:vb2048 createdate:dt! updatedate:dt! altuid:smallint password:vb256 gid:smallint environ:n255 hasdbaccess:int islogin:int isntname:int isntgroup:int isntuser:int issqluser:int isaliased:int issqlrole:int isapprole:int".to_owned(),
        "server_permissions" | "database_permissions" => PERMISSION.to_owned(),
        "certificates" => "name:sysname! certificate_id:int! principal_id:int pvt_key_encryption_type:c2! pvt_key_encryption_type_desc:n60 is_active_for_begin_dialog:bit issuer_name:n442 cert_serial_number:n64 sid:vb85 string_sid:n128 subject:n4000 expiry_date:dt start_date:dt thumbprint:vb32! attested_by:n260 pvt_key_last_backup_date:dt key_length:int@13".to_owned(),
        "symmetric_keys" => "name:sysname! principal_id:int symmetric_key_id:int! key_length:int! key_algorithm:c2! algorithm_desc:n60 create_date:dt! modify_date:dt! key_guid:guid key_thumbprint:variant provider_type:n120 cryptographic_provider_guid:guid cryptographic_provider_algid:variant".to_owned(),
        "key_encryptions" => "key_id:int! thumbprint:vb32 crypt_type:c4 crypt_type_desc:n60 crypt_property:vbmax".to_owned(),
        "endpoints" => ENDPOINT.to_owned(),
        "tcp_endpoints" => format!("{ENDPOINT} port:int! is_dynamic_port:bit! ip_address:n45"),
        "database_mirroring_endpoints" => format!("{ENDPOINT} role:tinyint role_desc:n60 is_encryption_enabled:bit! connection_auth:tinyint! connection_auth_desc:n60 certificate_id:int! encryption_algorithm:tinyint! encryption_algorithm_desc:n60"),
        "database_mirroring" => "database_id:int! mirroring_guid:guid mirroring_state:tinyint mirroring_state_desc:n60 mirroring_role:tinyint mirroring_role_desc:n60 mirroring_role_sequence:int mirroring_safety_level:tinyint mirroring_safety_level_desc:n60 mirroring_safety_sequence:int mirroring_partner_name:n128 mirroring_partner_instance:n128 mirroring_witness_name:n128 mirroring_witness_state:tinyint mirroring_witness_state_desc:n60 mirroring_failover_lsn:lsn mirroring_connection_timeout:int mirroring_redo_queue:int mirroring_redo_queue_type:n60 mirroring_end_of_log_lsn:lsn mirroring_replication_lsn:lsn".to_owned(),
        "database_mirroring_witnesses" => "database_name:sysname! principal_server_name:sysname mirror_server_name:sysname safety_level:tinyint safety_level_desc:n60 safety_sequence_number:int! role_sequence_number:int! mirroring_guid:guid! family_guid:guid! is_suspended:bit is_suspended_sequence_number:int! partner_sync_state:tinyint partner_sync_state_desc:n60".to_owned(),
        "dm_db_mirroring_connections" => "connection_id:guid transport_stream_id:guid state:smallint state_desc:n60 connect_time:dt login_time:dt authentication_method:n128 principal_name:n128 remote_user_name:n128 last_activity_time:dt is_accept:bit login_state:smallint login_state_desc:n60 peer_certificate_id:int encryption_algorithm:smallint encryption_algorithm_desc:n60 receives_posted:smallint is_receive_flow_controlled:bit sends_posted:smallint is_send_flow_controlled:bit total_bytes_sent:bigint total_bytes_received:bigint total_fragments_sent:bigint total_fragments_received:bigint total_sends:bigint total_receives:bigint peer_arbitration_id:guid".to_owned(),
        "databases" => "name:sysname! database_id:int! source_database_id:int owner_sid:vb85 create_date:dt! compatibility_level:tinyint! collation_name:sysname user_access:tinyint user_access_desc:n60 is_read_only:bit is_auto_close_on:bit! state:tinyint state_desc:n60 is_in_standby:bit recovery_model:tinyint recovery_model_desc:n60 is_trustworthy_on:bit is_master_key_encrypted_by_server:bit! service_broker_guid:guid! is_broker_enabled:bit! is_encrypted:bit replica_id:guid@11 group_database_id:guid@11 containment:tinyint@11".to_owned(),
        "dm_exec_sessions" => "session_id:smallint! login_time:dt! host_name:n128 program_name:n128 host_process_id:int client_interface_name:n32 security_id:vb85! login_name:n128! status:n30! is_user_process:bit! original_login_name:n128! database_id:smallint@11 open_transaction_count:int@11".to_owned(),
        "dm_exec_connections" => "session_id:int connect_time:dt! net_transport:n40! protocol_type:n40 protocol_version:int endpoint_id:int encrypt_option:n40! auth_scheme:n40! net_packet_size:int client_net_address:v48 client_tcp_port:int local_net_address:v48 local_tcp_port:int connection_id:guid!".to_owned(),
        "server_triggers" => "name:sysname! object_id:int! parent_class:tinyint! parent_class_desc:n60 parent_id:int! type:c2! type_desc:n60 create_date:dt! modify_date:dt! is_ms_shipped:bit! is_disabled:bit!".to_owned(),
        "server_trigger_events" => "object_id:int! type:int! type_desc:n60 is_trigger_event:bit! is_first:bit is_last:bit".to_owned(),
        "dm_tcp_listener_states" => "listener_id:int! ip_address:n48! is_ipv4:bit! port:int! type:tinyint! type_desc:n20! state:tinyint! state_desc:n16! start_time:dt!".to_owned(),
        "messages" => "message_id:int! language_id:smallint! severity:tinyint is_event_logged:bit! text:n2048!".to_owned(),
        "triggers" => "name:sysname! object_id:int! parent_class:tinyint! parent_class_desc:n60 parent_id:int! type:c2! type_desc:n60 create_date:dt! modify_date:dt! is_ms_shipped:bit! is_disabled:bit! is_not_for_replication:bit! is_instead_of_trigger:bit!".to_owned(),
        "configurations" => "configuration_id:int! name:n35! value:variant minimum:variant maximum:variant value_in_use:variant description:n255! is_dynamic:bit! is_advanced:bit!".to_owned(),
        "availability_groups" => "group_id:guid! name:sysname resource_id:n40 resource_group_id:n40 failure_condition_level:int health_check_timeout:int automated_backup_preference:tinyint automated_backup_preference_desc:n60".to_owned(),
        "availability_replicas" => "replica_id:guid group_id:guid replica_metadata_id:int replica_server_name:n256 owner_sid:vb85 endpoint_url:n128 availability_mode:tinyint availability_mode_desc:n60 failover_mode:tinyint failover_mode_desc:n60".to_owned(),
        "availability_group_listeners" => "group_id:guid! listener_id:n36 dns_name:n63 port:int is_conformant:bit".to_owned(),
        "availability_group_listener_ip_addresses" => "listener_id:n36 ip_address:n48 ip_subnet_mask:n15 is_dhcp:bit state:tinyint state_desc:n60".to_owned(),
        "dm_hadr_availability_replica_states" => "replica_id:guid! group_id:guid! is_local:bit! role:tinyint role_desc:n60 operational_state:tinyint operational_state_desc:n60 connected_state:tinyint connected_state_desc:n60 recovery_health:tinyint recovery_health_desc:n60 synchronization_health:tinyint synchronization_health_desc:n60 last_connect_error_number:int last_connect_error_description:n1024 last_connect_error_timestamp:dt".to_owned(),
        "dm_hadr_database_replica_states" => "database_id:int! group_id:guid! replica_id:guid! is_local:bit synchronization_state:tinyint synchronization_state_desc:n60".to_owned(),
        _ => return None,
    })
}

/// The view's columns, those of later versions included; `None` when this version has no such view.
pub fn columns(view: &str, version: Version) -> Option<Arc<[Shape]>> {
    let availability = view.starts_with("availability_") || view.starts_with("dm_hadr_");
    let young = availability || view == "dm_tcp_listener_states";
    if young && version < Version::V2012 {
        return None;
    }
    read(view)
}

/// The shape of a view, read once for all instances.
fn read(view: &str) -> Option<Arc<[Shape]>> {
    static READ: OnceLock<RwLock<HashMap<String, Arc<[Shape]>>>> = OnceLock::new();
    let known = READ.get_or_init(RwLock::default);
    let found = known.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(shape) = found.get(view) {
        return Some(Arc::clone(shape));
    }
    drop(found);
    let columns: Option<Vec<Shape>> = shape_of(view)?.split_whitespace().map(column).collect();
    let shape: Arc<[Shape]> = columns?.into();
    let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
    known.insert(view.to_owned(), Arc::clone(&shape));
    Some(shape)
}

fn column(text: &str) -> Option<Shape> {
    let (text, since) = match text.split_once('@') {
        Some((text, "11")) => (text, Version::V2012),
        Some((text, "13")) => (text, Version::V2016),
        Some((text, _)) => (text, Version::V2022),
        None => (text, Version::V2008R2),
    };
    let (text, nullable) = match text.strip_suffix('!') {
        Some(text) => (text, false),
        None => (text, true),
    };
    let (name, ty) = text.split_once(':')?;
    Some(Shape {
        col: Col {
            table: Arc::default(),
            name: Arc::from(name),
            ty: sql_type(ty)?,
            nullable,
        },
        since,
    })
}

fn sql_type(word: &str) -> Option<SqlType> {
    Some(match word {
        "sysname" => SqlType::NVarChar(Some(128)),
        "int" => SqlType::Int,
        "bigint" => SqlType::BigInt,
        "smallint" => SqlType::SmallInt,
        "tinyint" => SqlType::TinyInt,
        "bit" => SqlType::Bit,
        "dt" => SqlType::DateTime,
        "guid" => SqlType::UniqueIdentifier,
        "variant" => SqlType::SqlVariant,
        "lsn" => SqlType::Decimal(25, 0),
        "vbmax" => SqlType::VarBinary(None),
        _ => {
            let split = word.find(|c: char| c.is_ascii_digit())?;
            let length = word[split..].parse().ok()?;
            match &word[..split] {
                "c" => SqlType::Char(length),
                "n" => SqlType::NVarChar(Some(length)),
                "v" => SqlType::VarChar(Some(length)),
                "vb" => SqlType::VarBinary(Some(length)),
                _ => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_readable() {
        for view in [
            "server_principals",
            "sql_logins",
            "server_role_members",
            "database_principals",
            "sysusers",
            "server_permissions",
            "certificates",
            "symmetric_keys",
            "key_encryptions",
            "endpoints",
            "tcp_endpoints",
            "database_mirroring_endpoints",
            "database_mirroring",
            "database_mirroring_witnesses",
            "dm_db_mirroring_connections",
            "databases",
            "dm_exec_sessions",
            "dm_exec_connections",
            "server_triggers",
            "triggers",
            "server_trigger_events",
            "dm_tcp_listener_states",
            "messages",
            "configurations",
            "availability_groups",
            "availability_replicas",
            "availability_group_listeners",
            "availability_group_listener_ip_addresses",
            "dm_hadr_availability_replica_states",
            "dm_hadr_database_replica_states",
        ] {
            assert!(columns(view, Version::V2022).is_some(), "{view}");
        }
    }
}
