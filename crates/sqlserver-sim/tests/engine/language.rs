//! The language: what runs, what is refused before anything runs, and how values come out.

use sqlserver_sim::protocol::Value;

use crate::world::{errors, number, numbers, ok, one, scalar, text};

#[tokio::test]
async fn syntax_errors_name_the_token_and_nothing_runs() {
    let world = one().await;
    let cases = [
        ("CREATE LOGIN x WITH PASSWORD 'p'", 102, "'p'"),
        (
            "DECLARE @p nvarchar(20) = N'Str0ng!Pass'; CREATE LOGIN x WITH PASSWORD = @p",
            102,
            "'@p'",
        ),
        ("CREATE USER u FOR LOGIN;", 102, "';'"),
        ("CREATE CERTIFICATE c FROM BINARY = 0xZZ", 102, "'ZZ'"),
        (
            "CREATE CERTIFICATE c AUTHORIZATION FROM BINARY = 0x00",
            156,
            "'FROM'",
        ),
        ("GRANT CONNECT ON ENDPOINT:e TO x", 102, "':'"),
        (
            "CREATE ENDPOINT e AS TCP (LISTENER_PORT = 7024) FOR DATABASE_MIRRORING (ROLE = NOBODY)",
            102,
            "'NOBODY'",
        ),
        ("SELECT 1 = 1 FROM", 102, "'='"),
        ("SELECT * FORM sys.endpoints", 102, "'FORM'"),
        ("EXEC (N'SELECT ' + QUOTENAME(N'x'))", 102, "'QUOTENAME'"),
        ("BEGIN TRY SELECT 1 END TRY SELECT 2", 156, "'SELECT'"),
        ("SELECT 'open", 105, "'open'"),
        ("SELECT [open", 105, "'open'"),
        ("SELECT @missing", 137, "\"@missing\""),
        ("SELECT 1 /* open", 113, "comment"),
    ];
    for (sql, number, near) in cases {
        let batch = format!("PRINT 'ran';\n{sql}");
        let answer = world.a.run(&batch).await;
        let error = &answer.errors()[0];
        assert_eq!(error.number, number, "{sql}: {}", error.text);
        assert!(error.text.contains(near), "{sql}: {}", error.text);
        assert_eq!(error.line, 2, "{sql}");
        assert!(!answer.messages.iter().any(|m| m.text == "ran"), "{sql}");
    }
}

#[tokio::test]
async fn every_undeclared_variable_is_reported() {
    let world = one().await;
    assert_eq!(errors(&world.a, "SELECT @a; SELECT @b").await, [137, 137]);
}

#[tokio::test]
async fn a_column_the_version_lacks_refuses_the_batch_even_behind_an_if() {
    let world = one().await;
    let answer = world
        .a
        .run("PRINT 'ran'; IF 1 = 0 SELECT nothing FROM sys.endpoints")
        .await;
    assert_eq!(numbers(&answer.errors()), [207]);
    assert!(answer.messages.iter().all(|m| m.text != "ran"));
    ok(
        &world.a,
        "IF 1 = 0 EXEC(N'SELECT nothing FROM sys.endpoints')",
    )
    .await;
    ok(&world.a, "IF 1 = 0 SELECT nothing FROM sys.nothing").await;
}

#[tokio::test]
async fn hostile_names_make_the_round_trip() {
    let world = one().await;
    for name in [
        "a]b",
        "it's",
        "\"q\"",
        "--c",
        "Пётр日本😀",
        " lead",
        "a;DROP LOGIN x",
        "x".repeat(128).as_str(),
    ] {
        let (quoted, literal) = (name.replace(']', "]]"), name.replace('\'', "''"));
        ok(&world.a, &format!("CREATE LOGIN [{quoted}] WITH PASSWORD = N'Str0ng!Pass{{}}'; CREATE USER [{quoted}] FOR LOGIN [{quoted}];")).await;
        let found = format!("SELECT name FROM sys.server_principals WHERE name = N'{literal}'");
        assert_eq!(text(&world.a, &found).await, name);
        let dynamic = format!(
            "DECLARE @n sysname = N'{literal}', @s nvarchar(max); SET @s = N'DROP USER ' + QUOTENAME(@n) + N'; DROP LOGIN ' + QUOTENAME(@n); EXEC (@s);"
        );
        ok(&world.a, &dynamic).await;
        assert_eq!(scalar(&world.a, &found).await, Value::Null);
    }
}

