-- 1038 near An
CREATE LOGIN [] WITH PASSWORD = N'Str0ng!Pass';
GO
-- 103 near 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'
DROP LOGIN xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
GO
-- 103 near 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'
DROP LOGIN [xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]
GO
-- 102 near '+'
SELECT 1 +
GO
-- 102 near ','
SELECT ,
GO
-- 102 near ','
SELECT 1,, 2
GO
-- 102 near '1'
SELECT (1
GO
-- 102 near ')'
SELECT 1)
GO
-- 102 near 'FORM'
SELECT * FORM sys.endpoints
GO
-- 102 near '='
SELECT 1 = 1 FROM sys.endpoints
GO
-- 102 near 'ZZ'
CREATE CERTIFICATE c FROM BINARY = 0xZZ;
GO
-- 102 near ':'
GRANT CONNECT ON ENDPOINT:e TO x;
GO
