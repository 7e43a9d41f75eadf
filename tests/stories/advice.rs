//! The service itself, asked over HTTP as people ask it: what a dry run prints can be run as printed, makes its finding go away,
//! costs nobody an accepted handshake, and followed to its end, uploads and all, lets every member in. The table over all
//! codes is that of `cures`.

use std::collections::BTreeSet;

use serde_json::Value;
use sqlserver_sim::protocol::Value as Cell;
use sqlx::PgPool;

use crate::harness::TestApp;

const PAIR: [&str; 2] = ["HOST_A", "HOST_B"];
/// More dry runs than any way to the end takes.
const MOST_STEPS: usize = 14;

/// A world that raises `code` about `on`.
struct Case {
    name: &'static str,
    code: &'static str,
    on: &'static str,
    /// The pair is configured before the world is changed.
    configured: bool,
    /// Their certificates are uploaded; else they are obtained.
    pinned: bool,
    /// Server and statement; `{B}` is HOST_B's certificate, `{soon}` a date in ten days; `CLOCK n` sets its clock n days off.
    world: &'static [(&'static str, &'static str)],
}

const fn fresh(
    name: &'static str,
    code: &'static str,
    on: &'static str,
    world: &'static [(&'static str, &'static str)],
) -> Case {
    Case {
        name,
        code,
        on,
        configured: false,
        pinned: true,
        world,
    }
}

const fn configured(
    name: &'static str,
    code: &'static str,
    on: &'static str,
    world: &'static [(&'static str, &'static str)],
) -> Case {
    Case {
        configured: true,
        ..fresh(name, code, on, world)
    }
}

const LOGIN_B: &str = "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'";

const ENDING: &str = "CREATE CERTIFICATE ending WITH SUBJECT = N'ending', START_DATE = '20200101', EXPIRY_DATE = '{soon}'";
const USE_ENDING: &str = "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE ending)";

