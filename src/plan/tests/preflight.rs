//! What preflight finds about the members themselves, before any chain is looked at.

use chrono::Duration;

use super::estate::{A, B, Estate, W, find, only, trust};
use super::made::{between, made};
use super::world::{name, now};
use crate::domain::action::Action;
use crate::domain::cure::{Cure, OwnCertificate};
use crate::domain::desired_state::{IfEndpointInUse, NeededRoles};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::finding::{Code, Severity};
use crate::domain::identity::ServerIdentity;
use crate::domain::observation::*;
use crate::domain::own_deny::{DeniedOn, OwnDeny, PermissionName};
use crate::domain::pair::{OperatingMode, Role};
use crate::domain::trust::{Configured, Proof};

type Change = fn(&mut Estate);

/// One change to a pair that is otherwise without any finding, and the one finding it must give, on HOST_B.
#[test]
fn one_thing_wrong_is_one_finding() {
    use Severity::{Blocker, Warning};
    let cases: Vec<(Code, Severity, Change)> = vec![
        (Code::ConnectedThroughListener, Blocker, |e| {
            e.worlds[B].base.server.through_listener = true
        }),
        (Code::VersionTooOld, Blocker, |e| {
            for world in &mut e.worlds {
                world.base.server.version = "11.0.1".to_owned();
            }
            e.worlds[B].base.server.version = "10.50.6000.34".to_owned();
            e.desired.members[A].role = Role::Witness;
        }),
        (Code::EditionWitnessOnly, Blocker, |e| {
            for world in &mut e.worlds {
                world.base.server.engine_edition = 4;
            }
            e.desired.members[A].role = Role::Witness;
        }),
        (Code::EditionWitnessOnly, Blocker, |e| {
            e.worlds[B].base.server.edition = "Web Edition (64-bit)".to_owned()
        }),
        (Code::EndpointStopped, Warning, |e| {
            e.worlds[B].endpoint().state = EndpointState::Stopped
        }),
        (Code::EndpointStopped, Warning, |e| {
            e.worlds[B].endpoint().state = EndpointState::Disabled
        }),
        (Code::EndpointRoleInsufficient, Warning, |e| {
            e.worlds[B].endpoint().role = EndpointRole::Witness
        }),
        (Code::EndpointRoleInsufficient, Warning, |e| {
            e.worlds[B].endpoint().role = EndpointRole::None
        }),
        (Code::EndpointRoleInsufficient, Warning, |e| {
            e.worlds[B].endpoint().role = EndpointRole::Partner;
            e.desired.members[B].needed_roles = NeededRoles {
                partner: true,
                witness: true,
            };
        }),
        (Code::EndpointAllowsRc4, Warning, |e| {
            e.worlds[B].endpoint().encryption = EndpointEncryption::from_code(6)
        }),
        (Code::EndpointAllowsNoEncryption, Warning, |e| {
            e.worlds[B].endpoint().encryption = EndpointEncryption::from_code(4)
        }),
        (Code::EndpointPortDiffers, Warning, |e| {
            e.desired.members[B].expected_endpoint_port = Some(7022)
        }),
        (Code::EndpointNotCertificate, Blocker, |e| {
            let endpoint = e.worlds[B].endpoint();
            endpoint.accepts_certificates = false;
            endpoint.certificate = None;
        }),
        (Code::OwnCertificateUnusable, Blocker, |e| {
            e.worlds[B].endpoint().certificate = None
        }),
        (Code::NoMasterKey, Blocker, |e| {
            e.worlds[B].base.master_key.exists = false
        }),
        (Code::MasterKeyNotOpenedByServer, Warning, |e| {
            e.worlds[B].base.master_key.opened_by_server = false
        }),
        (Code::ClockSkew, Warning, |e| {
            e.worlds[B].base.server.clock = now() - Duration::seconds(61)
        }),
        (Code::ClockSkew, Warning, |e| {
            e.worlds[A].base.server.clock = now() - Duration::seconds(40);
            e.worlds[B].base.server.clock = now() + Duration::seconds(40);
        }),
        (Code::TlsUnverified, Warning, |e| {
            e.desired.members[B].tls_verified = false
        }),
        (Code::DdlTriggerPresent, Warning, |e| {
            e.worlds[B].base.ddl_triggers = vec!["audit".to_owned()]
        }),
        (Code::MirroringUnsupportedOnLinux, Warning, |e| {
            e.worlds[B].base.server.is_linux = true
        }),
        (Code::PartnerVersionsDiffer, Warning, |e| {
            e.worlds[B].base.server.version = "15.0.2000.5".to_owned()
        }),
        (Code::PartnerEditionsDiffer, Warning, |e| {
            e.worlds[B].base.server.engine_edition = 3
        }),
        (Code::AsynchronousNeedsEnterprise, Warning, |e| {
            e.desired.operating_mode = Some(OperatingMode::HighPerformance);
            e.desired.members[A].role = Role::Witness;
        }),
        (Code::SameServerTwice, Blocker, |e| {
            e.worlds[B].base.server.identity = e.worlds[A].base.server.identity.clone();
        }),
        (Code::InstanceNameDiffers, Blocker, |e| {
            e.desired.members[B].address.instance_name = Some("PROD".to_owned())
        }),
        (Code::InstanceIdentityChanged, Blocker, |e| {
            e.desired.members[B].pinned_identity = Some(ServerIdentity {
                server_name: "OTHER".to_owned(),
                ..e.worlds[B].base.server.identity.clone()
            });
        }),
    ];
    for (code, severity, change) in cases {
        let mut estate = Estate::pair();
        assert_eq!(
            estate.plan().findings,
            [],
            "the pair has nothing to be said about"
        );
        change(&mut estate);
        let plan = estate.plan();
        let finding = only(&plan, code, severity);
        assert_eq!(finding.instance, "HOST_B", "{finding:#?}");
        assert_eq!(plan.findings.len(), 1, "{:#?}", plan.findings);
    }
}

