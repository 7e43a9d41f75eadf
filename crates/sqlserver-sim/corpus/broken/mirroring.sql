-- 102 near 'x'
'x' DATABASE sales SET PARTNER = 'TCP://host-b.corp:7024';
GO
-- 102 near 'x'
'x' DATABASE sales SET PARTNER FORCE_SERVICE_ALLOW_DATA_LOSS;
GO
-- 102 near 'x'
'x' DATABASE sales SET PARTNER RESUME;
GO
-- 102 near ','
,ALTER DATABASE sales SET READ_ONLY;
GO
-- 102 near ','
,EXEC sp_control_dbmasterkey_password @db_name = N'sales', @password = N'Master!Key1', @action = N'add';
GO
-- 102 near 'sales'
ALTER  sales SET MULTI_USER;
GO
-- 102 near '('
ALTER (DATABASE sales SET PARTNER OFF;
GO
-- 102 near ','
ALTER DATABASE  ,sales SET WITNESS OFF;
GO
-- 102 near 'x'
ALTER DATABASE 'x' SET RECOVERY SIMPLE;
GO
-- 102 near '@v'
ALTER DATABASE @v SET PAGE_VERIFY CHECKSUM;
GO
-- 102 near 'x'
ALTER DATABASE [sales db] SET 'x' = N'TCP://[fe80::1]:7024';
GO
-- 102 near '('
ALTER DATABASE sales SET AUTO_CLOSE (OFF;
GO
-- 102 near '('
ALTER DATABASE sales SET AUTO_CLOSE OFF(;
GO
-- 102 near 'MULTI_USERXXX'
ALTER DATABASE sales SET MULTI_USERXXX
GO
-- 102 near '@v'
ALTER DATABASE sales SET PARTNER = 'TCP://host-b.corp:7024'@v
GO
-- 102 near '('
ALTER DATABASE sales SET RECOVERY (FULL;
GO
-- 102 near '('
ALTER DATABASE sales SET SINGLE_USER WITH (ROLLBACK IMMEDIATE;
GO
-- 156 near 'TO'
BACKUP DATABASE  TO DISK = N'C:\sales.bak';
GO
-- 102 near '@v'
BACKUP DATABASE sales TO DISK = 'sales.bak' WITH INIT, @v, COPY_ONLY, COMPRESSION, CHECKSUM, STATS = 10;
GO
-- 102 near 'COPY_ONLYSELECT'
BACKUP DATABASE sales TO DISK = 'sales.bak' WITH INIT, FORMAT, COPY_ONLYSELECT COMPRESSION, CHECKSUM, STATS = 10;
GO
-- 156 near 'DISK'
BACKUP DATABASE sales TO DISK DISK = N'C:\sales.bak';
GO
-- 102 near 'x'
BACKUP LOG [sales] TO 'x' = 'sales.trn' WITH NOINIT;
GO
-- 102 near 'XXX'
BACKUP XXX sales TO DISK = N'C:\sales.bak';
GO
-- 102 near 'sales db'
CREATE  [sales db]
GO
-- 102 near '@v'
CREATE @v [sales db]
GO
-- 156 near 'CREATE'
CREATE CREATE DATABASE [sales db]
GO
-- 156 near 'IF'
DROP  IF EXISTS [sales];
GO
-- 102 near 'x'
DROP 'x' sales;
GO
-- 102 near 'x'
DROP DATABASE 'x' EXISTS [sales];
GO
-- 102 near 'SELECT'
DROP DATABASE IF EXISTS [sales]SELECT
GO
-- 102 near '('
EXEC sp_control_dbmasterkey_password (@db_name = N'sales', @password = N'Master!Key1', @action = N'add';
GO
-- 102 near '('
EXEC sp_control_dbmasterkey_password @db_name = N'sales'(, @password = N'Master!Key1', @action = N'add';
GO
-- 102 near ','
EXEC sp_control_dbmasterkey_password @db_name = N'sales', @password =  ,N'Master!Key1', @action = N'add';
GO
-- 102 near '@v'
RESTORE @v sales WITH RECOVERY;
GO
-- 102 near '('
RESTORE DATABASE (sales;
GO
-- 102 near '='
RESTORE DATABASE sales FROM  = 'sales.bak' WITH NORECOVERY, REPLACE, STATS = 5;
GO
-- 102 near '('
RESTORE DATABASE sales FROM DISK = 'sales.bak' WITH MOVE 'sales' TO 'C:\sales.mdf', MOVE 'sales_log' TO 'C:\sales.ldf', (NORECOVERY;
GO
-- 102 near 'NORECOVERY'
RESTORE DATABASE sales FROM DISK = 'sales.bak' WITH MOVE 'sales' TO 'C:\sales.mdf', MOVE 'sales_log' TO 'C:\sales.ldf', NORECOVERY NORECOVERY;
GO
-- 102 near 'x'
RESTORE DATABASE sales FROM DISK = 'sales.bak' WITH NORECOVERY, REPLACE, 'x' = 5;
GO
-- 102 near 'XXX'
RESTORE DATABASE sales FROM DISK = 'sales.bak' XXX NORECOVERY;
GO
-- 102 near 'XXX'
RESTORE DATABASE sales FROM DISK = XXX WITH NORECOVERY, REPLACE, STATS = 5;
GO
-- 102 near 'XXX'
RESTORE XXX sales FROM DISK = 'sales.bak' WITH NORECOVERY, REPLACE, STATS = 5;
GO
-- 156 near 'DATABASE'
SELECT DATABASE [sales db]
GO
-- 156 near 'DATABASE'
XXX DATABASE [sales db] SET PARTNER = N'TCP://[fe80::1]:7024';
GO
-- 102 near 'TCP://host-b.corp:7024'
alter database sales set partner = 'TCP://host-b.corp:7024' 'TCP://host-b.corp:7024';
GO
