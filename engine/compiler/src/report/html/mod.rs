//! A report as one HTML file: no script, no request, light and dark, on a screen of any width and on paper.

mod appendix;
mod promise;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Arguments,
};

use super::{
    Report, RuleEntry, Table,
    escape::{Anchor, Prose, Text},
    words::{count, kept_by, means, or_none},
};
use crate::Kept;

const STYLE: &str = include_str!("report.css");

/// The whole report.
#[must_use]
pub fn html(report: &Report) -> String {
    Page::new(report, Parts::Report).whole()
}

/// What the cases have seen: the promises with their rules and cases, and the source coloured. It leaves out what a test
/// has no say in.
#[must_use]
pub fn coverage_html(report: &Report) -> String {
    Page::new(report, Parts::Coverage).whole()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Parts {
    Report,
    Coverage,
}

struct Page<'a> {
    report: &'a Report,
    parts: Parts,
    rules: BTreeMap<&'a str, &'a RuleEntry>,
    promises: BTreeSet<&'a str>,
    /// Cases that stand on the page already: an id is there once, at the first.
    placed: BTreeSet<usize>,
    /// `lang` of the pack's own texts, where it is not that of the page.
    lang: String,
    out: String,
}

impl<'a> Page<'a> {
    fn new(report: &'a Report, parts: Parts) -> Self {
        Self {
            report,
            parts,
            rules: (report.rules.iter())
                .map(|rule| (rule.id.as_str(), rule))
                .collect(),
            promises: (report.promises.iter())
                .map(|entry| entry.promise.id.as_str())
                .collect(),
            placed: BTreeSet::new(),
            lang: match report.language.as_str() {
                "en" => String::new(),
                other => format!(" lang=\"{}\"", Text(other)),
            },
            out: String::new(),
        }
    }

    fn put(&mut self, line: Arguments<'_>) {
        self.out.push_str(&line.to_string());
        self.out.push('\n');
    }

