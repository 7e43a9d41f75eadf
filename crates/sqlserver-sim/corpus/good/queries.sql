SELECT e.endpoint_id, e.name, CAST(t.port AS int) AS port, t.ip_address, e.state_desc, e.role_desc, e.is_encryption_enabled,
       e.encryption_algorithm_desc, e.connection_auth_desc, e.certificate_id, SUSER_NAME(e.principal_id) AS owner
FROM sys.database_mirroring_endpoints e LEFT JOIN sys.tcp_endpoints t ON t.endpoint_id = e.endpoint_id;
GO
SELECT e.name, sp.name AS grantee, RTRIM(p.type) AS type, p.state
FROM sys.server_permissions p JOIN sys.endpoints e ON p.class = 105 AND p.major_id = e.endpoint_id
LEFT JOIN sys.server_principals sp ON sp.principal_id = p.grantee_principal_id WHERE e.type = 4;
GO
SELECT c.certificate_id, c.name, c.thumbprint, c.start_date, c.expiry_date, c.pvt_key_encryption_type, u.name AS owner, l.name AS login
FROM master.sys.certificates c
LEFT JOIN master.sys.database_principals u ON u.principal_id = c.principal_id
LEFT JOIN sys.server_principals l ON l.sid = u.sid
WHERE c.name NOT LIKE N'##%';
GO
SELECT c.connection_id, c.is_accept, c.state_desc, c.login_state, c.principal_name, c.peer_certificate_id, c.encryption_algorithm_desc, c.login_time
FROM sys.dm_db_mirroring_connections c;
GO
SELECT 'Metadata Check'; SELECT EP.name, SP.STATE,
   CONVERT(nvarchar(38), SUSER_NAME(SP.grantor_principal_id)) AS GRANTOR,
   SP.TYPE AS PERMISSION,
   CONVERT(nvarchar(46), SUSER_NAME(SP.grantee_principal_id)) AS GRANTEE
FROM sys.server_permissions SP, sys.endpoints EP
WHERE SP.major_id = EP.endpoint_id
ORDER BY PERMISSION, GRANTOR, GRANTEE;
GO
WITH chain AS (SELECT c.name, u.sid FROM sys.certificates c JOIN sys.database_principals u ON u.principal_id = c.principal_id),
     logins (login, sid) AS (SELECT name, sid FROM sys.server_principals)
