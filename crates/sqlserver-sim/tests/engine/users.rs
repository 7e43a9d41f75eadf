//! Users without a login, users that lost theirs, and who can be given one.

use sqlserver_sim::protocol::Value;

use crate::world::{errors, hex, number, ok, one, scalar, text};

#[tokio::test]
async fn a_user_without_login_has_a_sid_no_login_can_have_and_is_never_remapped() {
    let world = one().await;
    let a = &world.a;
    ok(
        a,
        "CREATE LOGIN l WITH PASSWORD = 'Str0ng!Pass'; CREATE USER alone WITHOUT LOGIN",
    )
    .await;
    assert_eq!(
        number(
            a,
            "SELECT authentication_type FROM sys.database_principals WHERE name = 'alone'"
        )
        .await,
        0
    );
    assert_eq!(
        text(
            a,
            "SELECT authentication_type_desc FROM sys.database_principals WHERE name = 'alone'"
        )
        .await,
        "NONE"
    );
    let Value::Binary(sid) = scalar(
        a,
        "SELECT sid FROM sys.database_principals WHERE name = 'alone'",
    )
    .await
    else {
        panic!("no SID");
    };
    assert_eq!(sid.len(), 28);
    assert_eq!(errors(a, "ALTER USER alone WITH LOGIN = l").await, [33016]);
    let sql = format!(
        "CREATE LOGIN m WITH PASSWORD = 'Str0ng!Pass', SID = 0x{}",
        hex(&sid)
    );
    assert_eq!(errors(a, &sql).await, [15419]);
}

#[tokio::test]
async fn a_lost_login_comes_back_with_its_sid_or_another_takes_its_place() {
    let world = one().await;
    let a = &world.a;
    ok(
        a,
        "CREATE LOGIN l WITH PASSWORD = 'Str0ng!Pass'; CREATE USER u FOR LOGIN l; DROP LOGIN l",
    )
    .await;
    assert_eq!(
        number(
            a,
            "SELECT authentication_type FROM sys.database_principals WHERE name = 'u'"
        )
        .await,
        1
    );
    let Value::Binary(sid) = scalar(
        a,
        "SELECT sid FROM sys.database_principals WHERE name = 'u'",
    )
    .await
    else {
        panic!("no SID");
    };
    let linked = "SELECT COUNT(*) FROM sys.database_principals u JOIN sys.server_principals l ON l.sid = u.sid WHERE u.name = 'u'";
    assert_eq!(number(a, linked).await, 0);
    ok(
        a,
        &format!(
            "CREATE LOGIN l WITH PASSWORD = 'Str0ng!Pass', SID = 0x{}",
            hex(&sid)
        ),
    )
    .await;
    assert_eq!(number(a, linked).await, 1);
    ok(a, "DROP LOGIN l; CREATE LOGIN other WITH PASSWORD = 'Str0ng!Pass'; ALTER USER u WITH LOGIN = other").await;
    assert_eq!(number(a, linked).await, 1);
    ok(a, "CREATE LOGIN [CORP\\svc] FROM WINDOWS").await;
    assert_eq!(
        errors(a, "ALTER USER u WITH LOGIN = [CORP\\svc]").await,
        [33017]
    );
    assert_eq!(
        errors(a, "ALTER USER dbo WITH LOGIN = other").await,
        [15150]
    );
}

#[tokio::test]
async fn a_windows_account_has_one_sid_for_ever() {
    let world = one().await;
    let a = &world.a;
    ok(a, "CREATE LOGIN [CORP\\svc] FROM WINDOWS; CREATE USER svc FOR LOGIN [CORP\\svc]; DROP LOGIN [CORP\\svc]; CREATE LOGIN [corp\\svc] FROM WINDOWS").await;
    assert_eq!(number(a, "SELECT COUNT(*) FROM sys.database_principals u JOIN sys.server_principals l ON l.sid = u.sid WHERE u.name = 'svc' AND u.authentication_type = 3").await, 1);
}
