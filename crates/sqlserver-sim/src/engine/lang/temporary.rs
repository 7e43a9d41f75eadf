//! Grammar of temporary tables, and of who a session acts as.

use super::ast::StatementKind;
use super::lexer::Kind;
use super::parser::Parser;
use crate::engine::errors::Outcome;

impl Parser<'_> {
    /// `#name`, perhaps behind `tempdb..`; there are no other tables here.
    pub(super) fn temporary_name(&mut self) -> Outcome<String> {
        let temporary = |kind: &Kind<'_>| {
            let name = match kind {
                Kind::Word(name) => name,
                Kind::Quoted(name) => &**name,
                _ => return false,
            };
            name.starts_with('#') && !name.starts_with("##")
        };
        if self.word_ahead(0, "tempdb") && self.symbol_ahead(1, ".") {
            let parts = self.dotted_name()?;
            return match parts.last() {
                Some(name) if name.starts_with('#') => Ok(name.clone()),
                _ => Err(self.wrong()),
            };
        }
        if !temporary(self.kind()) {
            return Err(self.wrong());
        }
        self.name()
    }

    pub(super) fn create_table(&mut self) -> Outcome<StatementKind> {
        self.expect_all(&["CREATE", "TABLE"])?;
        let name = self.temporary_name()?;
        Ok(StatementKind::CreateTable(name, self.table_columns()?))
    }

    pub(super) fn drop_table(&mut self) -> Outcome<StatementKind> {
        self.expect_all(&["DROP", "TABLE"])?;
        let if_exists = self.accept_all(&["IF", "EXISTS"]);
        let name = self.temporary_name()?;
        Ok(StatementKind::DropTable { name, if_exists })
    }

    /// `EXECUTE AS LOGIN = 'x'`, `EXECUTE AS USER = 'x'`.
    pub(super) fn execute_as(&mut self) -> Outcome<StatementKind> {
        self.take();
        self.expect("AS")?;
        let login = self.expect_any(&["LOGIN", "USER"])? == "LOGIN";
        self.expect_symbol("=")?;
        let name = self.constant()?;
        if self.accept("WITH") {
            self.expect_all(&["NO", "REVERT"])?;
        }
        Ok(StatementKind::ExecuteAs { login, name })
    }
}