SELECT chain.name, logins.login FROM chain LEFT OUTER JOIN logins ON logins.sid = chain.sid ORDER BY chain.name DESC, logins.login ASC;
GO
SELECT 1
GO
SELECT 1, 'a', N'b', 0x0A, NULL, 1.5, -2, +3;
GO
SELECT * FROM sys.sysusers;
GO
SELECT name FROM sys.server_principals WHERE name = N'HOST_B_login';
GO
SELECT name, principal_id FROM sys.server_principals WHERE type IN ('S', 'U', 'G') AND name NOT LIKE '##%' ORDER BY name;
GO
SELECT COUNT(*) FROM sys.symmetric_keys WHERE name LIKE '%DatabaseMasterKey%';
GO
SELECT * FROM sys.symmetric_keys WHERE symmetric_key_id = 101;
GO
SELECT is_master_key_encrypted_by_server FROM sys.databases WHERE name = 'master';
GO
SELECT name, role_desc, state_desc, connection_auth_desc, encryption_algorithm_desc FROM sys.database_mirroring_endpoints;
GO
SELECT DB_NAME(database_id) AS db, mirroring_state_desc FROM sys.database_mirroring WHERE mirroring_guid IS NOT NULL;
GO
SELECT * FROM sys.database_mirroring_witnesses;
GO
SELECT * FROM sys.dm_db_mirroring_connections WHERE is_accept = 1 AND login_state = 12;
GO
SELECT e.* FROM sys.endpoints e;
GO
SELECT e.*, 1 AS one FROM sys.endpoints AS e;
GO
SELECT [e].[name] FROM [sys].[endpoints] AS [e];
GO
SELECT "e"."name" FROM "sys"."endpoints" AS "e";
GO
SELECT master.sys.certificates.name FROM master.sys.certificates;
GO
SELECT name FROM master..sysdatabases;
GO
SELECT DISTINCT type_desc FROM sys.server_principals;
GO
SELECT ALL type_desc FROM sys.server_principals;
GO
SELECT TOP 1 name FROM sys.databases ORDER BY database_id;
GO
SELECT TOP (2) name FROM sys.databases ORDER BY database_id DESC;
GO
SELECT name AS n FROM sys.databases;
GO
SELECT name n FROM sys.databases;
GO
SELECT n = name FROM sys.databases;
GO
SELECT name AS 'a name' FROM sys.databases;
GO
SELECT name AS [a name] FROM sys.databases;
GO
SELECT d.name FROM sys.databases d INNER JOIN sys.database_mirroring m ON m.database_id = d.database_id;
GO
SELECT d.name FROM sys.databases d JOIN sys.database_mirroring m ON (m.database_id = d.database_id AND m.mirroring_role = 1) WHERE NOT (d.name = 'a' OR d.name = 'b');
GO
SELECT d.name, v.n FROM sys.databases d CROSS JOIN (VALUES (1), (2)) AS v(n);
GO
SELECT d.name, x.name FROM sys.databases d OUTER APPLY (SELECT TOP 1 e.name FROM sys.endpoints e WHERE e.endpoint_id = d.database_id) x;
GO
SELECT d.name, x.name FROM sys.databases d CROSS APPLY (SELECT TOP (1) e.name FROM sys.endpoints e ORDER BY e.name) AS x;
GO
SELECT name FROM sys.databases d WHERE EXISTS (SELECT * FROM sys.endpoints e WHERE e.endpoint_id = d.database_id);
GO
SELECT name FROM sys.databases WHERE database_id IN (SELECT database_id FROM sys.database_mirroring WHERE mirroring_guid IS NOT NULL);
GO
SELECT name FROM sys.databases WHERE database_id NOT IN (1, 2, 3, 4);
GO
SELECT name FROM sys.databases WHERE database_id BETWEEN 1 AND 4;
GO
SELECT name FROM sys.databases WHERE database_id NOT BETWEEN 1 AND 4;
GO
SELECT name FROM sys.databases WHERE name LIKE 'a!%' ESCAPE '!';
GO
SELECT name FROM sys.databases WHERE name COLLATE Latin1_General_BIN2 = N'A';
GO
SELECT name FROM sys.databases WHERE database_id <> 1 AND database_id != 2 AND database_id > 3 AND database_id >= 4 AND database_id < 9 AND database_id <= 10 AND database_id !< 2 AND database_id !> 8;
GO
SELECT (SELECT COUNT(*) FROM sys.endpoints) AS n;
GO
SELECT MAX(x.n) FROM (SELECT 1 AS n UNION ALL SELECT 2) x;
GO
SELECT 1 UNION SELECT 2;
GO
SELECT name FROM sys.databases UNION ALL SELECT name FROM sys.endpoints ORDER BY name;
GO
SELECT type, COUNT(*) FROM sys.server_principals GROUP BY type HAVING COUNT(*) > 1;
GO
SELECT COUNT(DISTINCT type) FROM sys.server_principals;
GO
SELECT STRING_AGG(name, N',') FROM sys.databases;
GO
SELECT STRING_AGG(name, N',') WITHIN GROUP (ORDER BY name) FROM sys.databases;
GO
SELECT name FROM sys.databases WITH (NOLOCK);
GO
SELECT name FROM sys.databases OPTION (MAXDOP 1);
GO
SELECT name FROM sys.databases OPTION (RECOMPILE);
GO
SELECT 1 WHERE 1 = 1;
GO
SELECT CASE WHEN 1 = 1 THEN 'a' ELSE 'b' END;
GO
SELECT CASE 1 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END AS x;
GO
SELECT IIF(1 = 1, 'a', 'b');
GO
SELECT COALESCE(NULL, 1), NULLIF(1, 2), ISNULL(NULL, 3);
GO
SELECT CAST(SERVERPROPERTY('ProductMajorVersion') AS int);
GO
SELECT CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)), @@SERVERNAME, @@VERSION;
GO
SELECT CONVERT(nvarchar(64), CRYPT_GEN_RANDOM(32), 2);
GO
SELECT CONVERT(varchar(30), SYSUTCDATETIME(), 126), GETDATE(), GETUTCDATE(), CURRENT_TIMESTAMP;
GO
SELECT TRY_CONVERT(int, '1'), TRY_CAST('1' AS int);
GO
SELECT DATEADD(day, 1, '20200101'), DATEDIFF(second, '20200101', '20200102'), DATEPART(year, '20200101');
GO
SELECT LEFT('abc', 1), RIGHT('abc', 1), LEN(N'abc'), DATALENGTH(N'abc'), SUBSTRING('abc', 1, 2), REPLACE('a', 'b', 'c'), UPPER('a'), LOWER('A'), RTRIM('a '), LTRIM(' a');
GO
SELECT QUOTENAME(N'a]b'), QUOTENAME('it''s', '''');
GO
SELECT HASHBYTES('SHA2_256', 'abc');
GO
SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY LOGIN'), HAS_PERMS_BY_NAME(N'Endpoint_Mirroring', 'ENDPOINT', 'CONTROL'), HAS_PERMS_BY_NAME(N'master', 'DATABASE', 'CREATE CERTIFICATE');
GO
SELECT IS_SRVROLEMEMBER('sysadmin'), IS_MEMBER('db_owner');
GO
SELECT SUSER_ID(N'sa'), SUSER_SID(N'sa'), SUSER_NAME(1), SUSER_SNAME(0x01), DATABASE_PRINCIPAL_ID(N'dbo'), USER_NAME(1), USER_ID(N'dbo');
GO
SELECT SUSER_SNAME(), ORIGINAL_LOGIN(), SYSTEM_USER, CURRENT_USER, SESSION_USER, USER, @@SPID, @@TRANCOUNT, XACT_STATE();
GO
SELECT DB_ID(), DB_NAME(), DB_ID(N'master'), DB_NAME(1);
GO
SELECT 'a' + N'b' + CONVERT(varchar(10), 1 + 2 * 3 % 4 / 5 - 6);
GO
SELECT 1 & 2 | 4 ^ 8, ~1;
GO
SELECT - - 1, -(1 + 2);
GO
SELECT N'Пётр日本', 'it''s', '', N'';
GO
SELECT 1 AS a, /* comment /* nested */ */ 2 AS b -- to the end
GO
