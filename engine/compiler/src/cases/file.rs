//! One file of cases: its keys, what its cases share, and each case with its rows.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use crate::finding::{Finding, Sources};

use super::{
    Checked,
    known::{Known, help},
    paths,
    yaml::{Field, Node, Value},
};

const TOP: [&str; 5] = ["defaults", "entities", "contexts", "use", "cases"];
const DEFAULTS: [&str; 10] = [
    "clauses",
    "principal",
    "action",
    "resource",
    "context",
    "entities",
    "use",
    "tenant",
    "now",
    "expect",
];

pub(super) struct FileReader<'a> {
    pub(super) file: &'a str,
    pub(super) offer: &'a str,
    pub(super) known: Option<&'a Known<'a>>,
    pub(super) findings: Vec<Finding>,
    pub(super) shared: BTreeMap<Arc<str>, Field>,
    sources: &'a Sources<'a>,
    /// Where each line starts.
    lines: Vec<usize>,
    pub(super) contexts: BTreeMap<Arc<str>, Field>,
    pub(super) used: BTreeSet<Arc<str>>,
    pub(super) used_contexts: BTreeSet<Arc<str>>,
}

/// A case, or one row of it, put together.
pub(super) struct Draft {
    pub(super) name: String,
    /// What findings point at that concern it as a whole: its name, or its row.
    pub(super) at: Range<usize>,
    pub(super) fields: Vec<Field>,
    /// The names that the file gives to every case.
    pub(super) given: Vec<Field>,
    /// Whether nothing was wrong with it so far: what follows from one mistake is not said.
    pub(super) sound: bool,
}

