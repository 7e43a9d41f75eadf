//! Certificates with their owners, and who may connect.

use crate::tsql::sets::{CERTIFICATE, ENCODED, RIGHT, ROLE_MEMBER, WITHOUT_LOGIN};

/// A server principal's columns, as `sqlserver::decode` reads them.
pub(super) const LOGIN_COLUMNS: &str = "\
  CAST(l.principal_id AS int) AS login_id, CAST(l.name AS nvarchar(128)) AS login_name,
  CAST(RTRIM(l.type) AS nvarchar(2)) AS login_kind, CAST(l.is_disabled AS bit) AS login_disabled,
  CAST(CASE WHEN IS_SRVROLEMEMBER('sysadmin', l.name) = 1 OR EXISTS (SELECT 1 FROM sys.server_permissions AS g WHERE g.class = 100 AND g.type = 'CL' AND g.state IN ('G', 'W') AND g.grantee_principal_id = l.principal_id) THEN 1 ELSE 0 END AS bit) AS login_privileged,
  CAST(ISNULL(IS_SRVROLEMEMBER('sysadmin', l.name), 0) AS bit) AS login_sysadmin,
  CAST(CASE WHEN EXISTS (SELECT 1 FROM sys.server_permissions AS s WHERE s.class = 100 AND s.type = 'COSQ' AND s.state IN ('G', 'W') AND s.grantee_principal_id = l.principal_id) THEN 1 ELSE 0 END AS bit) AS login_connect_sql,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), l.create_date) AS datetime2(3)) AS login_created,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), l.modify_date) AS datetime2(3)) AS login_changed";

/// A principal of `master` with the login its SID leads to.
pub(super) const USER_COLUMNS: &str = "\
  CAST(u.principal_id AS int) AS user_id, CAST(u.name AS nvarchar(128)) AS user_name,
  CAST(RTRIM(u.type) AS nvarchar(2)) AS user_kind, CAST(u.sid AS varbinary(85)) AS user_sid,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), u.create_date) AS datetime2(3)) AS user_created,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), u.modify_date) AS datetime2(3)) AS user_changed";

pub(super) fn certificates() -> String {
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
pub(super) fn encoded() -> String {
    format!(
        "\
IF @mg_major >= 11
  EXEC (N'SELECT CAST(certificate_id AS int) AS {ENCODED}, CAST(CERTENCODED(certificate_id) AS varbinary(max)) AS der FROM master.sys.certificates WHERE name NOT LIKE N''##%''');
"
    )
}

// authentication_type came with 2012. The first four users of a database are every database's.
pub(super) fn without_login() -> String {
    format!(
        "\
IF @mg_major >= 11
  EXEC (N'SELECT CAST(principal_id AS int) AS {WITHOUT_LOGIN} FROM master.sys.database_principals WHERE authentication_type = 0 AND type <> ''R'' AND principal_id > 4');
"
    )
}

// CONNECT on the endpoint and what covers it, per grantor; of CONNECT SQL only what takes it away. The numbers are
// the reader's.
pub(super) fn rights() -> String {
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
