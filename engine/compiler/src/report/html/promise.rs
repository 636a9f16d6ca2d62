//! The promises: first all of them in a table, then each with its rules and cases.

use super::{Page, Parts};
use crate::{
    Kept,
    report::{
        CaseEntry, PromiseEntry, RuleEntry,
        code::{lines, marks},
        escape::{Anchor, Prose, Text},
        words::{basis, count, kept_by, means},
    },
};

impl<'a> Page<'a> {
    pub(super) fn promises(&mut self) {
        let report = self.report;
        self.put(format_args!(
            "<section aria-labelledby=\"promises\">\n<h2 id=\"promises\">Promises</h2>"
        ));
        let columns = [
            "Promise",
            "Section",
            "Kept by",
            "Rules",
            "Cases",
            "Its cases",
        ];
        self.open_table("All promises", &columns, "index");
        for entry in &report.promises {
            let promise = &entry.promise;
            let pending = match promise.pending {
                true => ", still to come",
                false => "",
            };
            self.put(format_args!(
                "<tr role=\"row\"><th scope=\"row\" role=\"rowheader\"><a href=\"#promise-{}\">{}</a></th>\n<td role=\"cell\" data-label=\"Section\">{}</td><td role=\"cell\" data-label=\"Kept by\">{}{pending}</td><td role=\"cell\" data-label=\"Rules\" class=\"num\">{}</td><td role=\"cell\" data-label=\"Cases\" class=\"num\">{}</td><td role=\"cell\" data-label=\"Its cases\">{}</td></tr>",
                Anchor(&promise.id),
                Text(&promise.id),
                Text(&promise.section),
                kept_by(promise.kept_by),
                entry.rules.len(),
                entry.cases.len(),
                self.result(entry)
            ));
        }
        self.close_table();
        for entry in &report.promises {
            self.promise(entry);
        }
        self.put(format_args!("</section>"));
    }

    fn result(&self, entry: &PromiseEntry) -> String {
        let failing = entry.failing(&self.report.cases);
        match (failing, entry.cases.len(), entry.gaps.len()) {
            (0, 0, 0) => "<span class=\"none\">no cases</span>".to_owned(),
            (0, _, 0) => "<span class=\"passed\">passed</span>".to_owned(),
            (0, ..) => "<span class=\"failed\">incomplete</span>".to_owned(),
            _ => format!("<span class=\"failed\">{failing} failed</span>"),
        }
    }

    fn promise(&mut self, entry: &'a PromiseEntry) {
        let promise = &entry.promise;
        let lang = self.lang.clone();
        let id = format!("promise-{}", Anchor(&promise.id));
        self.put(format_args!(
            "<article class=\"promise\" aria-labelledby=\"{id}\">\n<h3 id=\"{id}\">{}</h3>\n<p class=\"tags\"><span class=\"tag\">{}</span> <span class=\"tag\">{}</span> <span class=\"tag\">kept by: {}</span></p>\n<p class=\"section\">Section: {}</p>\n<blockquote{lang}><p>{}</p></blockquote>",
            Text(&promise.id),
            Text(&promise.kind),
            Text(basis(&promise.basis)),
            kept_by(promise.kept_by),
            Text(&promise.section),
            Prose(&promise.promise)
        ));
        self.put(format_args!("<dl class=\"details\">"));
        if let Some(reading) = &promise.reading {
            self.detail(
                "How it is read",
                &format!("<span{lang}>{}</span>", Prose(reading)),
            );
        }
        self.detail("How it is kept", means(promise.kept_by));
        if let Some(who) = &promise.attested_by {
            self.detail("Asserted by", &format!("<span{lang}>{}</span>", Prose(who)));
        }
        if let Some(mechanism) = &promise.mechanism {
            let pending = match promise.pending {
                true => " <span class=\"tag warn\">still to come</span>",
                false => "",
            };
            self.detail(
                "Carried out by",
                &format!("<span{lang}>{}</span>{pending}", Prose(mechanism)),
            );
        }
        self.put(format_args!("</dl>"));
        for gap in &entry.gaps {
            self.put(format_args!(
                "<p class=\"notice bad\"><strong>Gap:</strong> the promise {}.</p>",
                Text(gap)
            ));
        }
        if !entry.rules.is_empty() {
            self.put(format_args!(
                "<h4>{} <small>{}</small></h4>",
                count(entry.rules.len(), "rule"),
                match entry.answered {
                    0 => "no case was answered in its name".to_owned(),
                    answered => format!("{} answered in its name", count(answered, "case")),
                }
            ));
            for id in &entry.rules {
                if let Some(rule) = self.rules.get(id.as_str()).copied() {
                    self.rule(rule);
                }
            }
        } else if promise.kept_by != Kept::Organisation {
            self.put(format_args!("<p class=\"none\">No rule cites it.</p>"));
        }
        if !entry.cases.is_empty() {
            let failing = entry.failing(&self.report.cases);
            let failed = match failing {
                0 => "all passed".to_owned(),
                _ => format!("{failing} failed"),
            };
            self.put(format_args!(
                "<h4>{} <small>{failed}</small></h4>",
                count(entry.cases.len(), "case")
            ));
            self.cases(&format!("Cases about {}", promise.id), &entry.cases);
        }
        self.put(format_args!("</article>"));
    }

    fn detail(&mut self, name: &str, value: &str) {
        self.put(format_args!("<div><dt>{name}</dt><dd>{value}</dd></div>"));
    }

