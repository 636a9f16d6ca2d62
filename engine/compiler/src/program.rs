//! A pack between Cedar and bytes: names are still names, so it can be cut before it is numbered.

use std::collections::BTreeMap;

use avow_engine::{
    bundle::layout,
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
    /// (action, principal type, resource type) to the numbers of the rules whose scope can match, ascending.
    pub(crate) index: BTreeMap<(Uid, String, String), Vec<usize>>,
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
    pub(crate) code: Vec<Instruction>,
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

/// An instruction whose operands are still names. Jumps count from the rule's first instruction.
#[derive(Clone, Debug)]
pub(crate) enum Instruction {
    Const(Cell),
    Var(u8),
    Jump(Op, usize),
    Plain(Op),
    /// `Attribute`, `Has`, `Is`: an operation on a name.
    Named(Op, String),
    HasStep(String, usize),
    Like(Vec<String>),
    Set(usize),
    Record(Vec<String>),
    Call(Function),
}

impl Scope {
    /// Kind, type and uid as the bundle writes them.
    pub(crate) fn parts(&self) -> (u32, Option<&String>, Option<&Uid>) {
        match self {
            Self::Any => (layout::ANY, None, None),
            Self::Eq(uid) => (layout::EQ, None, Some(uid)),
            Self::In(uid) => (layout::IN, None, Some(uid)),
            Self::Is(name) => (layout::IS, Some(name), None),
            Self::IsIn(name, uid) => (layout::IS_IN, Some(name), Some(uid)),
        }
    }
}

impl Program {
    /// Fills the index. A scope cannot fail to evaluate, so leaving out a rule whose scope cannot match changes no answer;
    /// that it cannot match follows from the schema, to which intake holds every request.
    pub(crate) fn index(&mut self) {
        let mut index = BTreeMap::new();
        for (uid, action) in &self.schema.actions {
            for principal in &action.principals {
                for resource in &action.resources {
                    let fitting = self.rules.iter().enumerate().filter(|(_, rule)| {
                        self.may_be_action(&rule.actions, uid)
                            && self.may_be(&rule.principal, principal)
                            && self.may_be(&rule.resource, resource)
                    });
                    let numbers = fitting.map(|(number, _)| number).collect();
                    index.insert((uid.clone(), principal.clone(), resource.clone()), numbers);
                }
            }
        }
        self.index = index;
    }

    fn may_be_action(&self, scope: &ActionScope, action: &Uid) -> bool {
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

    fn may_be(&self, scope: &Scope, type_name: &String) -> bool {
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