#[test]
fn two_listeners_on_one_port_of_a_machine_clash() {
    let clash = |change: Change| {
        let mut estate = Estate::pair();
        change(&mut estate);
        let plan = estate.plan();
        let found = find(&plan, Code::EndpointPortClash);
        found.iter().map(|f| f.instance.clone()).collect::<Vec<_>>()
    };
    let none: Change = |_| {};
    assert!(clash(none).is_empty(), "one port on two machines");
    let own: Change = |e| e.desired.members[B].address.port = Some(5022);
    assert_eq!(clash(own), ["HOST_B"]);
    let beside: Change = |e| {
        let machine = e.worlds[A].base.server.identity.machine_name.to_lowercase();
        e.worlds[B].base.server.identity.machine_name = machine;
    };
    assert_eq!(clash(beside), ["HOST_A", "HOST_B"]);
    let others_log_ins: Change = |e| {
        e.worlds[B].base.server.identity.machine_name =
            e.worlds[A].base.server.identity.machine_name.clone();
        e.worlds[B].endpoint().port = Some(5023);
        e.desired.members[A].address.port = Some(5023);
    };
    assert_eq!(clash(others_log_ins), ["HOST_B"]);
}

#[test]
fn what_is_within_its_limits_is_not_mentioned() {
    let mut estate = Estate::pair();
    let (a, b) = (&mut estate.worlds[A].base.server, now());
    a.clock = b - Duration::seconds(60);
    estate.desired.members[B].address.instance_name = Some("mssqlserver".to_owned());
    estate.desired.members[B].expected_endpoint_port = Some(5022);
    estate.desired.members[B].pinned_identity = Some(ServerIdentity {
        server_name: "host_b".to_owned(),
        ..estate.worlds[B].base.server.identity.clone()
    });
    assert_eq!(estate.plan().findings, []);
}