const CASES: &[Case] = &[
    fresh(
        "owned by dbo",
        "certificate_owned_by_dbo",
        "HOST_A",
        &[("HOST_A", "CREATE CERTIFICATE [B] FROM BINARY = 0x{B}")],
    ),
    fresh(
        "lost login",
        "user_orphaned",
        "HOST_A",
        &[
            (
                "HOST_A",
                "CREATE LOGIN [gone] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
            ("HOST_A", "CREATE USER [HOST_B_user] FOR LOGIN [gone]"),
            (
                "HOST_A",
                "CREATE CERTIFICATE [B] AUTHORIZATION [HOST_B_user] FROM BINARY = 0x{B}",
            ),
            ("HOST_A", "DROP LOGIN [gone]"),
        ],
    ),
    fresh(
        "lost login, nothing owned",
        "user_orphaned",
        "HOST_A",
        &[
            (
                "HOST_A",
                "CREATE LOGIN [gone] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
            ("HOST_A", "CREATE USER [HOST_B_user] FOR LOGIN [gone]"),
            ("HOST_A", "DROP LOGIN [gone]"),
        ],
    ),
    fresh(
        "without login",
        "user_orphaned",
        "HOST_A",
        &[
            ("HOST_A", "CREATE USER [HOST_B_user] WITHOUT LOGIN"),
            (
                "HOST_A",
                "CREATE CERTIFICATE [B] AUTHORIZATION [HOST_B_user] FROM BINARY = 0x{B}",
            ),
        ],
    ),
    fresh(
        "without login, nothing owned",
        "user_orphaned",
        "HOST_A",
        &[("HOST_A", "CREATE USER [HOST_B_user] WITHOUT LOGIN")],
    ),
    fresh(
        "certificate's name taken, with key",
        "name_taken",
        "HOST_A",
        &[(
            "HOST_A",
            "CREATE CERTIFICATE [host_b_CERT] WITH SUBJECT = N'somebody else'",
        )],
    ),
    fresh(
        "user's name taken",
        "name_taken",
        "HOST_A",
        &[
            (
                "HOST_A",
                "CREATE LOGIN [other] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
            ("HOST_A", "CREATE USER [HOST_B_user] FOR LOGIN [other]"),
        ],
    ),
    fresh(
        "denied to the login",
        "connect_denied",
        "HOST_A",
        &[
            ("HOST_A", LOGIN_B),
            (
                "HOST_A",
                "DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO [HOST_B_login]",
            ),
        ],
    ),
    fresh(
        "denied to public",
        "connect_denied",
        "HOST_A",
        &[(
            "HOST_A",
            "DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO public",
        )],
    ),
    configured(
        "CONTROL denied, all in place",
        "connect_denied",
        "HOST_A",
        &[(
            "HOST_A",
            "DENY CONTROL ON ENDPOINT::Endpoint_Mirroring TO [HOST_B_login]",
        )],
    ),
    configured(
        "CONTROL SERVER denied, all in place",
        "connect_denied",
        "HOST_A",
        &[("HOST_A", "DENY CONTROL SERVER TO [HOST_B_login]")],
    ),
    configured(
        "denied to a role, all in place",
        "connect_denied",
        "HOST_A",
        &[
            ("HOST_A", "CREATE SERVER ROLE [shut out]"),
            (
                "HOST_A",
                "ALTER SERVER ROLE [shut out] ADD MEMBER [HOST_B_login]",
            ),
            (
                "HOST_A",
                "DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO [shut out]",
            ),
        ],
    ),
    configured(
        "disabled",
        "peer_login_disabled",
        "HOST_A",
        &[("HOST_A", "ALTER LOGIN [HOST_B_login] DISABLE")],
    ),
    configured(
        "CONNECT SQL denied",
        "peer_login_disabled",
        "HOST_A",
        &[("HOST_A", "DENY CONNECT SQL TO [HOST_B_login]")],
    ),
    configured(
        "CONNECT SQL revoked",
        "peer_login_disabled",
        "HOST_A",
        &[("HOST_A", "REVOKE CONNECT SQL FROM [HOST_B_login]")],
    ),
    configured(
        "a login of sysadmin that works",
        "peer_login_privileged",
        "HOST_A",
        &[(
            "HOST_A",
            "ALTER SERVER ROLE sysadmin ADD MEMBER [HOST_B_login]",
        )],
    ),
    fresh(
        "a new chain on sysadmin",
        "peer_login_privileged",
        "HOST_A",
        &[
            ("HOST_A", LOGIN_B),
            (
                "HOST_A",
                "ALTER SERVER ROLE sysadmin ADD MEMBER [HOST_B_login]",
            ),
        ],
    ),
    configured(
        "the owner as peer's login",
        "login_owns_endpoint",
        "HOST_A",
        &[(
            "HOST_A",
            "ALTER AUTHORIZATION ON ENDPOINT::Endpoint_Mirroring TO [HOST_B_login]",
        )],
    ),
    fresh(
        "a new chain on the endpoint's owner",
        "name_taken",
        "HOST_A",
        &[
            ("HOST_A", LOGIN_B),
            (
                "HOST_A",
                "ALTER AUTHORIZATION ON ENDPOINT::Endpoint_Mirroring TO [HOST_B_login]",
            ),
        ],
    ),
    configured(
        "stopped",
        "endpoint_stopped",
        "HOST_B",
        &[(
            "HOST_B",
            "ALTER ENDPOINT Endpoint_Mirroring STATE = STOPPED",
        )],
    ),
    configured(
        "witness only",
        "endpoint_role_insufficient",
        "HOST_B",
        &[(
            "HOST_B",
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ROLE = WITNESS)",
        )],
    ),
    configured(
        "RC4 beside AES",
        "endpoint_allows_rc4",
        "HOST_B",
        &[(
            "HOST_B",
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4 AES)",
        )],
    ),
    configured(
        "RC4 alone on both",
        "endpoint_allows_rc4",
        "HOST_B",
        &[
            (
                "HOST_A",
                "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4)",
            ),
            (
                "HOST_B",
                "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4)",
            ),
        ],
    ),
    configured(
        "no encryption on both",
        "endpoint_allows_no_encryption",
        "HOST_B",
        &[
            (
                "HOST_A",
                "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = DISABLED)",
            ),
            (
                "HOST_B",
                "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = DISABLED)",
            ),
        ],
    ),
    configured(
        "encryption on demand",
        "endpoint_allows_no_encryption",
        "HOST_B",
        &[(
            "HOST_B",
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = SUPPORTED ALGORITHM AES)",
        )],
    ),
    configured(
        "RC4 against AES",
        "no_common_algorithm",
        "HOST_B",
        &[(
            "HOST_B",
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4)",
        )],
    ),
    fresh(
        "no endpoint",
        "no_endpoint",
        "HOST_B",
        &[("HOST_B", "DROP ENDPOINT Endpoint_Mirroring")],
    ),
    fresh(
        "Windows authentication alone",
        "endpoint_not_certificate",
        "HOST_B",
        &[(
            "HOST_B",
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = WINDOWS NEGOTIATE)",
        )],
    ),
    Case {
        pinned: false,
        ..fresh(
            "no master key",
            "no_master_key",
            "HOST_B",
            &[
                ("HOST_B", "DROP ENDPOINT Endpoint_Mirroring"),
                ("HOST_B", "DROP CERTIFICATE HOST_B_cert"),
                ("HOST_B", "DROP MASTER KEY"),
            ],
        )
    },
    Case {
        pinned: false,
        ..configured(
            "expired",
            "own_certificate_expired",
            "HOST_B",
            &[
                ("HOST_B", ENDING),
                ("HOST_B", USE_ENDING),
                ("HOST_A", "CLOCK 20"),
                ("HOST_B", "CLOCK 20"),
            ],
        )
    },
    Case {
        pinned: false,
        ..fresh(
            "not yet valid",
            "own_certificate_not_yet_valid",
            "HOST_B",
            &[("HOST_A", "CLOCK -10"), ("HOST_B", "CLOCK -10")],
        )
    },
    Case {
        pinned: false,
        ..configured(
            "without key",
            "own_certificate_without_key",
            "HOST_B",
            &[("HOST_B", "ALTER CERTIFICATE HOST_B_cert REMOVE PRIVATE KEY")],
        )
    },
    Case {
        pinned: false,
        ..fresh(
            "expires soon",
            "own_certificate_expires_soon",
            "HOST_B",
            &[("HOST_B", ENDING), ("HOST_B", USE_ENDING)],
        )
    },
];

