-- What mirrorgate's own login needs on every instance, short of sysadmin. Run it once as an administrator.
-- A trust is a login, so whoever may create trusts may let people in: treat this login as an administrator's.
USE master;
GO
CREATE LOGIN [mirrorgate] WITH PASSWORD = N'<password>', CHECK_POLICY = ON, CHECK_EXPIRATION = OFF;
GO
-- Creating the peers' logins (from SQL Server 2022, CREATE LOGIN is enough).
GRANT ALTER ANY LOGIN TO [mirrorgate];
-- Granting CONNECT on the mirroring endpoint.
GRANT ALTER ANY ENDPOINT TO [mirrorgate];
-- Seeing what is there: without it an absent row proves nothing.
GRANT VIEW ANY DEFINITION TO [mirrorgate];
-- Seeing who is connected to the endpoint: without it trusts cannot be reported as proven.
GRANT VIEW SERVER STATE TO [mirrorgate];
GO
-- Creating the peers' users, and importing certificates that those users own: AUTHORIZATION takes IMPERSONATE on a user
-- that does not exist yet, which only CONTROL on the database gives.
CREATE USER [mirrorgate] FOR LOGIN [mirrorgate];
GRANT CONTROL ON DATABASE::master TO [mirrorgate];
GO