#[test]
fn a_member_without_an_endpoint_is_told_how_to_make_one() {
    let mut estate = Estate::pair();
    estate.worlds[B].base.endpoint = None;
    let plan = estate.plan();
    let finding = only(&plan, Code::NoEndpoint, Severity::Blocker);
    assert_eq!(
        finding.cure,
        Some(Cure::PrepareOutbound {
            certificate: OwnCertificate::Existing(name("HOST_B_own_cert")),
            port: 5022,
            role: EndpointRole::All,
        }),
        "with the certificate its peers hold"
    );
    assert!(
        trust(&plan, B, "HOST_A").actions.is_empty(),
        "there is nothing to grant on"
    );
    assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Unknown);
}

#[test]
fn a_chain_without_an_endpoint_is_not_configured() {
    let mut estate = Estate::pair();
    assert!(estate.configure().is_fulfilled());
    estate.worlds[A].base.endpoint = None;
    let plan = estate.plan();
    assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::No);
}

#[test]
fn failures_become_findings_by_their_class_and_the_rest_is_still_said() {
    let cases = [
        (FailureClass::Unreachable, Code::Unreachable),
        (FailureClass::Transient, Code::ObservationFailed),
        (FailureClass::OutcomeUnknown, Code::Unreachable),
        (FailureClass::TlsNotTrusted, Code::TlsNotTrusted),
        (FailureClass::LoginRefused, Code::LoginRefused),
        (FailureClass::PermissionMissing, Code::PermissionMissing),
        (FailureClass::Rejected, Code::ObservationFailed),
        (FailureClass::Protocol, Code::ObservationFailed),
    ];
    for (class, code) in cases {
        let mut estate = Estate::trio();
        estate.worlds[W].endpoint().state = EndpointState::Stopped;
        estate.failed.insert(
            B,
            Failure {
                class,
                detail: "HOST_B said no".to_owned(),
                sql: None,
                cause: None,
            },
        );
        let plan = estate.plan();
        let finding = only(&plan, code, Severity::Blocker);
        assert_eq!(finding.instance, "HOST_B");
        assert!(finding.found.contains("HOST_B said no"));
        only(&plan, Code::EndpointStopped, Severity::Warning);
        assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Unknown);
        assert_eq!(trust(&plan, B, "HOST_A").proof, Proof::Unknown);
        assert!(trust(&plan, A, "HOST_B").actions.is_empty());
        assert!(
            !trust(&plan, A, "HOST_W").actions.is_empty(),
            "others are still planned"
        );
    }
}

#[test]
fn a_key_that_is_not_under_the_master_key_serves_no_endpoint() {
    for key in [
        PrivateKey::None,
        PrivateKey::Password,
        PrivateKey::ServiceMasterKey,
    ] {
        let mut estate = Estate::pair();
        estate.worlds[B]
            .endpoint()
            .certificate
            .as_mut()
            .unwrap()
            .private_key = key;
        only(
            &estate.plan(),
            Code::OwnCertificateWithoutKey,
            Severity::Blocker,
        );
    }
}

#[test]
fn bytes_that_are_no_rsa_certificate_serve_no_endpoint() {
    let mut estate = Estate::pair();
    estate.desired.members[B].current = None;
    estate.worlds[B]
        .endpoint()
        .certificate
        .as_mut()
        .unwrap()
        .der = Some(vec![0x30, 0x00]);
    only(
        &estate.plan(),
        Code::OwnCertificateUnusable,
        Severity::Blocker,
    );
}

