//! Who answers, who we are there, and what may be in our way.

use crate::tsql::sets::{LOGIN, MASTER_KEY, OWN_DENY, SERVER, TRIGGER};

// tempdb is made anew at every start; minutes, because seconds overflow where a clock was set far off. The service
// master key is hidden from who does not see master's definitions.
pub(super) fn server() -> String {
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
pub(super) fn login() -> String {
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
pub(super) fn own_denies() -> String {
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

pub(super) fn master_key() -> String {
    format!(
        "\
SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM master.sys.symmetric_keys AS k WHERE k.name = N'##MS_DatabaseMasterKey##') THEN 1 ELSE 0 END AS bit) AS {MASTER_KEY},
  CAST(d.is_master_key_encrypted_by_server AS bit) AS opened_by_server
FROM sys.databases AS d WHERE d.database_id = 1;
"
    )
}

pub(super) fn triggers() -> String {
    format!(
        "\
SELECT CAST(t.name AS nvarchar(128)) AS {TRIGGER} FROM sys.server_triggers AS t WHERE t.is_disabled = 0
UNION ALL
SELECT CAST(t.name AS nvarchar(128)) AS {TRIGGER} FROM master.sys.triggers AS t WHERE t.parent_class = 0 AND t.is_disabled = 0;
"
    )
}
