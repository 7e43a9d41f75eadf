//! Grammar of GRANT, DENY, REVOKE and ALTER AUTHORIZATION.

use super::ast::{Ddl, PermissionChange, SecurableClass, Verb};
use super::lexer::Kind;
use super::parser::Parser;
use crate::engine::errors::{Outcome, syntax};
use crate::engine::state::permission_names::is_a_permission;

impl Parser<'_> {
    pub(super) fn permission_change(&mut self, verb: &str) -> Outcome<Ddl> {
        let mut change = PermissionChange {
            verb: match verb {
                "GRANT" => Verb::Grant,
                "DENY" => Verb::Deny,
                _ => Verb::Revoke,
            },
            permissions: Vec::new(),
            on: None,
            principals: Vec::new(),
            with_grant_option: false,
            grant_option_for: false,
            cascade: false,
            grantor: None,
        };
        if change.verb == Verb::Revoke && self.accept("GRANT") {
            self.expect_all(&["OPTION", "FOR"])?;
            change.grant_option_for = true;
        }
        change.permissions.push(self.permission_name()?);
        while self.accept_symbol(",") {
            change.permissions.push(self.permission_name()?);
        }
        if self.accept("ON") {
            change.on = Some(self.securable()?);
        }
        match change.verb {
            Verb::Revoke => {
                self.expect_any(&["FROM", "TO"])?;
            }
            Verb::Grant | Verb::Deny => self.expect("TO")?,
        }
        change.principals.push(self.principal()?);
        while self.accept_symbol(",") {
            change.principals.push(self.principal()?);
        }
        self.permission_tail(&mut change)?;
        Ok(Ddl::Permission(change))
    }

    fn permission_tail(&mut self, change: &mut PermissionChange) -> Outcome<()> {
        if change.verb == Verb::Grant && self.accept_all(&["WITH", "GRANT", "OPTION"]) {
            change.with_grant_option = true;
        }
        if change.verb != Verb::Grant {
            change.cascade = self.accept("CASCADE");
        }
        if self.accept("AS") {
            change.grantor = Some(self.name()?);
        }
        Ok(())
    }

    /// Words up to ON, TO, FROM or a comma; together the name of a permission of some class of securable.
    fn permission_name(&mut self) -> Outcome<String> {
        let line = self.line();
        let mut words = Vec::new();
        if ["GRANT", "DENY", "REVOKE"].iter().any(|w| self.is_word(w)) {
            return Err(self.wrong());
        }
        while let Kind::Word(word) = self.kind() {
            if ["ON", "TO", "FROM"]
                .iter()
                .any(|e| word.eq_ignore_ascii_case(e))
            {
                break;
            }
            words.push(word.to_ascii_uppercase());
            self.take();
        }
        if words.is_empty() {
            return Err(self.wrong());
        }
        let name = words.join(" ");
        let complete = self.is_symbol(",") || ["ON", "TO", "FROM"].iter().any(|w| self.is_word(w));
        if complete && name != "ALL" && !is_a_permission(&name) {
            return Err(syntax(&format!("{name}..."), false, line));
        }
        Ok(name)
    }

    /// PUBLIC is reserved, and a principal all the same.
    fn principal(&mut self) -> Outcome<String> {
        if self.accept("PUBLIC") {
            return Ok("public".to_owned());
        }
        self.name()
    }

    fn securable(&mut self) -> Outcome<(SecurableClass, Vec<String>)> {
        let class = self.securable_class()?;
        Ok((class.unwrap_or(SecurableClass::Object), self.dotted_name()?))
    }

    /// `ENDPOINT::` and the like; `None` without a class.
    fn securable_class(&mut self) -> Outcome<Option<SecurableClass>> {
        let words = match (self.symbol_ahead(1, "::"), self.symbol_ahead(2, "::")) {
            (true, _) => 1,
            (_, true) => 2,
            _ => return Ok(None),
        };
        let class = if words == 2 {
            if self.accept_all(&["SERVER", "ROLE"]) {
                SecurableClass::ServerRole
            } else if self.accept_all(&["SYMMETRIC", "KEY"]) {
                SecurableClass::SymmetricKey
            } else {
                return Err(self.wrong());
            }
        } else {
            match self.expect_any(&[
                "ENDPOINT",
                "LOGIN",
                "DATABASE",
                "USER",
                "ROLE",
                "CERTIFICATE",
                "SCHEMA",
                "OBJECT",
            ])? {
                "ENDPOINT" => SecurableClass::Endpoint,
                "LOGIN" => SecurableClass::Login,
                "DATABASE" => SecurableClass::Database,
                "USER" => SecurableClass::User,
                "ROLE" => SecurableClass::Role,
                "CERTIFICATE" => SecurableClass::Certificate,
                "SCHEMA" => SecurableClass::Schema,
                _ => SecurableClass::Object,
            }
        };
        self.expect_symbol("::")?;
        Ok(Some(class))
    }

    pub(super) fn alter_authorization(&mut self) -> Outcome<Ddl> {
        self.expect("ON")?;
        let Some(class) = self.securable_class()? else {
            return Err(self.wrong());
        };
        let name = self.name()?;
        self.expect("TO")?;
        Ok(Ddl::AlterAuthorization {
            class,
            name,
            owner: self.principal()?,
        })
    }
}
