//! The observe batch: everything `domain::observation` holds, asked in one round trip from catalog views alone.
//!
//! Result sets are told apart by the name of their first column (`mg_…`), never by position, so that a part a version
//! or a permission leaves out shifts nothing. Every column is CAST to one type, because the reader converts strictly.
//! What is made of the answers lives in `sqlserver::decode`. Nothing in here may change anything on a server.

use std::fmt::Write as _;

pub use super::batch_comment::BatchComment;
use super::quote::Literal;
use super::sets::{
    AVAILABILITY_GROUP, CERTIFICATE, CONNECTION, CONNECTIONS_REFUSED, DATABASE, ENCODED, ENCRYPTED,
    ENCRYPTED_REFUSED, END, ENDPOINT, GROUPS_REFUSED, LISTENER, LOGIN, MASTER_KEY,
    NAME_CERTIFICATE, NAME_LOGIN, NAME_LOGIN_USER, NAME_USER, OWN_DENY, RIGHT, ROLE_MEMBER, SERVER,
    TRIGGER, WITHOUT_LOGIN, WITNESSED,
};
use crate::domain::desired_state::PeerQuestion;
use crate::domain::object_name::ObjectName;

/// The whole batch for one instance and all the peers asked about.
///
/// It runs on every version from 2008 R2: what an older parser or catalog would refuse stands inside `EXEC` behind a
/// version check. It needs no permission but to log in; what it may not see is absent, or answered by a `…_refused` set.
#[must_use]
pub fn observe(comment: BatchComment<'_>, questions: &[PeerQuestion]) -> String {
    let mut batch = String::with_capacity(12 * 1024);
    batch.push_str(&comment.line("observe"));
    batch.push('\n');
    batch.push_str(PREPARE);
    batch.push_str(&server());
    batch.push_str(&login());
    batch.push_str(&own_denies());
    batch.push_str(&endpoint());
    batch.push_str(&master_key());
    batch.push_str(&certificates());
    batch.push_str(&encoded());
    batch.push_str(&without_login());
    batch.push_str(&rights());
    batch.push_str(&names(questions));
    batch.push_str(&live());
    batch.push_str(&databases());
    batch.push_str(&triggers());
    batch.push_str(&end());
    batch
}

// A session out of the pool may carry a transaction that a lost answer left open.
const PREPARE: &str = "\
IF @@TRANCOUNT > 0 ROLLBACK;
SET XACT_ABORT OFF;
SET LOCK_TIMEOUT 5000;
SET NOCOUNT ON;
DECLARE @mg_version nvarchar(128), @mg_major int, @mg_endpoint nvarchar(128);
SET @mg_version = CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128));
SET @mg_major = CAST(LEFT(@mg_version, CHARINDEX(N'.', @mg_version) - 1) AS int);
SELECT @mg_endpoint = name FROM sys.database_mirroring_endpoints;
";

// tempdb is made anew at every start; minutes, because seconds overflow where a clock was set far off. The service master key is
// hidden from who does not see master's definitions.
fn server() -> String {
    format!(
        "\
SELECT CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)) AS {SERVER},
  CAST(SERVERPROPERTY('MachineName') AS nvarchar(128)) AS machine_name,
  CAST(SERVERPROPERTY('InstanceName') AS nvarchar(128)) AS instance_name,
  @mg_version AS version,
  CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS edition,
  CAST(SERVERPROPERTY('EngineEdition') AS int) AS engine_edition,
  CAST(CASE WHEN @@VERSION LIKE N'% on Linux%' THEN 1 ELSE 0 END AS bit) AS is_linux,
  CAST(SERVERPROPERTY('Collation') AS nvarchar(128)) AS collation,
  CAST(SYSUTCDATETIME() AS datetime2(3)) AS clock,
  CAST(k.key_guid AS nvarchar(36)) AS key_guid, CAST(k.create_date AS datetime2(3)) AS key_created,
  CAST(d.create_date AS datetime2(3)) AS started, CAST(DATEDIFF(minute, d.create_date, GETDATE()) AS int) AS up_minutes
FROM (SELECT 1 AS one) AS o
LEFT JOIN sys.databases AS d ON d.database_id = 2
LEFT JOIN master.sys.symmetric_keys AS k ON k.name = N'##MS_ServiceMasterKey##';
"
    )
}

