//! `/v1/jobs` and the jobs of pairs and instances. Jobs are asked for and read here; workers do them.

mod cancel;
mod create;
mod events;
mod filter;
mod get;
mod inspections;
mod kind_of;
mod plan_view;
mod respond;
mod script;
mod text;
mod view;
mod wire;

use utoipa_axum::routes;

use self::create::{
    __path_ask_for_instance_job, __path_ask_for_pair_job, ask_for_instance_job, ask_for_pair_job,
};
use self::get::{
    __path_list_instance_jobs, __path_list_pair_jobs, list_instance_jobs, list_pair_jobs,
};
use crate::http::policy::{Guarded, Policy};

pub fn routes() -> Vec<Guarded> {
    let mut all = vec![
        Policy::Caller.guards(routes!(ask_for_pair_job, list_pair_jobs)),
        Policy::Caller.guards(routes!(ask_for_instance_job, list_instance_jobs)),
    ];
    all.extend(inspections::routes());
    all.extend(get::routes());
    all.extend(events::routes());
    all.extend(cancel::routes());
    all
}

#[cfg(test)]
mod tests;
