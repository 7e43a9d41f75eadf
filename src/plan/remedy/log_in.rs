//! Log-ins the server refused, by what it said.

use super::Advice;
use crate::domain::cause::{LogInCause, Refusal};

pub(super) fn advice(cause: &LogInCause, instance: &str) -> Advice {
    let LogInCause {
        user, application, ..
    } = cause;
    let wanted = match cause.refusal {
        Refusal::LogonTrigger => format!(
            "logon triggers that let login [{user}] in when its application is [{application}]"
        ),
        Refusal::OnlyAdministrators | Refusal::SingleUser => {
            "a server that takes more than its administrators".to_owned()
        }
        Refusal::Database => format!("login [{user}] admitted to database master"),
        Refusal::DefaultDatabase => format!("a default database of [{user}] that can be opened"),
        Refusal::Gateway => "the address of a SQL Server instance itself".to_owned(),
        _ => "a log-in that the server accepts".to_owned(),
    };
    let then = match cause.refusal.rests() {
        true => format!(
            " Not tried again, to avoid a lock-out: change the credential, or ask for an inspection of {instance}."
        ),
        false => " The password was not what was refused, so the next job tries again.".to_owned(),
    };
    Advice {
        wanted,
        remedy: what_to_do(cause, instance) + &then,
    }
}

fn what_to_do(cause: &LogInCause, instance: &str) -> String {
    let LogInCause {
        user, application, ..
    } = cause;
    match cause.refusal {
        Refusal::Unsaid => format!(
            "SQL Server hides the reason from clients; the error log of {instance} has it as the state: 5 unknown login, 7 disabled, 8 password, 58 Windows-only mode."
        ),
        Refusal::WindowsOnly => format!(
            "{instance} takes [{user}] for a Windows log-in, or takes no other kind. mirrorgate logs in with SQL logins only: name one in the credential; if SERVERPROPERTY('IsIntegratedSecurityOnly') is 1, set the server to mixed authentication too, which takes a restart."
        ),
        Refusal::Disabled => format!(
            "Login [{user}] is disabled. If it is still meant to be used, an administrator of {instance} enables it (ALTER LOGIN with ENABLE); else name another one in the credential."
        ),
        Refusal::LockedOut => format!(
            "Login [{user}] is locked out, after too many wrong passwords. First find who sends them (18456 in the error log of {instance}, with the client's address), or it is locked again; then an administrator sets the login's password with the option UNLOCK. Changing the credential does not unlock it."
        ),
        Refusal::PasswordExpired => format!(
            "The password of [{user}] has expired. An administrator of {instance} sets a new one, and it goes into the credential. A service's login is best made with CHECK_EXPIRATION = OFF and its password changed by plan; otherwise it stops like this each time."
        ),
        Refusal::MustChangePassword => format!(
            "The password of [{user}] was set with MUST_CHANGE, and mirrorgate changes no password by itself. An administrator of {instance} sets a new one without MUST_CHANGE, and it goes into the credential."
        ),
        Refusal::LogonTrigger => format!(
            "The password is right; a logon trigger of {instance} took the log-in back (sys.server_triggers; what it prints is in the error log). mirrorgate announces itself as APP_NAME() {application}, ORIGINAL_LOGIN() {user}: let the trigger admit both, or start mirrorgate with --application-name and a name it admits."
        ),
        Refusal::OnlyAdministrators => format!(
            "{instance} runs so that only administrators may connect, mostly for maintenance. Wait for its end."
        ),
        Refusal::SingleUser => format!(
            "{instance} runs in single-user mode (-m), mostly for maintenance, and takes one administrator at a time. Wait for its end: another log-in would only take that one place."
        ),
        Refusal::Database => format!(
            "The password is right, but [{user}] may not open database master on {instance}, where everything mirrorgate needs is. Look there for a DENY CONNECT to the login's user or its roles; and if {instance} is reached through a listener, register the instance's own address."
        ),
        Refusal::DefaultDatabase => format!(
            "An administrator of {instance} gives [{user}] a default database that it can open (ALTER LOGIN with DEFAULT_DATABASE = master)."
        ),
        Refusal::Gateway => "The address is that of an Azure SQL gateway, which knows no server of the name asked for. Azure SQL databases have no database mirroring endpoints: register SQL Server instances, each by its own address.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(number: i32) -> String {
        let cause = LogInCause {
            refusal: Refusal::of(number).unwrap(),
            user: "svc".into(),
            application: "mirrorgate".into(),
        };
        advice(&cause, "HOST_A").remedy
    }

    #[test]
    fn each_refusal_has_a_remedy_of_its_own() {
        let numbers = [
            18456, 18452, 18470, 18486, 18487, 18488, 17892, 18451, 18461, 4060, 4064, 40532,
        ];
        let mut remedies: Vec<String> = numbers.map(remedy).to_vec();
        remedies.sort();
        remedies.dedup();
        assert_eq!(remedies.len(), numbers.len());
    }

    #[test]
    fn only_where_the_log_in_itself_was_refused_is_it_left_alone() {
        for number in [18456, 18452, 18470, 18486, 18487, 18488] {
            assert!(remedy(number).contains("Not tried again"), "{number}");
        }
        for number in [17892, 18451, 18461, 4060, 4064, 40532] {
            assert!(remedy(number).contains("the next job tries"), "{number}");
        }
    }

    #[test]
    fn what_is_wanted_names_what_was_refused() {
        let numbers = [18456, 18452, 18470, 18486, 18487, 18488];
        let cases = [
            (
                17892,
                "logon triggers that let login [svc] in when its application is [mirrorgate]",
            ),
            (18451, "more than its administrators"),
            (18461, "more than its administrators"),
            (4060, "login [svc] admitted to database master"),
            (4064, "a default database of [svc]"),
            (40532, "the address of a SQL Server instance itself"),
        ];
        let accepted = numbers.map(|number| (number, "a log-in that the server accepts"));
        for (number, wanted) in cases.into_iter().chain(accepted) {
            let cause = LogInCause {
                refusal: Refusal::of(number).unwrap(),
                user: "svc".into(),
                application: "mirrorgate".into(),
            };
            let said = advice(&cause, "HOST_A").wanted;
            assert!(said.contains(wanted), "{number}: {said}");
        }
    }
}