/// Who may not see what is there cannot tell, says which permission is in the way, and proposes no object and no GRANT for it.
#[sqlx::test(migrations = false)]
async fn who_does_not_see_says_so_and_what_is_in_the_way(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    assert_eq!(app.configure("erp").await["state"], "succeeded");
    let script =
        include_str!("../../docs/permissions.sql").replace("<password>", "Least-privilege-1");
    for name in PAIR {
        for batch in script.split("\nGO\n").filter(|b| !b.trim().is_empty()) {
            app.host(name).exec(batch).await.unwrap();
        }
    }
    let body = serde_json::json!({"spec": {
        "kind": "sql_login", "user": "mirrorgate", "password": "Least-privilege-1", "hosts": ["127.0.0.1"],
    }});
    app.put("/v1/credentials/dba", &body)
        .await
        .expect_status(200);
    assert_eq!(app.configure("erp").await["state"], "succeeded");
    for (deny, revoke) in [
        (
            "DENY VIEW ANY DEFINITION TO [mirrorgate]",
            "REVOKE VIEW ANY DEFINITION",
        ),
        (
            "DENY VIEW DEFINITION ON DATABASE::master TO [mirrorgate]",
            "REVOKE VIEW DEFINITION",
        ),
        (
            "DENY VIEW DEFINITION ON ENDPOINT::Endpoint_Mirroring TO [mirrorgate]",
            "REVOKE VIEW DEFINITION",
        ),
    ] {
        app.host("HOST_A").exec(deny).await.unwrap();
        let job = app.configure("erp").await;
        let findings = list(&job);
        let of_a: Vec<&Value> = findings
            .iter()
            .filter(|f| f["instance"] == "HOST_A")
            .collect();
        let is_it = |f: &&&Value| {
            f["code"] == "permission_missing" && text(f, "remedy_tsql").contains(revoke)
        };
        let finding = of_a.iter().find(is_it);
        let finding = finding.unwrap_or_else(|| panic!("{deny}: no {revoke} in {of_a:#?}"));
        for other in &of_a {
            let printed = text(other, "remedy_tsql");
            assert!(
                !printed.contains("CREATE ENDPOINT") && !printed.starts_with("GRANT"),
                "{deny}: {other:#}"
            );
            assert_ne!(other["code"], "no_endpoint", "{deny}");
        }
        assert!(
            app.changes("HOST_A").iter().all(|c| !c.contains("_2]")),
            "something was made twice"
        );
        let walk = Walk {
            app: &app,
            what: deny.to_owned(),
        };
        walk.run(finding).await;
        walk.to_the_end().await;
    }
}

