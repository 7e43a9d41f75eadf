//! Faults strike when told, and counters and ledger tell what happened.

use std::time::Duration;

use sqlserver_sim::{Fault, Rule};

use crate::world::{errors, number, numbers, ok, one};

const LOGIN: &str = "CREATE LOGIN l WITH PASSWORD = 'Str0ng!Pass'";
const COUNT: &str = "SELECT COUNT(*) FROM sys.server_principals WHERE name = 'l'";

#[tokio::test]
async fn hanging_up_before_and_after_differ_in_what_ran() {
    for (fault, there) in [(Fault::HangUpBefore, 0), (Fault::HangUpAfter, 1)] {
        let world = one().await;
        world.a.faults().add(Rule::next("CREATE LOGIN", fault));
        let answer = world.a.run(&format!("SELECT 1; {LOGIN}; SELECT 2")).await;
        assert!(answer.hung_up);
        assert_eq!(answer.sets.len(), 1, "nothing after the fault");
        assert_eq!(number(&world.a, COUNT).await, there);
    }
}

#[tokio::test]
async fn errors_strike_once_or_always() {
    let world = one().await;
    let deadlock = Fault::Error {
        number: 1205,
        class: 13,
        text: "deadlocked".to_owned(),
    };
    world
        .a
        .faults()
        .add(Rule::next("create login", deadlock.clone()));
    assert_eq!(
        errors(
            &world.a,
            &format!(
                "BEGIN TRAN; CREATE LOGIN first WITH PASSWORD = 'Str0ng!Pass'; {LOGIN}; COMMIT"
            )
        )
        .await,
        [1205]
    );
    assert_eq!(
        number(
            &world.a,
            "SELECT COUNT(*) FROM sys.server_principals WHERE name IN ('first', 'l')"
        )
        .await,
        0
    );
    ok(&world.a, LOGIN).await;
    world
        .a
        .faults()
        .add(Rule::next("DROP LOGIN", deadlock).every_time());
    for _ in 0..3 {
        assert_eq!(errors(&world.a, "DROP LOGIN l").await, [1205]);
    }
    world.a.faults().clear();
    ok(&world.a, "DROP LOGIN l").await;
}

#[tokio::test]
async fn a_second_party_races_even_into_an_open_transaction() {
    let world = one().await;
    world.a.faults().add(Rule::next(
        "CREATE USER",
        Fault::Race(
            "CREATE LOGIN r WITH PASSWORD = 'Str0ng!Pass'; CREATE USER u FOR LOGIN r".to_owned(),
        ),
    ));
    let answer = world
        .a
        .run(&format!(
            "SET XACT_ABORT ON; BEGIN TRAN; {LOGIN}; CREATE USER u FOR LOGIN l; COMMIT"
        ))
        .await;
    assert_eq!(numbers(&answer.errors()), [15023]);
    assert_eq!(number(&world.a, COUNT).await, 0, "ours was rolled back");
    assert_eq!(
        number(
            &world.a,
            "SELECT COUNT(*) FROM sys.database_principals WHERE name = 'u'"
        )
        .await,
        1,
        "theirs stays"
    );
}

#[tokio::test]
async fn rows_are_cut_off_or_hidden() {
    let world = one().await;
    world
        .a
        .faults()
        .add(Rule::next("SELECT", Fault::HangUpAfterRow(2)));
    let answer = world
        .a
        .run("SELECT n FROM (VALUES (1), (2), (3)) v(n)")
        .await;
    assert!(answer.hung_up && answer.sets[0].rows.len() == 2);
    world
        .a
        .faults()
        .add(Rule::next("SELECT", Fault::HideRows("sa".to_owned())));
    assert_eq!(
        world
            .a
            .run("SELECT name FROM sys.sql_logins WHERE name = 'sa'")
            .await
            .sets[0]
            .rows
            .len(),
        0
    );
}

#[tokio::test]
async fn latency_is_paid_per_request() {
    let world = one().await;
    world.a.faults().set_latency(Duration::from_millis(30));
    let began = std::time::Instant::now();
    ok(&world.a, "SELECT 1; SELECT 2").await;
    assert!(began.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn the_ledger_has_every_statement_in_order() {
    let world = one().await;
    world.a.reset_counters();
    ok(&world.a, &format!("SELECT 1;\n{LOGIN}")).await;
    errors(&world.a, LOGIN).await;
    let counters = world.a.counters();
    assert_eq!(
        (counters.batches, counters.statements["CREATE LOGIN"]),
        (2, 2)
    );
    let entries = world.a.ledger();
    let last: Vec<_> = entries
        .iter()
        .rev()
        .take(3)
        .rev()
        .map(|e| (e.kind, e.error))
        .collect();
    assert_eq!(
        last,
        [
            ("SELECT", None),
            ("CREATE LOGIN", None),
            ("CREATE LOGIN", Some(15025))
        ]
    );
    assert_eq!(entries.last().unwrap().text, LOGIN);
}
