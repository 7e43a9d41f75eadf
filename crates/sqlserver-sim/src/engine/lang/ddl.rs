//! The table of contents of DDL: which grammar a CREATE, ALTER or DROP goes on in.

use super::ast::Ddl;
use super::parser::Parser;
use crate::engine::errors::Outcome;

impl Parser<'_> {
    pub(super) fn ddl(&mut self) -> Outcome<Ddl> {
        let verb = self.expect_any(&[
            "CREATE", "ALTER", "DROP", "BACKUP", "RESTORE", "OPEN", "CLOSE", "GRANT", "DENY",
            "REVOKE",
        ])?;
        match verb {
            "CREATE" => self.create(),
            "ALTER" => self.alter(),
            "DROP" => self.drop_object(),
            "BACKUP" if self.accept("CERTIFICATE") => self.backup_certificate(),
            "BACKUP" => self.backup_database(),
            "RESTORE" => self.restore_database(),
            "OPEN" => self.open_master_key(),
            "CLOSE" => {
                self.expect_all(&["MASTER", "KEY"])?;
                Ok(Ddl::CloseMasterKey)
            }
            verb => self.permission_change(verb),
        }
    }

    fn create(&mut self) -> Outcome<Ddl> {
        if self.accept_all(&["OR", "ALTER", "TRIGGER"]) {
            return self.create_trigger(true, false);
        }
        match self.expect_any(&[
            "TRIGGER",
            "LOGIN",
            "USER",
            "CERTIFICATE",
            "MASTER",
            "ENDPOINT",
            "DATABASE",
            "SERVER",
            "ROLE",
        ])? {
            "TRIGGER" => self.create_trigger(false, false),
            "LOGIN" => self.create_login(),
            "USER" => self.create_user(),
            "CERTIFICATE" => self.create_certificate(),
            "MASTER" => self.create_master_key(),
            "ENDPOINT" => self.create_endpoint(),
            "DATABASE" => Ok(Ddl::CreateDatabase(self.name()?)),
            "SERVER" => {
                self.expect("ROLE")?;
                self.create_role(true)
            }
            _ => self.create_role(false),
        }
    }

    fn alter(&mut self) -> Outcome<Ddl> {
        match self.expect_any(&[
            "LOGIN",
            "USER",
            "CERTIFICATE",
            "MASTER",
            "ENDPOINT",
            "DATABASE",
            "SERVER",
            "ROLE",
            "AUTHORIZATION",
            "TRIGGER",
        ])? {
            "TRIGGER" => self.create_trigger(true, true),
            "LOGIN" => self.alter_login(),
            "USER" => self.alter_user(),
            "CERTIFICATE" => self.alter_certificate(),
            "MASTER" => self.alter_master_key(),
            "ENDPOINT" => self.alter_endpoint(),
            "DATABASE" => self.alter_database(),
            "SERVER" => {
                self.expect("ROLE")?;
                self.role_member(true)
            }
            "ROLE" => self.role_member(false),
            _ => self.alter_authorization(),
        }
    }

    fn drop_object(&mut self) -> Outcome<Ddl> {
        match self.expect_any(&[
            "LOGIN",
            "USER",
            "CERTIFICATE",
            "MASTER",
            "ENDPOINT",
            "DATABASE",
            "SERVER",
            "ROLE",
            "TRIGGER",
        ])? {
            "TRIGGER" => self.drop_trigger(),
            "SERVER" => {
                self.expect("ROLE")?;
                Ok(Ddl::DropRole {
                    server: true,
                    name: self.name()?,
                    if_exists: false,
                })
            }
            "ROLE" => {
                let if_exists = self.accept_all(&["IF", "EXISTS"]);
                let name = self.name()?;
                Ok(Ddl::DropRole {
                    server: false,
                    name,
                    if_exists,
                })
            }
            "LOGIN" => Ok(Ddl::DropLogin(self.name()?)),
            "USER" => {
                let if_exists = self.accept_all(&["IF", "EXISTS"]);
                let name = self.name()?;
                Ok(Ddl::DropUser { name, if_exists })
            }
            "CERTIFICATE" => Ok(Ddl::DropCertificate(self.name()?)),
            "MASTER" => {
                self.expect("KEY")?;
                Ok(Ddl::DropMasterKey)
            }
            "ENDPOINT" => Ok(Ddl::DropEndpoint(self.name()?)),
            _ => {
                self.accept_all(&["IF", "EXISTS"]);
                Ok(Ddl::DropDatabase(self.name()?))
            }
        }
    }
}
