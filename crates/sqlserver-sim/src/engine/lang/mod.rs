//! The language: batch text to statements, or the syntax error SQL Server would report.
//!
//! Nothing here knows an instance; what a statement does lives in `run` and `ddl`.

pub mod ast;
mod ast_ddl;
mod condition;
mod data_type;
mod ddl;
mod ddl_certificate;
mod ddl_database;
mod ddl_endpoint;
mod ddl_permission;
mod ddl_principal;
mod ddl_trigger;
mod execute;
mod expression;
pub mod keywords;
mod lexer;
mod parser;
mod query;
mod source;
mod statement;
mod temporary;
mod variable;

pub use lexer::to_code_page;

use super::errors::{Outcome, Raise};
use ast::Statement;
use parser::Parser;

/// Parses a whole batch. `declared` are variables known from outside (parameters of sp_executesql).
///
/// # Errors
/// The first syntax error, or all undeclared variables; nothing of the batch may run then.
pub fn parse(text: &str, declared: &[String]) -> Outcome<Vec<Statement>> {
    let mut parser = Parser::new(lexer::tokenize(text)?, declared);
    let statements = parser.batch()?;
    if parser.undeclared.is_empty() {
        return Ok(statements);
    }
    let mut raise = Raise::compile(137, 15, "");
    raise.messages = parser.undeclared;
    Err(raise)
}

/// Parses `@a int, @b nvarchar(20) OUTPUT` as sp_executesql takes it.
///
/// # Errors
/// Syntax errors of the list.
pub fn parse_parameters(text: &str) -> Outcome<Vec<(String, crate::protocol::SqlType)>> {
    Parser::new(lexer::tokenize(text)?, &[]).parameter_list()
}
