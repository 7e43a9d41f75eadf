//! The mirroring endpoint, its connections, and what uses it.

use crate::tsql::sets::{
    AVAILABILITY_GROUP, CONNECTION, CONNECTIONS_REFUSED, DATABASE, ENCRYPTED, ENCRYPTED_REFUSED,
    ENDPOINT, GROUPS_REFUSED, LISTENER, WITNESSED,
};

pub(super) fn endpoint() -> String {
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

// These need VIEW SERVER STATE (or its 2022 parts). Without it the answer is "not permitted", and the batch goes on.
pub(super) fn live() -> String {
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

pub(super) fn databases() -> String {
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
