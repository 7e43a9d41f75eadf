//! Worlds that were once judged wrongly, by name.

use mirrorgate::domain::trust::Admits;
use sqlserver_sim::{Unverified, Version};

use super::world::World;

async fn world() -> World {
    World::on([Version::V2022; 3], Unverified::default()).await
}

/// What is hidden from the log-in by a DENY on the object alone is not absent.
#[tokio::test]
async fn a_certificate_that_is_hidden_from_the_log_in_is_not_taken_for_absent() {
    for deny in [
        "CERTIFICATE::[HOST_B_cert]",
        "USER::[HOST_B_user]",
        "LOGIN::[HOST_B_login]",
    ] {
        let mut world = world().await;
        world.with_least_privilege().await;
        let sql = format!("DENY VIEW DEFINITION ON {deny} TO [mirrorgate]");
        assert!(world.run(0, &sql).await, "{sql}");
        let said = world.verdict(0, 1).await;
        assert_eq!(said.verdict, Admits::Unknown, "{deny}: {said:#?}");
    }
}

#[tokio::test]
async fn whoever_was_set_up_by_the_plan_is_let_in() {
    let mut world = world().await;
    assert_eq!(world.verdict(0, 1).await.verdict, Admits::Yes);
}
