//! Compiling a batch before any of it runs: variables exist, columns exist, and the version has the syntax.
//!
//! A missing view (208) is not looked at here: name resolution is deferred to the statement's turn.

use std::cell::RefCell;
use std::sync::Arc;

use crate::engine::errors::{Outcome, Raise, syntax};
use crate::engine::eval::types::{check as check_condition, infer};
use crate::engine::eval::{Col, Env, Relation, Variables, bind_query};
use crate::engine::lang::ast::{
    CertificateSource, Cond, Ddl, Declaration, Expr, Query, Statement, StatementKind,
};
use crate::engine::state::version::Version;
use crate::protocol::Value;

/// Creates every variable the batch declares, wherever it does.
pub fn declare(variables: &RefCell<Variables>, statements: &[Statement]) {
    for statement in statements {
        match &statement.kind {
            StatementKind::Declare(list) => list.iter().for_each(|d| declare_one(variables, d)),
            StatementKind::Block(inner) => declare(variables, inner),
            StatementKind::If(_, then, otherwise) => {
                declare(variables, std::slice::from_ref(&**then));
                if let Some(otherwise) = otherwise {
                    declare(variables, std::slice::from_ref(&**otherwise));
                }
            }
            StatementKind::While(_, body) => declare(variables, std::slice::from_ref(&**body)),
            StatementKind::TryCatch(tried, caught) => {
                declare(variables, tried);
                declare(variables, caught);
            }
            _ => {}
        }
    }
}

fn declare_one(variables: &RefCell<Variables>, declaration: &Declaration) {
    let mut variables = variables.borrow_mut();
    match declaration {
        Declaration::Scalar(name, ty, _) => {
            variables
                .scalars
                .insert(name.to_lowercase(), (*ty, Value::Null));
        }
        Declaration::Table(name, columns) => {
            let cols = columns.iter().map(|(column, ty)| Col {
                table: Arc::from(name.as_str()),
                name: Arc::from(column.as_str()),
                ty: *ty,
                nullable: true,
            });
            let table = Relation {
                cols: cols.collect(),
                rows: Vec::new(),
            };
            variables.tables.insert(name.to_lowercase(), table);
        }
    }
}

/// Binds every statement of the batch.
///
/// # Errors
/// The first compile error, 208 excepted.
pub fn batch(env: &Env<'_>, statements: &[Statement]) -> Outcome<()> {
    statements
        .iter()
        .try_for_each(|s| statement(env, s).map_err(|r| r.at_line(s.line)))
}

/// A missing object is left to the statement's turn.
fn deferred<T>(outcome: Outcome<T>) -> Outcome<()> {
    match outcome {
        Err(raise) if raise.last().number != 208 => Err(raise),
        _ => Ok(()),
    }
}

fn statement(env: &Env<'_>, statement: &Statement) -> Outcome<()> {
    let expression = |e: &Expr| deferred(infer(env, e, None));
    let condition = |c: &Cond| deferred(check_condition(env, c, None));
    let query = |q: &Query| deferred(bind_query(env, q, None));
    match &statement.kind {
        StatementKind::Declare(list) => list.iter().try_for_each(|d| match d {
            Declaration::Scalar(_, _, Some(value)) => expression(value),
            _ => Ok(()),
        }),
        StatementKind::SetVariable(_, value)
        | StatementKind::Print(value)
        | StatementKind::ExecuteText(value) => expression(value),
        StatementKind::If(test, then, otherwise) => {
            condition(test)?;
            batch(env, std::slice::from_ref(&**then))?;
            otherwise
                .iter()
                .try_for_each(|o| batch(env, std::slice::from_ref(&**o)))
        }
        StatementKind::While(test, body) => {
            condition(test)?;
            batch(env, std::slice::from_ref(&**body))
        }
        StatementKind::Block(inner) => batch(env, inner),
        StatementKind::TryCatch(tried, caught) => {
            batch(env, tried)?;
            batch(env, caught)
        }
        StatementKind::Select(q) => query(q),
        StatementKind::Insert { source, .. } => query(source),
        StatementKind::InsertExecute { call, .. } => batch(env, std::slice::from_ref(&**call)),
        StatementKind::DropTable {
            if_exists: true, ..
        } if env.instance.version() < Version::V2016 => Err(syntax("IF", true, 0)),
        StatementKind::Throw(_) => throw_exists(env),
        StatementKind::Ddl(ddl) => version_has(env, ddl),
        _ => Ok(()),
    }
}

fn throw_exists(env: &Env<'_>) -> Outcome<()> {
    if env.instance.version() < Version::V2012 {
        return Err(syntax("THROW", false, 0));
    }
    Ok(())
}

fn version_has(env: &Env<'_>, ddl: &Ddl) -> Outcome<()> {
    let version = env.instance.version();
    let refused: Option<Raise> = match ddl {
        Ddl::CreateCertificate(c)
            if matches!(c.source, CertificateSource::Binary(_)) && version < Version::V2012 =>
        {
            Some(syntax("BINARY", false, 0))
        }
        Ddl::DropUser {
            if_exists: true, ..
        } if version < Version::V2016 => Some(syntax("IF", true, 0)),
        Ddl::RoleMember { server: true, .. }
        | Ddl::CreateRole { server: true, .. }
        | Ddl::RenameRole { server: true, .. }
        | Ddl::DropRole { server: true, .. }
            if version < Version::V2012 =>
        {
            Some(syntax("ROLE", false, 0))
        }
        Ddl::RoleMember { add, .. } if version < Version::V2012 => {
            Some(syntax(if *add { "ADD" } else { "DROP" }, *add, 0))
        }
        Ddl::DropRole {
            if_exists: true, ..
        } if version < Version::V2016 => Some(syntax("IF", true, 0)),
        _ => None,
    };
    refused.map_or(Ok(()), Err)
}
