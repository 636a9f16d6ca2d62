//! Links of templates: `*.links.json`, in the form that Cedar's command line reads.
//!
//! A list of `{"template_id", "link_id", "args": {"?principal": "User::\"ada\"", "?resource": …}}`. A template is named by
//! its `@id`; the link's id is the name of the rule.

use std::collections::BTreeMap;

use cedar_policy::{EntityUid, PolicyId, PolicySet, SlotId};
use serde::Deserialize;

use crate::finding::{Finding, Sources};

/// A link, and the file that it stands in.
pub(crate) struct Link {
    pub(crate) id: String,
    pub(crate) file: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    template_id: String,
    link_id: String,
    args: BTreeMap<String, String>,
}

/// Adds the links of a file to the set.
pub(crate) fn read(
    sources: &Sources<'_>,
    file: &str,
    text: &str,
    all: &mut PolicySet,
    links: &mut Vec<Link>,
    findings: &mut Vec<Finding>,
) {
    let written: Vec<Written> = match serde_json::from_str(text) {
        Ok(written) => written,
        Err(error) => {
            findings.push(sources.error("link", file, None, error.to_string()).with_help(
                "a link is {\"template_id\": …, \"link_id\": …, \"args\": {\"?principal\": \"User::\\\"ada\\\"\"}}",
            ));
            return;
        }
    };
    for Written {
        template_id,
        link_id,
        args,
    } in written
    {
        let quoted = format!("\"{link_id}\"");
        let span = text.find(&quoted).map(|start| start..start + quoted.len());
        let mut fault = |message: String| {
            findings.push(sources.error("link", file, span.clone(), message));
        };
        #[expect(
            clippy::disallowed_types,
            reason = "Cedar takes a link's values in one; nothing is written from it"
        )]
        let mut values = std::collections::HashMap::new();
        for (slot, entity) in &args {
            let slot_id = match slot.as_str() {
                "?principal" => SlotId::principal(),
                "?resource" => SlotId::resource(),
                _ => {
                    fault(format!(
                        "`{slot}` is no slot; there are `?principal` and `?resource`"
                    ));
                    continue;
                }
            };
            match entity.parse::<EntityUid>() {
                Ok(uid) => {
                    values.insert(slot_id, uid);
                }
                Err(_) => fault(format!(
                    "`{entity}` is no entity; one looks like `User::\"ada\"`"
                )),
            }
        }
        let (template, id) = (PolicyId::new(&template_id), PolicyId::new(&link_id));
        if values.len() < args.len() {
            continue;
        }
        match all.link(template, id, values) {
            Ok(()) => links.push(Link {
                id: link_id,
                file: file.to_owned(),
            }),
            Err(error) => fault(format!("cannot link `{template_id}`: {error}")),
        }
    }
}
