//! A pack between Cedar and bytes: names are still names, so it can be cut before it is numbered.

use std::collections::{BTreeMap, BTreeSet};

use avow_engine::{
    code::{Function, Op},
    format::{Cell, EntityRow},
};

/// Type and id.
pub(crate) type Uid = (String, String);

#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) meta: BTreeMap<String, String>,
    pub(crate) entities: BTreeMap<Uid, EntityRow>,
    /// Texts for people, by owner and key.
    pub(crate) texts: BTreeMap<(Uid, String), String>,
    pub(crate) schema: Schema,
    pub(crate) rules: Vec<Rule>,
    /// Whether the rules were not validated: then the schema vouches for nothing, and no request is unknown.
    pub(crate) open: bool,
    pub(crate) index: BTreeMap<Asked, Candidates>,
}

/// Action, principal type and resource type of a request; none stands for every one that has no row of its own.
pub(crate) type Asked = (Option<Uid>, Option<String>, Option<String>);

/// The rules whose scope can match, by their numbers, ascending. Each is there once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidates {
    pub(crate) always: Vec<usize>,
    /// Candidates where the principal, or else the resource, is this entity or in it.
    pub(crate) anchored: BTreeMap<(Uid, Side), Vec<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Principal,
    Resource,
}

impl Candidates {
    fn add(&mut self, number: usize, rule: &Rule) {
        let list = match rule.anchor() {
            Some(anchor) => self.anchored.entry(anchor).or_default(),
            None => &mut self.always,
        };
        list.push(number);
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = usize> {
        let anchored = self.anchored.values().flatten();
        self.always.iter().chain(anchored).copied()
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    pub(crate) entity_types: BTreeMap<String, EntityType>,
    pub(crate) actions: BTreeMap<Uid, Action>,
    pub(crate) derived: Vec<Derived>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Type {
    Bool,
    Long,
    Str,
    Entity(String),
    Set(Box<Type>),
    Record(BTreeMap<String, Attr>),
    Decimal,
    Datetime,
    Duration,
    Ip,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attr {
    pub(crate) of: Type,
    pub(crate) required: bool,
    pub(crate) authoritative: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct EntityType {
    pub(crate) attrs: BTreeMap<String, Attr>,
    pub(crate) tags: Option<Type>,
    /// Types of the entities that it may be in, over any number of steps.
    pub(crate) parents: Vec<String>,
    /// Its ids, where the schema enumerates them.
    pub(crate) ids: Vec<String>,
    pub(crate) authoritative: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Action {
    /// Whether an application's pages may ask it: the schema marks it `@client`.
    pub(crate) client: bool,
    pub(crate) principals: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) context: BTreeMap<String, Attr>,
}

/// An attribute that is another one plus a period.
#[derive(Clone, Debug)]
pub(crate) struct Derived {
    pub(crate) type_name: String,
    pub(crate) attr: String,
    pub(crate) from: String,
    pub(crate) months: u32,
    pub(crate) days: u32,
    pub(crate) millis: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) forbids: bool,
    pub(crate) principal: Scope,
    pub(crate) actions: ActionScope,
    pub(crate) resource: Scope,
    /// What the index leaves of the scope, and the condition.
    pub(crate) code: Vec<Instruction>,
    /// Instructions of the scope, which come first.
    pub(crate) scope_len: usize,
    pub(crate) notes: BTreeMap<String, String>,
    /// File, line, column.
    pub(crate) source: (String, u32, u32),
}

#[derive(Clone, Debug)]
pub(crate) enum Scope {
    Any,
    Eq(Uid),
    In(Uid),
    Is(String),
    IsIn(String, Uid),
}

#[derive(Clone, Debug)]
pub(crate) enum ActionScope {
    Any,
    Eq(Uid),
    In(Vec<Uid>),
}

/// A variable, or what is read from it: its attribute, an attribute of that, and so on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    /// Principal, action, resource, context.
    pub(crate) variable: u32,
    pub(crate) names: Vec<String>,
}

/// An instruction whose operands are still names. Jumps count from the rule's first instruction.
#[derive(Clone, Debug)]
pub(crate) enum Instruction {
    Const(Cell),
    Read(Path),
    Jump(Op, usize),
    Plain(Op),
    /// `Attribute`, `Has`, `Is`: an operation on a name.
    Named(Op, String),
    /// An operator of which the right side is a constant, or else the left.
    With(Op, Cell, bool),
    HasStep(String, usize),
    Like(Vec<String>),
    Set(usize),
    Record(Vec<String>),
    /// A function, and how many values it is given.
    Call(Function, usize),
}

impl Scope {
    /// The entity that the scope is about, and whether only this very one.
    fn entity(&self) -> Option<(&Uid, bool)> {
        match self {
            Self::Eq(uid) => Some((uid, true)),
            Self::In(uid) | Self::IsIn(_, uid) => Some((uid, false)),
            Self::Any | Self::Is(_) => None,
        }
    }

    /// The code of what the index leaves to be checked: of a type it leaves nothing, but where it is open.
    fn checks(&self, variable: u32, open: bool) -> Vec<Vec<Instruction>> {
        let of = |name: &String| vec![read(variable), Instruction::Named(Op::Is, name.clone())];
        let to = |op, uid: &Uid| compare(variable, op, Cell::Entity(uid.0.clone(), uid.1.clone()));
        match self {
            Self::Any => Vec::new(),
            Self::Eq(uid) => vec![to(Op::Equal, uid)],
            Self::In(uid) => vec![to(Op::In, uid)],
            Self::Is(name) if open => vec![of(name)],
            Self::Is(_) => Vec::new(),
            Self::IsIn(name, uid) if open => vec![of(name), to(Op::In, uid)],
            Self::IsIn(_, uid) => vec![to(Op::In, uid)],
        }
    }
}

fn read(variable: u32) -> Instruction {
    Instruction::Read(Path {
        variable,
        names: Vec::new(),
    })
}

fn compare(variable: u32, op: Op, constant: Cell) -> Vec<Instruction> {
    vec![read(variable), Instruction::With(op, constant, true)]
}

impl ActionScope {
    fn checks(&self, open: bool) -> Vec<Vec<Instruction>> {
        let entity = |uid: &Uid| Cell::Entity(uid.0.clone(), uid.1.clone());
        match self {
            Self::Eq(uid) if open => vec![compare(1, Op::Equal, entity(uid))],
            Self::In(uids) if open => {
                let set = uids.iter().map(entity).collect();
                vec![compare(1, Op::In, Cell::Set(set))]
            }
            _ => Vec::new(),
        }
    }
}

impl Rule {
    /// The entity by which the index finds the rule; the one that leaves fewer requests, where it has two.
    fn anchor(&self) -> Option<(Uid, Side)> {
        let sides = [
            (self.principal.entity(), Side::Principal),
            (self.resource.entity(), Side::Resource),
        ];
        let found = |exact: bool| {
            let mut fitting = sides.iter().filter_map(|(entity, side)| {
                entity
                    .filter(|(_, is_exact)| *is_exact == exact)
                    .map(|(uid, _)| (uid.clone(), *side))
            });
            fitting.next()
        };
        found(true).or_else(|| found(false))
    }

    /// Puts the code of the scope before the condition's. Each check that fails ends the rule: it does not hold.
    pub(crate) fn lower_scope(&mut self, open: bool) {
        let checks = [
            self.actions.checks(open),
            self.principal.checks(0, open),
            self.resource.checks(2, open),
        ]
        .concat();
        let condition = std::mem::take(&mut self.code);
        let last = checks.len();
        let more = |number: usize| number < last || !condition.is_empty();
        let end = checks.iter().map(Vec::len).sum::<usize>()
            + (1..=last).filter(|number| more(*number)).count()
            + condition.len();
        for (number, check) in checks.into_iter().enumerate() {
            self.code.extend(check);
            if more(number + 1) {
                self.code.push(Instruction::Jump(Op::And, end));
            }
        }
        let shift = self.code.len();
        self.scope_len = shift;
        self.code
            .extend(condition.into_iter().map(|instruction| match instruction {
                Instruction::Jump(op, target) => Instruction::Jump(op, target + shift),
                other => other,
            }));
    }
}

impl Program {
    /// Fills the index. A scope cannot fail to evaluate, so leaving out a rule whose scope cannot match changes no answer;
    /// that it cannot match follows from the schema, to which intake holds every request. Where nothing was validated, it
    /// follows from nothing but the action's own uid, and from the entities that a scope names.
    pub(crate) fn index(&mut self) {
        let mut index: BTreeMap<Asked, Candidates> = BTreeMap::new();
        if self.open {
            let named = self.rules.iter().flat_map(|rule| match &rule.actions {
                ActionScope::Any => &[],
                ActionScope::Eq(uid) => std::slice::from_ref(uid),
                ActionScope::In(uids) => uids.as_slice(),
            });
            let actions: BTreeSet<Option<&Uid>> = named.map(Some).chain([None]).collect();
            for action in actions {
                let mut row = Candidates::default();
                for (number, rule) in self.rules.iter().enumerate() {
                    if !matches!(&rule.actions, ActionScope::Eq(uid) if Some(uid) != action) {
                        row.add(number, rule);
                    }
                }
                index.insert((action.cloned(), None, None), row);
            }
        }
        for (uid, action) in self.schema.actions.iter().filter(|_| !self.open) {
            for principal in &action.principals {
                for resource in &action.resources {
                    let mut row = Candidates::default();
                    for (number, rule) in self.rules.iter().enumerate() {
                        if self.may_be_action(&rule.actions, uid)
                            && self.may_be(&rule.principal, principal)
                            && self.may_be(&rule.resource, resource)
                        {
                            row.add(number, rule);
                        }
                    }
                    let asked = (uid.clone(), principal.clone(), resource.clone());
                    index.insert((Some(asked.0), Some(asked.1), Some(asked.2)), row);
                }
            }
        }
        self.index = index;
    }

    pub(crate) fn may_be_action(&self, scope: &ActionScope, action: &Uid) -> bool {
        let is_in = |group: &Uid| {
            let row = self.entities.get(action);
            group == action || row.is_some_and(|row| row.parents.contains(group))
        };
        match scope {
            ActionScope::Any => true,
            ActionScope::Eq(uid) => uid == action,
            ActionScope::In(uids) => uids.iter().any(is_in),
        }
    }

    pub(crate) fn may_be(&self, scope: &Scope, type_name: &String) -> bool {
        let may_be_in = |uid: &Uid| {
            let of = self.schema.entity_types.get(type_name);
            uid.0 == *type_name || of.is_some_and(|of| of.parents.contains(&uid.0))
        };
        match scope {
            Scope::Any => true,
            Scope::Eq(uid) => uid.0 == *type_name,
            Scope::In(uid) => may_be_in(uid),
            Scope::Is(name) => name == type_name,
            Scope::IsIn(name, uid) => name == type_name && may_be_in(uid),
        }
    }
}
