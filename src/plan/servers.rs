//! What the servers themselves are: versions, editions, platforms, clocks, triggers. One member at a time; two at once is `compatibility`.

use super::context::Context;
use super::findings::Findings;
use crate::domain::finding::Code;
use crate::domain::observation::Server;
use crate::domain::pair::OperatingMode;

/// SQL Server 2012.
const FIRST_USABLE: u32 = 11;
const ENTERPRISE: i32 = 3;
const EXPRESS: i32 = 4;

pub(super) fn check(context: &Context<'_>, findings: &mut Findings) {
    for (index, _, seen) in context.all_observed() {
        let server = &seen.server;
        version(context, index, server, findings);
        if context.is_partner(index) {
            partner_edition(context, index, server, findings);
        }
        if server.is_linux {
            findings.add(
                context
                    .finding(Code::MirroringUnsupportedOnLinux, index)
                    .found(format!("SQL Server {} on Linux", server.version))
                    .wanted("Windows, for database mirroring")
                    .remedy("The endpoint and its trusts serve availability groups all the same."),
            );
        }
        if !seen.ddl_triggers.is_empty() {
            findings.add(
                context
                    .finding(Code::DdlTriggerPresent, index)
                    .found(format!("enabled DDL triggers: {}", seen.ddl_triggers.join(", ")))
                    .wanted("to be known: a trigger may refuse what is to be created (3609), or do more")
                    .remedy("Ask who owns them, if an action is refused."),
            );
        }
    }
}

fn version(context: &Context<'_>, index: usize, server: &Server, findings: &mut Findings) {
    if server.major() < FIRST_USABLE {
        findings.add(
            context
                .finding(Code::VersionTooOld, index)
                .found(format!("version {}", server.version))
                .wanted("SQL Server 2012 (11) or later: CERTENCODED and FROM BINARY do not exist before")
                .remedy("Configure this instance by hand, or upgrade it."),
        );
    }
}

fn partner_edition(context: &Context<'_>, index: usize, server: &Server, findings: &mut Findings) {
    let is_web = server.edition.to_ascii_lowercase().starts_with("web");
    if server.engine_edition == EXPRESS || is_web {
        findings.add(
            context
                .finding(Code::EditionWitnessOnly, index)
                .found(format!("{} as a partner", server.edition))
                .wanted("Standard, Enterprise or Developer: this edition can only be a witness")
                .remedy("Make it the witness, or use an instance of another edition."),
        );
    }
    let asynchronous = context.desired.operating_mode == Some(OperatingMode::HighPerformance);
    if asynchronous && server.engine_edition != ENTERPRISE {
        findings.add(
            context
                .finding(Code::AsynchronousNeedsEnterprise, index)
                .found(format!(
                    "{} with operating_mode high_performance",
                    server.edition
                ))
                .wanted("Enterprise or Developer: other editions have SAFETY FULL only")
                .remedy("Choose high_safety, or use instances of that edition."),
        );
    }
}