    fn rule(&mut self, rule: &RuleEntry) {
        let source = self.report.sources.iter().find(|of| of.file == rule.file);
        let (seen, all) = rule.sides();
        let sides = match all {
            0 => "no condition".to_owned(),
            _ => format!("{seen} of {all} sides of conditions seen"),
        };
        let base = match rule.base {
            true => " <span class=\"tag\">base chapter</span>",
            false => "",
        };
        self.put(format_args!(
            "<div class=\"rule\">\n<p class=\"rule-head\"><a href=\"#rule-{}\"><code>{}</code></a> <span class=\"tag\">{}</span>{base} <span class=\"place\">{}</span> <span class=\"sides\">{}; {sides}</span></p>",
            Anchor(&rule.id),
            Text(&rule.id),
            rule.effect,
            self.place(rule),
            match rule.cases.len() {
                0 => "determined no answer".to_owned(),
                cases => format!("determined {}", count(cases, "answer")),
            }
        ));
        if let Some(source) = source {
            let marks = marks(std::iter::once(rule));
            let code = lines(&source.text, rule.span.clone(), &marks, None);
            self.code(&format!("Rule {}", rule.id), &code);
        }
        self.unseen(rule);
        self.put(format_args!("</div>"));
    }

    /// Source that scrolls where it is wider than the screen; so the keyboard has to reach it.
    pub(super) fn code(&mut self, label: &str, code: &str) {
        self.put(format_args!(
            "<pre class=\"code\" tabindex=\"0\" role=\"group\" aria-label=\"{}\"><code>{code}</code></pre>",
            Text(label)
        ));
    }

    /// What colours say, in words.
    pub(super) fn unseen(&mut self, rule: &RuleEntry) {
        for (class, lines) in [("unseen", rule.unseen()), ("excepted", rule.excepted())] {
            if lines.is_empty() {
                continue;
            }
            self.put(format_args!("<ul class=\"{class}\">"));
            for line in lines {
                self.put(format_args!("<li>{}</li>", Prose(&line)));
            }
            self.put(format_args!("</ul>"));
        }
    }

    /// Where a rule stands, with a link to it.
    pub(super) fn place(&self, rule: &RuleEntry) -> String {
        let text = format!("{}:{}", rule.file, rule.line);
        let at = self
            .report
            .sources
            .iter()
            .position(|of| of.file == rule.file);
        match at {
            Some(at) => format!("<a href=\"#src-{at}-{}\">{}</a>", rule.line, Text(&text)),
            None => Text(&text).to_string(),
        }
    }

    pub(super) fn cases(&mut self, caption: &str, numbers: &[usize]) {
        let report = self.report;
        self.put(format_args!(
            "<table role=\"table\" class=\"cases\"><caption class=\"hidden\">{}</caption>\n<thead role=\"rowgroup\"><tr role=\"row\"><th scope=\"col\" role=\"columnheader\">No.</th><th scope=\"col\" role=\"columnheader\">Case and request</th><th scope=\"col\" role=\"columnheader\">Expected</th><th scope=\"col\" role=\"columnheader\">Result</th></tr></thead>\n<tbody role=\"rowgroup\">",
            Text(caption)
        ));
        for number in numbers {
            let case = number.checked_sub(1).and_then(|i| report.cases.get(i));
            if let Some(case) = case {
                self.case(case);
            }
        }
        self.close_table();
    }

    fn case(&mut self, case: &CaseEntry) {
        let number = case.number;
        // It is told whole once. The other places lead there.
        let (id, shown, given) = match self.placed.insert(number) {
            true => (
                format!(" id=\"case-{number}\""),
                number.to_string(),
                Text(&case.circumstances).to_string(),
            ),
            false => (
                String::new(),
                format!("<a href=\"#case-{number}\">{number}</a>"),
                format!("told whole at <a href=\"#case-{number}\">case {number}</a>"),
            ),
        };
        self.put(format_args!(
            "<tr role=\"row\"{id}><td role=\"cell\" data-label=\"No.\" class=\"num\">{shown}</td><th scope=\"row\" role=\"rowheader\">{} <span class=\"place\">{}:{}</span><code class=\"request\">{}</code><span class=\"given\">{given}</span></th>",
            Text(&case.name),
            Text(&case.file),
            case.line,
            Text(&case.request)
        ));
        let result = match case.passed {
            true => "<span class=\"passed\">passed</span>".to_owned(),
            false => {
                let lines = case.differences.iter();
                let lines = lines.map(|line| format!("<li>{}</li>", Text(line)));
                let lines: String = lines.collect();
                format!("<span class=\"failed\">failed</span><ul>{lines}</ul>")
            }
        };
        let by = case
            .rules
            .iter()
            .map(|id| match self.rules.contains_key(id.as_str()) {
                true => format!("<a href=\"#rule-{}\">{}</a>", Anchor(id), Text(id)),
                false => Text(id).to_string(),
            });
        let by = match case.rules.is_empty() {
            true => String::new(),
            false => format!(
                "<span class=\"by\">by {}</span>",
                by.collect::<Vec<_>>().join(", ")
            ),
        };
        let also: Vec<_> = (case.obligations.iter())
            .map(|obligation| Text(obligation).to_string())
            .collect();
        let also = match also.is_empty() || self.parts == Parts::Coverage {
            true => String::new(),
            false => format!("<span class=\"by\">obliges to {}</span>", also.join(", ")),
        };
        self.put(format_args!(
            "<td role=\"cell\" data-label=\"Expected\">{}</td><td role=\"cell\" data-label=\"Result\">{result}{by}{also}</td></tr>",
            Text(&case.expected)
        ));
    }
}
