//! What every request is given: the instances, found by name.

use std::sync::Arc;

use super::answer::Refused;
use crate::engine::Network;
use crate::handle::Instance;

/// The instances the requests are about.
#[derive(Clone)]
pub struct Control {
    pub network: Arc<Network>,
}

impl Control {
    /// An instance by its name or its server name, without regard to case.
    ///
    /// # Errors
    /// 404 when there is none, 409 when there are several.
    pub fn instance(&self, name: &str) -> Result<Instance, Refused> {
        let mut found = self.network.all().into_iter().filter(|i| {
            i.spec.name.eq_ignore_ascii_case(name) || i.server_name().eq_ignore_ascii_case(name)
        });
        let first = found.next();
        match (first, found.next()) {
            (Some(one), None) => Ok(Instance::new(one)),
            (Some(_), Some(_)) => Err(Refused::conflict(
                "ambiguous_name",
                format!("several instances are called {name}; write MACHINE%5CINSTANCE"),
            )),
            _ => Err(Refused::missing(
                "unknown_instance",
                format!("there is no instance {name}; GET /instances lists them"),
            )),
        }
    }
}
