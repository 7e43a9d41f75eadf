//! Grammar of procedural statements: control flow, variables, transactions, EXEC.

use super::ast::{
    Argument, Declaration, Expr, Item, Query, Select, SetOption, Source, Statement, StatementKind,
};
use super::lexer::Kind;
use super::parser::Parser;
use crate::engine::errors::Outcome;
use crate::reply::{SqlType, Value};

impl Parser {
    pub(super) fn batch(&mut self) -> Outcome<Vec<Statement>> {
        let mut statements = Vec::new();
        while self.accept_symbol(";") {}
        if self.at_bare_call() {
            let begin = self.position().0;
            let line = self.line();
            let kind = self.procedure(None)?;
            statements.push(self.finished(line, begin, kind));
        }
        loop {
            while self.accept_symbol(";") {}
            if matches!(self.kind(), Kind::End) {
                return Ok(statements);
            }
            statements.push(self.statement()?);
        }
    }

    /// A batch may begin with a procedure's name without EXEC.
    fn at_bare_call(&self) -> bool {
        let starts = [
            "THROW", "GET", "SEND", "RECEIVE", "ENABLE", "DISABLE", "MOVE", "LABEL",
        ];
        match self.kind() {
            Kind::Quoted(_) => true,
            Kind::Word(w) => self.at_name() && !starts.iter().any(|s| w.eq_ignore_ascii_case(s)),
            _ => false,
        }
    }

    fn finished(&self, line: u32, begin: usize, kind: StatementKind) -> Statement {
        Statement {
            line,
            span: (begin, self.position().1.max(begin)),
            kind,
        }
    }

    fn statement(&mut self) -> Outcome<Statement> {
        self.deeper(|p| {
            let (line, begin) = (p.line(), p.position().0);
            let kind = p.statement_kind()?;
            let statement = p.finished(line, begin, kind);
            while p.accept_symbol(";") {}
            Ok(statement)
        })
    }

    fn statement_kind(&mut self) -> Outcome<StatementKind> {
        let Kind::Word(word) = self.kind().clone() else {
            return Err(self.wrong());
        };
        match word.to_ascii_uppercase().as_str() {
            "DECLARE" => self.declare_statement(),
            "SET" => self.set(),
            "USE" => {
                self.take();
                Ok(StatementKind::Use(self.name()?))
            }
            "IF" => self.if_statement(),
            "WHILE" => {
                self.take();
                let condition = self.condition()?;
                Ok(StatementKind::While(condition, Box::new(self.statement()?)))
            }
            "BREAK" => self.word_only(StatementKind::Break),
            "CONTINUE" => self.word_only(StatementKind::Continue),
            "BEGIN" => self.begin(),
            "COMMIT" => self.end_transaction(StatementKind::Commit),
            "ROLLBACK" => self.end_transaction(StatementKind::Rollback),
            "THROW" => self.throw(),
            "RAISERROR" => self.raiserror(),
            "PRINT" => {
                self.take();
                Ok(StatementKind::Print(self.expression()?))
            }
            "RETURN" => self.return_statement(),
            "WAITFOR" => {
                self.take();
                self.expect("DELAY")?;
                Ok(StatementKind::WaitForDelay(self.constant()?))
            }
            "EXEC" | "EXECUTE" => self.execute(),
            "SELECT" | "WITH" => Ok(StatementKind::Select(self.query()?)),
            "INSERT" => self.insert(),
            _ => Ok(StatementKind::Ddl(Box::new(self.ddl()?))),
        }
    }

    fn word_only(&mut self, kind: StatementKind) -> Outcome<StatementKind> {
        self.take();
        Ok(kind)
    }

    fn declare_statement(&mut self) -> Outcome<StatementKind> {
        self.take();
        let mut list = Vec::new();
        loop {
            let name = self.variable()?;
            self.accept("AS");
            if self.accept("TABLE") {
                list.push(Declaration::Table(name.clone(), self.table_columns()?));
                self.declare(&name)?;
            } else {
                let ty = self.data_type(Some(1))?;
                let value = if self.accept_symbol("=") {
                    Some(self.expression()?)
                } else {
                    None
                };
                self.declare(&name)?;
                list.push(Declaration::Scalar(name, ty, value));
            }
            if !self.accept_symbol(",") {
                return Ok(StatementKind::Declare(list));
            }
        }
    }

