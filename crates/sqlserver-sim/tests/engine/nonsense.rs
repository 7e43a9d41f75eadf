//! Malformed T-SQL of any kind: an answer, never a panic, in bounded time and depth.

use std::sync::OnceLock;
use std::time::Duration;

use proptest::prelude::*;
use sqlserver_sim::{Connection, Fleet, Instance};
use tokio::runtime::Runtime;

use crate::world::spec;

/// Statements to be mutated: every corner of the grammar once.
const SEEDS: &[&str] = &[
    "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Str0ng!Pass', CHECK_POLICY = ON, CHECK_EXPIRATION = OFF, SID = 0x01;",
    "CREATE USER [u] FOR LOGIN [l]; DROP USER u; ALTER LOGIN l WITH NAME = m; DROP LOGIN m;",
    "CREATE CERTIFICATE c AUTHORIZATION dbo FROM BINARY = 0x308201; DROP CERTIFICATE c;",
    "BACKUP CERTIFICATE c TO FILE = 'C:\\x.cer' WITH PRIVATE KEY (FILE = 'k', ENCRYPTION BY PASSWORD = 'p');",
    "CREATE ENDPOINT e STATE = STARTED AS TCP (LISTENER_PORT = 7024, LISTENER_IP = (10.0.0.1)) FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE c, ENCRYPTION = REQUIRED ALGORITHM AES RC4, ROLE = ALL);",
    "GRANT CONNECT ON ENDPOINT::[e] TO [l] WITH GRANT OPTION AS sa; REVOKE CONNECT ON ENDPOINT::e FROM l; DENY VIEW DEFINITION ON CERTIFICATE::c TO u;",
    "CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'x'; OPEN MASTER KEY DECRYPTION BY PASSWORD = 'x'; ALTER AUTHORIZATION ON ENDPOINT::e TO sa;",
    "ALTER DATABASE [sales] SET PARTNER = 'TCP://HOST_B:7025'; ALTER DATABASE sales SET WITNESS OFF; ALTER DATABASE sales SET SAFETY FULL;",
    "DECLARE @a int = 1, @s nvarchar(max) = N'SELECT 1', @t TABLE (x int, y nvarchar(20)); INSERT @t (x, y) SELECT 1, 'a'; SELECT * FROM @t; EXEC (@s);",
    "SELECT TOP (3) p.name, COUNT(*) AS n FROM sys.server_principals AS p LEFT JOIN sys.sql_logins AS l ON l.principal_id = p.principal_id WHERE p.name LIKE N'#%' AND p.type IN ('S', 'C') AND EXISTS (SELECT * FROM sys.endpoints WHERE protocol = 2) GROUP BY p.name HAVING COUNT(*) > 0 ORDER BY n DESC, 1;",
    "BEGIN TRY BEGIN TRAN; THROW 50001, N'x', 1; COMMIT END TRY BEGIN CATCH IF @@TRANCOUNT > 0 ROLLBACK; SELECT ERROR_NUMBER(), ERROR_MESSAGE(); THROW; END CATCH",
    "IF 1 = 1 AND NOT (2 > 3 OR 'a' IS NULL) BEGIN PRINT CONVERT(nvarchar(20), GETDATE(), 126) END ELSE PRINT CASE WHEN 1 < 2 THEN QUOTENAME('a]b') ELSE NULL END;",
    "SELECT CONVERT(varbinary(max), '0xAB', 1), CAST(1.5 AS decimal(9, 2)) / 0, DATEADD(day, 99999999, GETDATE()), SUBSTRING('abc', -1, 2147483647), REPLICATE('a', 100);",
    "EXEC sp_executesql N'SELECT @p', N'@p int', @p = 5; EXEC xp_readerrorlog 0, 1; EXEC sp_getapplock 'r', 'Exclusive', 'Session', 0; SET XACT_ABORT ON; SET LOCK_TIMEOUT 0; USE master;",
    "SELECT x.a, ROW_NUMBER() OVER (ORDER BY x.a) FROM (VALUES (1), (2)) AS x(a) CROSS APPLY (SELECT 1 AS b) AS y UNION ALL SELECT 1, 2;",
    "WHILE 1 = 2 BEGIN BREAK; CONTINUE END; WAITFOR DELAY '00:00:00'; RAISERROR(N'%s %d', 10, 1, N'a', 5) WITH NOWAIT; RETURN 5",
];

const TOKENS: &[&str] = &[
    "SELECT",
    "FROM",
    "(",
    ")",
    "[",
    "]",
    "'",
    "N'",
    "\"",
    "--",
    "/*",
    "*/",
    ",",
    ";",
    "=",
    "<>",
    ".",
    "::",
    "@x",
    "@@ERROR",
    "0x",
    "0xZZ",
    "1e5",
    "99999999999999999999",
    "-",
    "+",
    "%",
    "CASE",
    "END",
    "BEGIN",
    "IF",
    "EXEC",
    "NULL",
    "\u{0}",
    "é",
    "😀",
    "\u{202e}",
    "\r\n",
    "GO",
    "CREATE",
    "CERTIFICATE",
    "WITH",
    "AS",
    "ON",
    "UNION",
    "CAST(",
    "master..sys.x",
    "IN (",
    "EXISTS (",
    "NOT",
    "$",
    "#t",
    "{",
    "\\",
];

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(TOKENS).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[a-zA-Z0-9_@#$'\\[\\]().,;*/=<>+ -]{0,24}",
    ]
}