#[test]
fn dates_count_by_the_own_clock_and_by_the_acceptors() {
    let days = Duration::days;
    let cases = [
        (
            now() - days(9),
            now() - days(1),
            Some(Code::OwnCertificateExpired),
        ),
        (
            now() + days(1),
            now() + days(99),
            Some(Code::OwnCertificateNotYetValid),
        ),
        (
            now() - days(9),
            now() + days(89),
            Some(Code::OwnCertificateExpiresSoon),
        ),
        (now() - days(9), now() + days(91), None),
    ];
    for (not_before, not_after, code) in cases {
        let mut estate = Estate::pair();
        let used = between("HOST_B", 20, not_before, not_after);
        estate.switch(B, &used);
        estate.upload_current(B, &used);
        let plan = estate.plan();
        let codes: Vec<_> = plan
            .findings
            .iter()
            .map(|f| (f.code, f.instance.as_str()))
            .collect();
        assert_eq!(
            codes,
            code.map(|c| (c, "HOST_B")).into_iter().collect::<Vec<_>>()
        );
    }
    let mut estate = Estate::trio();
    let used = made("HOST_B", 20, 100);
    estate.switch(B, &used);
    estate.upload_current(B, &used);
    estate.worlds[A].base.server.clock = now() + days(101);
    let found = only(
        &estate.plan(),
        Code::OwnCertificateExpired,
        Severity::Blocker,
    );
    assert_eq!(found.instance, "HOST_B");
    assert!(found.found.contains("by HOST_A's clock"), "{}", found.found);
    estate
        .desired
        .trusts
        .retain(|t| t.acceptor == A && t.peer == W);
    assert!(
        find(&estate.plan(), Code::OwnCertificateExpired).is_empty(),
        "who does not let it in has no say"
    );
}

/// What HOST_A plans for HOST_B, when HOST_B's own certificate is bad in one way.
fn with_bad_own(change: Change) -> [Vec<&'static str>; 2] {
    let mut estate = Estate::pair();
    change(&mut estate);
    let first = estate.plan();
    assert!(
        first.has_blockers() && !first.is_blocked(),
        "{:#?}",
        first.findings
    );
    let kinds = super::estate::kinds(trust(&first, A, "HOST_B"));
    estate.carry_out(&first);
    let after = estate.plan();
    assert!(!after.has_changes(), "{after:#?}");
    assert!(after.has_blockers() && !after.is_fulfilled());
    assert_eq!(trust(&after, A, "HOST_B").configured, Configured::No);
    assert_eq!(trust(&after, B, "HOST_A").configured, Configured::Yes);
    estate.upload_next(B, &made("HOST_B", 70, 900));
    let next = estate.plan();
    let with_next = super::estate::kinds(trust(&next, A, "HOST_B"));
    estate.carry_out(&next);
    assert!(!estate.plan().has_changes());
    [kinds, with_next]
}

#[test]
fn a_bad_own_certificate_leaves_out_its_import_and_nothing_else() {
    let changes: [Change; 4] = [
        |e| {
            let used = made("HOST_B", 60, -1);
            e.switch(B, &used);
            e.upload_current(B, &used);
        },
        |e| {
            let used = between(
                "HOST_B",
                61,
                now() + Duration::days(1),
                now() + Duration::days(99),
            );
            e.switch(B, &used);
            e.upload_current(B, &used);
        },
        |e| {
            let used = made("HOST_B", 62, 100);
            e.switch(B, &used);
            e.upload_current(B, &used);
            e.worlds[A].base.server.clock = now() + Duration::days(101);
        },
        |e| {
            let used = e.worlds[B].endpoint().certificate.as_mut().unwrap();
            used.private_key = PrivateKey::Password;
        },
    ];
    for change in changes {
        let [without, with_next] = with_bad_own(change);
        assert_eq!(without, ["create_login", "create_user", "grant_connect"]);
        assert_eq!(with_next, ["import_certificate"]);
    }
}

#[test]
fn a_renewal_goes_from_making_over_handing_out_to_the_switch() {
    let mut estate = Estate::pair();
    assert!(estate.configure().is_fulfilled());
    let used = made("HOST_B", 60, 20);
    estate.switch(B, &used);
    estate.upload_current(B, &used);
    assert!(estate.configure().is_fulfilled());
    let cure = |estate: &Estate| {
        let plan = estate.plan();
        only(&plan, Code::OwnCertificateExpiresSoon, Severity::Warning)
    };
    assert!(matches!(
        cure(&estate).cure,
        Some(Cure::MakeOwnCertificate(_))
    ));
    let next = made("HOST_B", 61, 900);
    estate.upload_next(B, &next);
    assert!(
        matches!(cure(&estate).cure, Some(Cure::MakeOwnCertificate(_))),
        "an upload whose key is not there serves nobody"
    );
    estate.worlds[B].certificate("next", super::world::DBO, &next);
    estate.worlds[B].held.last_mut().unwrap().has_private_key = true;
    let waiting = cure(&estate);
    assert_eq!(waiting.cure, None);
    assert!(waiting.remedy.contains("HOST_A"), "{}", waiting.remedy);
    estate.configure();
    assert!(matches!(
        cure(&estate).cure,
        Some(Cure::UseOwnCertificate { certificate, .. }) if certificate.as_str() == "next"
    ));
    let stranger = made("HOST_X", 62, 900);
    estate.worlds[B].chain(["x", "x", "x"], &stranger);
    let finding = cure(&estate);
    assert_eq!(
        finding.cure, None,
        "whoever else it lets in may not hold it"
    );
    assert!(finding.remedy.contains("[x]"), "{}", finding.remedy);
}

