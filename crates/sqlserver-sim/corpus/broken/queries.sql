-- 102 near 'x'
'x' "e"."name" FROM "sys"."endpoints" AS "e";
GO
-- 102 near '('
(SELECT CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)), @@SERVERNAME, @@VERSION;
GO
-- 102 near '@v'
@v name FROM sys.databases UNION ALL SELECT name FROM sys.endpoints ORDER BY name;
GO
-- 102 near ','
SELECT "e"."name" FROM "sys". ,"endpoints" AS "e";
GO
-- 102 near '*'
SELECT 'a' + N'b' + CONVERT(varchar(10), 1 +  * 3 % 4 / 5 - 6);
GO
-- 102 near '*'
SELECT (SELECT COUNT'x'*) FROM sys.endpoints) AS n;
GO
-- 102 near '@v'
SELECT * FROM sys.@v WHERE symmetric_key_id = 101;
GO
-- 102 near '&'
SELECT 1 & & 2 | 4 ^ 8, ~1;
GO
-- 102 near '|'
SELECT 1 & 2 |
GO
-- 102 near '('
SELECT 1 AS (a, /* comment /* nested */ */ 2 AS b -- to the end
GO
-- 156 near 'SELECT'
SELECT 1, 'a', N'b', 0x0A, SELECT, 1.5, -2, +3;
GO
-- 102 near '.'
SELECT ALL type_desc FROM sys sys.server_principals;
GO
-- 102 near ','
SELECT CASE  ,WHEN 1 = 1 THEN 'a' ELSE 'b' END;
GO
-- 102 near '('
SELECT CASE 1 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END AS x(;
GO
-- 102 near '('
SELECT CASE WHEN 1 = 1 THEN 'a' (ELSE 'b' END;
GO
-- 102 near '('
SELECT CASE WHEN 1 = 1 THEN 'a' ELSE 'b' (END;
GO
-- 102 near '('
SELECT COALESCE(NULL, 1), NULLIF(1, 2), @v(NULL, 3);
GO
-- 102 near '3'
SELECT COALESCE(NULL, 1), NULLIF(1, 2), ISNULL(NULL, 3 3);
GO
-- 156 near 'SELECT'
SELECT COALESCE(NULL, 1), NULLIF(1, 2), ISNULL(SELECT, 3);
GO
-- 102 near 'x'
SELECT CONVERT('x'(64), CRYPT_GEN_RANDOM(32), 2);
GO
-- 156 near 'SELECT'
SELECT CONVERT(nvarchar(64)SELECT CRYPT_GEN_RANDOM(32), 2);
GO
-- 156 near 'DISTINCT'
SELECT COUNT((DISTINCT type) FROM sys.server_principals;
GO
-- 102 near '.'
SELECT COUNT(*) FROM @v.symmetric_keys WHERE name LIKE '%DatabaseMasterKey%';
GO
-- 102 near '('
SELECT DATEADD(day, 1, '20200101'), 'x'(second, '20200101', '20200102'), DATEPART(year, '20200101');
GO
-- 102 near ','
SELECT DATEADD(day, 1, '20200101'), DATEDIFF(second,
GO
-- 102 near '('
SELECT DATEADD(day, 1, '20200101'), DATEDIFF(second, '20200101', '20200102'(), DATEPART(year, '20200101');
GO
-- 102 near '('
SELECT DATEADD(day, 1, '20200101'), DATEDIFF(second, '20200101', '20200102')(, DATEPART(year, '20200101');
GO
-- 102 near ';'
SELECT DATEADD(day, 1, ('20200101'), DATEDIFF(second, '20200101', '20200102'), DATEPART(year, '20200101');
GO
-- 102 near ','
SELECT DB_ID(), DB_NAME(), DB_ID(N'master'),
GO
-- 102 near 'DB_NAME'
SELECT DB_ID()XXX DB_NAME(), DB_ID(N'master'), DB_NAME(1);
GO
-- 102 near ')'
SELECT DB_ID), DB_NAME(), DB_ID(N'master'), DB_NAME(1);
GO
-- 156 near 'SELECT'
SELECT DB_NAME(database_id) AS db, mirroring_state_desc FROM sys.database_mirroring WHERE mirroring_guid IS NOT SELECT;
GO
-- 102 near '@v'
SELECT DISTINCT type_desc FROM sys.@v;
GO
-- 102 near ')'
SELECT HASHBYTES('SHA2_256', 'abc') );
GO
-- 102 near '@v'
SELECT HASHBYTES('SHA2_256', 'abc'@v;
GO
-- 102 near ','
SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY LOGIN'), HAS_PERMS_BY_NAME(N'Endpoint_Mirroring', 'ENDPOINT', 'CONTROL'), HAS_PERMS_BY_NAME(N'master', ('DATABASE', 'CREATE CERTIFICATE');
GO
-- 102 near ')'
SELECT IS_SRVROLEMEMBERSELECT'sysadmin'), IS_MEMBER('db_owner');
GO
-- 156 near 'RIGHT'
SELECT LEFT('abc', 1), RIGHT RIGHT('abc', 1), LEN(N'abc'), DATALENGTH(N'abc'), SUBSTRING('abc', 1, 2), REPLACE('a', 'b', 'c'), UPPER('a'), LOWER('A'), RTRIM('a '), LTRIM(' a');
GO
-- 102 near ','
SELECT LEFT('abc', 1), RIGHT('abc', 1), LEN(N'abc'), DATALENGTH(N'abc'), SUBSTRING('abc', 1, 2), REPLACE('a', 'b', 'c'), UPPER('a'), (LOWER('A'), RTRIM('a '), LTRIM(' a');
GO
-- 102 near ';'
SELECT LEFT('abc', 1), RIGHT('abc', 1), LEN(N'abc'), DATALENGTH(N'abc'), SUBSTRING('abc', 1, 2), REPLACE('a', 'b', 'c'), UPPER('a'), LOWER('A'), RTRIM('a '), LTRIM( (' a');
GO
-- 102 near '@v'
SELECT LEFT('abc', 1), RIGHT('abc', 1), LEN(N'abc'), DATALENGTH(N'abc'), SUBSTRING('abc', 1, 2), REPLACE('a', 'b', 'c'), UPPER('a'), LOWER('A'@v, RTRIM('a '), LTRIM(' a');
GO
-- 102 near '@v'
SELECT LEFT('abc', 1), RIGHT('abc', 1), LEN(N'abc'), DATALENGTH(N'abc'), SUBSTRING('abc'@v 1, 2), REPLACE('a', 'b', 'c'), UPPER('a'), LOWER('A'), RTRIM('a '), LTRIM(' a');
GO
-- 156 near 'SELECT'
SELECT LEFT('abc', 1), RIGHT('abc', SELECT), LEN(N'abc'), DATALENGTH(N'abc'), SUBSTRING('abc', 1, 2), REPLACE('a', 'b', 'c'), UPPER('a'), LOWER('A'), RTRIM('a '), LTRIM(' a');
GO
-- 102 near ')'
SELECT MAX(x.n) ) FROM (SELECT 1 AS n UNION ALL SELECT 2) x;
GO
-- 102 near 'n'
SELECT MAX(x.n) FROM (SELECT 1 'x' n UNION ALL SELECT 2) x;
GO
-- 102 near ')'
SELECT QUOTENAMESELECTN'a]b'), QUOTENAME('it''s', '''');
GO
-- 156 near 'SELECT'
SELECT SELECT name FROM sys.databases WHERE database_id NOT IN (1, 2, 3, 4);
GO
-- 102 near ','
SELECT STRING_AGG(name(, N',') FROM sys.databases;
GO
-- 102 near ')'
SELECT STRING_AGG@vname, N',') FROM sys.databases;
GO
-- 102 near '('
SELECT SUSER_ID(N'sa'), SUSER_SID(N'sa'), SUSER_NAME(1), SUSER_SNAME(0x01), DATABASE_PRINCIPAL_ID(N'dbo'), 'x'(1), USER_ID(N'dbo');
GO
-- 102 near ';'
SELECT SUSER_ID(N'sa'), SUSER_SID(N'sa'), SUSER_NAME(1), SUSER_SNAME(0x01), DATABASE_PRINCIPAL_ID(N'dbo', USER_NAME(1), USER_ID(N'dbo');
GO
-- 156 near 'FROM'
SELECT TOP (2) name FROM FROM sys.databases ORDER BY database_id DESC;
GO
-- 156 near 'BY'
SELECT TOP (2) name FROM sys.databases ORDER BY BY database_id DESC;
GO
-- 102 near ','
SELECT [e].[name] FROM  ,[sys].[endpoints] AS [e];
GO
-- 102 near 'x'
SELECT [e].[name] FROM [sys]'x'[endpoints] AS [e];
GO
-- 102 near '.'
SELECT c.connection_id, c ,.is_accept, c.state_desc, c.login_state, c.principal_name, c.peer_certificate_id, c.encryption_algorithm_desc, c.login_time
FROM sys.dm_db_mirroring_connections c;
GO
-- 102 near ','
SELECT c.connection_id, c., c.state_desc, c.login_state, c.principal_name, c.peer_certificate_id, c.encryption_algorithm_desc, c.login_time
FROM sys.dm_db_mirroring_connections c;
GO
-- 102 near ','
SELECT d. ,name FROM sys.databases d JOIN sys.database_mirroring m ON (m.database_id = d.database_id AND m.mirroring_role = 1) WHERE NOT (d.name = 'a' OR d.name = 'b');
GO
-- 102 near 'XXX'
SELECT d.name FROM sys.databases d INNER JOIN sys.database_mirroring m ON m.database_id XXX d.database_id;
GO
-- 102 near ','
SELECT d.name, , x.name FROM sys.databases d CROSS APPLY (SELECT TOP (1) e.name FROM sys.endpoints e ORDER BY e.name) AS x;
GO
-- 102 near 'x'
SELECT d.name, v.'x' FROM sys.databases d CROSS JOIN (VALUES (1), (2)) AS v(n);
GO
-- 156 near 'SELECT'
SELECT d.name, x.name FROM sys.databases d CROSS APPLY (SELECT TOP (1) e.name FROM sys.SELECT e ORDER BY e.name) AS x;
GO
-- 156 near 'ORDER'
SELECT d.name, x.name FROM sys.databases d CROSS APPLY (SELECT TOP (1) e.name FROM sys.endpoints e ORDER 'x' e.name) AS x;
GO
-- 102 near ','
SELECT d.name, x.name FROM sys.databases d OUTER APPLY (SELECT TOP 1 e.name FROM sys.endpoints e WHERE e.endpoint_id  ,= d.database_id) x;
GO
-- 102 near 'x'
SELECT d.name, x.name FROM sys.databases d OUTER APPLY (SELECT TOP 1 e.name FROM sys.endpoints e WHERE e.endpoint_id = d.database_id@v x;
GO
-- 102 near 'sys'
SELECT e.name, sp.name AS grantee, RTRIM(p.type) AS type, p.state
FROM sys.server_permissions p  sys.endpoints e ON p.class = 105 AND p.major_id = e.endpoint_id
LEFT JOIN sys.server_principals sp ON sp.principal_id = p.grantee_principal_id WHERE e.type = 4;
GO
-- 102 near '@v'
SELECT e.name, sp.name AS grantee, RTRIM(p.type) AS type, p.state
FROM sys.server_permissions p JOIN sys.endpoints e ON p.class = 105 AND p.major_id = e.endpoint_id
@v JOIN sys.server_principals sp ON sp.principal_id = p.grantee_principal_id WHERE e.type = 4;
GO
-- 156 near 'SELECT'
SELECT master.sys.SELECT.name FROM master.sys.certificates;
GO
-- 102 near '('
SELECT master.sys.certificates.name FROM master(.sys.certificates;
GO
-- 156 near 'FROM'
SELECT name AS 'a name'  ,FROM sys.databases;
GO
-- 102 near '.'
SELECT name AS [a name] FROM sys.
GO
-- 156 near 'WHERE'
SELECT name FROM sys.databases WHERE WHERE name COLLATE Latin1_General_BIN2 = N'A';
GO
-- 156 near 'AND'
SELECT name FROM sys.databases WHERE database_id <> 1 AND database_id != 2 AND database_id > (3 AND database_id >= 4 AND database_id < 9 AND database_id <= 10 AND database_id !< 2 AND database_id !> 8;
GO
-- 102 near '('
SELECT name FROM sys.databases WHERE database_id IN (SELECT database_id FROM sys.database_mirroring WHERE mirroring_guid IS NOT NULL();
GO
-- 102 near ','
SELECT name FROM sys.databases d WHERE EXISTS  ,(SELECT * FROM sys.endpoints e WHERE e.endpoint_id = d.database_id);
GO
-- 102 near ','
SELECT name FROM sys.databases d WHERE EXISTS (SELECT * FROM sys.endpoints e WHERE  ,e.endpoint_id = d.database_id);
GO
-- 102 near 'endpoint_id'
SELECT name FROM sys.databases d WHERE EXISTS (SELECT * FROM sys.endpoints e WHERE e.endpoint_id endpoint_id = d.database_id);
GO
-- 156 near 'WHERE'
SELECT name, principal_id FROM sys. WHERE type IN ('S', 'U', 'G') AND name NOT LIKE '##%' ORDER BY name;
GO
-- 102 near '@v'
SELECT name, principal_id FROM sys.server_principals WHERE type @v ('S', 'U', 'G') AND name NOT LIKE '##%' ORDER BY name;
GO
-- 102 near 'ON'
WITH chain AS (SELECT c.name, u.sid FROM sys.certificates c JOIN sys.database_principals u ON
GO
