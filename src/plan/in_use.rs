//! Who is on an endpoint now, and whether an import there is worth the risk of a reconnect.

use super::context::Context;
use super::findings::Findings;
use crate::domain::action::Action;
use crate::domain::desired_state::IfEndpointInUse;
use crate::domain::duration_words::counted;
use crate::domain::finding::{Code, Severity};
use crate::domain::observation::{DatabaseRole, MirroredDatabase, Observation};

/// How many databases a finding names before it only counts.
const MOST_NAMED: usize = 20;

/// Says nothing where nothing is imported: then nobody is disturbed, and the line on the endpoint tells its use.
pub(super) fn check(
    context: &Context<'_>,
    index: usize,
    actions: &[Action],
    findings: &mut Findings,
) {
    let Some(seen) = context.observed(index) else {
        return;
    };
    let is_import = |action: &Action| matches!(action, Action::ImportCertificate { .. });
    if !actions.iter().any(is_import) || !is_in_use(seen) {
        return;
    }
    let risks_failover = seen.databases.iter().any(may_fail_over);
    let refuse = context.desired.if_endpoint_in_use == IfEndpointInUse::Refuse;
    let blocks = risks_failover && refuse;
    findings.add(
        context
            .finding(Code::EndpointInUse, index)
            .severity(if blocks { Severity::Blocker } else { Severity::Warning })
            .found(details(seen))
            .wanted(if blocks {
                "no database there that is principal with a witness while a certificate is imported"
            } else {
                "to be known: importing a certificate may make the endpoint's connections reconnect"
            })
            .remedy(if blocks {
                "Whether an import makes the transport reconnect is not verified; with a witness a reconnect could become a failover. Ask in a quiet hour, with if_endpoint_in_use: proceed."
            } else {
                "Nothing, or a quiet hour."
            }),
    );
}

/// For those who only ask: who is on the endpoint, and what that would mean for a change.
pub(super) fn tell(context: &Context<'_>, index: usize, findings: &mut Findings) {
    let Some(seen) = context.observed(index).filter(|seen| is_in_use(seen)) else {
        return;
    };
    let remedy = if seen.databases.iter().any(is_principal_with_witness) {
        "Nothing now. Importing a certificate there is refused unless the job says if_endpoint_in_use: proceed; choose a quiet hour for it."
    } else {
        "Nothing now; a quiet hour, when a certificate is to be imported."
    };
    findings.add(
        context
            .finding(Code::EndpointInUse, index)
            .severity(Severity::Info)
            .found(details(seen))
            .wanted("to be known: importing a certificate may make the endpoint's connections reconnect")
            .remedy(remedy),
    );
}

fn is_in_use(seen: &Observation) -> bool {
    !seen.databases.is_empty()
        || !seen.availability_groups.is_empty()
        || seen.connections.as_ref().is_some_and(|c| !c.is_empty())
}

fn is_principal_with_witness(database: &MirroredDatabase) -> bool {
    database.role == DatabaseRole::Principal && database.has_witness
}

/// What is disconnected already has nothing to lose by a reconnect; the import may be what ends that.
fn may_fail_over(database: &MirroredDatabase) -> bool {
    is_principal_with_witness(database) && database.state.as_deref() != Some("DISCONNECTED")
}

/// `4 databases (2 principal with witness)`, or nothing.
pub(super) fn summary(seen: &Observation) -> Option<String> {
    let mut parts = Vec::new();
    if !seen.databases.is_empty() {
        let risky = seen
            .databases
            .iter()
            .filter(|d| is_principal_with_witness(d))
            .count();
        let databases = counted(seen.databases.len(), "database");
        parts.push(format!("{databases} ({risky} principal with witness)"));
    }
    if !seen.availability_groups.is_empty() {
        let groups = seen.availability_groups.len();
        parts.push(counted(groups, "availability group"));
    }
    let connections = seen.connections.as_ref().map_or(0, Vec::len);
    if parts.is_empty() && connections > 0 {
        parts.push(counted(connections, "connection"));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The databases at risk first, and not hundreds of them.
fn details(seen: &Observation) -> String {
    let mut databases: Vec<&MirroredDatabase> = seen.databases.iter().collect();
    databases.sort_by_key(|d| !is_principal_with_witness(d));
    let named = databases.iter().take(MOST_NAMED);
    let mut parts: Vec<String> = named.map(|d| database(d)).collect();
    if databases.len() > MOST_NAMED {
        parts.push(counted(databases.len() - MOST_NAMED, "further database"));
    }
    if !seen.availability_groups.is_empty() {
        parts.push(format!(
            "availability groups {}",
            seen.availability_groups.join(", ")
        ));
    }
    match &seen.connections {
        Some(connections) => parts.push(counted(connections.len(), "live connection")),
        None => parts.push("live connections not permitted to see".to_owned()),
    }
    parts.join("; ")
}

fn database(database: &MirroredDatabase) -> String {
    let role = match database.role {
        DatabaseRole::Principal if database.has_witness => "principal with witness",
        DatabaseRole::Principal => "principal",
        DatabaseRole::Mirror => "mirror",
        DatabaseRole::Witness => "witnessed here",
    };
    let mut text = format!("database {} {role}", database.name);
    for more in [&database.safety, &database.state].into_iter().flatten() {
        text.push_str(", ");
        text.push_str(more);
    }
    text
}