/// A seed with pieces cut out, doubled, swapped for others, or put in.
fn mutated() -> impl Strategy<Value = String> {
    let cut = (any::<prop::sample::Index>(), 0_usize..12, piece(), 0_u8..4);
    (
        prop::sample::select(SEEDS),
        prop::collection::vec(cut, 1..6),
    )
        .prop_map(|(seed, cuts)| {
            let mut words: Vec<String> = seed
                .split_inclusive([' ', '(', ',', ';', '='])
                .map(str::to_owned)
                .collect();
            for (at, length, piece, how) in cuts {
                let at = at.index(words.len().max(1)).min(words.len());
                let end = (at + length).min(words.len());
                match how {
                    0 => drop(words.splice(at..end, [])),
                    1 => drop(words.splice(at..end, [piece])),
                    2 => words.insert(at, piece),
                    _ => {
                        let again: Vec<String> = words[at..end].to_vec();
                        words.splice(at..at, again);
                    }
                }
            }
            words.concat()
        })
}

fn random() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..40).prop_map(|all| all.join(" "))
}

struct Place {
    runtime: Runtime,
    _fleet: Fleet,
    instance: Instance,
}

fn place() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let (fleet, instance) = runtime.block_on(async {
            let fleet = Fleet::new().unwrap();
            let instance = fleet.start(spec("HOST_A")).await.unwrap();
            (fleet, instance)
        });
        Place {
            runtime,
            _fleet: fleet,
            instance,
        }
    })
}

/// Runs a batch; a panic fails the test by itself. What waits for ever by its own wish (WHILE, WAITFOR, a lock) is cut off as attention
/// would, and must have yielded to be cut.
fn run(batch: &str) {
    let place = place();
    place.runtime.block_on(async {
        let mut connection: Connection = place.instance.connect_as("sa").unwrap();
        let _ = tokio::time::timeout(Duration::from_secs(2), connection.run(batch)).await;
    });
}

/// So many cases, unless PROPTEST_CASES asks for another number.
fn cases(usual: u32) -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(usual)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(400), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_statements_are_answered(batch in mutated()) {
        run(&batch);
    }

    #[test]
    fn random_text_is_answered(batch in random()) {
        run(&batch);
    }
}

#[test]
fn depth_is_bounded_whatever_nests() {
    let deep = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(20_000), close.repeat(20_000))
    };
    let batches = [
        deep("SELECT (", "1", ")"),
        format!("SELECT {}", deep("(", "1", ")")),
        format!("SELECT {}1", "- ".repeat(20_000)),
        format!("SELECT {}1{}", "ABS(".repeat(20_000), ")".repeat(20_000)),
        format!("IF {} PRINT 1", deep("NOT (", "1 = 1", ")")),
        deep("BEGIN ", "PRINT 1", " END"),
        deep("IF 1 = 1 ", "PRINT 1", ""),
        deep("BEGIN TRY ", "PRINT 1", " END TRY BEGIN CATCH END CATCH"),
        deep("SELECT * FROM (", "SELECT 1 AS a", ") AS x"),
        format!(
            "SELECT {}1{}",
            "CASE WHEN 1 = 1 THEN ".repeat(20_000),
            " END".repeat(20_000)
        ),
        format!("SELECT 1{}", " + 1".repeat(20_000)),
        format!("SELECT 1 WHERE 1 = 1{}", " OR 1 = 1".repeat(20_000)),
        format!("SELECT 1 {}", "UNION ALL SELECT 1 ".repeat(5_000)),
        format!("SELECT 'a'{}", " + 'a'".repeat(20_000)),
        "/*".repeat(50_000),
        "[".repeat(50_000),
        "PRINT 1 ELSE ".repeat(20_000),
    ];
    let place = place();
    for batch in batches {
        let answer = place.runtime.block_on(async {
            let work = place.instance.run(&batch);
            tokio::time::timeout(Duration::from_secs(60), work).await
        });
        assert!(answer.is_ok(), "{}… was not answered in time", &batch[..40]);
    }
}

#[test]
fn a_text_that_executes_itself_ends_at_level_32() {
    let place = place();
    let text = "DECLARE @s nvarchar(max) = N'x'; SET @s = N'EXEC sp_executesql @s, N''@s nvarchar(max)'', @s'; EXEC sp_executesql @s, N'@s nvarchar(max)', @s";
    let answer = place.runtime.block_on(place.instance.run(text));
    assert_eq!(answer.errors()[0].number, 217);
}

#[test]
fn repeated_doubling_of_a_text_is_bounded() {
    let place = place();
    let text = "DECLARE @s nvarchar(max) = REPLICATE(N'a', 4000), @i int = 0; WHILE @i < 64 BEGIN SET @s = @s + @s; SET @i = @i + 1 END; SELECT LEN(@s)";
    let answer = place.runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), place.instance.run(text)).await
    });
    let answer = answer.expect("bounded work");
    assert!(
        !answer.errors().is_empty(),
        "64 doublings do not fit into any memory"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(2_000), failure_persistence: None, ..ProptestConfig::default() })]

    /// What `fuzz/` does for hours, for a moment: packets with a plausible head and any body, and plain noise.
    #[test]
    fn any_bytes_leave_the_protocol_standing(
        choice in any::<u8>(),
        packets in prop::collection::vec((prop::sample::select(&[1_u8, 3, 6, 14, 16, 18][..]), 0_u8..12, prop::collection::vec(any::<u8>(), 0..120)), 0..4),
        noise in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = vec![choice];
        for (kind, status, body) in packets {
            let length = u16::try_from(body.len() + 8).unwrap().to_be_bytes();
            bytes.extend_from_slice(&[kind, status, length[0], length[1], 0, 0, 1, 0]);
            bytes.extend_from_slice(&body);
        }
        bytes.extend_from_slice(&noise);
        sqlserver_sim::fuzzing::converse(&bytes);
    }

    #[test]
    fn any_text_leaves_the_parser_standing(text in random()) {
        sqlserver_sim::fuzzing::parse(&text);
    }
}
