//! Endpoint ports that somebody else has: the endpoint is there, and nobody listens.

use sqlserver_sim::{InstanceSpec, Unverified};

use crate::world::{Trio, errors, number, ok, spec, trio_of};

async fn trio(taken_port_is_7890: bool) -> Trio {
    let unverified = Unverified {
        ports_to_65535: true,
        taken_port_is_7890,
        ..Unverified::default()
    };
    let world = trio_of(|spec| InstanceSpec { unverified, ..spec }).await;
    world.trust_all().await;
    world
}

fn on(port: u16) -> String {
    format!("ALTER ENDPOINT Endpoint_Mirroring AS TCP (LISTENER_PORT = {port})")
}

#[tokio::test]
async fn the_instances_own_tds_port_is_taken() {
    let world = trio(false).await;
    world.fleet.handshake(&world.b, &world.a).unwrap();
    ok(&world.a, &on(world.a.port())).await;
    let logged: Vec<i32> = world.a.error_log().iter().map(|l| l.number).collect();
    assert!(
        logged.contains(&26023) && logged.contains(&9692),
        "{logged:?}"
    );
    assert_eq!(
        number(
            &world.a,
            "SELECT CAST(state AS int) FROM sys.database_mirroring_endpoints"
        )
        .await,
        0,
        "the catalog says STARTED all the same"
    );
    let refusal = world.fleet.handshake(&world.b, &world.a).unwrap_err();
    assert_eq!(refusal.number, 0, "nobody listens there");
    ok(&world.a, &on(7024)).await;
    world.fleet.handshake(&world.b, &world.a).unwrap();
}

#[tokio::test]
async fn or_the_statement_is_refused_by_a_switch() {
    let world = trio(true).await;
    assert_eq!(errors(&world.a, &on(world.a.port())).await, [7890]);
    world.fleet.handshake(&world.b, &world.a).unwrap();
}

#[tokio::test]
async fn of_two_instances_of_one_machine_the_first_has_the_port() {
    let world = trio(false).await;
    let second = world
        .fleet
        .start(InstanceSpec {
            instance_name: Some("SECOND".to_owned()),
            ..spec("HOST_A")
        })
        .await
        .unwrap();
    second.prepare_outbound("SECOND", 7024).await.unwrap();
    let logged: Vec<i32> = second.error_log().iter().map(|l| l.number).collect();
    assert!(logged.contains(&9692), "{logged:?}");
    world.fleet.handshake(&world.b, &world.a).unwrap();
    let refusal = world.fleet.handshake(&world.b, &second).unwrap_err();
    assert_eq!(refusal.number, 0);
    ok(&second, &on(7099)).await;
    assert_eq!(
        world.fleet.handshake(&world.b, &second).unwrap_err().number,
        28035
    );
}