    fn table_columns(&mut self) -> Outcome<Vec<(String, SqlType)>> {
        let mut columns = Vec::new();
        self.expect_symbol("(")?;
        loop {
            columns.push((self.name()?, self.data_type(Some(1))?));
            while self.accept_all(&["NOT", "NULL"])
                || self.accept("NULL")
                || self.accept_all(&["PRIMARY", "KEY"])
                || self.accept("UNIQUE")
            {}
            if self.accept("COLLATE") {
                self.name()?;
            }
            if !self.accept_symbol(",") {
                break;
            }
        }
        self.expect_symbol(")")?;
        Ok(columns)
    }

    pub(super) fn parameter_list(&mut self) -> Outcome<Vec<(String, SqlType)>> {
        let mut list = Vec::new();
        if matches!(self.kind(), Kind::End) {
            return Ok(list);
        }
        loop {
            let name = self.variable()?;
            self.accept("AS");
            list.push((name, self.data_type(Some(1))?));
            let _ = self.accept_any(&["OUTPUT", "OUT", "READONLY"]);
            if !self.accept_symbol(",") {
                break;
            }
        }
        match self.kind() {
            Kind::End => Ok(list),
            _ => Err(self.wrong()),
        }
    }

    fn set(&mut self) -> Outcome<StatementKind> {
        self.take();
        if matches!(self.kind(), Kind::Variable(_)) {
            let name = self.variable()?;
            self.uses_variable(&name);
            let compound = ["+=", "-=", "*=", "/=", "%="]
                .into_iter()
                .find(|s| self.accept_symbol(s));
            if compound.is_none() {
                self.expect_symbol("=")?;
            }
            let mut value = self.expression()?;
            if let Some(operator) = compound.and_then(|c| c.chars().next()) {
                let current = Box::new(Expr::Variable(name.clone()));
                value = Expr::Chain(current, vec![(operator, value)]);
            }
            return Ok(StatementKind::SetVariable(name, value));
        }
        Ok(StatementKind::SetOption(self.set_option()?))
    }

    fn set_option(&mut self) -> Outcome<SetOption> {
        const SWITCHES: [&str; 20] = [
            "ANSI_NULLS",
            "ANSI_PADDING",
            "ANSI_WARNINGS",
            "ANSI_DEFAULTS",
            "ANSI_NULL_DFLT_ON",
            "ANSI_NULL_DFLT_OFF",
            "ARITHABORT",
            "ARITHIGNORE",
            "CONCAT_NULL_YIELDS_NULL",
            "CURSOR_CLOSE_ON_COMMIT",
            "QUOTED_IDENTIFIER",
            "NUMERIC_ROUNDABORT",
            "FMTONLY",
            "NOEXEC",
            "PARSEONLY",
            "SHOWPLAN_ALL",
            "SHOWPLAN_XML",
            "SHOWPLAN_TEXT",
            "FORCEPLAN",
            "REMOTE_PROC_TRANSACTIONS",
        ];
        if self.accept("XACT_ABORT") {
            return Ok(SetOption::XactAbort(self.on_off()?));
        }
        if self.accept("NOCOUNT") {
            return Ok(SetOption::NoCount(self.on_off()?));
        }
        if self.accept("IMPLICIT_TRANSACTIONS") {
            return Ok(SetOption::ImplicitTransactions(self.on_off()?));
        }
        if self.accept("LOCK_TIMEOUT") {
            return Ok(SetOption::LockTimeout(self.integer()?));
        }
        if self
            .accept_any(&[
                "TEXTSIZE",
                "ROWCOUNT",
                "DATEFIRST",
                "QUERY_GOVERNOR_COST_LIMIT",
            ])
            .is_some()
        {
            self.integer()?;
            return Ok(SetOption::Other);
        }
        if self
            .accept_any(&[
                "LANGUAGE",
                "DATEFORMAT",
                "DEADLOCK_PRIORITY",
                "CONTEXT_INFO",
            ])
            .is_some()
        {
            self.expression()?;
            return Ok(SetOption::Other);
        }
        if self.accept("TRANSACTION") {
            self.expect_all(&["ISOLATION", "LEVEL"])?;
            match self.expect_any(&["READ", "REPEATABLE", "SNAPSHOT", "SERIALIZABLE"])? {
                "READ" => {
                    self.expect_any(&["COMMITTED", "UNCOMMITTED"])?;
                }
                "REPEATABLE" => self.expect("READ")?,
                _ => {}
            }
            return Ok(SetOption::Other);
        }
        if self.accept("STATISTICS") {
            self.expect_any(&["IO", "TIME", "XML", "PROFILE"])?;
            self.on_off()?;
            return Ok(SetOption::Other);
        }
        self.expect_any(&SWITCHES)?;
        while self.accept_symbol(",") {
            self.expect_any(&SWITCHES)?;
        }
        self.on_off()?;
        Ok(SetOption::Other)
    }

