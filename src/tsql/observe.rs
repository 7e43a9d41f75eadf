//! The observe batch: everything `domain::observation` holds, asked in one round trip from catalog views alone.
//!
//! Result sets are told apart by the name of their first column (`sets`), never by position, so that a part a version
//! or a permission leaves out shifts nothing. Every column is CAST to one type, because the reader converts strictly.
//! What is made of the answers lives in `sqlserver::decode`. Nothing in here may change anything on a server.

mod endpoint;
mod names;
mod principals;
mod server;

use super::batch_comment::BatchComment;
use super::sets::END;
use crate::domain::desired_state::PeerQuestion;

/// The whole batch for one instance and all the peers asked about.
///
/// It runs on every version from 2008 R2: what an older parser or catalog would refuse stands inside `EXEC` behind a
/// version check. It needs no permission but to log in; what it may not see is absent, or answered by a `…_refused`
/// set.
#[must_use]
pub fn observe(comment: BatchComment<'_>, questions: &[PeerQuestion]) -> String {
    let mut batch = String::with_capacity(12 * 1024);
    batch.push_str(&comment.line("observe"));
    batch.push('\n');
    batch.push_str(PREPARE);
    batch.push_str(&server::server());
    batch.push_str(&server::login());
    batch.push_str(&server::own_denies());
    batch.push_str(&endpoint::endpoint());
    batch.push_str(&server::master_key());
    batch.push_str(&principals::certificates());
    batch.push_str(&principals::encoded());
    batch.push_str(&principals::without_login());
    batch.push_str(&principals::rights());
    batch.push_str(&names::names(questions));
    batch.push_str(&endpoint::live());
    batch.push_str(&endpoint::databases());
    batch.push_str(&server::triggers());
    batch.push_str(&end());
    batch
}

// A session out of the pool may carry a transaction that a lost answer left open.
const PREPARE: &str = "\
IF @@TRANCOUNT > 0 ROLLBACK;
SET XACT_ABORT OFF;
SET LOCK_TIMEOUT 5000;
SET NOCOUNT ON;
DECLARE @mg_version nvarchar(128), @mg_major int, @mg_endpoint nvarchar(128);
SET @mg_version = CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128));
SET @mg_major = CAST(LEFT(@mg_version, CHARINDEX(N'.', @mg_version) - 1) AS int);
SELECT @mg_endpoint = name FROM sys.database_mirroring_endpoints;
";

// Without this row the answer was cut short, whatever else arrived.
fn end() -> String {
    format!("SELECT CAST(1 AS int) AS {END};\n")
}