impl<'a> FileReader<'a> {
    pub(super) fn new(
        sources: &'a Sources<'a>,
        file: &'a str,
        text: &'a str,
        offer: &'a str,
        known: Option<&'a Known<'a>>,
    ) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            file,
            offer,
            known,
            findings: Vec::new(),
            shared: BTreeMap::new(),
            sources,
            lines: std::iter::once(0).chain(starts).collect(),
            contexts: BTreeMap::new(),
            used: BTreeSet::new(),
            used_contexts: BTreeSet::new(),
        }
    }

    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    pub(super) fn wrong(
        &mut self,
        code: &'static str,
        span: &Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        // A caret under what goes over several lines says less than one under its beginning.
        let end_of_line = self
            .lines
            .get(self.line(span.start))
            .map_or(span.end, |next| next - 1);
        let span = span.start..span.end.min(end_of_line).max(span.start);
        let finding = self.sources.error(code, self.file, Some(span), message);
        self.findings.push(Finding { help, ..finding });
    }

    fn keys(&mut self, fields: &[Field], known: &[&str], of: &str) {
        for field in fields {
            if !known.contains(&&*field.key) {
                let message = format!("{of} has no key `{}`", field.key);
                let help = help(&field.key, known.iter().copied());
                self.wrong("case", &field.at, message, help);
            }
        }
    }

    pub(super) fn read(mut self, root: &Node, checked: &mut Checked) {
        self.file(root, checked);
        checked.findings.append(&mut self.findings);
    }

    fn file(&mut self, root: &Node, checked: &mut Checked) {
        let Some(top) = root.fields() else {
            let message = "a file of cases is a map with `cases`";
            return self.wrong("case", &root.span, message, None);
        };
        self.keys(top, &TOP, "a file of cases");
        self.shared = self.named(root.get("entities"), "entities");
        self.contexts = self.named(root.get("contexts"), "contexts");
        let mut defaults = match root.get("defaults") {
            None => Vec::new(),
            Some(field) => self.map(field).unwrap_or_default(),
        };
        self.keys(&defaults, &DEFAULTS, "`defaults`");
        defaults.retain(|field| DEFAULTS.contains(&&*field.key));
        self.resolve_context(&mut defaults);
        let given = root
            .get("use")
            .map(|field| self.uses(field))
            .unwrap_or_default();
        let Some(list) = root.get("cases") else {
            let message = "the file has no list `cases`";
            return self.wrong("case", &(root.span.start..root.span.start), message, None);
        };
        let Some(cases) = list.node.items() else {
            let message = format!("`cases` is a list, not {}", list.node.kind());
            return self.wrong("case", &list.node.span, message, None);
        };
        let mut names = BTreeMap::new();
        for case in cases {
            self.case(case, &defaults, &given, &mut names, checked);
        }
        self.unused();
    }

    fn case(
        &mut self,
        case: &Node,
        defaults: &[Field],
        given: &[Field],
        names: &mut BTreeMap<Arc<str>, usize>,
        checked: &mut Checked,
    ) {
        let Some(own) = case.fields() else {
            let message = format!("a case is a map, not {}", case.kind());
            return self.wrong("case", &case.span, message, None);
        };
        let before = self.findings.len();
        let known: Vec<_> = ["name", "vary"].into_iter().chain(DEFAULTS).collect();
        self.keys(own, &known, "a case");
        let mut own = own.to_vec();
        self.resolve_context(&mut own);
        let sound = self.findings.len() == before;
        let Some((name, at)) = self.name(case, names) else {
            return;
        };
        let mut fields = defaults.to_vec();
        join(&mut fields, &own);
        let vary = fields.iter().position(|field| &*field.key == "vary");
        let vary = vary.map(|at| fields.remove(at));
        let draft = Draft {
            name,
            at,
            fields,
            given: given.to_vec(),
            sound,
        };
        let Some(vary) = vary else {
            checked.cases.extend(self.finish(draft));
            return;
        };
        let rows = match vary.node.items() {
            Some([]) => {
                let message = "`vary` has no row: the case is never run";
                return self.wrong("case", &vary.at, message, None);
            }
            Some(rows) => rows,
            None => {
                let message = format!("`vary` is a list of rows, not {}", vary.node.kind());
                return self.wrong("case", &vary.node.span, message, None);
            }
        };
        for (number, row) in rows.iter().enumerate() {
            let varied = Draft {
                name: format!("{} [row {}]", draft.name, number + 1),
                at: row.span.clone(),
                fields: draft.fields.clone(),
                given: draft.given.clone(),
                sound,
            };
            let varied = self.vary(varied, row, &known);
            checked
                .cases
                .extend(varied.and_then(|varied| self.finish(varied)));
        }
    }

    /// The case's name, which no other one of the file has.
    fn name(
        &mut self,
        case: &Node,
        names: &mut BTreeMap<Arc<str>, usize>,
    ) -> Option<(String, Range<usize>)> {
        let Some(field) = case.get("name") else {
            let start = case.span.start;
            self.wrong("case", &(start..start + 1), "the case has no `name`", None);
            return None;
        };
        let Value::Str(name) = &field.node.value else {
            let message = format!("`name` is a string, not {}", field.node.kind());
            self.wrong("case", &field.node.span, message, None);
            return None;
        };
        let line = self.line(field.at.start);
        if let Some(first) = names.get(name) {
            let message = format!("another case is called `{name}`");
            let help = Some(format!("the first one is on line {first}"));
            self.wrong("case-duplicate", &field.node.span, message, help);
        } else {
            names.insert(name.clone(), line);
        }
        Some((name.to_string(), field.node.span.clone()))
    }

    /// The case as a row has it; nothing where the row says what cannot be done.
    fn vary(&mut self, mut draft: Draft, row: &Node, known: &[&str]) -> Option<Draft> {
        let Some(changes) = row.fields() else {
            let message = format!("a row of `vary` is a map, not {}", row.kind());
            self.wrong("case", &row.span, message, None);
            return None;
        };
        let mut changes = changes.to_vec();
        let before = self.findings.len();
        self.resolve_context(&mut changes);
        // What is put as a whole comes first, whatever the order in which it is written.
        changes.sort_by_key(|change| change.key.contains('.'));
        for change in &changes {
            let first = change.key.split('.').next().unwrap_or_default();
            if !known.contains(&first) || first == "vary" {
                let message = format!("`{}` leads nowhere: a case has no `{first}`", change.key);
                let help = help(first, known.iter().copied().filter(|key| *key != "vary"));
                self.wrong("case", &change.at, message, help);
                continue;
            }
            if change.key.contains('.') {
                self.prepare(&mut draft, &change.key);
            }
            if &*change.key == "name" {
                draft.name = change.node.text().unwrap_or(&draft.name).to_owned();
                continue;
            }
            if let Err(nowhere) = paths::set(&mut draft.fields, &change.key, change) {
                self.wrong("case", &change.at, nowhere.message, nowhere.help);
            }
        }
        (self.findings.len() == before).then_some(draft)
    }

    /// Puts in place what a path leads through: an expectation that is one word, a shared entity that the case uses.
    fn prepare(&mut self, draft: &mut Draft, path: &str) {
        let mut steps = path.split('.');
        let (first, second) = (steps.next(), steps.next().unwrap_or_default());
        let field = |key: &str| draft.fields.iter().position(|field| &*field.key == key);
        if first == Some("expect") {
            let word = field("expect").and_then(|at| draft.fields.get_mut(at));
            if let Some(word) = word.filter(|word| word.node.text().is_some()) {
                let outcome = Field {
                    key: "outcome".into(),
                    ..word.clone()
                };
                word.node.value = Value::Map(Arc::new(vec![outcome]));
            }
        } else if first == Some("entities")
            && let Some(entity) = self.shared.get(second)
        {
            let at = field("entities").unwrap_or_else(|| {
                draft.fields.push(Field {
                    key: "entities".into(),
                    at: entity.at.clone(),
                    node: Node {
                        span: entity.at.clone(),
                        value: Value::Map(Arc::default()),
                    },
                });
                draft.fields.len() - 1
            });
            if let Some(own) = draft.fields.get_mut(at)
                && let Value::Map(own) = &mut own.node.value
                && !own.iter().any(|field| &*field.key == second)
            {
                Arc::make_mut(own).push(entity.clone());
            }
        }
    }
}

/// A case's fields in place of the defaults; of contexts, key by key.
fn join(base: &mut Vec<Field>, own: &[Field]) {
    let context = |fields: &[Field]| {
        let field = fields.iter().find(|field| &*field.key == "context");
        field.and_then(|field| field.node.fields().map(<[Field]>::to_vec))
    };
    let whole = match (context(base), context(own)) {
        (Some(mut whole), Some(own)) => {
            paths::merge(&mut whole, &own);
            Some(whole)
        }
        _ => None,
    };
    paths::merge(base, own);
    let joined = base.iter_mut().find(|field| &*field.key == "context");
    if let (Some(whole), Some(field)) = (whole, joined) {
        field.node.value = Value::Map(Arc::new(whole));
    }
}
