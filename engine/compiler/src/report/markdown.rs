//! A report as Markdown: the same, for a place where text is kept. Colours become words.

use std::fmt::Arguments;

use super::{
    CaseEntry, PromiseEntry, Report, RuleEntry,
    escape::{Anchor, Code, Plain},
    words::{basis, count, kept_by, means, or_none},
};
use crate::Kept;

/// The whole report.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut page = Page {
        report,
        out: String::new(),
    };
    page.head();
    page.summary();
    page.put(format_args!("## Promises\n"));
    for entry in &report.promises {
        page.promise(entry);
    }
    for (kept, title, text, by) in [
        (
            Kept::Attested,
            "What others assert",
            "The rules of these promises believe what they are told. They are kept as far as that is true.",
            "Who asserts what",
        ),
        (
            Kept::Mechanism,
            "Parts of the software",
            "These promises are carried out by a part of the software. Where it is still to come, the promise is not kept by it yet.",
            "By",
        ),
        (
            Kept::Organisation,
            "What people keep",
            "No rule keeps these promises. Whether they are kept has to be looked at elsewhere.",
            "",
        ),
    ] {
        page.list_kept(kept, title, text, by);
    }
    page.tables();
    page.rules();
    page.sources();
    page.strays();
    page.out
}

struct Page<'a> {
    report: &'a Report,
    out: String,
}