// Who is denied VIEW ANY DEFINITION does not even see himself, but for ORIGINAL_LOGIN.
// A permission that a version does not know gives NULL, so the newer, narrower one is only ever an addition.
fn login() -> String {
    format!(
        "\
SELECT CAST(COALESCE(SUSER_SNAME(), ORIGINAL_LOGIN()) AS nvarchar(128)) AS {LOGIN},
  CAST(ISNULL(SUSER_ID(), 0) AS int) AS principal_id,
  CAST(ISNULL(IS_SRVROLEMEMBER('sysadmin'), 0) AS bit) AS is_sysadmin,
  CAST(CASE WHEN HAS_PERMS_BY_NAME(NULL, NULL, 'CREATE LOGIN') = 1 THEN 1 ELSE HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY LOGIN') END AS int) AS create_login,
  CAST(CASE WHEN HAS_PERMS_BY_NAME(N'master', 'DATABASE', 'CREATE USER') = 1 THEN 1 ELSE HAS_PERMS_BY_NAME(N'master', 'DATABASE', 'ALTER ANY USER') END AS int) AS create_user,
  CAST(HAS_PERMS_BY_NAME(N'master', 'DATABASE', 'CREATE CERTIFICATE') AS int) AS create_certificate,
  CAST(HAS_PERMS_BY_NAME(N'master', 'DATABASE', 'CONTROL') AS int) AS control_master,
  CAST(CASE WHEN @mg_endpoint IS NOT NULL AND HAS_PERMS_BY_NAME(QUOTENAME(@mg_endpoint), 'ENDPOINT', 'CONTROL') = 1 THEN 1 ELSE HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY ENDPOINT') END AS int) AS grant_on_endpoint,
  CAST(HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW ANY DEFINITION') AS int) AS view_any_definition,
  CAST(HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') AS int) AS view_server_state,
  CAST(HAS_PERMS_BY_NAME(N'master', 'DATABASE', 'VIEW DEFINITION') AS int) AS view_master_definition;
"
    )
}

// Everybody may see the permissions of his own, the denied ones too, and those of his roles; the role's name maybe not.
fn own_denies() -> String {
    format!(
        "\
SELECT CAST(p.permission_name AS nvarchar(128)) AS {OWN_DENY}, CAST(p.class AS int) AS class, CAST(p.major_id AS int) AS major_id,
  CAST(p.grantee_principal_id AS int) AS grantee_id,
  CAST(CASE WHEN p.grantee_principal_id = SUSER_ID() THEN SUSER_SNAME() ELSE g.name END AS nvarchar(128)) AS grantee
FROM sys.server_permissions AS p
LEFT JOIN sys.server_principals AS g ON g.principal_id = p.grantee_principal_id
WHERE p.state = 'D' AND p.class IN (100, 101, 105)
  AND (p.grantee_principal_id = SUSER_ID() OR p.grantee_principal_id = 2 OR IS_SRVROLEMEMBER(g.name) = 1 OR (g.name IS NULL AND p.class = 100));
SELECT CAST(p.permission_name AS nvarchar(128)) AS {OWN_DENY}, CAST(p.class AS int) AS class, CAST(p.major_id AS int) AS major_id,
  CAST(p.grantee_principal_id AS int) AS grantee_id, CAST(g.name AS nvarchar(128)) AS grantee
FROM master.sys.database_permissions AS p
LEFT JOIN master.sys.database_principals AS g ON g.principal_id = p.grantee_principal_id
WHERE p.state = 'D' AND p.class IN (0, 4, 25)
  AND (p.grantee_principal_id = USER_ID() OR p.grantee_principal_id = 0 OR IS_MEMBER(g.name) = 1);
"
    )
}

fn endpoint() -> String {
    format!(
        "\
SELECT CAST(e.endpoint_id AS int) AS {ENDPOINT}, CAST(e.name AS nvarchar(128)) AS name,
  CAST(e.state AS int) AS state, CAST(e.role AS int) AS role,
  CAST(e.connection_auth AS int) AS connection_auth, CAST(e.connection_auth_desc AS nvarchar(60)) AS authentication,
  CAST(e.encryption_algorithm AS int) AS encryption_algorithm,
  CAST(t.port AS int) AS port, CAST(e.principal_id AS int) AS owner_id,
  CAST(c.certificate_id AS int) AS certificate_id, CAST(c.name AS nvarchar(128)) AS certificate,
  CAST(c.thumbprint AS varbinary(32)) AS thumbprint,
  CAST(c.start_date AS datetime2(0)) AS start_date, CAST(c.expiry_date AS datetime2(0)) AS expiry_date,
  CAST(RTRIM(c.pvt_key_encryption_type) AS nvarchar(2)) AS private_key
FROM sys.database_mirroring_endpoints AS e
LEFT JOIN sys.tcp_endpoints AS t ON t.endpoint_id = e.endpoint_id
LEFT JOIN master.sys.certificates AS c ON c.certificate_id = e.certificate_id;
"
    )
}

fn master_key() -> String {
    format!(
        "\
SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM master.sys.symmetric_keys AS k WHERE k.name = N'##MS_DatabaseMasterKey##') THEN 1 ELSE 0 END AS bit) AS {MASTER_KEY},
  CAST(d.is_master_key_encrypted_by_server AS bit) AS opened_by_server
FROM sys.databases AS d WHERE d.database_id = 1;
"
    )
}

/// A server principal's columns, as `sqlserver::decode` reads them.
const LOGIN_COLUMNS: &str = "\
  CAST(l.principal_id AS int) AS login_id, CAST(l.name AS nvarchar(128)) AS login_name,
  CAST(RTRIM(l.type) AS nvarchar(2)) AS login_kind, CAST(l.is_disabled AS bit) AS login_disabled,
  CAST(CASE WHEN IS_SRVROLEMEMBER('sysadmin', l.name) = 1 OR EXISTS (SELECT 1 FROM sys.server_permissions AS g WHERE g.class = 100 AND g.type = 'CL' AND g.state IN ('G', 'W') AND g.grantee_principal_id = l.principal_id) THEN 1 ELSE 0 END AS bit) AS login_privileged,
  CAST(ISNULL(IS_SRVROLEMEMBER('sysadmin', l.name), 0) AS bit) AS login_sysadmin,
  CAST(CASE WHEN EXISTS (SELECT 1 FROM sys.server_permissions AS s WHERE s.class = 100 AND s.type = 'COSQ' AND s.state IN ('G', 'W') AND s.grantee_principal_id = l.principal_id) THEN 1 ELSE 0 END AS bit) AS login_connect_sql,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), l.create_date) AS datetime2(3)) AS login_created,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), l.modify_date) AS datetime2(3)) AS login_changed";

