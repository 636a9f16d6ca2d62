//! `policy-digest`: what the manifest records of the published text cannot be a digest of it.

use super::view::View;
use crate::{finding::Finding, manifest::MANIFEST, toml_place::entry};

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    let digest = &view.read.manifest.policy.sha256;
    let is_one = digest.len() == 64
        && digest
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if digest.is_empty() || is_one {
        return;
    }
    let text = view.sources.get(MANIFEST).unwrap_or_default();
    let span = entry(text, "policy", "sha256").map(|(_, value)| value);
    let message = "`policy.sha256` is no SHA-256: 64 digits of 0 to 9 and a to f";
    let finding = view
        .sources
        .error("policy-digest", MANIFEST, span, message)
        .warning();
    findings.push(finding.with_help("`avow check --policy FILE --record` writes that of a file"));
}
