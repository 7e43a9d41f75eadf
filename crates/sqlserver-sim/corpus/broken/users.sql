-- 102 near ','
ALTER  ,ROLE [db_owner] DROP MEMBER [u];
GO
-- 102 near '('
ALTER (ROLE db_owner ADD MEMBER u;
GO
-- 102 near 'ROLE'
ALTER ROLE
GO
-- 102 near ','
ALTER ROLE [db_owner] DROP MEMBER [u] ,;
GO
-- 156 near 'SELECT'
ALTER ROLE db_owner ADD MEMBER SELECT;
GO
-- 102 near '@v'
ALTER SERVER ROLE [securityadmin] @v MEMBER [x];
GO
-- 102 near '('
ALTER SERVER ROLE securityadmin ADD MEMBER (x;
GO
-- 102 near '@v'
ALTER SERVER ROLE securityadmin ADD MEMBER @v;
GO
-- 102 near '@v'
ALTER USER @v WITH LOGIN = l, NAME = v;
GO
-- 156 near 'SELECT'
ALTER USER u WITH DEFAULT_SCHEMA SELECT dbo;
GO
-- 102 near '='
ALTER USER u WITH LOGIN = = l;
GO
-- 102 near 'LOGIN'
ALTER USER u WITH LOGIN LOGIN = l, NAME = v;
GO
-- 102 near ','
ALTER USER u WITH NAME = [v w],  ,DEFAULT_SCHEMA = [dbo];
GO
-- 102 near '('
ALTER USER u WITH NAME = v(;
GO
-- 156 near 'SELECT'
ALTER USER u WITH NAME SELECT [v w], DEFAULT_SCHEMA = [dbo];
GO
-- 102 near 'XXX'
ALTER XXX u WITH LOGIN = l;
GO
-- 156 near 'CREATE'
CREATE CREATE USER u FOR LOGIN l WITH DEFAULT_SCHEMA = dbo;
GO
-- 102 near ','
CREATE ROLE r AUTHORIZATION  ,dbo;
GO
-- 102 near 'x'
CREATE SERVER ROLE 'x';
GO
-- 102 near 'XXX'
CREATE USER "u" XXX LOGIN "l";
GO
-- 102 near ','
CREATE USER HOST_B_user FROM LOGIN  ,HOST_B_login;
GO
-- 102 near ','
CREATE USER u  ,FROM CERTIFICATE c;
GO
-- 102 near '@v'
CREATE USER u FOR ASYMMETRIC KEY @v;
GO
-- 102 near '('
CREATE USER u FOR CERTIFICATE (c;
GO
-- 102 near 'x'
CREATE USER u FOR LOGIN l WITH 'x' = dbo;
GO
-- 102 near 'DEFAULT_SCHEMA'
CREATE USER u FOR LOGIN l WITH DEFAULT_SCHEMA
GO
-- 102 near '('
CREATE USER u FOR LOGIN l WITH DEFAULT_SCHEMA (= dbo;
GO
-- 102 near '='
CREATE USER u WITH  = dbo;
GO
-- 102 near 'DEFAULT_SCHEMA'
CREATE USER u WITH DEFAULT_SCHEMA DEFAULT_SCHEMA = dbo;
GO
-- 102 near 'dbo'
CREATE USER u WITHOUT LOGIN WITH DEFAULT_SCHEMA  dbo;
GO
-- 156 near 'IF'
DROP  IF EXISTS u;
GO
-- 102 near '('
EXEC sp_addrolemember (N'db_owner', N'u'
GO
-- 102 near 'XXX'
EXEC sp_addsrvrolemember 'x', 'sysadmin'XXX
GO
-- 156 near 'FOR'
SELECT USER "u" FOR LOGIN "l";
GO
-- 156 near 'USER'
USER u WITHOUT LOGIN;
GO