/// A principal of `master` with the login its SID leads to.
const USER_COLUMNS: &str = "\
  CAST(u.principal_id AS int) AS user_id, CAST(u.name AS nvarchar(128)) AS user_name,
  CAST(RTRIM(u.type) AS nvarchar(2)) AS user_kind, CAST(u.sid AS varbinary(85)) AS user_sid,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), u.create_date) AS datetime2(3)) AS user_created,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), u.modify_date) AS datetime2(3)) AS user_changed";

fn certificates() -> String {
    format!(
        "\
SELECT CAST(c.certificate_id AS int) AS {CERTIFICATE}, CAST(c.name AS nvarchar(128)) AS name,
  CAST(c.thumbprint AS varbinary(32)) AS thumbprint,
  CAST(c.start_date AS datetime2(0)) AS start_date, CAST(c.expiry_date AS datetime2(0)) AS expiry_date,
  CAST(CASE WHEN c.pvt_key_encryption_type = 'NA' THEN 0 ELSE 1 END AS bit) AS has_private_key,
  CAST(CASE WHEN c.pvt_key_encryption_type = 'MK' THEN 1 ELSE 0 END AS bit) AS key_under_master_key,
{USER_COLUMNS},
{LOGIN_COLUMNS}
FROM master.sys.certificates AS c
LEFT JOIN master.sys.database_principals AS u ON u.principal_id = c.principal_id
LEFT JOIN sys.server_principals AS l ON l.sid = u.sid
WHERE c.name NOT LIKE N'##%';
"
    )
}