/// The expired one is left out, its successor is not: the advice asks for its distribution, so nothing may stop that.
#[sqlx::test(migrations = false)]
async fn an_expired_certificate_does_not_stop_its_successor(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    let host = app.host("HOST_B");
    host.exec("CREATE CERTIFICATE successor WITH SUBJECT = N'successor', START_DATE = '20200101', EXPIRY_DATE = '20990101'")
        .await
        .unwrap();
    let next = crate::harness::der_of(host, "successor").await;
    app.upload("HOST_B", next, "next").await.expect_status(201);
    for name in PAIR {
        app.host(name).set_clock_offset(chrono::Duration::days(500));
    }
    let job = app.configure("erp").await;
    assert_eq!(job["state"], "failed", "{job:#}");
    let changes = app.changes("HOST_A").join("\n");
    let count = |what: &str| changes.matches(what).count();
    assert_eq!(
        (
            count("CREATE LOGIN"),
            count("CREATE USER"),
            count("CREATE CERTIFICATE"),
            count("GRANT CONNECT")
        ),
        (1, 1, 1, 1),
        "{changes}"
    );
    host.exec("ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE successor)")
        .await
        .unwrap();
    let peers = app.host("HOST_A");
    peers.exec("CREATE CERTIFICATE own WITH SUBJECT = N'own', START_DATE = '20200101', EXPIRY_DATE = '20990101'").await.unwrap();
    peers
        .exec("ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE own)")
        .await
        .unwrap();
    assert!(app.lets_in("HOST_A", "HOST_B"), "by the successor");
}

/// Worlds with several findings at once; `MIRRORGATE_TEST_SEED` plays one again.
#[sqlx::test(migrations = false)]
async fn several_findings_at_once_are_followed_to_their_end(pool: PgPool) {
    let given = std::env::var("MIRRORGATE_TEST_SEED").ok();
    let first = given.as_ref().map_or_else(
        || u64::from(std::process::id()) * 7919,
        |seed| seed.parse().unwrap(),
    );
    let worlds = if given.is_some() { 1 } else { 10 };
    for seed in first..first + worlds {
        println!("MIRRORGATE_TEST_SEED={seed}");
        at_once(&pool, seed, &chosen_by(seed)).await;
        emptied(&pool).await;
    }
}

/// Three that start alike.
fn chosen_by(seed: u64) -> [usize; 3] {
    let mut state = seed;
    let mut any = |of: &[usize]| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        of[usize::try_from(state >> 33).unwrap() % of.len()]
    };
    // The clocks would be set against each other.
    let keeps_time = |n: &usize| !CASES[*n].world.iter().any(|(_, s)| s.starts_with("CLOCK"));
    let usable: Vec<usize> = (0..CASES.len()).filter(keeps_time).collect();
    let first = any(&usable);
    let starts_alike = |n: &usize| {
        CASES[*n].configured == CASES[first].configured && CASES[*n].pinned == CASES[first].pinned
    };
    let fitting: Vec<usize> = usable.iter().copied().filter(starts_alike).collect();
    [first, any(&fitting), any(&fitting)]
}