#[test]
fn what_is_allowed_is_widened_first_and_narrowed_last() {
    let with = |codes: [u8; 2]| {
        let mut estate = Estate::pair();
        for (world, code) in estate.worlds.iter_mut().zip(codes) {
            world.endpoint().encryption = EndpointEncryption::from_code(code);
            world.endpoint().encryption_code = code;
        }
        estate
    };
    let set = |plan: &crate::domain::plan::Plan, code: Code| -> Vec<(String, Option<u8>)> {
        let code_of = |cure: &Option<Cure>| match cure {
            Some(Cure::SetEncryption { code, .. }) => Some(*code),
            _ => None,
        };
        find(plan, code)
            .iter()
            .map(|f| (f.instance.clone(), code_of(&f.cure)))
            .collect()
    };
    let host = |name: &str, code| (name.to_owned(), code);
    for (code, widened) in [(1, 6), (0, 4)] {
        let plan = with([2, code]).plan();
        assert_eq!(
            set(&plan, Code::NoCommonAlgorithm),
            [host("HOST_B", Some(widened))]
        );
    }
    let both = with([1, 0]).plan();
    assert_eq!(
        set(&both, Code::NoCommonAlgorithm),
        [host("HOST_A", Some(6)), host("HOST_B", Some(8))]
    );
    let one_behind = with([6, 1]).plan();
    assert_eq!(
        set(&one_behind, Code::EndpointAllowsRc4),
        [host("HOST_A", None), host("HOST_B", Some(6))]
    );
    let mut both_ready = with([6, 8]);
    assert_eq!(
        set(&both_ready.plan(), Code::EndpointAllowsRc4),
        [host("HOST_A", Some(2)), host("HOST_B", Some(2))]
    );
    let stranger = made("HOST_X", 62, 900);
    both_ready.worlds[A].chain(["x", "x", "x"], &stranger);
    assert_eq!(
        set(&both_ready.plan(), Code::EndpointAllowsRc4)[0],
        host("HOST_A", None)
    );
}

type Permission = fn(&mut OwnLogin) -> &mut Option<bool>;

#[test]
fn each_permission_is_asked_for_by_what_needs_it() {
    let cases: [(&str, Permission, &str); 4] = [
        ("create_login", |l| &mut l.create_login, "ALTER ANY LOGIN"),
        ("create_user", |l| &mut l.create_user, "ALTER ANY USER"),
        ("import_certificate", |l| &mut l.control_master, "CONTROL"),
        (
            "grant_connect",
            |l| &mut l.grant_on_endpoint,
            "ALTER ANY ENDPOINT",
        ),
    ];
    for (kind, of, permission) in cases {
        for (has, severity) in [(Some(false), Severity::Blocker), (None, Severity::Warning)] {
            let mut estate = Estate::pair();
            *of(&mut estate.worlds[A].base.login) = has;
            let plan = estate.plan();
            let finding = only(&plan, Code::PermissionMissing, severity);
            assert!(
                finding.wanted.contains(permission),
                "{kind}: {}",
                finding.wanted
            );
            assert!(finding.cure.is_some());
            estate.worlds[A].base.login.is_sysadmin = true;
            assert!(!estate.plan().is_blocked(), "a sysadmin has all");
        }
        let mut done = Estate::pair();
        assert!(done.configure().is_fulfilled());
        *of(&mut done.worlds[A].base.login) = Some(false);
        assert_eq!(done.plan().findings, [], "nothing needs {permission}");
    }
}