// CERTENCODED came with 2012; an older parser refuses the whole batch for naming it.
fn encoded() -> String {
    format!(
        "\
IF @mg_major >= 11
  EXEC (N'SELECT CAST(certificate_id AS int) AS {ENCODED}, CAST(CERTENCODED(certificate_id) AS varbinary(max)) AS der FROM master.sys.certificates WHERE name NOT LIKE N''##%''');
"
    )
}

// authentication_type came with 2012. The first four users of a database are every database's.
fn without_login() -> String {
    format!(
        "\
IF @mg_major >= 11
  EXEC (N'SELECT CAST(principal_id AS int) AS {WITHOUT_LOGIN} FROM master.sys.database_principals WHERE authentication_type = 0 AND type <> ''R'' AND principal_id > 4');
"
    )
}

// CONNECT on the endpoint and what covers it, per grantor; of CONNECT SQL only what takes it away. The numbers are the reader's.
fn rights() -> String {
    format!(
        "\
SELECT CAST(CASE WHEN p.class = 105 AND p.type = 'CO' THEN 1 WHEN p.class = 105 THEN 2 WHEN p.type = 'CL' THEN 3 ELSE 4 END AS int) AS {RIGHT},
  CAST(CASE WHEN p.state = 'D' THEN 0 ELSE 1 END AS bit) AS granted,
  CAST(p.grantee_principal_id AS int) AS grantee_id, CAST(g.name AS nvarchar(128)) AS grantee,
  CAST(RTRIM(g.type) AS nvarchar(2)) AS grantee_kind
FROM sys.server_permissions AS p
LEFT JOIN sys.server_principals AS g ON g.principal_id = p.grantee_principal_id
WHERE p.state IN ('D', 'G', 'W')
  AND (p.class = 105 AND p.type IN ('CO', 'CL') AND p.major_id IN (SELECT e.endpoint_id FROM sys.database_mirroring_endpoints AS e)
    OR p.class = 100 AND p.type = 'CL'
    OR p.class = 100 AND p.type = 'COSQ' AND p.state = 'D');
SELECT CAST(m.role_principal_id AS int) AS {ROLE_MEMBER}, CAST(m.member_principal_id AS int) AS member_id,
  CAST(RTRIM(g.type) AS nvarchar(2)) AS member_kind
FROM sys.server_role_members AS m
LEFT JOIN sys.server_principals AS g ON g.principal_id = m.member_principal_id;
"
    )
}

/// What stands under the names asked about: compared here, on the server, with its own collation.
fn names(questions: &[PeerQuestion]) -> String {
    if questions.is_empty() {
        return String::new();
    }
    let logins = asked(questions.iter().map(|q| (q.peer, 0, &q.names.login)));
    let users = asked(questions.iter().map(|q| (q.peer, 0, &q.names.user)));
    let certificates = asked(questions.iter().flat_map(|q| {
        let renewed = q.renewed_certificate.as_ref();
        std::iter::once((q.peer, 0, &q.names.certificate)).chain(renewed.map(|n| (q.peer, 1, n)))
    }));
    format!(
        "\
SELECT CAST(q.peer AS int) AS {NAME_LOGIN},
{LOGIN_COLUMNS}
FROM ({logins}) AS q
JOIN sys.server_principals AS l ON l.name = q.name;
SELECT CAST(q.peer AS int) AS {NAME_LOGIN_USER},
{USER_COLUMNS},
{LOGIN_COLUMNS}
FROM ({logins}) AS q
JOIN sys.server_principals AS l ON l.name = q.name
JOIN master.sys.database_principals AS u ON u.sid = l.sid;
SELECT CAST(q.peer AS int) AS {NAME_USER},
{USER_COLUMNS},
{LOGIN_COLUMNS}
FROM ({users}) AS q
JOIN master.sys.database_principals AS u ON u.name = q.name
LEFT JOIN sys.server_principals AS l ON l.sid = u.sid;
SELECT CAST(q.peer AS int) AS {NAME_CERTIFICATE}, CAST(q.renewed AS bit) AS is_renewed,
  CAST(c.certificate_id AS int) AS certificate_id
FROM ({certificates}) AS q
JOIN master.sys.certificates AS c ON c.name = q.name;
"
    )
}

