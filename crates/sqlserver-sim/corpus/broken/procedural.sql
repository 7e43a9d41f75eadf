-- 102 near 'x'
'x'SELECT 1;;SELECT 2;
GO
-- 102 near '('
(SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;
GO
-- 102 near ','
,RAISERROR (N'text', 16, 1);
GO
-- 102 near '@v'
@v @result int;
EXEC @result = sp_getapplock @Resource = N'mirrorgate', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @result < 0 THROW 50002, N'locked', 1;
EXEC sp_releaseapplock @Resource = N'mirrorgate', @LockOwner = 'Session';
GO
-- 102 near '@v'
@v TRANSACTION ISOLATION LEVEL SNAPSHOT;
GO
-- 102 near '@v'
BEGIN @v SAVE TRAN s ROLLBACK TRAN s COMMIT
GO
-- 102 near ';'
BEGIN BEGIN SELECT 1; END; SELECT 2 ,; END;
GO
-- 156 near 'SAVE'
BEGIN TRAN SAVE TRAN
GO
-- 102 near ')'
BEGIN TRY
    BEGIN TRANSACTION;
    CREATE LOGIN x WITH PASSWORD = N'Str0ng!Pass';
    CREATE USER u FOR LOGIN x;
    COMMIT TRANSACTION;
END TRY
BEGIN CATCH
    IF XACT_STATE() <> 0 ROLLBACK TRANSACTION;
    SELECT ERROR_NUMBER()
GO
-- 102 near 'CATCH'
BEGIN TRY SELECT 1 END TRY
BEGIN CATCH
GO
-- 102 near '@b'
DECLARE @a int, @b int; SELECT @a = database_id @b = 2 FROM sys.databases WHERE name = 'master';
GO
-- 156 near 'SELECT'
DECLARE @a int, @b nvarchar(20) = N'x', @c varbinary(max), @d datetime2(3), @e decimal(10, 2), @f sysname, @g bit = SELECT, @h uniqueidentifier;
GO
-- 102 near '@v'
DECLARE @a int, @b nvarchar(20) = N'x', @c varbinary(max), @d datetime2(3), @e decimal(10@v 2), @f sysname, @g bit = 1, @h uniqueidentifier;
GO
-- 156 near 'SELECT'
DECLARE @a int, SELECT nvarchar(20) = N'x', @c varbinary(max), @d datetime2(3), @e decimal(10, 2), @f sysname, @g bit = 1, @h uniqueidentifier;
GO
-- 102 near '@a'
DECLARE @a int;  @a = 1;
GO
-- 102 near '-'
DECLARE @a int; SET @a = 1; SET @a += 1; SET @a - -= 1; SET @a *= 2; SET @a /= 2; SET @a %= 2;
GO
-- 102 near '+'
DECLARE @a int; SET @a = 1; SET @a +@v 1; SET @a -= 1; SET @a *= 2; SET @a /= 2; SET @a %= 2;
GO
-- 102 near '@i'
DECLARE @i @i int = 0;
WHILE @i < 5
BEGIN
    SET @i += 1;
    IF @i = 3 BREAK;
    IF @i = 2 CONTINUE;
END;
SELECT @i;
GO
-- 102 near 'x'
DECLARE @i int = 0;
WHILE @i < 5
BEGIN
    SET @i += 1;
    IF @i = 3 BREAK;
    IF @i = 2 CONTINUE'x'
END;
SELECT @i;
GO
-- 102 near '('
DECLARE @i int = 0;
WHILE @i < 5
BEGIN
    SET @i += 1;
    IF @i = 3 BREAK;
    IF @i = 2 CONTINUE;
END(;
SELECT @i;
GO
-- 156 near 'SELECT'
DECLARE @major int = CAST(PARSENAME(CAST(SERVERPROPERTY('ProductVersion') SELECT nvarchar(128)), 4) AS int);
IF @major >= 13 EXEC (N'SELECT key_length FROM sys.certificates');
GO
-- 102 near ','
DECLARE @n sysname = N'a]b', @s nvarchar(max);
SET @s = N'CREATE LOGIN ' + QUOTENAME(@n) + N' WITH PASSWORD = N''' +  ,REPLACE(N'Str0ng!Pass', N'''', N'''''') + N'''';
EXEC (@s);
GO
-- 102 near ')'
DECLARE @s nvarchar(max ,) = N'SELECT 1'; EXEC (@s + N';' + @s);
GO
-- 102 near 'x'
DECLARE @s nvarchar(max) = N'SELECT 1'; EXEC (@s 'x' N';' + @s);
GO
-- 102 near '+'
DECLARE @s nvarchar(max) = N'SELECT 1'; EXEC (@s + + N';' + @s);
GO
-- 102 near 'XXX'
DECLARE @s nvarchar(max) XXX N'SELECT 1'; EXEC (@s + N';' + @s);
GO
-- 102 near ','
DECLARE @t TABLE (n  ,int NOT NULL PRIMARY KEY, s nvarchar(10) NULL);
INSERT INTO @t (n, s) VALUES (1, N'a'), (2, NULL);
INSERT @t SELECT n + 10, s FROM @t;
SELECT n, s FROM @t AS t WHERE t.n > 1;
GO
-- 102 near '@v'
DECLARE @t TABLE (n int NOT NULL PRIMARY KEY, s @v(10) NULL);
INSERT INTO @t (n, s) VALUES (1, N'a'), (2, NULL);
INSERT @t SELECT n + 10, s FROM @t;
SELECT n, s FROM @t AS t WHERE t.n > 1;
GO
-- 102 near ','
DECLARE @t TABLE (n int NOT NULL PRIMARY KEY, s nvarchar(10) NULL);
INSERT INTO @t (n, s) VALUES (1, N'a'), (2, NULL);
INSERT  ,@t SELECT n + 10, s FROM @t;
SELECT n, s FROM @t AS t WHERE t.n > 1;
GO
-- 102 near 'x'
DECLARE @t TABLE (n int NOT NULL PRIMARY KEY, s nvarchar(10) NULL);
INSERT INTO @t (n, s) VALUES (1, N'a'), (2, NULL);
INSERT 'x' SELECT n + 10, s FROM @t;
SELECT n, s FROM @t AS t WHERE t.n > 1;
GO
-- 102 near 'AS'
DECLARE @t TABLE (n int NOT NULL PRIMARY KEY, s nvarchar(10) NULL);
INSERT INTO @t (n, s) VALUES (1, N'a'), (2, NULL);
INSERT @t SELECT n + 10, s FROM @t;
SELECT n, s FROM @t AS
GO
-- 102 near '>'
DECLARE @t TABLE (n int NOT NULL PRIMARY KEY, s nvarchar(10) NULL);
INSERT INTO @t (n, s) VALUES (1, N'a'), (2, NULL);
INSERT @t SELECT n + 10, s FROM @t;
SELECT n, s FROM @t AS t WHERE t. > 1;
GO
-- 156 near 'VALUES'
DECLARE @t TABLE (n int NOT NULL PRIMARY KEY, s nvarchar(10) NULL);
INSERT INTO @t (n, sXXX VALUES (1, N'a'), (2, NULL);
INSERT @t SELECT n + 10, s FROM @t;
SELECT n, s FROM @t AS t WHERE t.n > 1;
GO
-- 102 near ','
DECLARE @t nvarchar(100) = N'x'; THROW , @t, 1;
GO
-- 102 near '1'
EXEC sp_executesql N'SELECT @a', N'@a int' 1;
GO
-- 102 near '('
EXECUTE (N'SELECT ' + N'1')(;
GO
-- 156 near 'SELECT'
IF (1 = 1 AND ((2 > 1 OR 3 < 2)) SELECT 1;
GO
-- 156 near 'SELECT'
IF (1 = 1 AND (2 > 1 SELECT 3 < 2)) SELECT 1;
GO
-- 156 near 'SELECT'
IF (1 = 1 AND (2 SELECT 1 OR 3 < 2)) SELECT 1;
GO
-- 102 near '1'
IF 1 1 = 1 PRINT 'a' ELSE PRINT 'b'
GO
-- 102 near ','
IF 1 = 1 PRINT 'a'  ,ELSE PRINT 'b'
GO
-- 102 near '='
IF EXISTS (SELECT 1) AND NOT EXISTS (SELECT 2 WHERE 1 =
GO
-- 102 near '1'
IF NOT EXISTS ( 1 FROM sys.symmetric_keys WHERE name = '##MS_DatabaseMasterKey##')
BEGIN
    CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'Master!Key1';
END
GO
-- 156 near 'WHERE'
IF NOT EXISTS (SELECT * FROM sys. WHERE name = N'HOST_B_login')
    CREATE LOGIN HOST_B_login WITH PASSWORD = N'Str0ng!Pass';
ELSE
    PRINT N'there';
GO
-- 102 near 'name'
IF NOT EXISTS (SELECT * FROM sys.server_principals WHERE name
GO
-- 102 near 'WHERE'
IF NOT EXISTS (SELECT 1 FROM sys.symmetric_keys WHERE
GO
-- 102 near '('
IF NOT EXISTS (SELECT 1 FROM sys.symmetric_keys WHERE name = '##MS_DatabaseMasterKey##')
BEGIN
    CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'Master!Key1';
(END
GO
-- 156 near 'ON'
NOCOUNT ON; SET XACT_ABORT OFF
GO
-- 102 near ','
PRINT N'a' +  ,CONVERT(nvarchar(10), 1);
GO
-- 102 near '('
PRINT N'a' + CONVERT(
GO
-- 156 near 'SELECT'
PRINT N'a' + CONVERT(nvarchar(10), 1SELECT;
GO
-- 156 near 'WITH'
RAISERROR ('text %s %d', 10, 1, N'a', 5) WITH WITH NOWAIT;
GO
-- 156 near 'SELECT'
RAISERROR ('text %s %d', 10, 1, N'a'SELECT 5) WITH NOWAIT;
GO
-- 102 near '('
RAISERROR (N'text'(, 16, 1);
GO
-- 102 near 'x'
RAISERROR (N'text', 'x', 1) WITH LOG, NOWAIT;
GO
-- 102 near '('
RAISERROR (N'text', 16, 1) WITH LOG(, NOWAIT;
GO
-- 156 near 'ROWCOUNT'
ROWCOUNT 0;
GO
-- 156 near 'STATISTICS'
SELECT STATISTICS TIME OFF;
GO
-- 102 near 'x'
SET 'x' 1;
GO
-- 102 near ','
SET ANSI_NULLS, ANSI_PADDING, , ARITHABORT, CONCAT_NULL_YIELDS_NULL, QUOTED_IDENTIFIER ON;
GO
-- 102 near 'ARITHABORT'
SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS ARITHABORT, CONCAT_NULL_YIELDS_NULL, QUOTED_IDENTIFIER ON;
GO
-- 102 near '1'
SET LOCK_TIMEOUT -1 1;
GO
-- 102 near 'XXX'
SET LOCK_TIMEOUT -1XXX
GO
-- 102 near ';'
SET NOCOUNT ; SET XACT_ABORT OFF
GO
-- 102 near 'x'
SET NOCOUNT ON; 'x' XACT_ABORT OFF
GO
-- 102 near ','
SET TEXTSIZE  ,2147483647;
GO
-- 102 near 'SERIALIZABLE'
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE SERIALIZABLE;
GO
-- 156 near 'SELECT'
SET TRANSACTION ISOLATION SELECT REPEATABLE READ;
GO
-- 102 near 'sales db'
USE [sales db] [sales db]
GO
-- 156 near 'END'
XXX SELECT 1 END
GO
