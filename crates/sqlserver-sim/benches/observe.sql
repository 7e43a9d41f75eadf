-- observe, job 00000000-0000-7000-8000-000000000000
IF @@TRANCOUNT > 0 ROLLBACK;
SET XACT_ABORT OFF;
SET LOCK_TIMEOUT 5000;
SET NOCOUNT ON;
DECLARE @mg_version nvarchar(128), @mg_major int, @mg_endpoint nvarchar(128);
SET @mg_version = CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128));
SET @mg_major = CAST(LEFT(@mg_version, CHARINDEX(N'.', @mg_version) - 1) AS int);
SELECT @mg_endpoint = name FROM sys.database_mirroring_endpoints;
SELECT CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)) AS mg_server,
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
SELECT CAST(COALESCE(SUSER_SNAME(), ORIGINAL_LOGIN()) AS nvarchar(128)) AS mg_login,
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
SELECT CAST(p.permission_name AS nvarchar(128)) AS mg_own_deny, CAST(p.class AS int) AS class, CAST(p.major_id AS int) AS major_id,
  CAST(p.grantee_principal_id AS int) AS grantee_id,
  CAST(CASE WHEN p.grantee_principal_id = SUSER_ID() THEN SUSER_SNAME() ELSE g.name END AS nvarchar(128)) AS grantee
FROM sys.server_permissions AS p
LEFT JOIN sys.server_principals AS g ON g.principal_id = p.grantee_principal_id
WHERE p.state = 'D' AND p.class IN (100, 101, 105)
  AND (p.grantee_principal_id = SUSER_ID() OR p.grantee_principal_id = 2 OR IS_SRVROLEMEMBER(g.name) = 1 OR (g.name IS NULL AND p.class = 100));
SELECT CAST(p.permission_name AS nvarchar(128)) AS mg_own_deny, CAST(p.class AS int) AS class, CAST(p.major_id AS int) AS major_id,
  CAST(p.grantee_principal_id AS int) AS grantee_id, CAST(g.name AS nvarchar(128)) AS grantee
FROM master.sys.database_permissions AS p
LEFT JOIN master.sys.database_principals AS g ON g.principal_id = p.grantee_principal_id
WHERE p.state = 'D' AND p.class IN (0, 4, 25)
  AND (p.grantee_principal_id = USER_ID() OR p.grantee_principal_id = 0 OR IS_MEMBER(g.name) = 1);
SELECT CAST(e.endpoint_id AS int) AS mg_endpoint, CAST(e.name AS nvarchar(128)) AS name,
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
SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM master.sys.symmetric_keys AS k WHERE k.name = N'##MS_DatabaseMasterKey##') THEN 1 ELSE 0 END AS bit) AS mg_master_key,
  CAST(d.is_master_key_encrypted_by_server AS bit) AS opened_by_server
FROM sys.databases AS d WHERE d.database_id = 1;
SELECT CAST(c.certificate_id AS int) AS mg_certificate, CAST(c.name AS nvarchar(128)) AS name,
  CAST(c.thumbprint AS varbinary(32)) AS thumbprint,
  CAST(c.start_date AS datetime2(0)) AS start_date, CAST(c.expiry_date AS datetime2(0)) AS expiry_date,
  CAST(CASE WHEN c.pvt_key_encryption_type = 'NA' THEN 0 ELSE 1 END AS bit) AS has_private_key,
  CAST(CASE WHEN c.pvt_key_encryption_type = 'MK' THEN 1 ELSE 0 END AS bit) AS key_under_master_key,
CAST(u.principal_id AS int) AS user_id, CAST(u.name AS nvarchar(128)) AS user_name,
  CAST(RTRIM(u.type) AS nvarchar(2)) AS user_kind, CAST(u.sid AS varbinary(85)) AS user_sid,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), u.create_date) AS datetime2(3)) AS user_created,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), u.modify_date) AS datetime2(3)) AS user_changed,