async fn at_once(pool: &PgPool, seed: u64, chosen: &[usize; 3]) {
    let names = chosen.map(|n| CASES[n].name).join("; ");
    let app = start(pool, &CASES[chosen[0]]).await;
    let what = format!("seed {seed}: {names}");
    let walk = Walk { app: &app, what };
    if CASES[chosen[0]].configured {
        app.configure("erp").await;
    }
    for n in chosen {
        walk.bring(*n).await;
    }
    walk.to_the_end().await;
}

type Accepted = BTreeSet<(&'static str, &'static str)>;

fn accepted(app: &TestApp) -> Accepted {
    let both = [(PAIR[0], PAIR[1]), (PAIR[1], PAIR[0])];
    both.into_iter()
        .filter(|(to, from)| app.lets_in(to, from))
        .collect()
}

fn list(job: &Value) -> Vec<Value> {
    job["plan"]["findings"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

fn text<'a>(finding: &'a Value, part: &str) -> &'a str {
    finding[part].as_str().unwrap_or_default()
}

/// `<yesterday>`, or an omission.
fn has_placeholder(statement: &str) -> bool {
    let opens = |(at, _): (usize, &str)| statement[at + 1..].starts_with(char::is_alphabetic);
    statement.contains('…') || statement.contains("...") || statement.match_indices('<').any(opens)
}

/// One world, and what was done to it.
struct Walk<'a> {
    app: &'a TestApp,
    what: String,
}

impl Walk<'_> {
    /// One world may stand in another's way: then it is that much smaller.
    async fn bring(&self, case: usize) {
        for (host, statement) in CASES[case].world {
            if let Err(refused) = self.try_change(host, statement).await {
                println!("{}: {statement}: {refused}", self.what);
            }
        }
    }

    async fn change(&self, host: &str, statement: &str) {
        if let Err(errors) = self.try_change(host, statement).await {
            panic!("{}: {statement}: {errors}", self.what);
        }
    }

    async fn try_change(&self, host: &str, statement: &str) -> Result<(), String> {
        if let Some(days) = statement.strip_prefix("CLOCK ") {
            let offset = chrono::Duration::days(days.parse().unwrap());
            self.app.host(host).set_clock_offset(offset);
            return Ok(());
        }
        let soon = (chrono::Utc::now() + chrono::Duration::days(10))
            .format("%Y%m%d")
            .to_string();
        let mut statement = statement.replace("{soon}", &soon);
        if statement.contains("{B}") {
            let Some(der) = self.app.host("HOST_B").endpoint_certificate_der() else {
                return Err("HOST_B's endpoint has no certificate".to_owned());
            };
            let der = hex::encode(der);
            statement = statement.replace("{B}", &der);
        }
        let ended = self.app.host(host).exec(&statement).await;
        ended.map(|_| ()).map_err(|errors| format!("{errors:?}"))
    }

    /// Runs the cure as printed where it is printed for, and uploads what it answers with, as its words ask.
    async fn run(&self, finding: &Value) {
        let (host, statement) = (text(finding, "instance"), text(finding, "remedy_tsql"));
        assert!(
            !has_placeholder(statement),
            "{}: something to fill in: {statement}",
            self.what
        );
        let before = accepted(self.app);
        let sets = match self.app.host(host).exec(statement).await {
            Ok(sets) => sets,
            Err(errors) => panic!("{}: {finding:#}\n{statement}\n{errors:?}", self.what),
        };
        let after = accepted(self.app);
        assert!(
            before.is_subset(&after),
            "{}: accepted before {before:?}, after {after:?}, by\n{statement}",
            self.what
        );
        let made = sets
            .iter()
            .flat_map(|set| &set.rows)
            .flat_map(|row| row.iter())
            .find_map(|cell| match cell {
                Cell::Binary(der) => Some(der.clone()),
                _ => None,
            });
        if let Some(der) = made {
            self.app.upload(host, der, "next").await.expect_status(201);
        }
    }

    /// Does what the words of the plan ask for where no T-SQL is printed.
    async fn heed(&self, findings: &[Value]) {
        for finding in findings {
            if text(finding, "code") == "pinned_certificate_not_in_use" {
                self.app.pin(text(finding, "instance")).await;
            }
        }
    }

    /// Follows all advice, one piece a dry run, until everybody is let in and nothing is printed any more.
    async fn to_the_end(&self) {
        let mut taken: Vec<String> = Vec::new();
        for _ in 0..MOST_STEPS {
            let findings = list(&self.app.dry_run("erp").await);
            let printed = |f: &&Value| f["remedy_tsql"].is_string();
            let is_new = |f: &&Value| !taken.contains(&f.to_string());
            if let Some(finding) = findings.iter().filter(printed).find(is_new) {
                taken.push(finding.to_string());
                self.run(finding).await;
                continue;
            }
            self.heed(&findings).await;
            let job = self.app.configure("erp").await;
            let still = list(&job);
            let nothing_printed = !still.iter().any(|f| printed(&f) && is_new(&f));
            if job["state"] == "succeeded" && nothing_printed {
                let verified = self.app.verify("erp").await;
                assert_eq!(
                    verified["state"], "succeeded",
                    "{}: {verified:#}",
                    self.what
                );
                assert_eq!(
                    accepted(self.app).len(),
                    2,
                    "{}: green, and refused",
                    self.what
                );
                let left: Vec<_> = still.iter().filter(printed).collect();
                assert!(
                    left.is_empty(),
                    "{}: printed, run, and still said: {left:#?}",
                    self.what
                );
                return;
            }
        }
        let job = self.app.configure("erp").await;
        panic!(
            "{}: the advice does not end: {taken:#?}\n{job:#}",
            self.what
        );
    }
}

