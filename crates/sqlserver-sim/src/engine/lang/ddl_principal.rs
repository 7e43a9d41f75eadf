//! Grammar of logins, users and roles.

use super::ast::{AlterLogin, CreateLogin, Ddl, LoginSource, UserLogin};
use super::lexer::Kind;
use super::parser::Parser;
use crate::engine::errors::Outcome;

impl Parser<'_> {
    pub(super) fn create_role(&mut self, server: bool) -> Outcome<Ddl> {
        let name = self.name()?;
        let owner = if self.accept("AUTHORIZATION") {
            Some(self.name()?)
        } else {
            None
        };
        Ok(Ddl::CreateRole {
            server,
            name,
            owner,
        })
    }

    pub(super) fn role_member(&mut self, server: bool) -> Outcome<Ddl> {
        let role = self.name()?;
        if self.accept("WITH") {
            self.expect("NAME")?;
            self.expect_symbol("=")?;
            let new_name = self.name()?;
            return Ok(Ddl::RenameRole {
                server,
                role,
                new_name,
            });
        }
        let add = self.expect_any(&["ADD", "DROP"])? == "ADD";
        self.expect("MEMBER")?;
        Ok(Ddl::RoleMember {
            server,
            role,
            member: self.name()?,
            add,
        })
    }

    pub(super) fn create_login(&mut self) -> Outcome<Ddl> {
        let mut login = CreateLogin {
            name: self.name()?,
            ..CreateLogin::default()
        };
        if self.accept("FROM") {
            match self.expect_any(&["WINDOWS", "CERTIFICATE", "ASYMMETRIC"])? {
                "WINDOWS" => {
                    if self.accept("WITH") {
                        self.login_options(&mut login)?;
                    }
                }
                "CERTIFICATE" => login.source = LoginSource::Certificate(self.name()?),
                _ => {
                    self.expect("KEY")?;
                    login.source = LoginSource::AsymmetricKey(self.name()?);
                }
            }
            return Ok(Ddl::CreateLogin(login));
        }
        self.expect_all(&["WITH", "PASSWORD"])?;
        self.expect_symbol("=")?;
        login.source = if matches!(self.kind(), Kind::Binary(_)) {
            let hash = self.binary()?;
            self.expect("HASHED")?;
            LoginSource::Hashed(hash)
        } else {
            LoginSource::Password(self.text()?)
        };
        login.must_change = self.accept("MUST_CHANGE");
        if self.accept_symbol(",") {
            self.login_options(&mut login)?;
        }
        Ok(Ddl::CreateLogin(login))
    }

    fn login_options(&mut self, login: &mut CreateLogin) -> Outcome<()> {
        loop {
            let option = self.expect_any(&[
                "SID",
                "DEFAULT_DATABASE",
                "DEFAULT_LANGUAGE",
                "CHECK_POLICY",
                "CHECK_EXPIRATION",
                "CREDENTIAL",
            ])?;
            self.expect_symbol("=")?;
            match option {
                "SID" => login.sid = Some(self.binary()?),
                "DEFAULT_DATABASE" => login.default_database = Some(self.name()?),
                "DEFAULT_LANGUAGE" => login.default_language = Some(self.name()?),
                "CHECK_POLICY" => login.check_policy = Some(self.on_off()?),
                "CHECK_EXPIRATION" => login.check_expiration = Some(self.on_off()?),
                _ => {
                    self.name()?;
                }
            }
            if !self.accept_symbol(",") {
                return Ok(());
            }
        }
    }

    pub(super) fn alter_login(&mut self) -> Outcome<Ddl> {
        let name = self.name()?;
        let change = match self.expect_any(&["ENABLE", "DISABLE", "WITH"])? {
            "ENABLE" => AlterLogin::Enable(true),
            "DISABLE" => AlterLogin::Enable(false),
            _ => self.alter_login_options()?,
        };
        Ok(Ddl::AlterLogin(name, change))
    }

    fn alter_login_options(&mut self) -> Outcome<AlterLogin> {
        let (mut password, mut new_name, mut database) = (None, None, None);
        let (mut policy, mut expiration) = (None, None);
        let (mut must_change, mut unlock) = (false, false);
        loop {
            let option = self.expect_any(&[
                "NO",
                "PASSWORD",
                "NAME",
                "DEFAULT_DATABASE",
                "DEFAULT_LANGUAGE",
                "CHECK_POLICY",
                "CHECK_EXPIRATION",
                "CREDENTIAL",
            ])?;
            if option != "NO" {
                self.expect_symbol("=")?;
            }
            match option {
                "NO" => self.expect("CREDENTIAL")?,
                "PASSWORD" => {
                    password = Some(self.text()?);
                    if self.accept("OLD_PASSWORD") {
                        self.equals_text()?;
                    }
                    while let Some(word) = self.accept_any(&["MUST_CHANGE", "UNLOCK"]) {
                        unlock |= word == "UNLOCK";
                        must_change |= word == "MUST_CHANGE";
                    }
                }
                "NAME" => new_name = Some(self.name()?),
                "DEFAULT_DATABASE" => database = Some(self.name()?),
                "CHECK_POLICY" => policy = Some(self.on_off()?),
                "CHECK_EXPIRATION" => expiration = Some(self.on_off()?),
                _ => {
                    self.name()?;
                }
            }
            if !self.accept_symbol(",") {
                return Ok(AlterLogin::With {
                    password,
                    name: new_name,
                    default_database: database,
                    check_policy: policy,
                    check_expiration: expiration,
                    must_change,
                    unlock,
                });
            }
        }
    }

    pub(super) fn create_user(&mut self) -> Outcome<Ddl> {
        let name = self.name()?;
        let login = if self.accept_any(&["FOR", "FROM"]).is_some() {
            match self.expect_any(&["LOGIN", "CERTIFICATE", "ASYMMETRIC"])? {
                "LOGIN" => UserLogin::Named(self.name()?),
                "CERTIFICATE" => UserLogin::Certificate(self.name()?),
                _ => {
                    self.expect("KEY")?;
                    UserLogin::AsymmetricKey(self.name()?)
                }
            }
        } else if self.accept_all(&["WITHOUT", "LOGIN"]) {
            UserLogin::Without
        } else {
            UserLogin::SameName
        };
        if self.accept_all(&["WITH", "DEFAULT_SCHEMA"]) {
            self.expect_symbol("=")?;
            self.name()?;
        }
        Ok(Ddl::CreateUser { name, login })
    }

    pub(super) fn alter_user(&mut self) -> Outcome<Ddl> {
        let name = self.name()?;
        let (mut login, mut new_name) = (None, None);
        self.expect("WITH")?;
        loop {
            let option = self.expect_any(&["LOGIN", "NAME", "DEFAULT_SCHEMA"])?;
            self.expect_symbol("=")?;
            let value = self.name()?;
            match option {
                "LOGIN" => login = Some(value),
                "NAME" => new_name = Some(value),
                _ => {}
            }
            if !self.accept_symbol(",") {
                return Ok(Ddl::AlterUser {
                    name,
                    login,
                    new_name,
                });
            }
        }
    }
}