CAST(l.principal_id AS int) AS login_id, CAST(l.name AS nvarchar(128)) AS login_name,
  CAST(RTRIM(l.type) AS nvarchar(2)) AS login_kind, CAST(l.is_disabled AS bit) AS login_disabled,
  CAST(CASE WHEN IS_SRVROLEMEMBER('sysadmin', l.name) = 1 OR EXISTS (SELECT 1 FROM sys.server_permissions AS g WHERE g.class = 100 AND g.type = 'CL' AND g.state IN ('G', 'W') AND g.grantee_principal_id = l.principal_id) THEN 1 ELSE 0 END AS bit) AS login_privileged,
  CAST(ISNULL(IS_SRVROLEMEMBER('sysadmin', l.name), 0) AS bit) AS login_sysadmin,
  CAST(CASE WHEN EXISTS (SELECT 1 FROM sys.server_permissions AS s WHERE s.class = 100 AND s.type = 'COSQ' AND s.state IN ('G', 'W') AND s.grantee_principal_id = l.principal_id) THEN 1 ELSE 0 END AS bit) AS login_connect_sql,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), l.create_date) AS datetime2(3)) AS login_created,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), l.modify_date) AS datetime2(3)) AS login_changed
FROM master.sys.certificates AS c
LEFT JOIN master.sys.database_principals AS u ON u.principal_id = c.principal_id
LEFT JOIN sys.server_principals AS l ON l.sid = u.sid
WHERE c.name NOT LIKE N'##%';
IF @mg_major >= 11
  EXEC (N'SELECT CAST(certificate_id AS int) AS mg_encoded, CAST(CERTENCODED(certificate_id) AS varbinary(max)) AS der FROM master.sys.certificates WHERE name NOT LIKE N''##%''');
IF @mg_major >= 11
  EXEC (N'SELECT CAST(principal_id AS int) AS mg_without_login FROM master.sys.database_principals WHERE authentication_type = 0 AND type <> ''R'' AND principal_id > 4');
SELECT CAST(CASE WHEN p.class = 105 AND p.type = 'CO' THEN 1 WHEN p.class = 105 THEN 2 WHEN p.type = 'CL' THEN 3 ELSE 4 END AS int) AS mg_right,
  CAST(CASE WHEN p.state = 'D' THEN 0 ELSE 1 END AS bit) AS granted,
  CAST(p.grantee_principal_id AS int) AS grantee_id, CAST(g.name AS nvarchar(128)) AS grantee,
  CAST(RTRIM(g.type) AS nvarchar(2)) AS grantee_kind
FROM sys.server_permissions AS p
LEFT JOIN sys.server_principals AS g ON g.principal_id = p.grantee_principal_id
WHERE p.state IN ('D', 'G', 'W')
  AND (p.class = 105 AND p.type IN ('CO', 'CL') AND p.major_id IN (SELECT e.endpoint_id FROM sys.database_mirroring_endpoints AS e)
    OR p.class = 100 AND p.type = 'CL'
    OR p.class = 100 AND p.type = 'COSQ' AND p.state = 'D');
SELECT CAST(m.role_principal_id AS int) AS mg_role_member, CAST(m.member_principal_id AS int) AS member_id,
  CAST(RTRIM(g.type) AS nvarchar(2)) AS member_kind
FROM sys.server_role_members AS m
LEFT JOIN sys.server_principals AS g ON g.principal_id = m.member_principal_id;
SELECT CAST(q.peer AS int) AS mg_name_login,
CAST(l.principal_id AS int) AS login_id, CAST(l.name AS nvarchar(128)) AS login_name,
  CAST(RTRIM(l.type) AS nvarchar(2)) AS login_kind, CAST(l.is_disabled AS bit) AS login_disabled,
  CAST(CASE WHEN IS_SRVROLEMEMBER('sysadmin', l.name) = 1 OR EXISTS (SELECT 1 FROM sys.server_permissions AS g WHERE g.class = 100 AND g.type = 'CL' AND g.state IN ('G', 'W') AND g.grantee_principal_id = l.principal_id) THEN 1 ELSE 0 END AS bit) AS login_privileged,
  CAST(ISNULL(IS_SRVROLEMEMBER('sysadmin', l.name), 0) AS bit) AS login_sysadmin,
  CAST(CASE WHEN EXISTS (SELECT 1 FROM sys.server_permissions AS s WHERE s.class = 100 AND s.type = 'COSQ' AND s.state IN ('G', 'W') AND s.grantee_principal_id = l.principal_id) THEN 1 ELSE 0 END AS bit) AS login_connect_sql,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), l.create_date) AS datetime2(3)) AS login_created,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), l.modify_date) AS datetime2(3)) AS login_changed