#[test]
fn absent_rows_prove_nothing_to_a_login_that_does_not_see_them() {
    for has in [Some(false), None] {
        let mut estate = Estate::pair();
        estate.worlds[A].base.login.view_any_definition = has;
        let plan = estate.plan();
        only(&plan, Code::PermissionMissing, Severity::Blocker);
        assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Unknown);
        estate.worlds[A].base.login.view_any_definition = Some(true);
        assert!(estate.configure().is_fulfilled());
        estate.worlds[A].base.login.view_any_definition = has;
        let plan = estate.plan();
        only(&plan, Code::PermissionMissing, Severity::Warning);
        assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Yes);
    }
}

fn database(role: DatabaseRole, has_witness: bool) -> MirroredDatabase {
    MirroredDatabase {
        name: "erp".to_owned(),
        role,
        state: Some("SYNCHRONIZED".to_owned()),
        safety: Some("FULL".to_owned()),
        has_witness,
    }
}

#[test]
fn an_import_waits_where_a_reconnect_could_become_a_failover() {
    use DatabaseRole::{Mirror, Principal, Witness};
    use IfEndpointInUse::{Proceed, Refuse};
    let cases = [
        (Principal, true, Refuse, Severity::Blocker),
        (Principal, true, Proceed, Severity::Warning),
        (Principal, false, Refuse, Severity::Warning),
        (Mirror, true, Refuse, Severity::Warning),
        (Witness, true, Refuse, Severity::Warning),
    ];
    let mut estate = Estate::pair();
    estate.worlds[A].base.databases = vec![MirroredDatabase {
        state: Some("DISCONNECTED".to_owned()),
        ..database(Principal, true)
    }];
    // The import may be what ends that.
    only(&estate.plan(), Code::EndpointInUse, Severity::Warning);
    for (role, has_witness, asked, severity) in cases {
        let mut estate = Estate::pair();
        estate.worlds[A].base.databases = vec![database(role, has_witness)];
        estate.desired.if_endpoint_in_use = asked;
        let plan = estate.plan();
        let finding = only(&plan, Code::EndpointInUse, severity);
        assert!(finding.found.contains("erp") && finding.found.contains("SYNCHRONIZED"));
        assert!(
            plan.instances[A]
                .endpoint
                .as_ref()
                .unwrap()
                .contains("in use: 1 database ")
        );
    }
}

#[test]
fn of_many_databases_those_at_risk_are_named() {
    let mut estate = Estate::pair();
    let mut databases = vec![database(DatabaseRole::Mirror, false); 40];
    databases.push(MirroredDatabase {
        name: "at_risk".to_owned(),
        ..database(DatabaseRole::Principal, true)
    });
    estate.worlds[A].base.databases = databases;
    let found = only(&estate.plan(), Code::EndpointInUse, Severity::Blocker).found;
    assert!(
        found.contains("at_risk") && found.contains("21 further databases"),
        "{found}"
    );
}

#[test]
fn a_grant_alone_disturbs_nobody() {
    let mut estate = Estate::pair();
    assert!(estate.configure().is_fulfilled());
    estate.worlds[A].base.databases = vec![database(DatabaseRole::Principal, true)];
    assert_eq!(estate.plan().findings, []);
    estate.worlds[A].connect.clear();
    let plan = estate.plan();
    assert_eq!(plan.findings, []);
    assert!(
        plan.changes()
            .all(|(_, _, a)| matches!(a, Action::GrantConnect { .. }))
    );
}

#[test]
fn availability_groups_and_connections_are_use_too() {
    let mut estate = Estate::pair();
    estate.worlds[A].base.availability_groups = vec!["ag1".to_owned()];
    assert!(
        only(&estate.plan(), Code::EndpointInUse, Severity::Warning)
            .found
            .contains("ag1")
    );
    let mut estate = Estate::pair();
    estate.worlds[A].base.connections = Some(vec![EndpointConnection {
        is_accept: false,
        is_logged_in: true,
        peer_certificate_id: None,
        principal_name: None,
        login_time: None,
    }]);
    only(&estate.plan(), Code::EndpointInUse, Severity::Warning);
}