    fn if_statement(&mut self) -> Outcome<StatementKind> {
        self.take();
        let condition = self.condition()?;
        let then = Box::new(self.statement()?);
        let otherwise = if self.accept("ELSE") {
            Some(Box::new(self.statement()?))
        } else {
            None
        };
        Ok(StatementKind::If(condition, then, otherwise))
    }

    fn begin(&mut self) -> Outcome<StatementKind> {
        self.take();
        if self.accept_any(&["TRAN", "TRANSACTION"]).is_some() {
            self.transaction_name()?;
            return Ok(StatementKind::BeginTransaction);
        }
        if self.accept("TRY") {
            let tried = self.until_end(false)?;
            self.expect("TRY")?;
            while self.accept_symbol(";") {}
            self.expect_all(&["BEGIN", "CATCH"])?;
            let caught = self.until_end(true)?;
            self.expect("CATCH")?;
            return Ok(StatementKind::TryCatch(tried, caught));
        }
        Ok(StatementKind::Block(self.until_end(false)?))
    }

    /// Statements up to END, which is taken. Only a CATCH block may be empty.
    fn until_end(&mut self, may_be_empty: bool) -> Outcome<Vec<Statement>> {
        let mut list = Vec::new();
        while self.accept_symbol(";") {}
        while !self.is_word("END") {
            list.push(self.statement()?);
        }
        if list.is_empty() && !may_be_empty {
            return Err(self.wrong());
        }
        self.take();
        Ok(list)
    }

    fn transaction_name(&mut self) -> Outcome<()> {
        if let Kind::Variable(name) = self.kind().clone() {
            self.uses_variable(&name);
            self.take();
        } else if self.at_name() && !self.is_word("THROW") {
            self.name()?;
        }
        Ok(())
    }

    fn end_transaction(&mut self, kind: StatementKind) -> Outcome<StatementKind> {
        self.take();
        if self.accept_any(&["TRAN", "TRANSACTION"]).is_some() {
            self.transaction_name()?;
        } else {
            self.accept("WORK");
        }
        Ok(kind)
    }

    fn throw(&mut self) -> Outcome<StatementKind> {
        self.take();
        if !matches!(self.kind(), Kind::Number(_) | Kind::Variable(_)) {
            return Ok(StatementKind::Throw(None));
        }
        let number = self.constant()?;
        self.expect_symbol(",")?;
        let text = self.constant()?;
        self.expect_symbol(",")?;
        let state = self.constant()?;
        Ok(StatementKind::Throw(Some((number, text, state))))
    }

    fn raiserror(&mut self) -> Outcome<StatementKind> {
        self.take();
        self.expect_symbol("(")?;
        let message = self.constant()?;
        self.expect_symbol(",")?;
        let severity = self.constant()?;
        self.expect_symbol(",")?;
        let state = self.constant()?;
        let mut arguments = Vec::new();
        while self.accept_symbol(",") {
            arguments.push(self.constant()?);
        }
        self.expect_symbol(")")?;
        if self.accept("WITH") {
            self.expect_any(&["NOWAIT", "LOG", "SETERROR"])?;
            while self.accept_symbol(",") {
                self.expect_any(&["NOWAIT", "LOG", "SETERROR"])?;
            }
        }
        Ok(StatementKind::RaisError {
            message,
            severity,
            state,
            arguments,
        })
    }

    fn return_statement(&mut self) -> Outcome<StatementKind> {
        self.take();
        let has_value = matches!(self.kind(), Kind::Number(_) | Kind::Variable(_))
            || self.is_symbol("(")
            || self.is_symbol("-");
        let value = if has_value {
            Some(self.expression()?)
        } else {
            None
        };
        Ok(StatementKind::Return(value))
    }

    fn execute(&mut self) -> Outcome<StatementKind> {
        self.take();
        if self.accept_symbol("(") {
            let text = self.constant_concatenation()?;
            self.expect_symbol(")")?;
            return Ok(StatementKind::ExecuteText(text));
        }
        let result = if matches!(self.kind(), Kind::Variable(_)) && self.symbol_ahead(1, "=") {
            let name = self.variable()?;
            self.uses_variable(&name);
            self.take();
            Some(name)
        } else {
            None
        };
        self.procedure(result)
    }

