//! Rows of the endpoint views.

use super::cells::{Rows, optional, text};
use crate::engine::eval::env::Env;
use crate::engine::lang::ast::EncryptionDemand;
use crate::engine::state::endpoint::{Endpoint, role_number, state_number};
use crate::engine::state::permission::Securable;
use crate::protocol::Value;

fn visible<'a>(env: &Env<'a>) -> impl Iterator<Item = &'a Endpoint> {
    let asker = env.asker();
    let all = env.state.endpoints.values();
    all.filter(move |e| asker.sees(Securable::Endpoint(e.id)))
}

fn common(endpoint: &Endpoint) -> Vec<Value> {
    let protocol = match endpoint.protocol {
        2 => "TCP",
        3 => "NAMED_PIPES",
        4 => "SHARED_MEMORY",
        _ => "VIA",
    };
    let (kind, kind_desc) = match endpoint.mirroring {
        Some(_) => (4, "DATABASE_MIRRORING"),
        None => (2, "TSQL"),
    };
    let (state, state_desc) = state_number(endpoint.state);
    vec![
        text(&*endpoint.name),
        Value::Int(endpoint.id),
        Value::Int(endpoint.owner),
        Value::TinyInt(endpoint.protocol),
        text(protocol),
        Value::TinyInt(kind),
        text(kind_desc),
        Value::TinyInt(state),
        text(state_desc),
        Value::Bit(endpoint.is_admin),
    ]
}

pub fn endpoints(env: &Env<'_>) -> Rows {
    visible(env).map(common).collect()
}

pub fn tcp_endpoints(env: &Env<'_>) -> Rows {
    let rows = visible(env).filter(|e| e.protocol == 2).map(|e| {
        let mut row = common(e);
        row.push(Value::Int(e.port));
        row.push(Value::Bit(false));
        row.push(optional(e.ip.clone()));
        row
    });
    rows.collect()
}

pub fn database_mirroring_endpoints(env: &Env<'_>) -> Rows {
    let rows = visible(env).filter_map(|e| {
        let mirroring = e.mirroring.as_ref()?;
        let (role, role_desc) = role_number(mirroring.role);
        let (auth, auth_desc) = mirroring.connection_auth();
        let (algorithm, algorithm_desc) = mirroring.encryption_algorithm();
        let mut row = common(e);
        row.extend([
            Value::TinyInt(role),
            text(role_desc),
            Value::Bit(mirroring.demand != EncryptionDemand::Disabled),
            Value::TinyInt(auth),
            text(auth_desc),
            Value::Int(mirroring.certificate),
            Value::TinyInt(algorithm),
            text(algorithm_desc),
        ]);
        Some(row)
    });
    rows.collect()
}
