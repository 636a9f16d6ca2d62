//! What checks look at: a pack that compiles, its rules as formulas, and what can be asked of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use avow_engine::format::Cell;
use cedar_policy_core::ast::{Expr, ExprKind, Var};

use super::{
    formula::{Formula, Known, Value, scope_fact},
    solve::refuted,
};
use crate::{
    Read,
    cases::Case,
    finding::{Finding, Sources},
    policies::{Found, head},
    program::{Action, Scope, Uid},
};

/// Action, principal type and resource type of a request.
pub(crate) struct Asked {
    pub(crate) action: Uid,
    pub(crate) principal: String,
    pub(crate) resource: String,
    /// The rules whose scope can match, with what has to hold for them. Of those that cannot apply, none is here.
    pub(crate) rules: BTreeMap<usize, Formula>,
    groups: BTreeSet<Uid>,
}

pub(crate) struct View<'a> {
    pub(crate) sources: &'a Sources<'a>,
    pub(crate) read: &'a Read,
    pub(crate) cases: &'a [Case],
    pub(crate) asked: Vec<Asked>,
    /// Of each rule, whether there is something that can be asked for which it applies.
    pub(crate) lives: Vec<bool>,
}

impl<'a> View<'a> {
    pub(crate) fn new(sources: &'a Sources<'a>, read: &'a Read, cases: &'a [Case]) -> Self {
        let mut view = Self {
            sources,
            read,
            cases,
            asked: Vec::new(),
            lives: vec![false; read.rules.len()],
        };
        for ((action, principal, resource), candidates) in &read.program.index {
            let (Some(action), Some(principal), Some(resource)) = (action, principal, resource)
            else {
                continue;
            };
            let row = read.program.entities.get(action);
            let mut asked = Asked {
                action: action.clone(),
                principal: principal.clone(),
                resource: resource.clone(),
                rules: BTreeMap::new(),
                groups: row.map(|row| row.parents.clone()).unwrap_or_default(),
            };
            for number in candidates.all() {
                let Some(rule) = read.rules.get(number) else {
                    continue;
                };
                let formula = view.formula(rule, &asked, None);
                if !refuted(&[&formula]) {
                    asked.rules.insert(number, formula);
                    if let Some(lives) = view.lives.get_mut(number) {
                        *lives = true;
                    }
                }
            }
            view.asked.push(asked);
        }
        view
    }

    /// What has to hold for a rule that is asked about so, where the value of some expressions may be known.
    pub(crate) fn formula(
        &self,
        rule: &Found,
        asked: &Asked,
        value: Option<&Value<'_>>,
    ) -> Formula {
        let known = asked.known(value);
        let resource = value.and_then(|value| value(&Expr::var(Var::Resource)));
        let mut parts = match (&rule.lowered.resource, resource) {
            (Scope::Eq((of, id)), Some(Cell::Entity(is, is_id))) if (of, id) != (&is, &is_id) => {
                return Formula::FALSE;
            }
            _ => vec![self.scope(rule)],
        };
        if let Some(condition) = rule.policy.non_scope_constraints() {
            parts.push(known.formula(condition, true));
        }
        Formula::All(parts)
    }

    /// What a rule's scope demands of the entities that are asked about.
    pub(crate) fn scope(&self, rule: &Found) -> Formula {
        let of = |scope: &Scope, variable| match scope {
            Scope::Eq(uid) => scope_fact(variable, false, uid),
            Scope::In(uid) | Scope::IsIn(_, uid) => scope_fact(variable, true, uid),
            Scope::Any | Scope::Is(_) => Formula::TRUE,
        };
        Formula::All(vec![
            of(&rule.lowered.principal, Var::Principal),
            of(&rule.lowered.resource, Var::Resource),
        ])
    }

    pub(crate) fn rule(&self, number: usize) -> Option<&'a Found> {
        self.read.rules.get(number)
    }

    /// The pack's own rules and those of the chapters that it takes.
    pub(crate) fn rules(&self) -> impl Iterator<Item = (usize, &'a Found)> {
        self.read.rules.iter().enumerate()
    }

    /// What the schema says of an action.
    pub(crate) fn action(&self, uid: &Uid) -> Option<&'a Action> {
        self.read.program.schema.actions.get(uid)
    }

    /// Whether an action is in one of the groups `Avow::Action::"…"`.
    pub(crate) fn is_in(&self, action: &Uid, groups: &[&str]) -> bool {
        let row = self.read.program.entities.get(action);
        row.is_some_and(|row| {
            groups.iter().any(|group| {
                let group = ("Avow::Action".to_owned(), (*group).to_owned());
                group == *action || row.parents.contains(&group)
            })
        })
    }

    /// A warning about a rule, at its beginning.
    pub(crate) fn at_rule(&self, code: &'static str, rule: &Found, message: String) -> Finding {
        self.sources
            .error(code, &rule.file, Some(head(&rule.span)), message)
            .warning()
    }

    /// A warning about a part of a rule.
    pub(crate) fn at(
        &self,
        code: &'static str,
        rule: &Found,
        expr: &Expr,
        message: String,
    ) -> Finding {
        let span = span(expr).unwrap_or_else(|| head(&rule.span));
        self.sources
            .error(code, &rule.file, Some(span), message)
            .warning()
    }

    /// A warning about an entity type or an action: the place where a schema of the pack declares it.
    pub(crate) fn at_declaration(
        &self,
        code: &'static str,
        word: &str,
        name: &str,
        message: String,
    ) -> Finding {
        let found = self
            .sources
            .ending(".cedarschema")
            .filter(|(file, _)| !file.starts_with(".."))
            .find_map(|(file, text)| Some((file, declaration(text, word, name)?)));
        let (file, span) = match found {
            Some((file, span)) => (file, Some(span)),
            None => {
                let mut files = self.sources.ending(".cedarschema");
                (files.next().map_or("avow.toml", |(file, _)| file), None)
            }
        };
        self.sources.error(code, file, span, message).warning()
    }
}

impl Asked {
    pub(crate) fn known<'k>(&'k self, value: Option<&'k Value<'k>>) -> Known<'k> {
        Known {
            asked: Some((&self.action, &self.principal, &self.resource)),
            groups: Some(&self.groups),
            value,
        }
    }
}

/// Where an expression stands; where Cedar does not say it, where its first part does.
pub(crate) fn span(expr: &Expr) -> Option<Range<usize>> {
    expr.subexpressions()
        .find_map(Expr::source_loc)
        .map(|loc| loc.start()..loc.end())
}

/// The parts of a condition that all have to hold.
pub(crate) fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    match expr.expr_kind() {
        ExprKind::And { left, right } => [conjuncts(left), conjuncts(right)].concat(),
        _ => vec![expr],
    }
}

/// The name after a word of declaration, `entity` or `action`, possibly in a list of names.
fn declaration(text: &str, word: &str, name: &str) -> Option<Range<usize>> {
    let is_name =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = line.split("//").next().unwrap_or_default();
        if let Some(list) = code.trim_start().strip_prefix(word) {
            let start = at + (code.len() - list.len());
            let names = list.split(['{', '=', ';']).next().unwrap_or_default();
            let names = names.split(" in ").next().unwrap_or_default();
            let found = names.match_indices(name).find(|(from, _)| {
                let before = from.checked_sub(1).and_then(|i| names.as_bytes().get(i));
                !is_name(before) && !is_name(names.as_bytes().get(from + name.len()))
            });
            if let Some((from, _)) = found {
                return Some(start + from..start + from + name.len());
            }
        }
        at += line.len();
    }
    None
}
