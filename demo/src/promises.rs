//! What an operator promises, by clause, so that a decision can be shown with the words that it keeps.

use serde::Deserialize;

use crate::html::Html;

/// OpSyn's.
pub(crate) const OPSYN: &str = include_str!("../../policies/opsyn/promises.toml");

/// A promise of the published policy.
#[derive(Debug, Deserialize)]
pub(crate) struct Promise {
    /// The clause.
    pub(crate) id: String,
    pub(crate) section: String,
    pub(crate) kept_by: String,
    pub(crate) promise: String,
}

/// All promises, in the order of the policy.
#[derive(Debug, Deserialize)]
pub(crate) struct Promises {
    #[serde(rename = "promise")]
    pub(crate) all: Vec<Promise>,
}

impl Promises {
    /// Reads a pack's `promises.toml`.
    ///
    /// # Errors
    /// Where the file is not what it should be.
    pub(crate) fn read(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The policy as a page has it: each promise with its clause, so that a decision can point at it. `heading` words a
    /// section of the policy.
    pub(crate) fn page(&self, heading: impl Fn(&str) -> String) -> Html {
        let mut sections: Vec<(String, Vec<Html>)> = Vec::new();
        for promise in &self.all {
            let kept = match promise.kept_by.as_str() {
                "rule" => "Kept by a rule",
                "attested" => "Kept by a rule, on a fact that we attest",
                "mechanism" => "Kept by software",
                _ => "Kept by people",
            };
            let item = Html::fill(
                "<li id=\"{{id}}\"><p>{{promise}}</p><p class=\"muted\"><span class=\"clause\">{{id}}</span> {{kept}}</p></li>",
                &[
                    ("id", &Html::text(&promise.id)),
                    ("promise", &Html::text(&promise.promise)),
                    ("kept", &Html::ours(kept)),
                ],
            );
            let section = heading(&promise.section);
            match sections.iter_mut().find(|(known, _)| *known == section) {
                Some((_, items)) => items.push(item),
                None => sections.push((section, vec![item])),
            }
        }
        Html::join(sections.into_iter().map(|(section, items)| {
            Html::fill(
                "<section><h2>{{section}}</h2><ul class=\"promises\">{{items}}</ul></section>",
                &[
                    ("section", &Html::text(section)),
                    ("items", &Html::join(items)),
                ],
            )
        }))
    }

    pub(crate) fn find(&self, clause: &str) -> Option<&Promise> {
        self.all.iter().find(|promise| promise.id == clause)
    }
}