#[test]
fn a_witness_may_be_of_any_edition_and_version() {
    let mut estate = Estate::trio();
    let server = &mut estate.worlds[W].base.server;
    server.edition = "Express Edition".to_owned();
    server.engine_edition = 4;
    server.version = "12.0.1".to_owned();
    estate.worlds[W].endpoint().role = EndpointRole::Witness;
    assert_eq!(estate.plan().findings, []);
}

#[test]
fn the_heaviest_findings_come_first() {
    let mut estate = Estate::pair();
    estate.worlds[A].base.ddl_triggers = vec!["t".to_owned()];
    estate.worlds[B].base.master_key.exists = false;
    let plan = estate.plan();
    let codes: Vec<_> = plan.findings.iter().map(|f| f.code).collect();
    assert_eq!(codes, [Code::NoMasterKey, Code::DdlTriggerPresent]);
    assert!(find(&plan, Code::NoMasterKey)[0].blocks());
}

fn own_deny(permission: &str, on: DeniedOn, grantee: &str) -> OwnDeny {
    OwnDeny {
        permission: PermissionName::observed(permission).unwrap(),
        on,
        grantee_principal_id: 500,
        grantee: Some(name(grantee)),
    }
}

#[test]
fn who_is_kept_from_seeing_is_told_by_what_and_nothing_is_made_up() {
    let cases = [
        ("VIEW ANY DEFINITION", DeniedOn::Server),
        ("VIEW DEFINITION", DeniedOn::Master),
        ("VIEW DEFINITION", DeniedOn::Endpoint(65536)),
        ("CONTROL", DeniedOn::Endpoint(65536)),
        ("VIEW DEFINITION", DeniedOn::Login(300)),
        ("VIEW DEFINITION", DeniedOn::User(5)),
        ("CONTROL", DeniedOn::Certificate(256)),
    ];
    for (permission, on) in cases {
        let mut estate = Estate::pair();
        assert!(estate.configure().is_fulfilled());
        let base = &mut estate.worlds[A].base;
        base.login.denies = vec![own_deny(permission, on, "auditors")];
        base.endpoint = None;
        base.master_key = MasterKey {
            exists: false,
            opened_by_server: false,
        };
        let plan = estate.plan();
        assert!(find(&plan, Code::NoEndpoint).is_empty());
        assert!(find(&plan, Code::NoMasterKey).is_empty());
        let finding = only(&plan, Code::PermissionMissing, Severity::Blocker);
        assert!(
            finding.found.contains(permission) && finding.found.contains("[auditors]"),
            "{}",
            finding.found
        );
        assert!(matches!(finding.cure, Some(Cure::RevokeOwnDenies { .. })));
    }
}

#[test]
fn no_grant_is_advised_against_a_deny() {
    let mut estate = Estate::pair();
    let login = &mut estate.worlds[A].base.login;
    login.create_login = Some(false);
    login.denies = vec![own_deny("ALTER ANY LOGIN", DeniedOn::Server, "mirrorgate")];
    let finding = only(&estate.plan(), Code::PermissionMissing, Severity::Blocker);
    assert!(
        matches!(finding.cure, Some(Cure::RevokeOwnDenies { .. })),
        "{finding:#?}"
    );
}

#[test]
fn an_orphan_is_not_claimed_by_who_does_not_see_the_logins() {
    let mut estate = Estate::pair();
    let b = estate.own(B);
    let user = estate.worlds[A].user("HOST_B_user", None);
    estate.worlds[A].certificate("HOST_B_cert", user, &b);
    estate.worlds[A].base.login.view_any_definition = Some(false);
    let plan = estate.plan();
    assert!(find(&plan, Code::UserOrphaned).is_empty());
    only(&plan, Code::PermissionMissing, Severity::Blocker);
    assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Unknown);
}