/// Expressions and the text they give.
const EXPRESSIONS: [(&str, &str); 34] = [
    ("CONVERT(nvarchar(20), 0x0AFF, 1)", "0x0AFF"),
    ("CONVERT(varchar(20), 0x0AFF, 2)", "0AFF"),
    (
        "CONVERT(nvarchar(30), CONVERT(varbinary(8), N'ab'), 1)",
        "0x61006200",
    ),
    (
        "CONVERT(varchar(30), CONVERT(varbinary(8), 'ab'), 1)",
        "0x6162",
    ),
    ("CONVERT(char(4), 'CO') + '|'", "CO  |"),
    ("QUOTENAME('a]b')", "[a]]b]"),
    ("QUOTENAME('it''s', '''')", "'it''s'"),
    ("ISNULL(QUOTENAME(REPLICATE('x', 129)), 'null')", "null"),
    ("CONCAT('a', NULL, 1)", "a1"),
    ("COALESCE('a' + NULL, 'null')", "null"),
    ("REPLACE('aXbx', 'x', '-')", "a-b-"),
    ("STUFF('abcdef', 2, 3, 'X')", "aXef"),
    ("SUBSTRING('abcdef', 2, 3)", "bcd"),
    ("RIGHT('abcdef', 2) + LEFT('abcdef', 2)", "efab"),
    ("CASE WHEN NULL = NULL THEN 'yes' ELSE 'no' END", "no"),
    ("CASE 2 WHEN 1 THEN 'one' WHEN 2 THEN 'two' END", "two"),
    ("IIF('a' LIKE '[a-c]', 'in', 'out')", "in"),
    ("IIF('50%' LIKE '50!%' ESCAPE '!', 'in', 'out')", "in"),
    (
        "IIF(3 BETWEEN 1 AND 3 AND NOT 2 IN (1, 3), 'in', 'out')",
        "in",
    ),
    ("IIF(NULL IN (1, NULL), 'in', 'unknown')", "unknown"),
    ("COALESCE(NULL, 'x', 'y')", "x"),
    ("CONVERT(varchar(10), 7 / 2)", "3"),
    ("CONVERT(varchar(10), 7.0 / 2)", "3.500000"),
    ("CONVERT(varchar(10), 2 + 3 * 4 - 1)", "13"),
    ("CONVERT(varchar(10), LEN('ab  '))", "2"),
    ("CONVERT(varchar(10), DATALENGTH(N'ab'))", "4"),
    (
        "CONVERT(nvarchar(30), CAST('20261122 21:40:03' AS datetime), 126)",
        "2026-11-22T21:40:03.000",
    ),
    (
        "CONVERT(varchar(30), CAST('2026-11-22 21:40' AS datetime2(0)), 120)",
        "2026-11-22 21:40:00",
    ),
    (
        "CONVERT(varchar(20), DATEDIFF(day, '20260101', '20261231'))",
        "364",
    ),
    (
        "CONVERT(varchar(30), DATEADD(month, 1, '20260131'), 23)",
        "2026-02-28",
    ),
    (
        "CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128))",
        "16.0.4135.4",
    ),
    (
        "CONVERT(varchar(64), HASHBYTES('SHA2_256', 'abc'), 2)",
        "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
    ),
    (
        "DB_NAME() + ' ' + SUSER_SNAME() + ' ' + USER_NAME()",
        "master sa dbo",
    ),
    ("'?' + CONVERT(varchar(5), N'é€日')", "?é€?"),
];

