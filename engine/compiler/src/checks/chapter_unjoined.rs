//! `chapter-unjoined`: a chapter that is taken, and no action of the pack is in a group that it is about.

use super::view::View;
use crate::{chapters::Chapters, finding::Finding, manifest::MANIFEST};

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    let chapters = Chapters::of(&view.read.manifest);
    for (name, clauses) in &view.read.manifest.base {
        let lives = view
            .rules()
            .filter(|(_, rule)| {
                let chapter = rule.chapter.as_deref();
                let taken = chapter.and_then(|chapter| chapters.taken(chapter));
                taken.is_some_and(|(key, _)| key == name)
            })
            .any(|(number, _)| view.lives.get(number).copied().unwrap_or_default());
        if lives {
            continue;
        }
        let message = format!("no rule of chapter `{name}` can ever apply");
        let finding = view
            .sources
            .error("chapter-unjoined", MANIFEST, Some(clauses.span()), message)
            .warning();
        findings.push(finding.with_help(
            "put the actions that it is meant for into the groups that its rules name, or do not take it",
        ));
    }
}
