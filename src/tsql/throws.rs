//! The numbers that our own T-SQL throws. Who reads them is `sqlserver`, and people.

/// By an apply batch, after `FROM FILE`, when the file held another certificate.
pub const FILE_MISMATCH: i32 = 50001;

/// By an apply batch when another session holds the instance's application lock for too long: nothing was changed.
pub const LOCK_BUSY: i32 = 50002;

/// By a cure that finds another world than the one it was written for.
pub const NOT_AS_FOUND: i32 = 50003;

/// By a script that is run on another server than those it is for.
pub const WRONG_SERVER: i32 = 50004;

/// By a script whose characters did not arrive as they were written.
pub const MISREAD: i32 = 50005;

/// By a script of a plan that findings forbid.
pub const FORBIDDEN: i32 = 50006;
