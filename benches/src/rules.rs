//! The rule sets that are generated, and how a rule is written for each peer.

use std::fmt::Write as _;

use crate::world::{self, Ask, Uid};

/// Which principals or resources a rule is about.
#[derive(Clone, Debug)]
pub enum Scope {
    Any,
    Is(&'static str),
    Eq(Uid),
    /// Of a type, and in a role or a folder.
    In(&'static str, Uid),
}

/// One side of a comparison.
#[derive(Clone, Copy, Debug)]
pub enum Term {
    Principal(&'static str),
    Resource(&'static str),
    Context(&'static str),
    Long(i64),
    True,
    False,
}

/// What a rule asks beyond its scope.
#[derive(Clone, Debug)]
pub enum Test {
    Greater(Term, Term),
    Equal(Term, Term),
    Text(Term, String),
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub id: String,
    pub permits: bool,
    pub principal: Scope,
    /// Number of the action; none for all of them.
    pub action: Option<usize>,
    pub resource: Scope,
    /// All of them hold.
    pub when: Vec<Test>,
    /// Written as `unless`.
    pub unless: Option<Test>,
}

/// Rules and the requests that they are asked.
pub struct Set {
    pub name: &'static str,
    pub rules: Vec<Rule>,
    pub asks: Vec<Ask>,
}

/// Requests of a set. A batch asks all of them once, or several times.
const ASKS: usize = 16;

/// Nobody reaches what belongs to another tenant. Every set has it.
fn isolation() -> Rule {
    Rule {
        id: "isolation".into(),
        permits: false,
        principal: Scope::Any,
        action: None,
        resource: Scope::Any,
        when: Vec::new(),
        unless: Some(Test::Equal(
            Term::Resource("tenant"),
            Term::Context("tenant"),
        )),
    }
}

/// Rules of mixed actions, as a firm's policy grows: for each action one permit and one forbid by type, then grants to roles,
/// to single users, for folders, and forbids for roles. A request is in the scope of a handful of them at every size.
pub fn mixed(size: usize) -> Set {
    let actions = ((size - 1) / 3).clamp(1, world::ACTIONS);
    let mut rules = vec![isolation()];
    for number in 0..size - 1 {
        let (action, round) = (number % actions, number / actions);
        let (_, kind) = world::action(action);
        let pick = number * 7919 + round * 31;
        let mut rule = Rule {
            id: format!("rule-{number}"),
            permits: true,
            principal: Scope::Is("User"),
            action: Some(action),
            resource: Scope::Is(kind),
            when: Vec::new(),
            unless: None,
        };
        match round {
            0 => rule
                .when
                .push(Test::Greater(Term::Principal("level"), Term::Long(4))),
            1 => {
                rule.permits = false;
                rule.principal = Scope::Any;
                rule.when = vec![
                    Test::Equal(Term::Resource("archived"), Term::True),
                    Test::Equal(Term::Principal("admin"), Term::False),
                ];
            }
            _ => match (round - 2) % 4 {
                0 => {
                    rule.principal = Scope::In("User", world::role(pick));
                    let dept = world::department(pick % world::ROLES);
                    rule.when.push(Test::Text(Term::Principal("dept"), dept));
                }
                1 => {
                    rule.principal = Scope::Eq(world::user(pick));
                    rule.resource = Scope::Eq(world::resource(kind, pick));
                }
                2 => {
                    rule.resource = Scope::In(kind, world::folder(pick));
                    let (mine, its) = (Term::Principal("level"), Term::Resource("level"));
                    rule.when.push(Test::Greater(mine, its));
                }
                _ => {
                    rule.permits = false;
                    rule.principal = Scope::In("User", world::role(pick));
                    rule.unless = Some(Test::Equal(Term::Context("mfa"), Term::True));
                }
            },
        }
        rules.push(rule);
    }
    let asks = (0..ASKS).map(|number| {
        let rule = &rules[1 + number * (size - 1) / ASKS];
        ask(rule, number)
    });
    Set {
        name: "mixed",
        asks: asks.collect(),
        rules,
    }
}

/// Every rule's scope matches every request: an index is of no use. Nearly all conditions are false, half of them only at
/// their second comparison.
pub fn adversarial(size: usize) -> Set {
    let mut rules = vec![isolation()];
    rules.extend((0..size - 1).map(|number| {
        let dept = match number % (size / 3).max(3) {
            0 => world::department(number),
            _ => format!("x{number}"),
        };
        Rule {
            id: format!("rule-{number}"),
            permits: true,
            principal: Scope::Any,
            action: None,
            resource: Scope::Any,
            when: vec![
                Test::Greater(Term::Resource("level"), Term::Long(number as i64 % 10)),
                Test::Text(Term::Principal("dept"), dept),
            ],
            unless: None,
        }
    }));
    let asks = (0..ASKS).map(|number| {
        let (_, kind) = world::action(number * 5);
        let rule = Rule {
            action: Some(number * 5 % world::ACTIONS),
            resource: Scope::Is(kind),
            ..isolation()
        };
        ask(&rule, number)
    });
    Set {
        name: "adversarial",
        asks: asks.collect(),
        rules,
    }
}

/// A request that is in a rule's scope. One in eight comes from another tenant.
fn ask(rule: &Rule, number: usize) -> Ask {
    let (action, kind) = world::action(rule.action.unwrap_or(number));
    let digits = |id: &str| -> usize {
        let digits = id.trim_start_matches(|c: char| !c.is_ascii_digit());
        digits.parse().expect("ids end in a number")
    };
    let user = match &rule.principal {
        Scope::Eq((_, id)) | Scope::In(_, (_, id)) => digits(id),
        Scope::Any | Scope::Is(_) => number * 37 % world::USERS,
    };
    let resource = match &rule.resource {
        Scope::Eq((_, id)) | Scope::In(_, (_, id)) => digits(id),
        Scope::Any | Scope::Is(_) => number * 11 % world::EACH,
    };
    let resource = world::resource(kind, resource);
    let owner = world::entities().into_iter().find(|e| e.uid == resource);
    let tenant = match owner.and_then(|e| e.attrs.get("tenant").cloned()) {
        Some(world::Value::Text(tenant)) if number % 8 != 7 => tenant,
        _ => "t-other".to_owned(),
    };
    Ask {
        principal: world::user(user),
        action,
        resource,
        tenant,
        mfa: number % 3 != 0,
    }
}

impl Set {
    /// Rules whose scope a request of this set is in, on average.
    pub fn in_scope(&self) -> f64 {
        let entities = world::entities();
        let parents = |uid: &Uid| {
            let entity = entities.iter().find(|entity| entity.uid == *uid);
            entity
                .map(|entity| entity.parents.clone())
                .unwrap_or_default()
        };
        let mut found = 0;
        for ask in &self.asks {
            let (above, around) = (parents(&ask.principal), parents(&ask.resource));
            found += self
                .rules
                .iter()
                .filter(|rule| {
                    rule.action
                        .is_none_or(|number| world::action(number).0 == ask.action)
                        && rule.principal.holds(&ask.principal, &above)
                        && rule.resource.holds(&ask.resource, &around)
                })
                .count();
        }
        found as f64 / self.asks.len() as f64
    }

    /// All rules, in Cedar's language.
    pub fn cedar(&self) -> String {
        self.rules.iter().fold(String::new(), |mut out, rule| {
            let _ = writeln!(out, "@id(\"{}\")\n{}", rule.id, rule.cedar());
            out
        })
    }
}

impl Scope {
    fn holds(&self, uid: &Uid, parents: &[Uid]) -> bool {
        match self {
            Self::Any => true,
            Self::Is(type_name) => uid.0 == *type_name,
            Self::Eq(one) => uid == one,
            Self::In(type_name, group) => uid.0 == *type_name && parents.contains(group),
        }
    }

    fn cedar(&self, variable: &str) -> String {
        match self {
            Self::Any => variable.to_owned(),
            Self::Is(type_name) => format!("{variable} is {type_name}"),
            Self::Eq((t, id)) => format!("{variable} == {t}::\"{id}\""),
            Self::In(type_name, (t, id)) => format!("{variable} is {type_name} in {t}::\"{id}\""),
        }
    }
}

impl Term {
    fn cedar(self) -> String {
        match self {
            Self::Principal(name) => format!("principal.{name}"),
            Self::Resource(name) => format!("resource.{name}"),
            Self::Context(name) => format!("context.{name}"),
            Self::Long(value) => value.to_string(),
            Self::True => "true".to_owned(),
            Self::False => "false".to_owned(),
        }
    }
}

impl Test {
    fn cedar(&self) -> String {
        match self {
            Self::Greater(a, b) => format!("{} > {}", a.cedar(), b.cedar()),
            Self::Equal(a, Term::True) => a.cedar(),
            Self::Equal(a, Term::False) => format!("!{}", a.cedar()),
            Self::Equal(a, b) => format!("{} == {}", a.cedar(), b.cedar()),
            Self::Text(a, text) => format!("{} == \"{text}\"", a.cedar()),
        }
    }
}

impl Rule {
    fn effect(&self) -> &'static str {
        if self.permits { "permit" } else { "forbid" }
    }

    fn cedar(&self) -> String {
        let action = match self.action {
            Some(number) => format!("action == Action::\"{}\"", world::action(number).0),
            None => "action".to_owned(),
        };
        let scopes = [
            self.principal.cedar("principal"),
            action,
            self.resource.cedar("resource"),
        ];
        format!(
            "{}({}){};",
            self.effect(),
            scopes.join(", "),
            self.conditions()
        )
    }

    /// Cedar without hierarchies, for a peer that cannot be told parents: the role and the folder are attributes.
    pub fn flat_cedar(&self) -> String {
        let mut rule = self.clone();
        for (scope, variable, side) in [
            (
                &mut rule.principal,
                Term::Principal("role"),
                &self.principal,
            ),
            (&mut rule.resource, Term::Resource("folder"), &self.resource),
        ] {
            if let Scope::In(type_name, (_, id)) = side {
                *scope = Scope::Is(type_name);
                rule.when.insert(0, Test::Text(variable, id.clone()));
            }
        }
        rule.cedar()
    }

    fn conditions(&self) -> String {
        let mut out = String::new();
        if !self.when.is_empty() {
            let tests: Vec<String> = self.when.iter().map(Test::cedar).collect();
            let _ = write!(out, " when {{ {} }}", tests.join(" && "));
        }
        if let Some(test) = &self.unless {
            let _ = write!(out, " unless {{ {} }}", test.cedar());
        }
        out
    }
}
