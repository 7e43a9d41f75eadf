//! Derived files and promises of the papers: what is committed is what the code says.

use std::fs;
use std::path::Path;
use std::process::Command;

use mirrorgate::domain::finding::Code;
use mirrorgate::domain::job::FailureCode;

fn committed(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

fn mirrorgate(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_mirrorgate"))
        .args(arguments)
        .env_clear()
        .output()
        .unwrap()
}

#[test]
fn the_committed_openapi_document_is_the_codes() {
    let printed = mirrorgate(&["openapi"]);
    assert!(printed.status.success(), "{printed:?}");
    assert!(
        String::from_utf8(printed.stdout).unwrap() == committed("openapi/openapi.json"),
        "openapi/openapi.json is old; run: cargo run -- openapi > openapi/openapi.json"
    );
}

#[test]
fn every_setting_is_explained_and_documented() {
    let help = String::from_utf8(mirrorgate(&["serve", "--help"]).stdout).unwrap();
    let readme = committed("README.md");
    let mut settings = 0;
    for line in help
        .lines()
        .filter(|l| l.trim_start().starts_with("--") || l.trim_start().starts_with("-h"))
    {
        let flag = line
            .split_whitespace()
            .find(|w| w.starts_with("--"))
            .unwrap();
        if flag == "--help" {
            continue;
        }
        settings += 1;
        assert!(readme.contains(flag), "README does not tell of {flag}");
    }
    assert!(settings > 15, "{help}");
}

#[test]
fn an_impossible_configuration_is_refused_with_the_reason() {
    for (arguments, wanted) in [
        (vec!["serve", "--listen", "0.0.0.0:0"], "--token-file"),
        (vec!["serve", "--listen", "nowhere"], "--listen"),
        (vec!["serve", "--lease", "10"], "30s"),
        (
            vec!["migrate", "--database-url", "mysql://u@127.0.0.1/x"],
            "scheme is mysql",
        ),
        (
            vec!["serve", "--database-url", "postgres://127.0.0.1:1/x"],
            "--seal-key-file",
        ),
        (
            vec!["serve", "--token-file", "/does/not/exist"],
            "/does/not/exist",
        ),
    ] {
        let refused = mirrorgate(&arguments);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success(), "{arguments:?}");
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn the_demos_fleet_starts_and_is_one_of_strangers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/demo-fleet.toml");
    let mut file = sqlserver_sim::fleet_file::read(&path).unwrap();
    for instance in &mut file.instances {
        instance.port = 0;
        instance.key_bits = Some(2048);
    }
    let fleet = sqlserver_sim::fleet_file::start(&file, "127.0.0.1")
        .await
        .unwrap();
    let instances = fleet.instances();
    assert_eq!(instances.len(), 3);
    for (from, to) in [(0, 1), (1, 0), (2, 0)] {
        assert!(fleet.handshake(&instances[from], &instances[to]).is_err());
    }
}

#[test]
fn every_code_is_told_in_the_table_of_codes() {
    let table = committed("docs/findings.md");
    let section = |heading: &str| table.split(heading).nth(1).unwrap().split("\n## ").next();
    let (findings, failures) = (
        section("\n## Findings\n"),
        section("\n## Failures of jobs\n"),
    );
    let tells = |rows: Option<&str>, code| rows.unwrap().contains(&format!("\n| `{code}` |"));
    for code in Code::ALL {
        assert!(tells(findings, code.as_str()), "finding {code:?}");
    }
    for code in FailureCode::ALL {
        assert!(tells(failures, code.as_str()), "failure {code:?}");
    }
}

#[test]
fn every_rule_names_a_test_that_exists() {
    let papers = committed("CONTRIBUTING.md");
    let table = papers.split("## Rule → test").nth(1).unwrap();
    let mut named = 0;
    for row in table
        .lines()
        .filter(|l| l.starts_with("| ") && l.contains('`'))
    {
        let test = row.rsplit('`').nth(1).unwrap();
        let (file, name) = test.split_once("::").unwrap_or((test, ""));
        let text = committed(file);
        // A function, or the first word of a line that a macro makes a test of.
        let made = format!("{name} ");
        let found = name.is_empty()
            || text.contains(&format!("fn {name}("))
            || text.lines().any(|l| l.trim_start().starts_with(&made));
        assert!(found, "{file} has no {name}");
        named += 1;
    }
    assert!(named >= 40, "{named} rules are named");
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let text = committed("SECURITY.md");
    let tests: Vec<(&str, &str)> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|quoted| quoted.split_once(".rs::"))
        .collect();
    for (file, name) in &tests {
        let code = committed(&format!("{file}.rs"));
        assert!(
            code.contains(&format!("fn {name}(")),
            "{file}.rs has no {name}"
        );
    }
    assert!(tests.len() >= 15, "{} tests are named", tests.len());
}
