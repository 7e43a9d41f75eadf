-- 105 near Unclosed
SELECT 1;
SELECT N'open
GO
