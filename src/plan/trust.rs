//! One trust as the rules look at it: on an acceptor that was observed, from a peer whose certificate is known.

use super::admits::login::identities_of;
use super::context::Context;
use super::findings::FindingBuilder;
use super::pin::{Facts, Required};
use super::{own_certificate, two_instances};
use crate::domain::action::ImportFrom;
use crate::domain::finding::Code;
use crate::domain::instance::Transport;
use crate::domain::naming::{UnusableName, WantedNames};
use crate::domain::observation::{HeldCertificate, Login, MasterUser, Observation, PeerNames};
use crate::domain::rights::{PUBLIC, Right, RightRow};

pub(super) const SA: i32 = 1;

#[derive(Clone, Copy)]
pub(super) struct Trust<'a> {
    pub context: Context<'a>,
    pub acceptor: usize,
    pub peer: usize,
    /// The acceptor's observation.
    pub seen: &'a Observation,
    pub required: Required,
}

/// Whether a login may connect to the acceptor's endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    Granted,
    /// SQL Server takes no GRANT for it (4624), and it needs none.
    OwnsEndpoint,
    Missing,
    /// SQL Server would refuse the GRANT (4624).
    CannotBeGranted {
        why: &'static str,
    },
    /// A DENY of CONNECT, or of what covers it, to the login, to a role it is in, or to public.
    Denied(RightRow),
}

impl<'a> Trust<'a> {
    pub fn finding(&self, code: Code) -> FindingBuilder {
        self.context
            .finding(code, self.acceptor)
            .peer(self.context.name(self.peer))
    }

    pub fn held(&self, facts: &Facts) -> Option<&'a HeldCertificate> {
        self.seen.certificates.iter().find(|c| facts.is_held_as(c))
    }

    pub fn held_by_id(&self, certificate_id: i32) -> Option<&'a HeldCertificate> {
        self.seen
            .certificates
            .iter()
            .find(|c| c.certificate_id == certificate_id)
    }

    /// What stands under the wanted names.
    pub fn names(&self) -> Option<&'a PeerNames> {
        self.seen.names.iter().find(|names| names.peer == self.peer)
    }

    /// What new objects for this peer are to be called on this acceptor.
    pub fn wanted_names(&self) -> Result<WantedNames, UnusableName> {
        let naming = &self.context.member(self.acceptor).naming;
        naming.render(&self.context.member(self.peer).peer_name)
    }

    /// A user other than dbo, with a login that may be a peer's.
    pub fn proper_owner(&self, held: &'a HeldCertificate) -> Option<(&'a MasterUser, &'a Login)> {
        let user = held.owner.as_ref().filter(|user| !user.is_dbo())?;
        let login = user.login.as_ref().filter(|login| login.can_be_peer())?;
        Some((user, login))
    }

    pub fn access(&self, login: &Login) -> Access {
        if let Some(denied) = self.denied(login) {
            return denied;
        }
        let rows = |id: i32| {
            self.seen
                .rights
                .connect()
                .filter(move |row| row.grantee.principal_id == id)
        };
        let owner = self
            .seen
            .endpoint
            .as_ref()
            .and_then(|e| e.owner_principal_id);
        if owner == Some(login.principal_id) {
            Access::OwnsEndpoint
        } else if rows(login.principal_id).any(|p| p.granted) {
            Access::Granted
        } else if login.principal_id == self.seen.login.principal_id {
            Access::CannotBeGranted {
                why: "it is the login mirrorgate itself uses there, and nobody can grant to himself",
            }
        } else if login.principal_id == SA {
            Access::CannotBeGranted { why: "it is sa" }
        } else {
            Access::Missing
        }
    }

    /// No DENY stops a sysadmin.
    fn denied(&self, login: &Login) -> Option<Access> {
        if login.principal_id == SA || login.is_sysadmin {
            return None;
        }
        let who = identities_of(&self.seen.rights, login.principal_id);
        self.denied_to(|id| who.contains(&id))
    }

    /// The login has its explicit CONNECT, and `denied` is another row's: a role's, or a covering permission's.
    pub fn is_granted_beside(&self, denied: &RightRow, login: &Login) -> bool {
        let own = |row: &&RightRow| row.grantee.principal_id == login.principal_id;
        let is_plain = denied.right == Right::Connect
            && [PUBLIC, login.principal_id].contains(&denied.grantee.principal_id);
        !is_plain
            && self
                .seen
                .rights
                .connect()
                .filter(own)
                .any(|row| row.granted)
    }

    /// A DENY to public holds for every login, also for one that is still to be created.
    pub fn public_denied(&self) -> Option<Access> {
        self.denied_to(|id| id == PUBLIC)
    }

    fn denied_to(&self, is_meant: impl Fn(i32) -> bool) -> Option<Access> {
        let mut rows = self.seen.rights.rows.iter();
        let denied = rows.find(|row| {
            row.right.covers_connect() && !row.granted && is_meant(row.grantee.principal_id)
        });
        denied.cloned().map(Access::Denied)
    }

    /// Somebody is logged in by this certificate now.
    pub fn is_connected_by(&self, certificate_id: i32) -> bool {
        let connections = self.seen.connections.iter().flatten();
        connections
            .into_iter()
            .any(|c| c.is_log_in_by(certificate_id))
    }

    /// The certificate in use is not to be brought in now: it would let nobody in, or is another instance's too.
    pub fn keeps_out_required(&self) -> bool {
        own_certificate::keeps_out(&self.context, self.peer, self.acceptor)
            || two_instances::keeps_out(self)
    }

    /// How the acceptor is to take certificates in.
    pub fn import_from(&self) -> ImportFrom {
        match &self.context.member(self.acceptor).transport {
            Transport::Binary => ImportFrom::Binary,
            Transport::File { path } => ImportFrom::File {
                path: path.fill(&self.context.member(self.peer).peer_name),
            },
        }
    }

    /// Absent rows prove something only for a log-in that sees all of them.
    pub fn sees_everything(&self) -> bool {
        self.seen.login.sees_everything()
    }
}
