//! Worlds that were once judged wrongly, by name.

use mirrorgate::domain::trust::Admits;
use sqlserver_sim::{Unverified, Version};

use super::world::World;

async fn world() -> World {
    World::on([Version::V2022; 3], Unverified::default()).await
}

#[tokio::test]
async fn whoever_was_set_up_by_the_plan_is_let_in() {
    let mut world = world().await;
    assert_eq!(world.verdict(0, 1).await.verdict, Admits::Yes);
}
