-- 113 near Missing
SELECT 1 /* open
GO
