//! ALTER AUTHORIZATION: a new owner, and every explicit permission on the object gone.

use super::Change;
use crate::engine::errors::{Outcome, bad_owner, cannot, no_permission};
use crate::engine::lang::ast::SecurableClass;
use crate::engine::state::permission::Securable;

impl Change<'_> {
    pub(super) fn alter_authorization(
        &mut self,
        class: SecurableClass,
        name: &str,
        owner: &str,
    ) -> Outcome<()> {
        match class {
            SecurableClass::Certificate => self.certificate_to(name, owner),
            SecurableClass::Endpoint => self.endpoint_to(name, owner),
            SecurableClass::Database => self.database_to(name, owner),
            SecurableClass::ServerRole => self.server_role_to(name, owner),
            _ => Err(cannot("find", "object", name)),
        }
    }

    fn certificate_to(&mut self, name: &str, owner: &str) -> Outcome<()> {
        let missing = || cannot("find", "certificate", name);
        let no_owner = || cannot("find", "principal", owner);
        let database = self.database()?;
        let id = database
            .certificate(name, &self.state.collation)
            .map(|c| c.id)
            .ok_or_else(missing)?;
        let user = database
            .principal(owner, &self.state.collation)
            .cloned()
            .ok_or_else(no_owner)?;
        if !self.may(Securable::Certificate(self.current(), id), "TAKE OWNERSHIP") {
            return Err(missing());
        }
        if matches!(user.kind, 'R' | 'G' | 'C' | 'K') {
            return Err(bad_owner("certificate"));
        }
        let own = self.env.facts.login;
        let mine = crate::engine::state::asker::user_in(self.env.state, own, self.database()?);
        if mine != Some(user.id)
            && !self.may(Securable::User(self.current(), user.id), "IMPERSONATE")
        {
            return Err(no_owner());
        }
        let database = self.database_mut()?;
        if let Some(certificate) = database.certificates.get_mut(&id) {
            certificate.owner = user.id;
        }
        database
            .permissions
            .retain(|p| !(p.class == 25 && p.major == id));
        Ok(())
    }

    fn endpoint_to(&mut self, name: &str, owner: &str) -> Outcome<()> {
        let missing = || cannot("find", "endpoint", name);
        let no_owner = || cannot("find", "principal", owner);
        let id = self
            .state
            .endpoint(name)
            .map(|e| e.id)
            .ok_or_else(missing)?;
        let login = self
            .state
            .principal(owner)
            .filter(|p| p.is_login())
            .map(|p| p.id)
            .ok_or_else(no_owner)?;
        if !self.may(Securable::Endpoint(id), "TAKE OWNERSHIP") {
            return Err(missing());
        }
        if login != self.env.facts.login && !self.may(Securable::Login(login), "IMPERSONATE") {
            return Err(no_owner());
        }
        if let Some(endpoint) = self.state.endpoints.get_mut(&id) {
            endpoint.owner = login;
        }
        self.state
            .permissions
            .retain(|p| !(p.class == 105 && p.major == id));
        Ok(())
    }

    fn database_to(&mut self, name: &str, owner: &str) -> Outcome<()> {
        let id = self
            .state
            .database(name)
            .map(|d| d.id)
            .ok_or_else(|| cannot("find", "database", name))?;
        let sid = self
            .state
            .principal(owner)
            .map(|p| p.sid.clone())
            .ok_or_else(|| cannot("find", "principal", owner))?;
        if !self.may(Securable::Database(id), "TAKE OWNERSHIP") {
            return Err(cannot("find", "database", name));
        }
        self.state
            .databases
            .get_mut(&id)
            .ok_or_else(no_permission)?
            .owner_sid = sid;
        Ok(())
    }
}