#[tokio::test]
async fn expressions_give_what_sql_server_gives() {
    let world = one().await;
    for (expression, expected) in EXPRESSIONS {
        assert_eq!(
            text(&world.a, &format!("SELECT {expression}")).await,
            expected,
            "{expression}"
        );
    }
    assert_eq!(
        number(
            &world.a,
            "SELECT IS_SRVROLEMEMBER('sysadmin') + HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY LOGIN')"
        )
        .await,
        2
    );
    assert_eq!(
        scalar(&world.a, "SELECT SUBSTRING(CRYPT_GEN_RANDOM(16), 1, 0)").await,
        Value::Binary(Vec::new())
    );
}

/// Queries of one number.
const QUERIES: [(&str, i64); 12] = [
    (
        "SELECT COUNT(*) FROM sys.server_principals p LEFT JOIN sys.server_role_members m ON m.member_principal_id = p.principal_id WHERE p.name = 'sa' AND m.role_principal_id = 3",
        1,
    ),
    (
        "SELECT COUNT(*) FROM (VALUES (1, 'a'), (2, 'b'), (2, NULL)) AS v(n, t) WHERE v.t IS NOT NULL",
        2,
    ),
    (
        "WITH x AS (SELECT n FROM (VALUES (1), (5), (3)) v(n)) SELECT MAX(n) FROM x WHERE n < (SELECT MAX(n) FROM x)",
        3,
    ),
    (
        "SELECT TOP (1) n FROM (VALUES (1), (5), (3)) v(n) ORDER BY n DESC",
        5,
    ),
    (
        "SELECT SUM(c) FROM (SELECT k, COUNT(*) AS c FROM (VALUES ('a'), ('A'), ('b')) v(k) GROUP BY k HAVING COUNT(*) > 1) g",
        2,
    ),
    (
        "SELECT COUNT(DISTINCT k) FROM (VALUES ('a'), ('A'), ('b')) v(k)",
        2,
    ),
    (
        "SELECT COUNT(*) FROM (SELECT 1 AS x UNION ALL SELECT 1 UNION ALL SELECT 2) u",
        3,
    ),
    (
        "SELECT COUNT(*) FROM (SELECT DISTINCT x FROM (SELECT 1 AS x UNION ALL SELECT 1) u) d",
        1,
    ),
    (
        "SELECT COUNT(*) FROM sys.databases d OUTER APPLY (SELECT TOP 1 e.name FROM sys.endpoints e WHERE e.endpoint_id = d.database_id) x WHERE x.name IS NOT NULL",
        4,
    ),
    (
        "SELECT COUNT(*) FROM sys.databases d WHERE EXISTS (SELECT * FROM sys.endpoints e WHERE e.endpoint_id = d.database_id AND e.name LIKE 'TSQL%')",
        3,
    ),
    (
        "DECLARE @t TABLE (n int, s nvarchar(10)); INSERT INTO @t (s, n) VALUES (N'x', 1), (N'y', 2); INSERT @t SELECT n + 10, s FROM @t; SELECT SUM(n) FROM @t",
        26,
    ),
    (
        "DECLARE @n int = 0; SELECT @n = @n + v.n FROM (VALUES (1), (2), (3)) v(n); SELECT @n",
        6,
    ),
];

#[tokio::test]
async fn queries_join_group_and_order() {
    let world = one().await;
    for (sql, expected) in QUERIES {
        assert_eq!(number(&world.a, sql).await, expected, "{sql}");
    }
    assert_eq!(
        text(
            &world.a,
            "SELECT STRING_AGG(s, N',') FROM (VALUES (N'a'), (N'b')) v(s)"
        )
        .await,
        "a,b"
    );
}

