//! Reads the rules, has Cedar validate them, and lowers them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use cedar_policy::{
    Policy, PolicyId, PolicySet, Template, ValidationMode, ValidationWarning, Validator,
};
use cedar_policy_core::ast::{
    self, ActionConstraint, Effect, EntityReference, PrincipalOrResourceConstraint,
};

use crate::{
    chapters::Chapters,
    expression::{Unlowered, lower, uid},
    finding::{Finding, Severity, Sources, place},
    links,
    manifest::{Kept, Promise},
    program::{ActionScope, Program, Rule, Scope, Uid},
    schema::Cedar,
    suggest::suggest,
};

/// A rule and where it stands.
pub(crate) struct Found {
    pub(crate) lowered: Rule,
    pub(crate) file: String,
    /// The chapter that it is of, where it comes from another pack.
    pub(crate) chapter: Option<String>,
    pub(crate) span: Range<usize>,
    /// As Cedar reads it; of a link, with its entities in the scope.
    pub(crate) policy: ast::Policy,
}

/// What is written in a file under one name: a policy, or a template with the links that make policies of it.
struct Written<'a> {
    file: &'a str,
    span: Range<usize>,
}

/// The rules, lowered: `open` where the schema vouches for nothing that they read. Beside them, what Cedar's validator has
/// against them by a schema; the caller says whether that counts.
pub(crate) fn read(
    sources: &Sources<'_>,
    chapters: &Chapters<'_>,
    validator: Option<&Cedar>,
    open: bool,
    findings: &mut Vec<Finding>,
) -> (Vec<Found>, Vec<Finding>) {
    chapters.check(sources, findings);
    let mut all = PolicySet::new();
    let mut written: BTreeMap<String, Written<'_>> = BTreeMap::new();
    for (file, text) in sources.ending(".cedar") {
        // Of the packs that are used, the chapters that the manifest takes.
        let chapter = chapters.name(file);
        if chapter.is_some_and(|chapter| chapters.taken(chapter).is_none()) {
            continue;
        }
        let set: PolicySet = match text.parse() {
            Ok(set) => set,
            Err(errors) => {
                let errors: cedar_policy::ParseErrors = errors;
                for error in errors.iter() {
                    sources.cedar("policy-syntax", file, error, findings);
                }
                continue;
            }
        };
        add_file(sources, file, &set, &mut all, &mut written, findings);
    }
    let mut links = Vec::new();
    for (file, text) in sources.ending(".links.json") {
        links::read(sources, file, text, &mut all, &mut links, findings);
    }
    let mut misfits = Vec::new();
    if let Some(cedar) = validator {
        check_types(
            sources,
            cedar,
            chapters,
            &all,
            &written,
            &links,
            &mut misfits,
        );
    }
    let mut found = Vec::new();
    for policy in all.policies() {
        let id: &str = policy.id().as_ref();
        let template: &str = policy.template_id().map_or(id, AsRef::as_ref);
        let Some(at) = written.get(template) else {
            continue;
        };
        match rule(sources, at, id, policy.as_ref()) {
            Ok(mut lowered) => {
                let chapter = chapters.name(at.file);
                if let Some((_, clauses)) = chapter.and_then(|chapter| chapters.taken(chapter)) {
                    let clauses = clauses.get_ref().clone();
                    lowered.notes.insert("clause".to_owned(), clauses);
                }
                lowered.lower_scope(open);
                found.push(Found {
                    lowered,
                    file: at.file.to_owned(),
                    chapter: chapter.map(ToOwned::to_owned),
                    span: at.span.clone(),
                    policy: policy.as_ref().clone(),
                });
            }
            Err(finding) => findings.push(*finding),
        }
    }
    found.sort_by(|a, b| {
        let key = |found: &Found| {
            (
                found.file.clone(),
                found.span.start,
                found.lowered.id.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    (found, misfits)
}

/// Adds what a file has to the set, under the names that its `@id`s or their places give.
fn add_file<'a>(
    sources: &Sources<'_>,
    file: &'a str,
    set: &PolicySet,
    all: &mut PolicySet,
    written: &mut BTreeMap<String, Written<'a>>,
    findings: &mut Vec<Finding>,
) {
    enum Item<'s> {
        Policy(&'s Policy),
        Template(&'s Template),
    }
    let span = |loc: Option<&cedar_policy_core::parser::Loc>| {
        loc.map_or(0..0, |loc| loc.start()..loc.end())
    };
    let policies = set.policies().map(|policy| {
        let core: &ast::Policy = policy.as_ref();
        (
            span(core.loc()),
            policy.annotation("id"),
            Item::Policy(policy),
        )
    });
    let templates = set.templates().map(|template| {
        let core: &ast::Template = template.as_ref();
        (
            span(core.loc()),
            template.annotation("id"),
            Item::Template(template),
        )
    });
    // A set has no order; a file has.
    let mut items: Vec<_> = policies.chain(templates).collect();
    items.sort_by_key(|(span, ..)| span.start);
    let stem = file.rsplit('/').next().unwrap_or(file);
    let stem = stem.trim_end_matches(".cedar");
    for (number, (span, id, item)) in items.into_iter().enumerate() {
        let id = id.map_or_else(|| format!("{stem}#{}", number + 1), ToOwned::to_owned);
        if let Some(other) = written.get(&id) {
            let message = format!(
                "two rules are called `{id}`; the other one is in {}",
                other.file
            );
            findings.push(sources.error("duplicate-id", file, Some(head(&span)), message));
            continue;
        }
        // Its id is new, so the set takes it.
        let _ = match item {
            Item::Policy(policy) => all.add(policy.new_id(PolicyId::new(&id))),
            Item::Template(template) => all.add_template(template.new_id(PolicyId::new(&id))),
        };
        written.insert(id, Written { file, span });
    }
}

/// Has Cedar validate the rules, strictly.
fn check_types(
    sources: &Sources<'_>,
    cedar: &Cedar,
    chapters: &Chapters<'_>,
    all: &PolicySet,
    written: &BTreeMap<String, Written<'_>>,
    links: &[links::Link],
    findings: &mut Vec<Finding>,
) {
    let result = Validator::new(cedar.schema.clone()).validate(all, ValidationMode::Strict);
    let place = |id: &PolicyId| {
        let id: &str = id.as_ref();
        let link = links.iter().find(|link| link.id == id);
        match (written.get(id), link) {
            (Some(written), _) => written.file,
            (None, Some(link)) => link.file.as_str(),
            (None, None) => "",
        }
    };
    for error in result.validation_errors() {
        sources.cedar("validation", place(error.policy_id()), error, findings);
    }
    let mut never = BTreeSet::new();
    for warning in result.validation_warnings() {
        let id: &str = warning.policy_id().as_ref();
        let file = place(warning.policy_id());
        let impossible = matches!(
            warning,
            ValidationWarning::ImpossiblePolicy(_) | ValidationWarning::InvalidActionApplication(_)
        );
        let mut warnings = Vec::new();
        if !impossible {
            sources.cedar("validation", file, warning, &mut warnings);
        } else if chapters.name(file).is_none() && never.insert(id.to_owned()) {
            // Of a chapter, a pack may use a part.
            let span = written.get(id).map(|written| head(&written.span));
            let message = format!("rule `{id}` can never apply");
            let finding = sources.error("never-applies", file, span, message);
            let why = "for no request that the schema admits do its scope and its condition hold";
            warnings.push(finding.with_help(why));
        }
        findings.extend(warnings.into_iter().map(Finding::warning));
    }
}

fn rule(
    sources: &Sources<'_>,
    Written { file, span }: &Written<'_>,
    id: &str,
    policy: &ast::Policy,
) -> Result<Rule, Box<Finding>> {
    let (line, column) = sources
        .get(file)
        .and_then(|text| place(text, span.start))
        .unwrap_or_default();
    let number = |n: usize| u32::try_from(n).unwrap_or_default();
    let lowered = lowered(id, policy).map_err(|unlowered| {
        let span = unlowered.span.or_else(|| Some(head(span)));
        Box::new(sources.error("not-lowered", file, span, unlowered.what))
    })?;
    Ok(Rule {
        source: ((*file).to_owned(), number(line), number(column)),
        ..lowered
    })
}

/// A rule that stands in no file.
pub(crate) fn probe(id: &str, policy: &Policy, open: bool) -> Result<Rule, String> {
    let mut rule = lowered(id, policy.as_ref()).map_err(|unlowered| unlowered.what)?;
    rule.lower_scope(open);
    Ok(rule)
}

fn lowered(id: &str, policy: &ast::Policy) -> Result<Rule, Unlowered> {
    let code = match policy.non_scope_constraints() {
        None => Vec::new(),
        Some(condition) => lower(condition).map_err(|unlowered| Unlowered {
            what: format!("{} cannot be lowered", unlowered.what),
            ..unlowered
        })?,
    };
    let slot = || Unlowered {
        what: "a template slot is left open".to_owned(),
        span: None,
    };
    Ok(Rule {
        id: id.to_owned(),
        forbids: policy.effect() == Effect::Forbid,
        principal: scope(policy.principal_constraint().as_inner()).ok_or_else(slot)?,
        actions: match policy.action_constraint() {
            ActionConstraint::Any => ActionScope::Any,
            ActionConstraint::Eq(euid) => ActionScope::Eq(uid(euid)),
            ActionConstraint::In(euids) => ActionScope::In(euids.iter().map(|e| uid(e)).collect()),
        },
        resource: scope(policy.resource_constraint().as_inner()).ok_or_else(slot)?,
        code,
        scope_len: 0,
        notes: policy
            .annotations()
            .map(|(key, value)| (key.to_string(), value.val.to_string()))
            .collect(),
        source: (String::new(), 0, 0),
    })
}

fn scope(constraint: &PrincipalOrResourceConstraint) -> Option<Scope> {
    let reference = |reference: &EntityReference| match reference {
        EntityReference::EUID(euid) => Some(uid(euid)),
        EntityReference::Slot(_) => None,
    };
    Some(match constraint {
        PrincipalOrResourceConstraint::Any => Scope::Any,
        PrincipalOrResourceConstraint::Eq(entity) => Scope::Eq(reference(entity)?),
        PrincipalOrResourceConstraint::In(entity) => Scope::In(reference(entity)?),
        PrincipalOrResourceConstraint::Is(of) => Scope::Is(of.to_string()),
        PrincipalOrResourceConstraint::IsIn(of, entity) => {
            Scope::IsIn(of.to_string(), reference(entity)?)
        }
    })
}

/// Types of which every entity that a rule names has to be in the catalogue.
pub(crate) const CATALOGUED: [&str; 6] = [
    "Avow::Jurisdiction",
    "Avow::Purpose",
    "Avow::Processor",
    "Avow::Service",
    "Avow::Storage",
    "Avow::RecordClass",
];

/// What Cedar's validator does not look at: clauses, and entities that the catalogue should have.
pub(crate) fn check(
    sources: &Sources<'_>,
    rules: &[Found],
    promises: &[Promise],
    program: &Program,
    findings: &mut Vec<Finding>,
) {
    let ids: BTreeSet<&str> = promises.iter().map(|promise| promise.id.as_str()).collect();
    let mut cited = BTreeSet::new();
    for rule in rules {
        let here = |code, message: String| {
            sources.error(code, &rule.file, Some(head(&rule.span)), message)
        };
        let id = &rule.lowered.id;
        let clauses = rule.lowered.notes.get("clause").map(String::as_str);
        if clauses.is_none() && !promises.is_empty() {
            findings.push(
                here(
                    "rule-without-clause",
                    format!("rule `{id}` cites no clause"),
                )
                .with_help("add `@clause(\"…\")` with the id of the promise that it keeps"),
            );
        }
        for clause in clauses.unwrap_or_default().split_ascii_whitespace() {
            cited.insert(clause);
            if !ids.is_empty() && !ids.contains(clause) {
                let message =
                    format!("rule `{id}` cites `{clause}`, which promises.toml does not have");
                let finding = here("unknown-clause", message);
                findings.push(match suggest(clause, ids.iter().copied()) {
                    Some(known) => finding.with_help(format!("did you mean `{known}`?")),
                    None => finding,
                });
            }
        }
        for (uid, span) in named(rule) {
            if CATALOGUED.contains(&uid.0.as_str()) && !program.entities.contains_key(&uid) {
                let (of, id_of) = &uid;
                let message = format!(
                    "rule `{id}` names `{of}::\"{id_of}\"`, which the catalogue does not have"
                );
                let alike = program.entities.keys().filter(|known| known.0 == *of);
                let span = span.unwrap_or_else(|| head(&rule.span));
                let finding = sources.error("not-in-catalogue", &rule.file, Some(span), message);
                findings.push(match suggest(id_of, alike.map(|known| known.1.as_str())) {
                    Some(known) => finding.with_help(format!("did you mean `{known}`?")),
                    None => finding,
                });
            }
        }
    }
    let broken = findings.iter().any(|f| f.severity == Severity::Error);
    for promise in promises {
        let by_rule = matches!(promise.kept_by, Kept::Rule | Kept::Attested);
        // Where rules could not be read, their absence says nothing.
        if by_rule && !broken && !cited.contains(promise.id.as_str()) {
            let span = promise_span(sources, &promise.id);
            let message = format!(
                "promise `{}` is kept by a rule, and no rule cites it",
                promise.id
            );
            findings.push(sources.error("promise-without-rule", "promises.toml", span, message));
        }
    }
}

/// Where `promises.toml` has the id of a promise.
pub(crate) fn promise_span(sources: &Sources<'_>, id: &str) -> Option<Range<usize>> {
    let quoted = format!("\"{id}\"");
    let start = sources.get("promises.toml")?.find(&quoted)?;
    Some(start..start + quoted.len())
}

/// The entities that a rule names, in its scope and in its condition, with their places where they are known.
pub(crate) fn named(rule: &Found) -> Vec<(Uid, Option<Range<usize>>)> {
    let mut out = Vec::new();
    for scope in [&rule.lowered.principal, &rule.lowered.resource] {
        if let Scope::Eq(of) | Scope::In(of) | Scope::IsIn(_, of) = scope {
            out.push((of.clone(), None));
        }
    }
    let condition = rule.policy.non_scope_constraints();
    for expr in condition.into_iter().flat_map(ast::Expr::subexpressions) {
        if let ast::ExprKind::Lit(ast::Literal::EntityUID(euid)) = expr.expr_kind() {
            let span = expr.source_loc().map(|loc| loc.start()..loc.end());
            out.push((uid(euid), span));
        }
    }
    out
}

/// The beginning of a rule: enough for a caret.
pub(crate) fn head(span: &Range<usize>) -> Range<usize> {
    span.start..span.end.min(span.start + 1)
}