    fn whole(mut self) -> String {
        let report = self.report;
        let kind = match self.parts {
            Parts::Report => "Traceability report",
            Parts::Coverage => "Coverage",
        };
        self.put(format_args!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" content=\"avow {}\">\n<title>{kind}: {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the report</a>",
            Text(&report.tool),
            Text(&report.title)
        ));
        self.header(kind);
        self.put(format_args!("<div class=\"page\">"));
        self.contents();
        self.put(format_args!("<main id=\"main\">"));
        self.summary();
        self.promises();
        if self.parts == Parts::Report {
            self.attested();
            self.mechanisms();
            self.organisation();
            self.catalogue();
            self.settings();
        }
        self.rule_index();
        self.sources();
        self.stray_cases();
        self.put(format_args!("</main>\n</div>"));
        self.put(format_args!(
            "<footer><p>Made by avow {} on {} from pack {} {}. Bundle <code>{}</code>.</p></footer>\n</body>\n</html>",
            Text(&report.tool),
            Text(&report.date),
            Text(&report.pack),
            Text(&report.version),
            Text(&report.bundle)
        ));
        self.out
    }

    fn header(&mut self, kind: &str) {
        let report = self.report;
        self.put(format_args!(
            "<header class=\"top\">\n<p class=\"eyebrow\">{kind}</p>\n<h1>{}</h1>",
            Text(&report.title)
        ));
        if !report.operator.is_empty() {
            self.put(format_args!(
                "<p class=\"operator\">Promises of {}</p>",
                Text(&report.operator)
            ));
        }
        let date = match report.policy_date.as_str() {
            "" => "no date recorded",
            date => date,
        };
        self.put(format_args!("<dl class=\"facts\">"));
        self.fact("Report made", &report.date, false);
        self.fact(
            "Pack",
            &format!("{} {}", report.pack, report.version),
            false,
        );
        self.fact("Made by", &format!("avow {}", report.tool), false);
        self.fact("Published policy", date, false);
        if self.parts == Parts::Report {
            let digest = or_none(&report.policy_sha256);
            self.fact("SHA-256 of its text", digest, true);
        }
        self.fact("Digest of the bundle", &report.bundle, true);
        self.put(format_args!("</dl>\n</header>"));
    }

    fn fact(&mut self, name: &str, value: &str, long: bool) {
        let (class, value) = match long {
            true => (" class=\"long\"", format!("<code>{}</code>", Text(value))),
            false => ("", Text(value).to_string()),
        };
        self.put(format_args!(
            "<div{class}><dt>{name}</dt><dd>{value}</dd></div>"
        ));
    }

    fn contents(&mut self) {
        let report = self.report;
        let whole = self.parts == Parts::Report;
        let strays = self.strays().next().is_some();
        let entries = [
            ("summary", "Summary", true),
            ("promises", "Promises", true),
            (
                "attested",
                "What others assert",
                whole && self.has(Kept::Attested),
            ),
            (
                "mechanisms",
                "Parts of the software",
                whole && self.has(Kept::Mechanism),
            ),
            (
                "organisation",
                "What people keep",
                whole && self.has(Kept::Organisation),
            ),
            (
                "catalogue",
                "Catalogue",
                whole && !report.catalogue.is_empty(),
            ),
            ("settings", "Settings", whole && !report.settings.is_empty()),
            ("rules", "Appendix A: rules", true),
            ("source", "Appendix B: source", true),
            ("strays", "Appendix C: cases about no promise", strays),
        ];
        self.put(format_args!(
            "<nav class=\"contents\" aria-labelledby=\"contents\">\n<h2 id=\"contents\">Contents</h2>\n<ul>"
        ));
        for (id, title, _) in entries.into_iter().filter(|(.., there)| *there) {
            self.put(format_args!("<li><a href=\"#{id}\">{title}</a></li>"));
        }
        self.put(format_args!("</ul>\n</nav>"));
    }

    fn has(&self, kept: Kept) -> bool {
        let mut promises = self.report.promises.iter();
        promises.any(|entry| entry.promise.kept_by == kept)
    }

    fn summary(&mut self) {
        let report = self.report;
        let seen = &report.seen;
        self.put(format_args!(
            "<section aria-labelledby=\"summary\">\n<h2 id=\"summary\">Summary</h2>"
        ));
        if !report.validated {
            self.put(format_args!(
                "<p class=\"notice bad\"><strong>Not validated.</strong> Cedar’s validator has not passed these rules.</p>"
            ));
        }
        match seen.failed {
            0 => self.put(format_args!(
                "<p class=\"notice good\"><strong>Every case gives what it expects:</strong> {}.</p>",
                count(seen.passed, "case")
            )),
            failed => self.put(format_args!(
                "<p class=\"notice bad\"><strong>{} not give what {}.</strong> {} passed. A promise with such a case is marked.</p>",
                match failed {
                    1 => "1 case does".to_owned(),
                    _ => format!("{failed} cases do"),
                },
                if failed == 1 { "it expects" } else { "they expect" },
                seen.passed
            )),
        }
        self.put(format_args!(
            "<p>Promises are counted by who keeps them. The four counts are of different sorts and are not added up: what a rule decides, what somebody asserts, what software carries out and what people do are shown in different ways, or not at all.</p>"
        ));
        let columns = [
            "Kept by",
            "Promises",
            "Cited by a rule",
            "With cases",
            "With a failing case",
            "Still to come",
        ];
        self.open_table("Promises by who keeps them", &columns, "numbers");
        for row in &report.kept {
            let cell = |number: usize, applies: bool| match applies {
                true => number.to_string(),
                false => "–".to_owned(),
            };
            let people = row.kept_by == Kept::Organisation;
            let mechanism = row.kept_by == Kept::Mechanism;
            self.put(format_args!(
                "<tr role=\"row\"><th scope=\"row\" role=\"rowheader\"><strong>{}</strong><br><small>{}</small></th>",
                kept_by(row.kept_by),
                means(row.kept_by)
            ));
            let cells = [
                row.promises.to_string(),
                cell(row.cited, !people || row.cited > 0),
                cell(row.shown, !people || row.shown > 0),
                cell(row.failing, !people || row.shown > 0),
                cell(row.pending, mechanism || row.pending > 0),
            ];
            for (name, cell) in columns.iter().skip(1).zip(cells) {
                self.put(format_args!(
                    "<td role=\"cell\" data-label=\"{name}\">{cell}</td>"
                ));
            }
            self.put(format_args!("</tr>"));
        }
        self.close_table();
        self.put(format_args!(
            "<h3>What was run</h3>\n<p>These figures are about rules and cases, not about promises. A side of a condition is its being true, or its being false, in some case.</p>\n<dl class=\"figures\">"
        ));
        for (name, part, all) in [
            ("Cases passed", seen.passed, seen.passed + seen.failed),
            (
                "Rules that determined an answer",
                seen.rules,
                seen.rules_all,
            ),
            ("Sides of conditions seen", seen.sides, seen.sides_all),
        ] {
            let class = if part == all { "good" } else { "bad" };
            self.put(format_args!(
                "<div class=\"{class}\"><dt>{name}</dt><dd>{part} <small>of {all}</small></dd></div>"
            ));
        }
        self.put(format_args!("</dl>\n</section>"));
    }

    /// Who asserts which fact.
    fn attested(&mut self) {
        self.list_kept(
            Kept::Attested,
            "attested",
            "What others assert",
            "The rules of these promises believe what they are told. They are kept as far as that is true.",
            "Who asserts what",
        );
    }

    /// What the product carries out.
    fn mechanisms(&mut self) {
        self.list_kept(
            Kept::Mechanism,
            "mechanisms",
            "Parts of the software",
            "These promises are carried out by a part of the software. Where it is still to come, the promise is not kept by it yet.",
            "By",
        );
    }

    /// What no rule can keep.
    fn organisation(&mut self) {
        self.list_kept(
            Kept::Organisation,
            "organisation",
            "What people keep",
            "No rule keeps these promises. Whether they are kept has to be looked at elsewhere.",
            "",
        );
    }

    fn list_kept(&mut self, kept: Kept, id: &str, title: &str, text: &str, by: &str) {
        if !self.has(kept) {
            return;
        }
        let mut columns = vec!["Promise", "What is promised"];
        if !by.is_empty() {
            columns.push(by);
        }
        self.put(format_args!(
            "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n<p>{text}</p>"
        ));
        self.open_table(title, &columns, "index");
        let lang = self.lang.clone();
        let report = self.report;
        for entry in &report.promises {
            let promise = &entry.promise;
            if promise.kept_by != kept {
                continue;
            }
            self.put(format_args!(
                "<tr role=\"row\"><th scope=\"row\" role=\"rowheader\"><a href=\"#promise-{}\">{}</a></th><td role=\"cell\" data-label=\"What is promised\"{lang}>{}</td>",
                Anchor(&promise.id),
                Text(&promise.id),
                Prose(&promise.promise)
            ));
            if !by.is_empty() {
                let who = promise
                    .attested_by
                    .as_ref()
                    .filter(|_| kept == Kept::Attested);
                let who = who.or(promise.mechanism.as_ref());
                let pending = match promise.pending {
                    true => " <span class=\"tag warn\">still to come</span>",
                    false => "",
                };
                self.put(format_args!(
                    "<td role=\"cell\" data-label=\"{by}\"{lang}>{}{pending}</td>",
                    Prose(who.map_or("", String::as_str))
                ));
            }
            self.put(format_args!("</tr>"));
        }
        self.close_table();
        self.put(format_args!("</section>"));
    }

    fn catalogue(&mut self) {
        let report = self.report;
        if report.catalogue.is_empty() {
            return;
        }
        self.put(format_args!(
            "<section aria-labelledby=\"catalogue\">\n<h2 id=\"catalogue\">Catalogue</h2>\n<p>What pages set and load, who receives data, and what schedules of retention are about. Rules name these entries.</p>"
        ));
        for table in &report.catalogue {
            self.table(table);
        }
        self.put(format_args!("</section>"));
    }

    fn table(&mut self, table: &Table) {
        self.put(format_args!("<h3>{}</h3>", table.title));
        self.open_table(table.title, &table.columns, "");
        let lang = self.lang.clone();
        for row in &table.rows {
            self.put(format_args!("<tr role=\"row\">"));
            for (i, (name, cell)) in table.columns.iter().zip(row).enumerate() {
                match i {
                    0 => self.put(format_args!(
                        "<th scope=\"row\" role=\"rowheader\"{}><code>{}</code></th>",
                        breaks(cell),
                        Text(cell)
                    )),
                    _ => self.put(format_args!(
                        "<td role=\"cell\" data-label=\"{name}\"{lang}{}>{}</td>",
                        breaks(cell),
                        Text(cell)
                    )),
                }
            }
            self.put(format_args!("</tr>"));
        }
        self.close_table();
    }

    fn settings(&mut self) {
        let report = self.report;
        if report.settings.is_empty() {
            return;
        }
        self.put(format_args!(
            "<section aria-labelledby=\"settings\">\n<h2 id=\"settings\">Settings</h2>\n<p>What the operator has set. Rules read these values.</p>"
        ));
        self.open_table("Settings", &["Setting", "Value"], "");
        for (key, value) in &report.settings {
            self.put(format_args!(
                "<tr role=\"row\"><th scope=\"row\" role=\"rowheader\"><code>{}</code></th><td role=\"cell\" data-label=\"Value\"><code>{}</code></td></tr>",
                Text(key),
                Text(value)
            ));
        }
        self.close_table();
        self.put(format_args!("</section>"));
    }

    /// A table that narrow screens show as a list. The roles say what it is to browsers that forget it then.
    fn open_table(&mut self, caption: &str, columns: &[&str], class: &str) {
        // Where the heading says the same, it is there for those who do not see the page.
        let hidden = match class {
            "numbers" => "",
            _ => " class=\"hidden\"",
        };
        self.put(format_args!(
            "<table role=\"table\" class=\"{class}\"><caption{hidden}>{caption}</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">"
        ));
        for column in columns {
            self.put(format_args!(
                "<th scope=\"col\" role=\"columnheader\">{column}</th>"
            ));
        }
        self.put(format_args!("</tr></thead>\n<tbody role=\"rowgroup\">"));
    }

    fn close_table(&mut self) {
        self.put(format_args!("</tbody></table>"));
    }
}

/// A class for text with a word, such as a URL, that may be broken anywhere. Of others a column shows whole words.
fn breaks(text: &str) -> &'static str {
    match text.split_whitespace().any(|word| word.len() > 28) {
        true => " class=\"breaks\"",
        false => "",
    }
}
