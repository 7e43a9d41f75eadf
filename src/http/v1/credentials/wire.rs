//! Credentials as they cross the wire. The view has no field a password could be in.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::domain::credential::{
    CredentialKind, CredentialSpec, HostPattern, check_password, check_user,
};
use crate::domain::registration::{Labels, Wanted};
use crate::http::problem::{Faults, Problem};
use crate::http::text::{Lines, Tabular, moment};
use crate::http::v1::labels;
use crate::http::v1::registration::{Screen, registration_view};
use crate::store::credentials::Credential;

const MAX_HOSTS: usize = 100;

/// A credential as it is declared. Has no Debug: it holds a password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutCredential {
    spec: CredentialInput,
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    labels: Labels,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CredentialInput {
    kind: CredentialKind,
    /// The SQL login's name.
    #[schema(min_length = 1, max_length = 128, example = "mirrorgate")]
    user: String,
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 128)]
    password: SecretString,
    /// Where it may be sent: host names, addresses, or `*.suffix` for any depth below.
    #[schema(min_items = 1, max_items = 100, example = json!(["*.corp.example"]))]
    hosts: Vec<String>,
}

impl PutCredential {
    /// What is wanted, and the password apart from it.
    ///
    /// # Errors
    /// `refused`, with every rule that is broken.
    pub fn check(self) -> Result<(Wanted<CredentialSpec>, SecretString), Problem> {
        let mut faults = labels::faults(&self.labels);
        if let Err(e) = check_user(&self.spec.user) {
            faults.add("/spec/user", e.code(), e.to_string());
        }
        if let Err(e) = check_password(&self.spec.password) {
            faults.add("/spec/password", "invalid_password", e.to_string());
        }
        let hosts = check_hosts(&self.spec.hosts, &mut faults);
        faults.refuse()?;
        let spec = CredentialSpec {
            kind: self.spec.kind,
            user: self.spec.user,
            hosts,
        };
        Ok((Wanted::new(spec, self.labels), self.spec.password))
    }
}

fn check_hosts(hosts: &[String], faults: &mut Faults) -> Vec<HostPattern> {
    if !(1..=MAX_HOSTS).contains(&hosts.len()) {
        faults.add("/spec/hosts",
            "invalid_hosts",
            format!("found {} patterns, wanted are 1 to {MAX_HOSTS}: a credential names the hosts it may be sent to", hosts.len()));
        return Vec::new();
    }
    let mut patterns = Vec::new();
    for (i, host) in hosts.iter().enumerate() {
        let pointer = format!("/spec/hosts/{i}");
        patterns.extend(faults.read(pointer, "invalid_host", HostPattern::declare(host)));
    }
    patterns
}

registration_view! {
    /// A credential as it is shown.
    CredentialView(CredentialOutput, CredentialStatus),
    example "prod-sql", revision "Counts changes of spec, labels and password."
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CredentialOutput {
    kind: CredentialKind,
    user: String,
    hosts: Vec<String>,
}

/// Nothing is observed about a credential by itself; what an instance said to it stands in the instance's status.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CredentialStatus {}

impl CredentialView {
    #[must_use]
    pub fn of(credential: &Credential) -> Self {
        let spec = &credential.spec;
        let shown = CredentialOutput {
            kind: spec.kind,
            user: spec.user.clone(),
            hosts: spec.hosts.iter().map(|h| h.as_str().to_owned()).collect(),
        };
        Self::around(credential, shown, CredentialStatus {})
    }
}

impl Screen for CredentialView {
    fn plain(&self) -> String {
        let mut lines = Lines::default();
        lines.line("credential", &self.name);
        lines.line("kind", self.spec.kind.as_str());
        lines.line("user", &self.spec.user);
        lines.line("hosts", self.spec.hosts.join(", "));
        lines.line("labels", labels::cell(&self.labels));
        lines.line("revision", self.revision.to_string());
        lines.line("updated", moment(self.updated_at));
        lines.render()
    }
}

impl Tabular for CredentialView {
    const COLUMNS: &'static [&'static str] =
        &["NAME", "KIND", "USER", "HOSTS", "REVISION", "UPDATED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.spec.kind.as_str().to_owned(),
            self.spec.user.clone(),
            self.spec.hosts.join(","),
            self.revision.to_string(),
            moment(self.updated_at),
        ]
    }
}

pub fn example() -> serde_json::Value {
    serde_json::json!({
        "name": "prod-sql", "labels": {"env": "prod"}, "revision": 1,
        "created_at": "2026-11-22T20:11:00Z", "updated_at": "2026-11-22T20:11:00Z",
        "spec": {"kind": "sql_login", "user": "mirrorgate", "hosts": ["*.corp.example"]},
        "status": {}
    })
}