async fn start(pool: &PgPool, case: &Case) -> TestApp {
    let app = TestApp::start(pool, &PAIR).await;
    app.register_credential().await;
    for name in PAIR {
        app.register_instance(name).await;
        if case.pinned {
            app.pin(name).await;
        }
    }
    app.register_pair("erp", &PAIR).await;
    app
}

async fn holds(pool: &PgPool, case: &Case) {
    let app = start(pool, case).await;
    let walk = Walk {
        app: &app,
        what: case.name.to_owned(),
    };
    if case.configured {
        let job = app.configure("erp").await;
        assert_eq!(job["state"], "succeeded", "{}: {job:#}", case.name);
    }
    for (host, statement) in case.world {
        walk.change(host, statement).await;
    }
    let is_it = |f: &Value| text(f, "code") == case.code && text(f, "instance") == case.on;
    let found: Vec<Value> = list(&app.dry_run("erp").await)
        .into_iter()
        .filter(is_it)
        .collect();
    assert!(
        !found.is_empty(),
        "{}: no {} about {}",
        case.name,
        case.code,
        case.on
    );
    let finding = found.iter().find(|f| f["remedy_tsql"].is_string());
    if let Some(finding) = finding {
        walk.run(finding).await;
        let again = list(&app.dry_run("erp").await);
        assert!(
            !again.contains(finding),
            "{}: run, and still said: {finding:#}",
            case.name
        );
    } else {
        // Another member's step comes first; the way to the end takes it.
        assert!(
            case.code == "endpoint_allows_rc4" || case.code == "endpoint_allows_no_encryption",
            "{}: nothing printed: {found:#?}",
            case.name
        );
    }
    walk.to_the_end().await;
}

/// The next case registers the same names.
async fn emptied(pool: &PgPool) {
    sqlx::raw_sql(
        "SET session_replication_role = replica;
         DO $$ DECLARE t text; BEGIN
             FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%sqlx%' LOOP
                 EXECUTE format('DELETE FROM %I', t);
             END LOOP;
         END $$;
         SET session_replication_role = origin",
    )
    .execute(pool)
    .await
    .unwrap();
}

macro_rules! parts {
    ($($name:ident $part:literal,)+) => {
        const PARTS: usize = [$($part),+].len();
        $(#[sqlx::test(migrations = false)]
        async fn $name(pool: PgPool) {
            for case in CASES.iter().skip($part).step_by(PARTS) {
                holds(&pool, case).await;
emptied(&pool).await;
            }
        })+
    };
}

parts! {
    cures_hold_part_0 0,
    cures_hold_part_1 1,
    cures_hold_part_2 2,
    cures_hold_part_3 3,
}
