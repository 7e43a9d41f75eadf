//! The changes of one instance for all its peers, as one text that is the same in every frame: what `apply` sends,
//! and what `script` gives to people.
//!
//! A frame declares `@ordinal int`, which tells where an error came from, and begins and ends the transaction.

use std::fmt::Write;

use super::action::{self, CertificateBytes, MissingBytes};
use super::client_safe;
use super::quote::Comment;
use super::sets::APPLIED;
use super::throws::LOCK_BUSY;
use crate::domain::action::{Action, ImportFrom};
use crate::domain::plan::InstancePlan;

/// Ready to be framed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// Empty when there is nothing to do.
    pub text: String,
    pub steps: Vec<ApplyStep>,
}

/// One action within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyStep {
    /// From 1, as [`sets::APPLIED`](super::sets::APPLIED) and [`sets::FAILED`](super::sets::FAILED) report it; 0
    /// there means before the first action.
    pub ordinal: usize,
    pub peer: String,
    pub action: Action,
    /// This action's own statements.
    pub statement: String,
}

/// # Errors
/// When the bytes of a certificate to be imported are missing.
pub fn body(plan: &InstancePlan, bytes: &CertificateBytes) -> Result<Body, MissingBytes> {
    let mut body = Body::default();
    for trust in &plan.trusts {
        for action in &trust.actions {
            let ordinal = body.steps.len() + 1;
            let Some(statement) = action::statement(action, ordinal, bytes)? else {
                continue;
            };
            let step = ApplyStep {
                ordinal,
                peer: trust.peer.clone(),
                action: action.clone(),
                statement: client_safe::statement(statement, texts(action), ordinal),
            };
            push_step(&mut body.text, &step);
            body.steps.push(step);
        }
    }
    Ok(body)
}

/// How both frames begin: session settings, variables (and `more` of them), a transaction, the application lock.
// SQL Server serialises nothing of this by itself; the lock keeps two control planes from meeting half-way. It ends
// with the transaction, so that a lost session leaves nothing behind.
pub(super) fn opening(more: &str) -> String {
    format!(
        "\
SET NOCOUNT ON;
SET XACT_ABORT ON;
SET LOCK_TIMEOUT 5000;
DECLARE @ordinal int = 0, @lock int{more};
BEGIN TRY
    BEGIN TRANSACTION;
    EXEC @lock = sp_getapplock @Resource = N'mirrorgate', @LockMode = N'Exclusive', @LockOwner = N'Transaction', @LockTimeout = 5000;
    IF @lock < 0
    BEGIN
        ;THROW {LOCK_BUSY}, N'another session holds the application lock mirrorgate on this instance', 1;
    END;
"
    )
}

fn push_step(text: &mut String, step: &ApplyStep) {
    let remark = format!(
        "{} for {}: {}",
        step.ordinal,
        step.peer,
        step.action.describe()
    );
    // Statements stand unindented: indenting would change a text within one.
    let _ = write!(
        text,
        "\n{}\nSET @ordinal = {};\n{}\nSELECT CAST({} AS int) AS {APPLIED}, SYSUTCDATETIME() AS at;\n\n",
        Comment::new(&remark),
        step.ordinal,
        step.statement,
        step.ordinal,
    );
}

/// Everything in its statement that comes from elsewhere.
fn texts(action: &Action) -> Vec<&str> {
    match action {
        Action::Adopt { .. } => Vec::new(),
        Action::CreateLogin { login } => vec![login.as_str()],
        Action::CreateUser { user, login } => vec![user.as_str(), login.as_str()],
        Action::ImportCertificate {
            certificate,
            owner,
            from,
            ..
        } => {
            let path = match from {
                ImportFrom::Binary => "",
                ImportFrom::File { path } => path,
            };
            vec![certificate.as_str(), owner.as_str(), path]
        }
        Action::GrantConnect { endpoint, login } => vec![endpoint.as_str(), login.as_str()],
    }
}