FROM (SELECT 0 AS peer, 0 AS renewed, CAST(N'PEER_00_login' AS nvarchar(128)) AS name UNION ALL SELECT 1 AS peer, 0 AS renewed, CAST(N'PEER_01_login' AS nvarchar(128)) AS name UNION ALL SELECT 2 AS peer, 0 AS renewed, CAST(N'PEER_02_login' AS nvarchar(128)) AS name UNION ALL SELECT 3 AS peer, 0 AS renewed, CAST(N'PEER_03_login' AS nvarchar(128)) AS name UNION ALL SELECT 4 AS peer, 0 AS renewed, CAST(N'PEER_04_login' AS nvarchar(128)) AS name UNION ALL SELECT 5 AS peer, 0 AS renewed, CAST(N'PEER_05_login' AS nvarchar(128)) AS name UNION ALL SELECT 6 AS peer, 0 AS renewed, CAST(N'PEER_06_login' AS nvarchar(128)) AS name UNION ALL SELECT 7 AS peer, 0 AS renewed, CAST(N'PEER_07_login' AS nvarchar(128)) AS name UNION ALL SELECT 8 AS peer, 0 AS renewed, CAST(N'PEER_08_login' AS nvarchar(128)) AS name UNION ALL SELECT 9 AS peer, 0 AS renewed, CAST(N'PEER_09_login' AS nvarchar(128)) AS name) AS q
JOIN sys.server_principals AS l ON l.name = q.name;
SELECT CAST(q.peer AS int) AS mg_name_login_user,
CAST(u.principal_id AS int) AS user_id, CAST(u.name AS nvarchar(128)) AS user_name,
  CAST(RTRIM(u.type) AS nvarchar(2)) AS user_kind, CAST(u.sid AS varbinary(85)) AS user_sid,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), u.create_date) AS datetime2(3)) AS user_created,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), u.modify_date) AS datetime2(3)) AS user_changed,
CAST(l.principal_id AS int) AS login_id, CAST(l.name AS nvarchar(128)) AS login_name,
  CAST(RTRIM(l.type) AS nvarchar(2)) AS login_kind, CAST(l.is_disabled AS bit) AS login_disabled,
  CAST(CASE WHEN IS_SRVROLEMEMBER('sysadmin', l.name) = 1 OR EXISTS (SELECT 1 FROM sys.server_permissions AS g WHERE g.class = 100 AND g.type = 'CL' AND g.state IN ('G', 'W') AND g.grantee_principal_id = l.principal_id) THEN 1 ELSE 0 END AS bit) AS login_privileged,
  CAST(ISNULL(IS_SRVROLEMEMBER('sysadmin', l.name), 0) AS bit) AS login_sysadmin,
  CAST(CASE WHEN EXISTS (SELECT 1 FROM sys.server_permissions AS s WHERE s.class = 100 AND s.type = 'COSQ' AND s.state IN ('G', 'W') AND s.grantee_principal_id = l.principal_id) THEN 1 ELSE 0 END AS bit) AS login_connect_sql,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), l.create_date) AS datetime2(3)) AS login_created,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), l.modify_date) AS datetime2(3)) AS login_changed
FROM (SELECT 0 AS peer, 0 AS renewed, CAST(N'PEER_00_login' AS nvarchar(128)) AS name UNION ALL SELECT 1 AS peer, 0 AS renewed, CAST(N'PEER_01_login' AS nvarchar(128)) AS name UNION ALL SELECT 2 AS peer, 0 AS renewed, CAST(N'PEER_02_login' AS nvarchar(128)) AS name UNION ALL SELECT 3 AS peer, 0 AS renewed, CAST(N'PEER_03_login' AS nvarchar(128)) AS name UNION ALL SELECT 4 AS peer, 0 AS renewed, CAST(N'PEER_04_login' AS nvarchar(128)) AS name UNION ALL SELECT 5 AS peer, 0 AS renewed, CAST(N'PEER_05_login' AS nvarchar(128)) AS name UNION ALL SELECT 6 AS peer, 0 AS renewed, CAST(N'PEER_06_login' AS nvarchar(128)) AS name UNION ALL SELECT 7 AS peer, 0 AS renewed, CAST(N'PEER_07_login' AS nvarchar(128)) AS name UNION ALL SELECT 8 AS peer, 0 AS renewed, CAST(N'PEER_08_login' AS nvarchar(128)) AS name UNION ALL SELECT 9 AS peer, 0 AS renewed, CAST(N'PEER_09_login' AS nvarchar(128)) AS name) AS q
JOIN sys.server_principals AS l ON l.name = q.name
JOIN master.sys.database_principals AS u ON u.sid = l.sid;
SELECT CAST(q.peer AS int) AS mg_name_user,
CAST(u.principal_id AS int) AS user_id, CAST(u.name AS nvarchar(128)) AS user_name,
  CAST(RTRIM(u.type) AS nvarchar(2)) AS user_kind, CAST(u.sid AS varbinary(85)) AS user_sid,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), u.create_date) AS datetime2(3)) AS user_created,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), u.modify_date) AS datetime2(3)) AS user_changed,
