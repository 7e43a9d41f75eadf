//! Which rows of the catalog a login may see.

use crate::engine::state::asker::{Asker, user_in};
use crate::engine::state::database::Database;
use crate::engine::state::permission::Securable;
use crate::engine::state::principal::{DatabasePrincipal, ServerPrincipal};
use crate::engine::state::{PUBLIC, SA};

/// A restricted login sees itself, sa, public and the fixed roles; with VIEW ANY DEFINITION denied not even itself.
pub fn server_principal(asker: Asker<'_>, principal: &ServerPrincipal) -> bool {
    let always = [SA, PUBLIC].contains(&principal.id) || principal.fixed_role;
    let own = principal.id == asker.login
        && !asker.has_row(Securable::Server, "VIEW ANY DEFINITION", &['D']);
    always || own || asker.sees(Securable::of_principal(principal))
}

/// Fixed principals and oneself are always seen; other users need a permission on them.
pub fn database_principal(asker: Asker<'_>, database: &Database, user: &DatabasePrincipal) -> bool {
    let fixed = user.id < 5 || user.fixed_role;
    let own = user_in(asker.state, asker.login, database) == Some(user.id);
    fixed || own || asker.sees(Securable::of_user(database.id, user))
}

/// Rows of `sys.server_permissions`: those about oneself, public, and what one may see the definition of.
pub fn server_permission(asker: Asker<'_>, class: u8, major: i32, grantee: i32) -> bool {
    if asker.state.identities(asker.login).contains(&grantee) {
        return true;
    }
    if class == 105 {
        return asker.sees(Securable::Endpoint(major));
    }
    asker.may(Securable::Server, "VIEW ANY DEFINITION")
        || asker.may(Securable::Server, "VIEW ANY SECURITY DEFINITION")
        || asker
            .state
            .principals
            .get(&grantee)
            .is_some_and(|p| asker.sees(Securable::of_principal(p)))
}
