//! Grammar of procedural statements: control flow, variables, transactions, EXEC.

use super::ast::{Item, Query, Select, Source, Statement, StatementKind};
use super::lexer::Kind;
use super::parser::Parser;
use crate::engine::errors::Outcome;

impl Parser<'_> {
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
            self.separated(statements.len())?;
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

    /// A THROW wants a semicolon before it, unless it is the first statement of its list.
    fn separated(&self, before: usize) -> Outcome<()> {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        let closed = last.is_some_and(|t| t.kind == Kind::Symbol(";"));
        if before > 0 && !closed && self.is_word("THROW") {
            return Err(self.wrong());
        }
        Ok(())
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
        let Kind::Word(word) = *self.kind() else {
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
            "EXEC" | "EXECUTE" if self.word_ahead(1, "AS") => self.execute_as(),
            "EXEC" | "EXECUTE" => self.execute(),
            "REVERT" => self.word_only(StatementKind::Revert),
            "KILL" => {
                self.take();
                Ok(StatementKind::Kill(self.integer()?))
            }
            "CREATE" if self.word_ahead(1, "TABLE") => self.create_table(),
            "DROP" if self.word_ahead(1, "TABLE") => self.drop_table(),
            "ENABLE" | "DISABLE" if self.word_ahead(1, "TRIGGER") => {
                Ok(StatementKind::Ddl(Box::new(self.enable_trigger()?)))
            }
            "SELECT" | "WITH" => Ok(StatementKind::Select(self.query()?)),
            "INSERT" => self.insert(),
            _ => Ok(StatementKind::Ddl(Box::new(self.ddl()?))),
        }
    }

    fn word_only(&mut self, kind: StatementKind) -> Outcome<StatementKind> {
        self.take();
        Ok(kind)
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
            self.separated(list.len())?;
            list.push(self.statement()?);
        }
        if list.is_empty() && !may_be_empty {
            return Err(self.wrong());
        }
        self.take();
        Ok(list)
    }

    fn transaction_name(&mut self) -> Outcome<()> {
        if let Kind::Variable(name) = *self.kind() {
            self.uses_variable(name);
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
        let number = self.whole_number()?;
        self.expect_symbol(",")?;
        let text = self.constant()?;
        self.expect_symbol(",")?;
        let state = self.whole_number()?;
        Ok(StatementKind::Throw(Some((number, text, state))))
    }

    fn raiserror(&mut self) -> Outcome<StatementKind> {
        self.take();
        self.expect_symbol("(")?;
        let message = self.constant()?;
        self.expect_symbol(",")?;
        let severity = self.whole_number()?;
        self.expect_symbol(",")?;
        let state = self.whole_number()?;
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

    fn whole_number(&mut self) -> Outcome<super::ast::Expr> {
        match self.kind() {
            Kind::Text(..) => Err(self.wrong()),
            _ => self.constant(),
        }
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

    fn insert(&mut self) -> Outcome<StatementKind> {
        self.take();
        self.accept("INTO");
        let table = if matches!(self.kind(), Kind::Variable(_)) {
            let table = self.variable()?;
            self.uses_variable(&table);
            table
        } else {
            self.temporary_name()?
        };
        let columns = self.column_names()?;
        if self.is_word("EXEC") || self.is_word("EXECUTE") {
            return Ok(StatementKind::InsertExecute {
                table,
                columns,
                call: Box::new(self.statement()?),
            });
        }
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
