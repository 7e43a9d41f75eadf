-- 105 near Unclosed
SELECT 'open
GO
