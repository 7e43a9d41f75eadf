CREATE TABLE #t (n int NOT NULL, s sysname NULL, b varbinary(max));
GO
INSERT INTO #t VALUES (1, N'a', 0x01);
GO
INSERT #t (n, s) SELECT 1, name FROM sys.databases;
GO
INSERT INTO #t EXEC sp_executesql N'SELECT 1';
GO
INSERT #t (n) EXECUTE (N'SELECT 1');
GO
DECLARE @t table (n int); INSERT @t EXEC xp_readerrorlog 0, 1, N'x';
GO
SELECT t.n FROM #t AS t JOIN tempdb..#t AS u ON u.n = t.n;
GO
DROP TABLE #t;
GO
DROP TABLE IF EXISTS #t;
GO
SELECT * FROM sys.fn_my_permissions(NULL, 'SERVER');
GO
SELECT p.permission_name FROM fn_my_permissions(N'e', 'ENDPOINT') AS p;
GO
KILL 53;
GO
EXEC sp_cycle_errorlog;
