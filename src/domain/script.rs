//! What a plan stands for as T-SQL: one body per instance and the frames around it. Only puts texts together; writing them is `tsql`'s.

use serde::{Deserialize, Serialize};

/// A whole plan as T-SQL, kept with the job that acted on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Remarks for whoever runs it by hand: what stands in the way of the plan.
    #[serde(default)]
    pub head: String,
    /// Stands in place of all parts where findings forbid every change: a text that fails and changes nothing.
    #[serde(default)]
    pub refusal: Option<String>,
    /// In the order of the members.
    #[serde(default)]
    pub parts: Vec<InstanceScript>,
    /// What ends a file of several parts, on either side of their `unless_here`s: it fails where no part was for this server.
    #[serde(default)]
    pub nowhere: Frame,
}

/// The part of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceScript {
    pub instance: String,
    /// The changes themselves, the same in every frame; empty when there is nothing to do.
    pub body: String,
    /// What a worker sends around it.
    #[serde(default)]
    pub wire: Frame,
    /// What somebody runs by hand; absent while nobody knows which server that instance is.
    #[serde(default)]
    pub by_hand: Option<ByHand>,
    /// One entry per action that changes something, in the order of the plan's trusts and their actions.
    pub statements: Vec<ScriptStatement>,
}

/// Text on either side of another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    pub before: String,
    pub after: String,
}

/// The frame for running a body by hand, with what keeps it to its server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHand {
    /// A condition without its statement: it holds on every server but this one.
    pub unless_here: String,
    /// Around it in a text for this server alone: fails on another one.
    pub stop: Frame,
    /// Around it in a file with parts of other servers: goes on with the next part.
    pub skip: Frame,
    pub frame: Frame,
}

/// One action's own statements within the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptStatement {
    pub peer: String,
    pub action: String,
    pub statement: String,
}

impl Frame {
    #[must_use]
    pub fn around(&self, text: &str) -> String {
        [&self.before, text, &self.after].concat()
    }
}

/// Batches as a file that tools read: each as it is, to the byte, and ended by `GO`.
#[must_use]
pub fn file(batches: &[String]) -> String {
    let batches = batches.iter();
    batches.map(|batch| format!("\n{batch}GO\n")).collect()
}

impl InstanceScript {
    /// The very batch a worker sends; `None` when there is nothing to do.
    #[must_use]
    pub fn batch(&self) -> Option<String> {
        (!self.body.is_empty()).then(|| self.wire.around(&self.body))
    }

    /// One batch for this server; on every other one it fails before anything.
    #[must_use]
    pub fn alone(&self) -> Option<String> {
        self.guarded(|by_hand| &by_hand.stop)
    }

    fn among_others(&self) -> Option<String> {
        self.guarded(|by_hand| &by_hand.skip)
    }

    fn guarded(&self, guard: impl Fn(&ByHand) -> &Frame) -> Option<String> {
        let by_hand = self.by_hand.as_ref()?;
        let guard = guard(by_hand).around(&by_hand.unless_here);
        Some(guard + &by_hand.frame.around(&self.body))
    }
}

impl Script {
    /// The part of `instance`, whatever the case of its letters.
    #[must_use]
    pub fn part(&self, instance: &str) -> Option<&InstanceScript> {
        self.parts
            .iter()
            .find(|p| p.instance.eq_ignore_ascii_case(instance))
    }

    /// All parts in one file, batch by batch: each runs on its own server, and the file fails where none did.
    #[must_use]
    pub fn batches(&self) -> Vec<String> {
        let mut batches: Vec<String> = self
            .parts
            .iter()
            .filter_map(InstanceScript::among_others)
            .collect();
        let unless: String = self
            .parts
            .iter()
            .filter_map(|part| Some(part.by_hand.as_ref()?.unless_here.as_str()))
            .collect();
        batches.push(self.nowhere.around(&unless));
        batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(before: &str, after: &str) -> Frame {
        Frame {
            before: before.to_owned(),
            after: after.to_owned(),
        }
    }

    fn part(name: &str) -> InstanceScript {
        InstanceScript {
            instance: name.to_owned(),
            body: format!("{name} body;"),
            wire: frame("wire(", ")"),
            by_hand: Some(ByHand {
                unless_here: format!("unless {name} "),
                stop: frame("", "stop;"),
                skip: frame("", "skip;"),
                frame: frame("hand(", ")"),
            }),
            statements: Vec::new(),
        }
    }

    fn script() -> Script {
        let unseen = InstanceScript {
            by_hand: None,
            ..part("C")
        };
        Script {
            parts: vec![part("A"), part("B"), unseen],
            nowhere: frame("end: ", "fail;"),
            ..Script::default()
        }
    }

    #[test]
    fn the_body_is_the_same_in_every_frame() {
        let a = part("A");
        assert_eq!(a.batch().unwrap(), "wire(A body;)");
        assert_eq!(a.alone().unwrap(), "unless A stop;hand(A body;)");
        assert_eq!(part("C").batch().unwrap(), "wire(C body;)");
    }

    #[test]
    fn a_file_ends_by_asking_whether_any_part_was_for_this_server() {
        assert_eq!(
            script().batches(),
            [
                "unless A skip;hand(A body;)",
                "unless B skip;hand(B body;)",
                "end: unless A unless B fail;"
            ]
        );
    }

    #[test]
    fn a_server_nobody_has_seen_has_no_text_to_run_by_hand() {
        assert_eq!(script().part("c").unwrap().alone(), None);
    }

    #[test]
    fn a_file_has_each_batch_as_it_is_and_ended_by_go() {
        let batches = ["SELECT 1;\n", "SELECT 2;\n"].map(str::to_owned);
        assert_eq!(file(&batches), "\nSELECT 1;\nGO\n\nSELECT 2;\nGO\n");
        assert_eq!(file(&[]), "");
    }
}
