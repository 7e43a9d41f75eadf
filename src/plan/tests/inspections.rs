//! What an inspection says of one instance: of itself, of the rights configuring it takes, and of those who rely on it.

use super::estate::{A, Estate, find, only};
use super::made::made;
use crate::domain::desired_state::{NeededRoles, Use};
use crate::domain::estate::Standing;
use crate::domain::finding::{Code, Severity};
use crate::domain::observation::*;
use crate::domain::pair::{OperatingMode, Role};

/// HOST_A alone, looked at for itself, named by these registrations.
fn inspection(uses: Vec<Use>) -> Estate {
    let mut estate = Estate::of(&[("HOST_A", Role::Partner)]);
    estate.desired.trusts.clear();
    estate.desired.members[A].needed_roles = NeededRoles {
        partner: uses.iter().any(|u| u.role == Role::Partner),
        witness: uses.iter().any(|u| u.role == Role::Witness),
    };
    estate.desired.inspection = Some(uses);
    estate
}

fn used_as(role: Role) -> Use {
    let others = vec!["HOST_B".to_owned(), "HOST_C".to_owned()];
    Use {
        pair: "erp".to_owned(),
        role,
        lets_in: others.clone(),
        let_in_by: others,
    }
}

#[test]
fn an_instance_in_order_has_nothing_said_of_it() {
    for uses in [Vec::new(), vec![used_as(Role::Partner)]] {
        let estate = inspection(uses.clone());
        let plan = estate.plan();
        assert_eq!(plan.findings, []);
        assert_eq!(plan.instances[0].used_by, Some(uses));
        assert!(plan.instances[0].trusts.is_empty());
    }
    assert_eq!(Estate::pair().plan().instances[0].used_by, None);
}

#[test]
fn the_rights_that_configuring_takes_are_missed_though_nothing_is_planned() {
    type Right = fn(&mut OwnLogin) -> &mut Option<bool>;
    let rights: [(Right, &str); 5] = [
        (|l| &mut l.create_login, "ALTER ANY LOGIN"),
        (|l| &mut l.create_user, "ALTER ANY USER"),
        (|l| &mut l.control_master, "CONTROL on database master"),
        (|l| &mut l.grant_on_endpoint, "ALTER ANY ENDPOINT"),
        (|l| &mut l.view_any_definition, "VIEW ANY DEFINITION"),
    ];
    for (of, permission) in rights {
        let mut estate = inspection(Vec::new());
        *of(&mut estate.worlds[A].base.login) = Some(false);
        let finding = only(&estate.plan(), Code::PermissionMissing, Severity::Blocker);
        assert!(finding.wanted.contains(permission), "{}", finding.wanted);
        assert!(finding.cure.is_some());
    }
    let mut bare = inspection(Vec::new());
    bare.worlds[A].base.endpoint = None;
    bare.worlds[A].base.login.grant_on_endpoint = None;
    let plan = bare.plan();
    only(&plan, Code::NoEndpoint, Severity::Blocker);
    assert!(find(&plan, Code::PermissionMissing).is_empty(), "{plan:#?}");
}

#[test]
fn a_pin_that_is_not_in_use_is_wrong_whoever_relies_on_it() {
    for uses in [Vec::new(), vec![used_as(Role::Partner)]] {
        let mut estate = inspection(uses);
        estate.upload_current(A, &made("HOST_A", 77, 300));
        only(
            &estate.plan(),
            Code::PinnedCertificateNotInUse,
            Severity::Blocker,
        );
    }
}

#[test]
fn a_certificate_is_obtained_only_for_somebody_who_lets_its_owner_in() {
    for (uses, said) in [(Vec::new(), 0), (vec![used_as(Role::Partner)], 1)] {
        let mut estate = inspection(uses);
        estate.desired.members[A].current = None;
        estate.desired.members[A].tls_verified = false;
        let plan = estate.plan();
        assert_eq!(find(&plan, Code::CertificateSourceUntrusted).len(), said);
    }
}

#[test]
fn who_is_on_the_endpoint_is_information() {
    let mut estate = inspection(vec![used_as(Role::Partner)]);
    estate.worlds[A].base.databases.push(MirroredDatabase {
        name: "Erp".to_owned(),
        role: DatabaseRole::Principal,
        state: Some("SYNCHRONIZED".to_owned()),
        safety: Some("FULL".to_owned()),
        has_witness: true,
    });
    let finding = only(&estate.plan(), Code::EndpointInUse, Severity::Info);
    assert!(finding.found.contains("Erp"), "{}", finding.found);
    assert!(finding.remedy.contains("if_endpoint_in_use: proceed"));
}

#[test]
fn the_role_is_weighed_by_what_is_registered_and_by_nothing_else() {
    let table = [
        (vec![], EndpointRole::None, true),
        (vec![Role::Witness], EndpointRole::Witness, true),
        (vec![Role::Witness], EndpointRole::Partner, false),
        (vec![Role::Partner], EndpointRole::Witness, false),
        (
            vec![Role::Partner, Role::Witness],
            EndpointRole::Partner,
            false,
        ),
        (vec![Role::Partner, Role::Witness], EndpointRole::All, true),
    ];
    for (roles, role, fits) in table {
        let mut estate = inspection(roles.iter().copied().map(used_as).collect());
        estate.worlds[A].endpoint().role = role;
        let found = find(&estate.plan(), Code::EndpointRoleInsufficient).len();
        assert_eq!(found == 0, fits, "{roles:?} {role:?}");
    }
}

#[test]
fn an_edition_that_can_only_witness_is_in_the_way_of_a_partner_only() {
    for (uses, said) in [
        (Vec::new(), 0),
        (vec![used_as(Role::Witness)], 0),
        (vec![used_as(Role::Partner)], 1),
    ] {
        let mut estate = inspection(uses);
        estate.worlds[A].base.server.engine_edition = 4;
        let plan = estate.plan();
        assert_eq!(find(&plan, Code::EditionWitnessOnly).len(), said);
    }
    let mut standard = inspection(vec![used_as(Role::Partner)]);
    standard.desired.operating_mode = Some(OperatingMode::HighPerformance);
    let code = Code::AsynchronousNeedsEnterprise;
    only(&standard.plan(), code, Severity::Warning);
}

#[test]
fn a_certificate_that_another_registration_has_part_in_is_told() {
    for (standing, words) in [
        (Standing::Used, "PROD_B uses it, too"),
        (Standing::Earlier, "PROD_B has used it before"),
    ] {
        let mut estate = inspection(Vec::new());
        let own = estate.own(A);
        estate.elsewhere("PROD_B", &own, standing);
        let found = only(
            &estate.plan(),
            Code::CertificateOfTwoInstances,
            Severity::Warning,
        )
        .found;
        assert!(
            found.contains("[HOST_A_own_cert]") && found.contains(words),
            "{found}"
        );
    }
    let mut estate = inspection(Vec::new());
    estate.elsewhere("PROD_B", &made("PROD_B", 9, 300), Standing::Used);
    assert_eq!(estate.plan().findings, []);
}