CAST(l.principal_id AS int) AS login_id, CAST(l.name AS nvarchar(128)) AS login_name,
  CAST(RTRIM(l.type) AS nvarchar(2)) AS login_kind, CAST(l.is_disabled AS bit) AS login_disabled,
  CAST(CASE WHEN IS_SRVROLEMEMBER('sysadmin', l.name) = 1 OR EXISTS (SELECT 1 FROM sys.server_permissions AS g WHERE g.class = 100 AND g.type = 'CL' AND g.state IN ('G', 'W') AND g.grantee_principal_id = l.principal_id) THEN 1 ELSE 0 END AS bit) AS login_privileged,
  CAST(ISNULL(IS_SRVROLEMEMBER('sysadmin', l.name), 0) AS bit) AS login_sysadmin,
  CAST(CASE WHEN EXISTS (SELECT 1 FROM sys.server_permissions AS s WHERE s.class = 100 AND s.type = 'COSQ' AND s.state IN ('G', 'W') AND s.grantee_principal_id = l.principal_id) THEN 1 ELSE 0 END AS bit) AS login_connect_sql,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), l.create_date) AS datetime2(3)) AS login_created,
  CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), l.modify_date) AS datetime2(3)) AS login_changed
FROM (SELECT 0 AS peer, 0 AS renewed, CAST(N'PEER_00_user' AS nvarchar(128)) AS name UNION ALL SELECT 1 AS peer, 0 AS renewed, CAST(N'PEER_01_user' AS nvarchar(128)) AS name UNION ALL SELECT 2 AS peer, 0 AS renewed, CAST(N'PEER_02_user' AS nvarchar(128)) AS name UNION ALL SELECT 3 AS peer, 0 AS renewed, CAST(N'PEER_03_user' AS nvarchar(128)) AS name UNION ALL SELECT 4 AS peer, 0 AS renewed, CAST(N'PEER_04_user' AS nvarchar(128)) AS name UNION ALL SELECT 5 AS peer, 0 AS renewed, CAST(N'PEER_05_user' AS nvarchar(128)) AS name UNION ALL SELECT 6 AS peer, 0 AS renewed, CAST(N'PEER_06_user' AS nvarchar(128)) AS name UNION ALL SELECT 7 AS peer, 0 AS renewed, CAST(N'PEER_07_user' AS nvarchar(128)) AS name UNION ALL SELECT 8 AS peer, 0 AS renewed, CAST(N'PEER_08_user' AS nvarchar(128)) AS name UNION ALL SELECT 9 AS peer, 0 AS renewed, CAST(N'PEER_09_user' AS nvarchar(128)) AS name) AS q
JOIN master.sys.database_principals AS u ON u.name = q.name
LEFT JOIN sys.server_principals AS l ON l.sid = u.sid;
SELECT CAST(q.peer AS int) AS mg_name_certificate, CAST(q.renewed AS bit) AS is_renewed,
  CAST(c.certificate_id AS int) AS certificate_id