fn asked<'a>(rows: impl Iterator<Item = (usize, u8, &'a ObjectName)>) -> String {
    let mut text = String::new();
    for (peer, renewed, name) in rows {
        if !text.is_empty() {
            text.push_str(" UNION ALL ");
        }
        let _ = write!(
            text,
            "SELECT {peer} AS peer, {renewed} AS renewed, CAST({} AS nvarchar(128)) AS name",
            Literal::from(name)
        );
    }
    text
}

// These need VIEW SERVER STATE (or its 2022 parts). Without it the answer is "not permitted", and the batch goes on.
fn live() -> String {
    format!(
        "\
BEGIN TRY
  SELECT CAST(CASE WHEN encrypt_option = 'TRUE' THEN 1 ELSE 0 END AS bit) AS {ENCRYPTED}
  FROM sys.dm_exec_connections WHERE session_id = @@SPID;
END TRY
BEGIN CATCH
  SELECT CAST(ERROR_NUMBER() AS int) AS {ENCRYPTED_REFUSED};
END CATCH;
BEGIN TRY
  SELECT CAST(is_accept AS bit) AS {CONNECTION},
    CAST(CASE WHEN login_state = 12 OR state = 4 THEN 1 ELSE 0 END AS bit) AS is_logged_in,
    CAST(peer_certificate_id AS int) AS peer_certificate_id,
    CAST(principal_name AS nvarchar(128)) AS principal_name,
    CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), login_time) AS datetime2(3)) AS login_time
  FROM sys.dm_db_mirroring_connections;
END TRY
BEGIN CATCH
  SELECT CAST(ERROR_NUMBER() AS int) AS {CONNECTIONS_REFUSED};
END CATCH;
IF @mg_major >= 11
BEGIN
  BEGIN TRY
    EXEC (N'SELECT CAST(name AS nvarchar(128)) AS {AVAILABILITY_GROUP} FROM sys.availability_groups');
    EXEC (N'SELECT CAST(l.dns_name AS nvarchar(128)) AS {LISTENER} FROM sys.availability_group_listeners AS l JOIN sys.availability_group_listener_ip_addresses AS a ON a.listener_id = l.listener_id WHERE a.ip_address = CAST(CONNECTIONPROPERTY(''local_net_address'') AS nvarchar(48))');
  END TRY
  BEGIN CATCH
    SELECT CAST(ERROR_NUMBER() AS int) AS {GROUPS_REFUSED};
  END CATCH;
END;
"
    )
}

fn databases() -> String {
    format!(
        "\
SELECT CAST(d.name AS nvarchar(128)) AS {DATABASE}, CAST(m.mirroring_role AS int) AS role,
  CAST(m.mirroring_state_desc AS nvarchar(60)) AS state,
  CAST(m.mirroring_safety_level_desc AS nvarchar(60)) AS safety,
  CAST(CASE WHEN m.mirroring_witness_name IS NULL OR m.mirroring_witness_name = N'' THEN 0 ELSE 1 END AS bit) AS has_witness
FROM sys.database_mirroring AS m
JOIN sys.databases AS d ON d.database_id = m.database_id
WHERE m.mirroring_guid IS NOT NULL;
SELECT CAST(w.database_name AS nvarchar(128)) AS {WITNESSED}, CAST(w.safety_level_desc AS nvarchar(60)) AS safety
FROM sys.database_mirroring_witnesses AS w;
"
    )
}

fn triggers() -> String {
    format!(
        "\
SELECT CAST(t.name AS nvarchar(128)) AS {TRIGGER} FROM sys.server_triggers AS t WHERE t.is_disabled = 0
UNION ALL
SELECT CAST(t.name AS nvarchar(128)) AS {TRIGGER} FROM master.sys.triggers AS t WHERE t.parent_class = 0 AND t.is_disabled = 0;
"
    )
}

// Without this row the answer was cut short, whatever else arrived.
fn end() -> String {
    format!("SELECT CAST(1 AS int) AS {END};\n")
}