#[tokio::test]
async fn columns_have_the_catalogs_types() {
    use sqlserver_sim::protocol::SqlType;
    let world = one().await;
    let sets = world.a.exec("SELECT name, principal_id, sid, type, is_disabled, create_date FROM sys.server_principals WHERE 1 = 0; SELECT SERVERPROPERTY('Edition') AS e, CAST(NULL AS int) AS n, CASE WHEN 1 = 1 THEN NULL ELSE 'abc' END AS c, @@SPID AS s").await.unwrap();
    let types = |n: usize| sets[n].columns.iter().map(|c| c.ty).collect::<Vec<_>>();
    assert_eq!(
        types(0),
        [
            SqlType::NVarChar(Some(128)),
            SqlType::Int,
            SqlType::VarBinary(Some(85)),
            SqlType::Char(1),
            SqlType::Bit,
            SqlType::DateTime
        ]
    );
    assert_eq!(
        types(1),
        [
            SqlType::SqlVariant,
            SqlType::Int,
            SqlType::VarChar(Some(3)),
            SqlType::SmallInt
        ]
    );
}

#[tokio::test]
async fn control_flow_and_nested_scopes() {
    let world = one().await;
    let cases = [
        (
            "DECLARE @i int = 0; WHILE @i < 5 BEGIN SET @i += 1; IF @i = 3 BREAK; END; SELECT @i",
            3,
        ),
        (
            "DECLARE @x int = 1; BEGIN TRY SELECT 1/0; END TRY BEGIN CATCH SET @x = ERROR_NUMBER(); END CATCH; SELECT @x",
            8134,
        ),
        (
            "DECLARE @x int; BEGIN TRY EXEC(N'SELECT nothing FROM sys.endpoints'); END TRY BEGIN CATCH SET @x = ERROR_NUMBER(); END CATCH; SELECT @x",
            207,
        ),
        (
            "DECLARE @x int; BEGIN TRY EXEC(N'SELEC'); END TRY BEGIN CATCH SET @x = ERROR_NUMBER(); END CATCH; SELECT @x",
            2812,
        ),
        (
            "DECLARE @x int; BEGIN TRY BEGIN TRY THROW 50007, 'in', 1; END TRY BEGIN CATCH THROW; END CATCH END TRY BEGIN CATCH SET @x = ERROR_NUMBER(); END CATCH; SELECT @x",
            50007,
        ),
        (
            "DECLARE @o int; EXEC sp_executesql N'SET @b = @a * 2', N'@a int, @b int OUTPUT', @a = 21, @b = @o OUTPUT; SELECT @o",
            42,
        ),
        (
            "DECLARE @r int; BEGIN TRAN; EXEC @r = sp_getapplock @Resource = N'r', @LockMode = 'Exclusive', @LockTimeout = 100; COMMIT; SELECT @r",
            0,
        ),
        ("EXEC(NULL); SELECT 1", 1),
    ];
    for (sql, expected) in cases {
        if sql.starts_with("EXEC(NULL)") {
            ok(&world.a, "DECLARE @s nvarchar(10); EXEC(@s)").await;
            continue;
        }
        assert_eq!(number(&world.a, sql).await, expected, "{sql}");
    }
    let answer = world.a.run("BEGIN TRY\n  SELECT 1/0\nEND TRY\nBEGIN CATCH\n  SELECT ERROR_LINE(), ERROR_SEVERITY(), XACT_STATE()\nEND CATCH").await;
    assert_eq!(
        answer.sets[1].rows[0],
        [Value::Int(2), Value::Int(16), Value::SmallInt(0)]
    );
}

#[tokio::test]
async fn deep_nesting_is_refused_and_long_chains_are_not() {
    let world = one().await;
    let deep = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
    assert_eq!(errors(&world.a, &deep).await, [191]);
    let long = format!("SELECT LEN({})", vec!["'ab'"; 3000].join(" + "));
    assert_eq!(number(&world.a, &long).await, 6000);
    let many = format!("IF {} SELECT 1", vec!["1 = 1"; 3000].join(" AND "));
    assert_eq!(number(&world.a, &many).await, 1);
}

#[tokio::test]
async fn endless_recursion_ends_with_217() {
    let world = one().await;
    let script = "DECLARE @s nvarchar(max) = N'EXEC sp_executesql @s, N''@s nvarchar(max)'', @s'; EXEC sp_executesql @s, N'@s nvarchar(max)', @s";
    assert_eq!(errors(&world.a, script).await, [217]);
}
