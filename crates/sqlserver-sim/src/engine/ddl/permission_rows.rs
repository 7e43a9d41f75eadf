//! The rows of GRANT, DENY and REVOKE. A row belongs to its grantor: what one principal granted is another row than what
//! another granted, and what was passed on by somebody who loses the right to it goes with CASCADE.

use super::Change;
use super::permission::not_the_grantor;
use crate::engine::errors::{Outcome, Raise, cannot};
use crate::engine::lang::ast::{PermissionChange, Verb};
use crate::engine::state::SA;
use crate::engine::state::SECURITYADMIN;
use crate::engine::state::asker::{Asker, user_in};
use crate::engine::state::database::DBO;
use crate::engine::state::permission::{Permission, Securable};

/// Which rows a statement is about.
pub(super) struct Rows {
    pub securable: Securable,
    pub grantee: i32,
    pub grantor: i32,
    /// REVOKE leaves alone what another principal granted or denied.
    pub others_stay: bool,
}

fn not_in_as(name: &str) -> Raise {
    Raise::new(
        4618,
        16,
        format!("You do not have permission to use {name} in the AS clause."),
    )
}

impl Change<'_> {
    /// Who is written down as the grantor of a permission of the server or of something in it.
    pub(super) fn server_grantor(
        &self,
        change: &PermissionChange,
        securable: Securable,
        owner: Option<i32>,
    ) -> Outcome<i32> {
        let own = self.env.facts.login;
        let Some(name) = &change.grantor else {
            return self.implied_grantor(change, securable, owner);
        };
        let found = self.state.principal(name);
        let found = found.ok_or_else(|| cannot("find", "principal", name))?;
        let member = self.env.state.identities(own).contains(&found.id);
        if !member && !self.may(Securable::of_principal(found), "IMPERSONATE") {
            return Err(not_in_as(name));
        }
        let asker = Asker {
            state: self.env.state,
            login: found.id,
        };
        let granted = change.verb == Verb::Revoke
            && self.state.permissions.iter().any(|p| {
                p.grantor == found.id
                    && (p.class, p.major) == securable.row_key()
                    && change.permissions.contains(&p.name)
            });
        if !(granted || stands_above(asker, securable) || holds_all(asker, securable, change)) {
            return Err(not_the_grantor());
        }
        Ok(found.id)
    }

    fn implied_grantor(
        &self,
        change: &PermissionChange,
        securable: Securable,
        owner: Option<i32>,
    ) -> Outcome<i32> {
        let own = self.env.facts.login;
        let asker = self.asker();
        if !stands_above(asker, securable) {
            return if holds_all(asker, securable, change) {
                Ok(own)
            } else {
                Err(not_the_grantor())
            };
        }
        if self.env.instance.switches().executor_is_grantor {
            return Ok(own);
        }
        Ok(owner.unwrap_or(if asker.is_sysadmin() { SA } else { own }))
    }

    /// Who is written down as the grantor in a database: dbo, unless the right to grant was itself granted.
    pub(super) fn database_grantor(
        &self,
        change: &PermissionChange,
        securable: Securable,
    ) -> Outcome<i32> {
        let asker = self.asker();
        let database = self.database()?;
        let own = user_in(self.env.state, self.env.facts.login, database);
        if let Some(name) = &change.grantor {
            let found = database.principal(name, &self.state.collation);
            let found = found.ok_or_else(|| cannot("find", "principal", name))?;
            let mine = own.map(|id| database.identities(id)).unwrap_or_default();
            let user = Securable::of_user(database.id, found);
            if !mine.contains(&found.id) && !self.may(user, "IMPERSONATE") {
                return Err(not_in_as(name));
            }
            let who = database.identities(found.id);
            let holds = |state: &[char], name: &str| {
                database.permissions.iter().any(|p| {
                    (p.class, p.major) == securable.row_key()
                        && p.name == name
                        && state.contains(&p.state)
                        && who.contains(&p.grantee)
                })
            };
            let above = found.id == DBO
                || who.contains(&crate::engine::state::database::DB_OWNER)
                || holds(&['G', 'W'], "CONTROL");
            if !above && !change.permissions.iter().all(|p| holds(&['W'], p)) {
                return Err(not_the_grantor());
            }
            return Ok(found.id);
        }
        if self.may(securable, "CONTROL") {
            return Ok(DBO);
        }
        match own.filter(|_| holds_all(asker, securable, change)) {
            Some(own) => Ok(own),
            None => Err(not_the_grantor()),
        }
    }
}

/// Whether the right to grant comes from above: ownership, CONTROL, and what implies it for granting.
fn stands_above(asker: Asker<'_>, securable: Securable) -> bool {
    match securable {
        Securable::Server => {
            asker.may(Securable::Server, "CONTROL SERVER")
                || asker.state.identities(asker.login).contains(&SECURITYADMIN)
        }
        Securable::Endpoint(_) => {
            asker.may(securable, "CONTROL") || asker.may(Securable::Server, "ALTER ANY ENDPOINT")
        }
        _ => asker.may(securable, "CONTROL"),
    }
}

/// Whether every permission is held WITH GRANT OPTION.
fn holds_all(asker: Asker<'_>, securable: Securable, change: &PermissionChange) -> bool {
    let mut permissions = change.permissions.iter();
    permissions.all(|p| asker.has_row(securable, p, &['W']))
}

/// Writes what the statement says of one grantee. Repeating is silent.
pub(super) fn write(
    all: &mut Vec<Permission>,
    change: &PermissionChange,
    rows: &Rows,
) -> Outcome<()> {
    let (class, major) = rows.securable.row_key();
    for name in &change.permissions {
        let everybodys = change.verb == Verb::Revoke && !rows.others_stay;
        let meant = |p: &Permission| {
            p.class == class
                && p.major == major
                && p.name == *name
                && p.grantee == rows.grantee
                && (everybodys || p.grantor == rows.grantor)
        };
        let passable = all.iter().any(|p| meant(p) && p.state == 'W');
        if passable && change.verb != Verb::Grant && !change.cascade {
            return Err(Raise::new(
                4611,
                16,
                "To revoke or deny grantable privileges, specify the CASCADE option.",
            ));
        }
        if change.grant_option_for {
            for row in all.iter_mut().filter(|p| meant(p) && p.state == 'W') {
                row.state = 'G';
            }
        } else {
            all.retain(|p| !meant(p));
            let state = match change.verb {
                Verb::Revoke => None,
                Verb::Deny => Some('D'),
                Verb::Grant if change.with_grant_option || passable => Some('W'),
                Verb::Grant => Some('G'),
            };
            all.extend(state.map(|state| Permission {
                class,
                major,
                grantee: rows.grantee,
                grantor: rows.grantor,
                name: name.clone(),
                state,
            }));
        }
        if passable && change.verb != Verb::Grant {
            cascade(all, (class, major), name, rows.grantee);
        }
    }
    Ok(())
}

/// Takes back what `from` passed on, unless somebody else still lets it.
fn cascade(all: &mut Vec<Permission>, on: (u8, i32), name: &str, from: i32) {
    let about = |p: &Permission| (p.class, p.major) == on && p.name == name;
    if all
        .iter()
        .any(|p| about(p) && p.grantee == from && p.state == 'W')
    {
        return;
    }
    let mut lost = Vec::new();
    all.retain(|p| {
        let gone = about(p) && p.grantor == from;
        if gone {
            lost.push(p.grantee);
        }
        !gone
    });
    for grantee in lost {
        cascade(all, on, name, grantee);
    }
}
