-- 102 near '@n'
DECLARE @n sysname = N'x'; CREATE LOGIN @n WITH PASSWORD = N'Str0ng!Pass';
GO
-- 102 near '@p'
DECLARE @p nvarchar(20) = N'x'; CREATE LOGIN x WITH PASSWORD = @p;
GO
-- 102 near '+'
CREATE LOGIN x WITH PASSWORD = N'a' + N'b';
GO
-- 102 near '@n'
DECLARE @n sysname = N'x'; CREATE USER @n FOR LOGIN l;
GO
-- 102 near '@n'
DECLARE @n sysname = N'x'; CREATE USER u FOR LOGIN @n;
GO
-- 102 near '@b'
DECLARE @b varbinary(max) = 0x30; CREATE CERTIFICATE c FROM BINARY = @b;
GO
-- 102 near '@f'
DECLARE @f nvarchar(100) = N'x'; CREATE CERTIFICATE c FROM FILE = @f;
GO
-- 102 near '@n'
DECLARE @n sysname = N'x'; GRANT CONNECT ON ENDPOINT::@n TO x;
GO
-- 102 near '@n'
DECLARE @n sysname = N'x'; GRANT CONNECT ON ENDPOINT::e TO @n;
GO
-- 102 near '@p'
DECLARE @p int = 5022; CREATE ENDPOINT e AS TCP (LISTENER_PORT = @p) FOR DATABASE_MIRRORING (ROLE = ALL);
GO
-- 102 near '@s'
DECLARE @s nvarchar(9) = N'x'; CREATE CERTIFICATE c WITH SUBJECT = @s;
GO
-- 102 near '@p'
DECLARE @p nvarchar(9) = N'x'; CREATE MASTER KEY ENCRYPTION BY PASSWORD = @p;
GO
-- 102 near '@n'
DECLARE @n sysname = N'x'; DROP LOGIN @n;
GO
-- 102 near '@n'
DECLARE @n sysname = N'x'; USE @n;
GO
-- 102 near 'QUOTENAME'
EXEC (N'SELECT ' + QUOTENAME(N'x'));
GO
-- 102 near '+'
EXEC sp_executesql N'SELECT ' + N'1';
GO
