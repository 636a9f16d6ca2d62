//! Files whose names are slips: nothing would read them, and nobody would notice.

use crate::finding::{Finding, Sources};

/// What the names of a pack's files end with.
const ENDINGS: [&str; 5] = [".toml", ".cedar", ".cedarschema", ".links.json", ".yaml"];

pub(crate) fn check(sources: &Sources<'_>, findings: &mut Vec<Finding>) {
    for (path, text) in sources.ending("") {
        if let Some(right) = meant(path) {
            let span = Some(0..text.len().min(1));
            let message = format!("nothing reads `{path}`");
            let finding = sources.error("unread", path, span, message);
            findings.push(finding.with_help(format!("call it `{right}`")));
        }
    }
}

/// How a file should be called for its contents to count; none where its name is right, or is no slip.
fn meant(path: &str) -> Option<String> {
    if ENDINGS.iter().any(|ending| path.ends_with(ending)) {
        return None;
    }
    let lower = path.to_ascii_lowercase();
    if let Some(ending) = ENDINGS.iter().find(|ending| lower.ends_with(*ending)) {
        let stem = path.get(..path.len() - ending.len())?;
        return Some(format!("{stem}{ending}"));
    }
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if folder.split('/').next() == Some("tests") && lower.ends_with(".yml") {
        let stem = path.get(..path.len() - ".yml".len())?;
        return Some(format!("{stem}.yaml"));
    }
    (name == "links.json").then(|| format!("{}rules.links.json", path.trim_end_matches(name)))
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn a_slip_is_told_from_a_file_of_something_else() {
        for (path, right) in [
            ("tests/more.yml", Some("tests/more.yaml")),
            ("tests/deep/more.YML", Some("tests/deep/more.yaml")),
            ("tests/more.YAML", Some("tests/more.yaml")),
            ("More.CEDAR", Some("More.cedar")),
            ("links.json", Some("rules.links.json")),
            ("a/links.json", Some("a/rules.links.json")),
            ("tests/more.yaml", None),
            ("own.links.json", None),
            ("compose.yml", None),
            ("notes.md", None),
            ("data.json", None),
        ] {
            assert_eq!(meant(path).as_deref(), right, "{path}");
        }
    }
}