    /// A literal or a variable: places where SQL Server's grammar allows no expression.
    fn constant(&mut self) -> Outcome<Expr> {
        match self.kind() {
            Kind::Text(..) | Kind::Number(_) | Kind::Variable(_) => {}
            Kind::Symbol("-") if matches!(self.ahead(1), Kind::Number(_)) => {
                return Ok(Expr::Literal(
                    Value::Int(i32::try_from(self.integer()?).unwrap_or(i32::MIN)),
                    SqlType::Int,
                ));
            }
            _ => return Err(self.wrong()),
        }
        self.primary()
    }

    /// `EXEC (...)` joins literals and variables; a function call inside is a syntax error on the real server too.
    fn constant_concatenation(&mut self) -> Outcome<Expr> {
        let first = self.constant()?;
        let mut rest = Vec::new();
        while self.accept_symbol("+") {
            rest.push(('+', self.constant()?));
        }
        Ok(if rest.is_empty() {
            first
        } else {
            Expr::Chain(Box::new(first), rest)
        })
    }

    fn procedure(&mut self, result: Option<String>) -> Outcome<StatementKind> {
        let name = self.dotted_name()?;
        let mut arguments = Vec::new();
        while self.at_argument() {
            arguments.push(self.argument()?);
            if !self.accept_symbol(",") {
                break;
            }
        }
        Ok(StatementKind::ExecuteProcedure {
            result,
            name,
            arguments,
        })
    }

    fn at_argument(&self) -> bool {
        match self.kind() {
            Kind::Text(..) | Kind::Number(_) | Kind::Binary(_) | Kind::Variable(_) => true,
            Kind::Symbol(s) => *s == "-",
            Kind::Quoted(_) => true,
            Kind::Word(w) => {
                ["NULL", "DEFAULT"]
                    .iter()
                    .any(|k| w.eq_ignore_ascii_case(k))
                    || self.at_bare_value()
            }
            Kind::End => false,
        }
    }

    /// `EXEC p value`: a bare word that begins no statement stands for text.
    fn at_bare_value(&self) -> bool {
        self.at_name() && !self.is_word("THROW") && !self.symbol_ahead(1, ".")
    }

    fn argument(&mut self) -> Outcome<Argument> {
        let named = matches!(self.kind(), Kind::Variable(_)) && self.symbol_ahead(1, "=");
        let name = if named {
            let name = self.variable()?;
            self.take();
            Some(name)
        } else {
            None
        };
        let value = match self.kind().clone() {
            Kind::Word(w) if w.eq_ignore_ascii_case("DEFAULT") => {
                self.take();
                Expr::Null
            }
            Kind::Word(w) if self.at_name() => {
                self.take();
                Expr::Literal(Value::Text(w), SqlType::NVarChar(Some(128)))
            }
            // A parameter's value is a literal or a variable, never an expression.
            Kind::Variable(_)
            | Kind::Text(..)
            | Kind::Binary(_)
            | Kind::Number(_)
            | Kind::Symbol("-")
            | Kind::Word(_) => self.argument_value()?,
            _ => return Err(self.wrong()),
        };
        let output = self.accept_any(&["OUTPUT", "OUT"]).is_some();
        Ok(Argument {
            name,
            value,
            output,
        })
    }

    fn argument_value(&mut self) -> Outcome<Expr> {
        let before = self.at;
        let value = self.expression()?;
        if matches!(value, Expr::Chain(..)) {
            self.at = before + 1;
            return Err(self.wrong());
        }
        Ok(value)
    }

    fn insert(&mut self) -> Outcome<StatementKind> {
        self.take();
        self.accept("INTO");
        let table = self.variable()?;
        self.uses_variable(&table);
        let columns = self.column_names()?;
        let source = if self.accept("VALUES") {
            let rows = self.value_rows()?;
            let width = rows.first().map_or(0, Vec::len);
            let names = (0..width).map(|n| format!("c{n}")).collect();
            Query {
                branches: vec![(
                    false,
                    Select {
                        items: vec![Item::Star(None)],
                        from: Some(Source::Values(rows, "v".to_owned(), names)),
                        ..Select::default()
                    },
                )],
                ..Query::default()
            }
        } else {
            self.query()?
        };
        Ok(StatementKind::Insert {
            table,
            columns,
            source,
        })
    }
}
