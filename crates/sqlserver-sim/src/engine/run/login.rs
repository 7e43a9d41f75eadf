//! Log-ins: who may come in, and the numbers of those who may not. Clients always see state 1; the error log has the reason.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::facts::SessionFacts;
use super::session::EngineSession;
use crate::engine::Engine;
use crate::engine::errors::message;
use crate::engine::sessions::OpenSession;
use crate::engine::state::State;
use crate::engine::state::asker::{Asker, user_in};
use crate::engine::state::database::DatabaseState;
use crate::engine::state::permission::Securable;
use crate::engine::state::principal::ServerPrincipal;
use crate::protocol::{Item, LoginRequest};

fn refusal(number: i32, class: u8, text: String) -> Vec<Item> {
    vec![Item::Message(message(number, class, 1, text))]
}

fn login_failed(user: &str) -> Vec<Item> {
    refusal(18456, 14, format!("Login failed for user '{user}'."))
}

/// Opens a session or refuses it; whoever KILLs it cancels `ended`.
///
/// # Errors
/// The messages for the client.
pub async fn log_in(
    instance: &Arc<Engine>,
    request: LoginRequest,
    ended: CancellationToken,
) -> Result<(EngineSession, Vec<Item>), Vec<Item>> {
    if let Some(fault) = instance.faults().strike_login() {
        tokio::time::sleep(fault.delay).await;
        if let Some((number, class, text)) = fault.refuse {
            instance.ledger().count(|c| c.refused_logins += 1);
            return Err(refusal(number, class, text));
        }
    }
    let outcome = let_in(instance, request, ended).await;
    instance.ledger().count(|c| match &outcome {
        Ok(_) => c.logins += 1,
        Err(_) => c.refused_logins += 1,
    });
    outcome
}

async fn let_in(
    instance: &Arc<Engine>,
    request: LoginRequest,
    ended: CancellationToken,
) -> Result<(EngineSession, Vec<Item>), Vec<Item>> {
    let (login, database, name) = admit(instance, &request)?;
    let spid = instance.sessions().next_spid();
    let facts = SessionFacts::new(spid, (login.id, &login.name), database, request);
    instance.sessions().add(OpenSession {
        spid,
        login: login.id,
        login_name: login.name.clone(),
        sid: login.sid,
        application: facts.application.clone(),
        client_host: facts.client_host.clone(),
        encrypted: facts.encrypted,
        packet_size: facts.packet_size,
        since: instance.now(),
        connection: facts.connection,
        ended,
    });
    let mut session = EngineSession::new(Arc::clone(instance), facts);
    if !session.passes_logon_triggers().await {
        let text = format!(
            "Logon failed for login '{}' due to trigger execution.",
            login.name
        );
        instance.log(17892, "Logon", format!("{text} [CLIENT: 127.0.0.1]"));
        return Err(refusal(17892, 14, text));
    }
    let items = vec![
        Item::DatabaseChanged {
            from: String::new(),
            to: name.clone(),
        },
        Item::Message(message(
            5701,
            0,
            2,
            format!("Changed database context to '{name}'."),
        )),
        Item::Message(message(
            5703,
            0,
            1,
            "Changed language setting to us_english.",
        )),
    ];
    Ok((session, items))
}

/// The login and the database it lands in.
fn admit(
    instance: &Arc<Engine>,
    request: &LoginRequest,
) -> Result<(ServerPrincipal, i32, String), Vec<Item>> {
    let state = instance.committed();
    let login = authenticate(instance, &state, request)?;
    let asked = if request.database.is_empty() {
        &login.default_database
    } else {
        &request.database
    };
    let database = state
        .database(asked)
        .filter(|d| d.state == DatabaseState::Online && user_in(&state, login.id, d).is_some());
    match database {
        Some(database) => Ok((login.clone(), database.id, database.name.clone())),
        None => {
            let (number, text) = if request.database.is_empty() {
                (
                    4064,
                    "Cannot open user default database. Login failed.".to_owned(),
                )
            } else {
                (
                    4060,
                    format!(
                        "Cannot open database \"{asked}\" requested by the login. The login failed."
                    ),
                )
            };
            let mut items = refusal(number, 11, text);
            items.extend(login_failed(&request.user));
            log_failure(
                instance,
                &request.user,
                38,
                "Failed to open the explicitly specified database.",
            );
            Err(items)
        }
    }
}

fn log_failure(instance: &Engine, user: &str, state: u8, reason: &str) {
    instance.log(
        0,
        "Logon",
        format!("Error: 18456, Severity: 14, State: {state}."),
    );
    instance.log(
        18456,
        "Logon",
        format!("Login failed for user '{user}'. Reason: {reason} [CLIENT: 127.0.0.1]"),
    );
}

fn authenticate(
    instance: &Engine,
    state: &State,
    request: &LoginRequest,
) -> Result<ServerPrincipal, Vec<Item>> {
    let user = &request.user;
    let refused = |state: u8, reason: &str| {
        log_failure(instance, user, state, reason);
        Err(login_failed(user))
    };
    if instance.windows_only() {
        return refused(
            58,
            "An attempt to login using SQL authentication failed. Server is configured for Integrated authentication only.",
        );
    }
    let Some(login) = state.principal(user).filter(|p| p.kind == 'S') else {
        return refused(5, "Could not find a login matching the name provided.");
    };
    if instance.is_locked_out(login.id) {
        let text = format!(
            "Login failed for user '{user}' because the account is currently locked out. The system administrator can unlock it. "
        );
        return Err(refusal(18486, 14, text));
    }
    if login.password.as_deref() != Some(request.password.as_str()) {
        instance.count_wrong_password(login.id, login.check_policy);
        return refused(
            if login.disabled { 7 } else { 8 },
            "Password did not match that for the login provided.",
        );
    }
    instance.forget_wrong_passwords(login.id);
    if login.disabled {
        log_failure(instance, user, 1, "The account is disabled.");
        return Err(refusal(
            18470,
            14,
            format!("Login failed for user '{user}'. Reason: The account is disabled."),
        ));
    }
    if login.must_change {
        return Err(refusal(
            18488,
            14,
            format!(
                "Login failed for user '{user}'.  Reason: The password of the account must be changed."
            ),
        ));
    }
    if !(Asker {
        state,
        login: login.id,
    })
    .may(Securable::Server, "CONNECT SQL")
    {
        return refused(
            12,
            "Login-based server access validation failed with an infrastructure error. Login lacks Connect SQL permission.",
        );
    }
    Ok(login.clone())
}
