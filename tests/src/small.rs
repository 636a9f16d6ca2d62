//! Small packs whose answers can be told by hand: rules and cases of one's own by one schema.

use avow_compiler::{Compiled, Files, Target, cases::Case};
use avow_engine::Bundle;

const MANIFEST: &str = r#"
[pack]
name = "small"
title = "Small"
namespace = "Small"
version = "0.1.0"
"#;

const SCHEMA: &str = r#"
namespace Small {
  entity Team;
  entity User in [Team] { role: String };
  entity Robot { role: String };
  entity Doc { owner: User, open: Bool, tags: Set<String>, note?: String };
  action read, write appliesTo {
    principal: [User, Robot],
    resource: [Doc],
    context: { now: datetime, n: Long, rate: decimal, flag: Bool, extra?: { deep: Bool } }
  };
  action wipe appliesTo {
    principal: [Robot],
    resource: [Doc],
    context: { now: datetime }
  };
}
"#;

/// What every case is asked with unless it says otherwise.
const DEFAULTS: &str = r#"
defaults:
  now: 2026-01-01T00:00:00Z
  principal: User::"ada"
  action: read
  resource: Doc::"d"
  context: { n: 0, rate: "1.0", flag: false }
entities:
  ada: { uid: 'User::"ada"', attrs: { role: admin }, parents: ['Team::"core"'] }
  bob: { uid: 'User::"bob"', attrs: { role: member } }
  rob: { uid: 'Robot::"rob"', attrs: { role: admin } }
  d: { uid: 'Doc::"d"', attrs: { owner: ada, open: true, tags: [a, b] } }
  e: { uid: 'Doc::"e"', attrs: { owner: bob, open: false, tags: [a], note: "x" } }
use: [ada, bob, rob, d, e]
cases:
"#;

/// A pack that is made of rules and cases.
pub struct Small {
    /// Its files.
    pub files: Files,
    /// What the compiler made of them.
    pub compiled: Compiled,
    /// Its cases.
    pub cases: Vec<Case>,
}

impl Small {
    /// Rules, and cases as lines of YAML without a name.
    ///
    /// # Panics
    /// Where they are not sound.
    #[track_caller]
    #[must_use]
    pub fn new(rules: &str, cases: &[&str]) -> Self {
        Self::with(rules, cases, &[])
    }

    /// The same with more files.
    ///
    /// # Panics
    /// Where they are not sound.
    #[track_caller]
    #[must_use]
    pub fn with(rules: &str, cases: &[&str], more: &[(&str, &str)]) -> Self {
        let cases = cases.iter().enumerate();
        let cases: String = cases
            .map(|(number, case)| format!("  - name: case {number}\n    {case}\n"))
            .collect();
        let mut files = Files::from([
            ("avow.toml".to_owned(), MANIFEST.to_owned()),
            ("small.cedarschema".to_owned(), SCHEMA.to_owned()),
            ("rules.cedar".to_owned(), rules.to_owned()),
            ("tests/cases.yaml".to_owned(), format!("{DEFAULTS}{cases}")),
        ]);
        for (path, text) in more {
            files.insert((*path).to_owned(), (*text).to_owned());
        }
        let shown = |findings: Vec<avow_compiler::Finding>| -> ! {
            let text = findings
                .iter()
                .map(|finding| avow_compiler::render(finding, &files, false));
            panic!("{}", text.collect::<Vec<_>>().join("\n"))
        };
        let compiled = avow_compiler::compile(&files).unwrap_or_else(|found| shown(found));
        let bundle = Bundle::load(compiled.bundle(Target::Server)).unwrap();
        let offer = bundle.meta("offer").unwrap_or_default();
        let cases = avow_compiler::cases::read(&files, offer).unwrap_or_else(|found| shown(found));
        Self {
            files,
            compiled,
            cases,
        }
    }
}
