//! Reading the error log: which log, what it must contain, from when to when.

use sqlserver_sim::protocol::Value;

use crate::world::{World, errors, ok, one};

/// Texts an `EXEC` of xp_readerrorlog gives.
async fn read(world: &World, arguments: &str) -> Vec<String> {
    let sets = world
        .a
        .exec(&format!("EXEC xp_readerrorlog {arguments}"))
        .await
        .unwrap();
    sets[0]
        .rows
        .iter()
        .map(|row| match &row[2] {
            Value::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test]
async fn the_log_is_read_by_number_words_and_dates() {
    let world = one().await;
    ok(&world.a, "CREATE ENDPOINT e STATE = STARTED AS TCP (LISTENER_PORT = 7024) FOR DATABASE_MIRRORING (ROLE = ALL)").await;
    assert!(!read(&world, "0, 1, N'stopped listening'").await.is_empty());
    assert!(
        read(&world, "0, 1, N'stopped', N'elsewhere'")
            .await
            .is_empty()
    );
    assert!(
        !read(&world, "0, 1, N'endpoint', N'STOPPED'")
            .await
            .is_empty()
    );
    assert!(
        !read(&world, "0, 1, NULL, NULL, '20200101', '20990101'")
            .await
            .is_empty()
    );
    assert!(
        read(&world, "0, 1, NULL, NULL, '20990101'")
            .await
            .is_empty()
    );
    assert!(
        read(&world, "0, 1, NULL, NULL, NULL, 'Jan 1, 2001'")
            .await
            .is_empty()
    );
    let (up, down) = (
        read(&world, "0, 1").await,
        read(&world, "0, 1, NULL, NULL, NULL, NULL, N'desc'").await,
    );
    assert_eq!(up, down.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(
        errors(&world.a, "EXEC xp_readerrorlog 1").await,
        [22004],
        "there is no earlier log yet"
    );
    assert_eq!(
        errors(&world.a, "EXEC xp_readerrorlog 0, 2").await,
        [22004],
        "no agent here"
    );
    assert_eq!(
        errors(&world.a, "EXEC xp_readerrorlog 0, 1, NULL, NULL, 'no date'").await,
        [22004]
    );
    assert_eq!(
        errors(&world.a, "EXEC sp_readerrorlog 0, 1, NULL, NULL, NULL").await,
        [8144]
    );
    world.a.stop();
    world.a.start();
    assert!(
        read(&world, "0, 1, N'stopped listening'").await.is_empty(),
        "a start begins a new log"
    );
    assert_eq!(read(&world, "1").await, up);
    ok(&world.a, "EXEC sp_cycle_errorlog").await;
    assert_eq!(read(&world, "2").await, up);
}
