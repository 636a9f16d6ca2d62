//! The appendix: all rules with the cases that they decided, all source, and the cases that are about no promise.

use super::Page;
use crate::report::{
    RuleEntry,
    code::{lines, marks},
    escape::{Anchor, Text},
    words::count,
};

impl Page<'_> {
    pub(super) fn rule_index(&mut self) {
        let report = self.report;
        self.put(format_args!(
            "<section aria-labelledby=\"rules\">\n<h2 id=\"rules\">Appendix A: rules</h2>\n<p>Each rule with the promises that it cites and the cases whose answer it determined.</p>"
        ));
        let columns = [
            "Rule",
            "Where",
            "Promises",
            "Determined cases",
            "Sides seen",
        ];
        self.open_table("Rules", &columns, "rules");
        for rule in &report.rules {
            let clauses =
                rule.clauses
                    .iter()
                    .map(|clause| match self.promises.contains(clause.as_str()) {
                        true => format!(
                            "<a href=\"#promise-{}\">{}</a>",
                            Anchor(clause),
                            Text(clause)
                        ),
                        false => Text(clause).to_string(),
                    });
            let clauses = match rule.clauses.is_empty() {
                true => "<span class=\"none\">none</span>".to_owned(),
                false => clauses.collect::<Vec<_>>().join("<br>"),
            };
            let (seen, all) = rule.sides();
            let base = match rule.base {
                true => ", base chapter",
                false => "",
            };
            self.put(format_args!(
                "<tr role=\"row\" id=\"rule-{}\"><th scope=\"row\" role=\"rowheader\"><code>{}</code><br><small>{}{base}</small></th><td role=\"cell\" data-label=\"Where\">{}</td><td role=\"cell\" data-label=\"Promises\">{clauses}</td><td role=\"cell\" data-label=\"Determined cases\">{}</td><td role=\"cell\" data-label=\"Sides seen\" class=\"num\">{}</td></tr>",
                Anchor(&rule.id),
                Text(&rule.id),
                rule.effect,
                self.place(rule),
                numbers(&rule.cases),
                match all {
                    0 => "–".to_owned(),
                    _ => format!("{seen} of {all}"),
                }
            ));
        }
        self.close_table();
        self.put(format_args!("</section>"));
    }

    pub(super) fn sources(&mut self) {
        let report = self.report;
        self.put(format_args!(
            "<section aria-labelledby=\"source\">\n<h2 id=\"source\">Appendix B: source</h2>\n<p>The rules as they are written, with what the cases have seen of them.</p>\n<ul class=\"legend\">\n<li><span class=\"whole\">seen true and seen false</span>, or cannot be: thin line, green</li>\n<li><span class=\"partly\">one side never seen</span>: dashed line, amber</li>\n<li><span class=\"never\">never reached</span>, or a rule that determined no answer: double line, red</li>\n</ul>"
        ));
        for (at, source) in report.sources.iter().enumerate() {
            let of_file = || report.rules.iter().filter(|rule| rule.file == source.file);
            let base = match source.base {
                true => " <span class=\"tag\">base chapter</span>",
                false => "",
            };
            self.put(format_args!(
                "<h3 id=\"src-{at}\"><code>{}</code>{base}</h3>\n<p class=\"place\">{}</p>",
                Text(&source.file),
                summary(of_file())
            ));
            let marks = marks(of_file());
            let prefix = format!("src-{at}");
            let code = lines(&source.text, 0..source.text.len(), &marks, Some(&prefix));
            self.code(&source.file, &code);
        }
        self.put(format_args!("</section>"));
    }

    pub(super) fn strays(&self) -> impl Iterator<Item = usize> {
        let cases = self.report.cases.iter();
        cases
            .filter(|case| {
                let mut clauses = case.clauses.iter();
                !clauses.any(|clause| self.promises.contains(clause.as_str()))
            })
            .map(|case| case.number)
    }

    pub(super) fn stray_cases(&mut self) {
        let strays: Vec<usize> = self.strays().collect();
        if strays.is_empty() {
            return;
        }
        self.put(format_args!(
            "<section aria-labelledby=\"strays\">\n<h2 id=\"strays\">Appendix C: cases about no promise</h2>\n<p>{} no promise of the pack.</p>",
            match strays.len() {
                1 => "1 case names".to_owned(),
                number => format!("{number} cases name"),
            }
        ));
        self.cases("Cases about no promise", &strays);
        self.put(format_args!("</section>"));
    }
}

fn summary<'r>(rules: impl Iterator<Item = &'r RuleEntry>) -> String {
    let (mut number, mut seen, mut all) = (0, 0, 0);
    for rule in rules {
        let (of_rule, of_all) = rule.sides();
        number += 1;
        seen += of_rule;
        all += of_all;
    }
    format!(
        "{}; {seen} of {all} sides of conditions seen",
        count(number, "rule")
    )
}

/// Numbers of cases as links, neighbours as a range.
fn numbers(cases: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for case in cases {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *case => *last = *case,
            _ => ranges.push((*case, *case)),
        }
    }
    if ranges.is_empty() {
        return "<span class=\"failed\">none</span>".to_owned();
    }
    let link = |number: usize| format!("<a href=\"#case-{number}\">{number}</a>");
    let ranges = ranges.into_iter().map(|(first, last)| match last - first {
        0 => link(first),
        1 => format!("{}, {}", link(first), link(last)),
        _ => format!("{}–{}", link(first), link(last)),
    });
    ranges.collect::<Vec<_>>().join(", ")
}