impl Page<'_> {
    fn put(&mut self, line: Arguments<'_>) {
        self.out.push_str(&line.to_string());
        self.out.push('\n');
    }

    fn row(&mut self, cells: &[String]) {
        self.put(format_args!("| {} |", cells.join(" | ")));
    }

    fn columns(&mut self, columns: &[&str]) {
        self.put(format_args!("| {} |", columns.join(" | ")));
        self.put(format_args!("|{}", " --- |".repeat(columns.len())));
    }

    fn head(&mut self) {
        let report = self.report;
        self.put(format_args!(
            "# Traceability report: {}\n",
            Plain(&report.title)
        ));
        self.columns(&["", ""]);
        let pack = format!("{} {}", report.pack, report.version);
        for (name, value) in [
            ("Operator", or_none(&report.operator)),
            ("Pack", &pack),
            ("Report made", &report.date),
            ("Made by", &format!("avow {}", report.tool)),
            ("Published policy", or_none(&report.policy_date)),
            ("SHA-256 of its text", or_none(&report.policy_sha256)),
            ("Digest of the bundle", &report.bundle),
        ] {
            self.row(&[name.to_owned(), Plain(value).to_string()]);
        }
        self.put(format_args!(""));
    }

    fn summary(&mut self) {
        let report = self.report;
        let seen = &report.seen;
        self.put(format_args!("## Summary\n"));
        if !report.validated {
            self.put(format_args!(
                "**Not validated.** Cedar’s validator has not passed these rules.\n"
            ));
        }
        self.put(format_args!(
            "{} passed, {} failed. {} of {} rules determined an answer; {} of {} sides of conditions were seen. These figures are about rules and cases, not about promises.\n",
            count(seen.passed, "case"),
            seen.failed,
            seen.rules,
            seen.rules_all,
            seen.sides,
            seen.sides_all
        ));
        self.put(format_args!(
            "Promises are counted by who keeps them. The four counts are of different sorts and are not added up.\n"
        ));
        self.columns(&[
            "Kept by",
            "Promises",
            "Cited by a rule",
            "With cases",
            "With a failing case",
            "Still to come",
        ]);
        for row in &report.kept {
            self.row(&[
                format!("**{}**: {}", kept_by(row.kept_by), means(row.kept_by)),
                row.promises.to_string(),
                row.cited.to_string(),
                row.shown.to_string(),
                row.failing.to_string(),
                row.pending.to_string(),
            ]);
        }
        self.put(format_args!(""));
    }

    fn promise(&mut self, entry: &PromiseEntry) {
        let promise = &entry.promise;
        self.put(format_args!(
            "### <a id=\"promise-{}\"></a>{}\n\n> {}\n",
            Anchor(&promise.id),
            Plain(&promise.id),
            Plain(&promise.promise)
        ));
        self.put(format_args!(
            "- Section: {}\n- Kind: {}\n- Basis: {}\n- Kept by: {}. {}",
            Plain(&promise.section),
            Plain(&promise.kind),
            Plain(basis(&promise.basis)),
            kept_by(promise.kept_by),
            means(promise.kept_by)
        ));
        for (name, text) in [
            ("How it is read", &promise.reading),
            ("Asserted by", &promise.attested_by),
            ("Carried out by", &promise.mechanism),
        ] {
            if let Some(text) = text {
                self.put(format_args!("- {name}: {}", Plain(text)));
            }
        }
        if promise.pending {
            self.put(format_args!("- Still to come"));
        }
        for gap in &entry.gaps {
            self.put(format_args!("- **Gap:** the promise {}", Plain(gap)));
        }
        self.put(format_args!(""));
        let rules = self.report.rules.iter();
        for rule in rules.filter(|rule| entry.rules.contains(&rule.id)) {
            self.put(format_args!(
                "Rule [{}](#rule-{}) ({}), {}. {}\n",
                Plain(&rule.id),
                Anchor(&rule.id),
                rule.effect,
                place(rule),
                measured(rule)
            ));
            self.fence(&rule.text);
            self.unseen(rule);
        }
        if !entry.cases.is_empty() {
            self.cases(&entry.cases, &format!("-{}", Anchor(&promise.id)));
        }
    }

    fn unseen(&mut self, rule: &RuleEntry) {
        let (unseen, excepted) = (rule.unseen(), rule.excepted());
        for line in &unseen {
            self.put(format_args!("- Not seen: {}", Plain(line)));
        }
        for line in &excepted {
            self.put(format_args!("- Excepted: {}", Plain(line)));
        }
        if !unseen.is_empty() || !excepted.is_empty() {
            self.put(format_args!(""));
        }
    }

    /// Source between fences that are longer than any within it.
    fn fence(&mut self, text: &str) {
        let mut longest = 2;
        let mut run = 0;
        for c in text.chars() {
            run = if c == '`' { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        let fence = "`".repeat(longest + 1);
        self.put(format_args!("{fence}cedar\n{}\n{fence}\n", text.trim_end()));
    }

    fn cases(&mut self, numbers: &[usize], place: &str) {
        self.columns(&["No.", "Case", "Request", "Expected", "Result"]);
        for number in numbers {
            let case = number.checked_sub(1).and_then(|i| self.report.cases.get(i));
            if let Some(case) = case {
                self.case(case, place);
            }
        }
        self.put(format_args!(""));
    }

    fn case(&mut self, case: &CaseEntry, place: &str) {
        let mut result = match case.passed {
            true => "passed".to_owned(),
            false => "**failed**".to_owned(),
        };
        for difference in &case.differences {
            result.push_str(&format!("; {}", Plain(difference)));
        }
        if !case.rules.is_empty() {
            let rules = case.rules.iter();
            let rules: Vec<_> = rules.map(|id| Plain(id).to_string()).collect();
            result.push_str(&format!(", by {}", rules.join(", ")));
        }
        self.row(&[
            format!("<a id=\"case-{0}{place}\"></a>{0}", case.number),
            format!(
                "{} ({}:{})",
                Plain(&case.name),
                Plain(&case.file),
                case.line
            ),
            match case.circumstances.as_str() {
                "" => Code(&case.request).to_string(),
                given => format!("{}<br>{}", Code(&case.request), Plain(given)),
            },
            Plain(&case.expected).to_string(),
            result,
        ]);
    }

    fn list_kept(&mut self, kept: Kept, title: &str, text: &str, by: &str) {
        let report = self.report;
        let mut entries = (report.promises.iter())
            .filter(|entry| entry.promise.kept_by == kept)
            .peekable();
        if entries.peek().is_none() {
            return;
        }
        self.put(format_args!("## {title}\n\n{text}\n"));
        match by {
            "" => self.columns(&["Promise", "What is promised"]),
            by => self.columns(&["Promise", "What is promised", by]),
        }
        for entry in entries {
            let promise = &entry.promise;
            let mut cells = vec![
                format!("[{}](#promise-{})", Plain(&promise.id), Anchor(&promise.id)),
                Plain(&promise.promise).to_string(),
            ];
            if !by.is_empty() {
                let who = promise
                    .attested_by
                    .as_ref()
                    .filter(|_| kept == Kept::Attested);
                let who = who.or(promise.mechanism.as_ref());
                let pending = if promise.pending {
                    " (still to come)"
                } else {
                    ""
                };
                cells.push(format!(
                    "{}{pending}",
                    Plain(who.map_or("", String::as_str))
                ));
            }
            self.row(&cells);
        }
        self.put(format_args!(""));
    }

    fn tables(&mut self) {
        let report = self.report;
        if !report.catalogue.is_empty() {
            self.put(format_args!("## Catalogue\n"));
        }
        for table in &report.catalogue {
            self.put(format_args!("### {}\n", table.title));
            self.columns(&table.columns);
            for row in &table.rows {
                let cells: Vec<_> = row.iter().map(|cell| Plain(cell).to_string()).collect();
                self.row(&cells);
            }
            self.put(format_args!(""));
        }
        if !report.settings.is_empty() {
            self.put(format_args!("## Settings\n"));
            self.columns(&["Setting", "Value"]);
            for (key, value) in &report.settings {
                self.row(&[Plain(key).to_string(), Plain(value).to_string()]);
            }
            self.put(format_args!(""));
        }
    }

    fn rules(&mut self) {
        let report = self.report;
        self.put(format_args!("## Appendix A: rules\n"));
        self.columns(&[
            "Rule",
            "Where",
            "Promises",
            "Determined cases",
            "Sides seen",
        ]);
        for rule in &report.rules {
            let clauses: Vec<_> = (rule.clauses.iter())
                .map(|clause| {
                    let known = report.promises.iter().any(|of| of.promise.id == *clause);
                    match known {
                        true => format!("[{}](#promise-{})", Plain(clause), Anchor(clause)),
                        false => Plain(clause).to_string(),
                    }
                })
                .collect();
            let cases: Vec<_> = rule.cases.iter().map(usize::to_string).collect();
            let (seen, all) = rule.sides();
            self.row(&[
                format!(
                    "<a id=\"rule-{}\"></a>{} ({})",
                    Anchor(&rule.id),
                    Plain(&rule.id),
                    rule.effect
                ),
                place(rule),
                clauses.join(", "),
                or_none(&cases.join(", ")).to_owned(),
                format!("{seen} of {all}"),
            ]);
        }
        self.put(format_args!(""));
    }

    fn sources(&mut self) {
        let report = self.report;
        self.put(format_args!("## Appendix B: source\n"));
        for source in &report.sources {
            let base = if source.base { " (base chapter)" } else { "" };
            self.put(format_args!("### {}{base}\n", Plain(&source.file)));
            self.fence(&source.text);
            for rule in report.rules.iter().filter(|rule| rule.file == source.file) {
                self.unseen(rule);
            }
        }
    }

    fn strays(&mut self) {
        let report = self.report;
        let strays: Vec<usize> = (report.cases.iter())
            .filter(|case| {
                let mut clauses = case.clauses.iter();
                !clauses.any(|id| report.promises.iter().any(|of| of.promise.id == *id))
            })
            .map(|case| case.number)
            .collect();
        if !strays.is_empty() {
            self.put(format_args!("## Appendix C: cases about no promise\n"));
            self.cases(&strays, "");
        }
    }
}

fn place(rule: &RuleEntry) -> String {
    let base = if rule.base { ", base chapter" } else { "" };
    format!("{}:{}{base}", Plain(&rule.file), rule.line)
}

fn measured(rule: &RuleEntry) -> String {
    let determined = match rule.cases.len() {
        0 => "Determined no answer".to_owned(),
        cases => format!("Determined {}", count(cases, "answer")),
    };
    match rule.sides() {
        (_, 0) => format!("{determined}."),
        (seen, all) => format!("{determined}; {seen} of {all} sides of conditions seen."),
    }
}
