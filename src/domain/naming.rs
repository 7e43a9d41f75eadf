//! Naming templates: how the objects are called that mirrorgate creates on an acceptor for a peer.
//!
//! A template never identifies anything: a chain is configured whatever its names.

use serde::{Deserialize, Serialize};

use super::object_name::{InvalidObjectName, ObjectName};

/// What a template's placeholder is called.
const PEER: &str = "{peer}";

/// A text with `{peer}` in it, for example `{peer}_login`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template(String);

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    #[error("the template {found:?} does not contain {{peer}}; all peers would share one name")]
    NoPeer { found: String },
    #[error("the template {found:?} has {{{unknown}}}; the only placeholder is {{peer}}")]
    UnknownPlaceholder { found: String, unknown: String },
    #[error("the template is longer than 256 characters")]
    TooLong,
}

impl Template {
    /// Checks `text`.
    ///
    /// # Errors
    /// When `{peer}` is missing, another `{placeholder}` is there, or it is over 256 characters.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        if text.chars().count() > 256 {
            return Err(InvalidTemplate::TooLong);
        }
        if !text.contains(PEER) {
            return Err(InvalidTemplate::NoPeer {
                found: text.to_owned(),
            });
        }
        let rest = text.replace(PEER, "");
        if let Some((_, after)) = rest.split_once('{')
            && let Some((unknown, _)) = after.split_once('}')
        {
            return Err(InvalidTemplate::UnknownPlaceholder {
                found: text.to_owned(),
                unknown: unknown.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The template with the peer's name in it.
    #[must_use]
    pub fn fill(&self, peer: &ObjectName) -> String {
        self.0.replace(PEER, peer.as_str())
    }
}

impl TryFrom<String> for Template {
    type Error = InvalidTemplate;

    fn try_from(text: String) -> Result<Self, InvalidTemplate> {
        Self::parse(&text)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.0
    }
}

/// The three templates of one acceptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Naming {
    pub login: Template,
    pub user: Template,
    pub certificate: Template,
}

impl Default for Naming {
    fn default() -> Self {
        Self {
            login: Template("{peer}_login".to_owned()),
            user: Template("{peer}_user".to_owned()),
            certificate: Template("{peer}_cert".to_owned()),
        }
    }
}

/// The names wanted on an acceptor for one peer, should something have to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedNames {
    pub login: ObjectName,
    pub user: ObjectName,
    pub certificate: ObjectName,
}

/// Which of the three templates gave a refused name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {object} name for peer {peer} cannot be used")]
pub struct UnusableName {
    /// `login`, `user` or `certificate`: the member of `naming` to blame.
    pub object: &'static str,
    pub peer: ObjectName,
    #[source]
    pub reason: InvalidObjectName,
}

impl Naming {
    /// Renders all three names for `peer`.
    ///
    /// # Errors
    /// The first name that SQL Server would refuse.
    pub fn render(&self, peer: &ObjectName) -> Result<WantedNames, UnusableName> {
        let one = |object, template: &Template| {
            ObjectName::parse(&template.fill(peer)).map_err(|reason| UnusableName {
                object,
                peer: peer.clone(),
                reason,
            })
        };
        Ok(WantedNames {
            login: one("login", &self.login)?,
            user: one("user", &self.user)?,
            certificate: one("certificate", &self.certificate)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topics_names_are_the_default() -> Result<(), Box<dyn std::error::Error>> {
        let names = Naming::default().render(&ObjectName::parse("HOST_B")?)?;
        assert_eq!(names.login.as_str(), "HOST_B_login");
        assert_eq!(names.user.as_str(), "HOST_B_user");
        assert_eq!(names.certificate.as_str(), "HOST_B_cert");
        Ok(())
    }

    #[test]
    fn a_template_needs_the_peer_and_nothing_else() {
        assert!(matches!(
            Template::parse("mirror_login"),
            Err(InvalidTemplate::NoPeer { .. })
        ));
        assert!(matches!(
            Template::parse("{peer}_{host}"),
            Err(InvalidTemplate::UnknownPlaceholder { .. })
        ));
        for braces_alone in ["{peer}{", "}{peer}", "{peer}_}"] {
            assert!(Template::parse(braces_alone).is_ok(), "{braces_alone}");
        }
    }

    #[test]
    fn a_name_that_grows_too_long_names_its_template() -> Result<(), Box<dyn std::error::Error>> {
        let peer = ObjectName::parse(&"p".repeat(124))?;
        let refused = Naming::default().render(&peer);
        assert!(matches!(
            refused,
            Err(UnusableName {
                object: "login",
                ..
            })
        ));
        Ok(())
    }

    #[test]
    fn a_template_of_256_characters_is_taken_and_a_longer_one_is_not() {
        let of = |length: usize| Template::parse(&format!("{{peer}}{}", "ä".repeat(length - 6)));
        assert!(of(256).is_ok());
        for length in [257, 1000] {
            assert_eq!(of(length), Err(InvalidTemplate::TooLong), "{length}");
        }
    }

    #[test]
    fn a_template_is_kept_as_it_was_written_and_checked_when_it_is_read() {
        let template = Template::parse("m_{peer}").unwrap();
        assert_eq!(template.as_str(), "m_{peer}");
        assert_eq!(serde_json::to_value(&template).unwrap(), "m_{peer}");
        let read = serde_json::from_value::<Template>;
        assert_eq!(read("m_{peer}".into()).unwrap(), template);
        assert!(read("m_".into()).is_err());
    }
}
