//! What is printed as a remedy can be run as printed, harms nobody, and leads to where it says: for every code, state by state.

mod ground;
mod walk;
mod worlds;

use mirrorgate::domain::finding::Code;

use ground::{End, Ground};
use worlds::{State, Wanted};

/// Brings the world there, follows the advice to its end, and expects green.
async fn follows(state: &State) {
    let mut ground = Ground::new().await;
    worlds::make(&mut ground, state).await;
    let plan = ground.dry_run().await;
    let raised = plan.findings.iter().find(|f| f.code == state.code);
    let finding = raised.unwrap_or_else(|| {
        panic!(
            "{}: not raised in {:#?}{}",
            state.name,
            plan.findings,
            ground.told()
        )
    });
    for text in [&finding.found, &finding.wanted, &finding.remedy] {
        assert!(!text.is_empty(), "{finding:#?}");
    }
    if let Some(text) = &finding.remedy_tsql {
        assert!(
            !text.contains("N'<") && !text.contains('…'),
            "something is to be filled in: {text}"
        );
    }
    match ground.follow(Some(state.code)).await {
        End::Green => {
            let plan = ground.dry_run().await;
            let still = plan.findings.iter().find(|f| f.code == state.code);
            assert!(
                still.is_none(),
                "{}: {still:#?}{}",
                state.name,
                ground.told()
            );
        }
        End::Words(findings) => {
            panic!("{}: not cured: {findings:#?}{}", state.name, ground.told())
        }
    }
}

/// A code that is new needs its states here, or its reason why words are all there is.
#[test]
fn every_code_has_its_states_or_its_words() {
    for code in Code::ALL {
        match worlds::wanted(*code) {
            Wanted::Cured => assert!(
                worlds::STATES.iter().any(|state| state.code == *code),
                "{code:?} has no state"
            ),
            Wanted::Words(reason) => {
                assert!(!reason.is_empty());
                assert!(
                    worlds::STATES.iter().all(|state| state.code != *code),
                    "{code:?} has states"
                );
            }
        }
    }
}

macro_rules! by_subject {
    ($($subject:ident)+) => {
        $(#[tokio::test]
        async fn $subject() {
            let mut any = false;
            for state in worlds::STATES.iter().filter(|s| s.subject == stringify!($subject)) {
                any = true;
                follows(state).await;
            }
            assert!(any);
        })+

        #[test]
        fn every_state_is_followed() {
            let subjects = [$(stringify!($subject)),+];
            for state in worlds::STATES {
                assert!(subjects.contains(&state.subject), "{}", state.name);
            }
        }
    };
}

by_subject! {
    owners
    names
    denies
    logins
    own_certificates
    outbound
    endpoints
    permissions
}
