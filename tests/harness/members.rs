//! Instances as the planner and the pools want them, for what asks them without the service.

use mirrorgate::domain::certificate::Certificate;
use mirrorgate::domain::credential::LoginSecret;
use mirrorgate::domain::desired_state::{Member, NeededRoles};
use mirrorgate::domain::hash::Sha256;
use mirrorgate::domain::id::new_id;
use mirrorgate::domain::instance::{Address, Tls, Transport, Verification};
use mirrorgate::domain::name::RegistrationName;
use mirrorgate::domain::naming::Naming;
use mirrorgate::domain::object_name::ObjectName;
use mirrorgate::domain::pair::Role;
use mirrorgate::sqlserver::{Target, Timeouts};
use mirrorgate::tsql::batch_comment::BatchComment;
use sqlserver_sim::{Fleet, Instance};

use super::fleet::{PASSWORD, certificate_of};

/// Of a batch that no job sends.
pub fn comment() -> BatchComment<'static> {
    BatchComment {
        job: uuid::Uuid::nil(),
        change_ref: None,
    }
}

fn address(instance: &Instance) -> Address {
    Address {
        host: "127.0.0.1".to_owned(),
        port: Some(instance.port()),
        instance_name: None,
    }
}

/// How mirrorgate reaches the instance, as `sa` and over verified TLS.
pub fn target(fleet: &Fleet, instance: &Instance) -> Target {
    Target {
        instance_id: new_id(),
        name: instance.name().to_owned(),
        address: address(instance),
        tls: Tls::Required(Verification {
            ca_pem: Some(fleet.ca_pem().to_owned()),
            server_name: None,
        }),
        log_in: LoginSecret {
            user: "sa".to_owned(),
            password: PASSWORD.to_owned().into(),
        },
        application: "mirrorgate".into(),
        credential_id: new_id(),
        credential_revision: 1,
        refusals: 0,
        timeouts: Timeouts::default(),
    }
}

/// From now on mirrorgate is a login there with no more than it needs.
pub async fn least_privilege(members: impl Iterator<Item = (&Instance, &mut Target)>) {
    const PASSWORD: &str = "Least-privilege-1";
    let script = include_str!("../../docs/permissions.sql").replace("<password>", PASSWORD);
    for (instance, target) in members {
        for part in script.split("GO\n").filter(|p| !p.trim().is_empty()) {
            instance.exec(part).await.unwrap();
        }
        target.log_in = LoginSecret {
            user: "mirrorgate".to_owned(),
            password: PASSWORD.to_owned().into(),
        };
        target.credential_revision += 1;
    }
}

/// The instance as its registration would have it, its endpoint's certificate pinned.
pub fn member(instance: &Instance, role: Role) -> Member {
    let own = Certificate::from_der(&certificate_of(instance)).unwrap();
    Member {
        instance_id: new_id(),
        name: RegistrationName::parse(instance.name()).unwrap(),
        role,
        address: address(instance),
        peer_name: ObjectName::parse(instance.name()).unwrap(),
        naming: Naming::default(),
        transport: Transport::Binary,
        tls_verified: true,
        pinned_identity: None,
        known: vec![Sha256::of(&own.der)],
        current: Some(own),
        next: None,
        needed_roles: NeededRoles::default(),
        expected_endpoint_port: None,
    }
}