FROM (SELECT 0 AS peer, 0 AS renewed, CAST(N'PEER_00_cert' AS nvarchar(128)) AS name UNION ALL SELECT 1 AS peer, 0 AS renewed, CAST(N'PEER_01_cert' AS nvarchar(128)) AS name UNION ALL SELECT 2 AS peer, 0 AS renewed, CAST(N'PEER_02_cert' AS nvarchar(128)) AS name UNION ALL SELECT 3 AS peer, 0 AS renewed, CAST(N'PEER_03_cert' AS nvarchar(128)) AS name UNION ALL SELECT 4 AS peer, 0 AS renewed, CAST(N'PEER_04_cert' AS nvarchar(128)) AS name UNION ALL SELECT 5 AS peer, 0 AS renewed, CAST(N'PEER_05_cert' AS nvarchar(128)) AS name UNION ALL SELECT 6 AS peer, 0 AS renewed, CAST(N'PEER_06_cert' AS nvarchar(128)) AS name UNION ALL SELECT 7 AS peer, 0 AS renewed, CAST(N'PEER_07_cert' AS nvarchar(128)) AS name UNION ALL SELECT 8 AS peer, 0 AS renewed, CAST(N'PEER_08_cert' AS nvarchar(128)) AS name UNION ALL SELECT 9 AS peer, 0 AS renewed, CAST(N'PEER_09_cert' AS nvarchar(128)) AS name) AS q
JOIN master.sys.certificates AS c ON c.name = q.name;
BEGIN TRY
  SELECT CAST(CASE WHEN encrypt_option = 'TRUE' THEN 1 ELSE 0 END AS bit) AS mg_encrypted
  FROM sys.dm_exec_connections WHERE session_id = @@SPID;
END TRY
BEGIN CATCH
  SELECT CAST(ERROR_NUMBER() AS int) AS mg_encrypted_refused;
END CATCH;
BEGIN TRY
  SELECT CAST(is_accept AS bit) AS mg_connection,
    CAST(CASE WHEN login_state = 12 OR state = 4 THEN 1 ELSE 0 END AS bit) AS is_logged_in,
    CAST(peer_certificate_id AS int) AS peer_certificate_id,
    CAST(principal_name AS nvarchar(128)) AS principal_name,
    CAST(DATEADD(second, DATEDIFF(second, GETDATE(), GETUTCDATE()), login_time) AS datetime2(3)) AS login_time
  FROM sys.dm_db_mirroring_connections;
END TRY
BEGIN CATCH
  SELECT CAST(ERROR_NUMBER() AS int) AS mg_connections_refused;
END CATCH;
IF @mg_major >= 11
BEGIN
  BEGIN TRY
    EXEC (N'SELECT CAST(name AS nvarchar(128)) AS mg_availability_group FROM sys.availability_groups');
    EXEC (N'SELECT CAST(l.dns_name AS nvarchar(128)) AS mg_listener FROM sys.availability_group_listeners AS l JOIN sys.availability_group_listener_ip_addresses AS a ON a.listener_id = l.listener_id WHERE a.ip_address = CAST(CONNECTIONPROPERTY(''local_net_address'') AS nvarchar(48))');
  END TRY
  BEGIN CATCH
    SELECT CAST(ERROR_NUMBER() AS int) AS mg_groups_refused;
  END CATCH;
END;
SELECT CAST(d.name AS nvarchar(128)) AS mg_database, CAST(m.mirroring_role AS int) AS role,
  CAST(m.mirroring_state_desc AS nvarchar(60)) AS state,
  CAST(m.mirroring_safety_level_desc AS nvarchar(60)) AS safety,
  CAST(CASE WHEN m.mirroring_witness_name IS NULL OR m.mirroring_witness_name = N'' THEN 0 ELSE 1 END AS bit) AS has_witness
FROM sys.database_mirroring AS m
JOIN sys.databases AS d ON d.database_id = m.database_id
WHERE m.mirroring_guid IS NOT NULL;
SELECT CAST(w.database_name AS nvarchar(128)) AS mg_witnessed, CAST(w.safety_level_desc AS nvarchar(60)) AS safety
FROM sys.database_mirroring_witnesses AS w;
SELECT CAST(t.name AS nvarchar(128)) AS mg_trigger FROM sys.server_triggers AS t WHERE t.is_disabled = 0
UNION ALL
SELECT CAST(t.name AS nvarchar(128)) AS mg_trigger FROM master.sys.triggers AS t WHERE t.parent_class = 0 AND t.is_disabled = 0;
SELECT CAST(1 AS int) AS mg_end;
