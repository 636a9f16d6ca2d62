//! Values, entities and requests, most of which fit the schema.

use std::collections::BTreeMap;

use avow_engine::ext;

use super::{
    choices::Choices,
    schema::{Field, IDS, Schema, Type},
};
use crate::{
    block::{Entity, Value},
    plain::Uid,
};

/// Integers, those at which arithmetic overflows among them.
pub const LONGS: [i64; 12] = [
    0,
    1,
    -1,
    2,
    7,
    -3,
    1000,
    86_400_000,
    i64::MAX,
    i64::MIN,
    i64::MAX - 1,
    4_000_000_000,
];

/// Texts, of which some are extension values.
pub const TEXTS: [&str; 12] = [
    "",
    "a",
    "b",
    "abc",
    "a*c",
    "aXbYc",
    "éa",
    "name",
    "\0\n\"\\",
    "10.0.0.1",
    "1.5",
    "2024-02-29",
];

/// Addresses and ranges.
pub const ADDRESSES: [&str; 10] = [
    "10.0.0.1",
    "10.0.0.0/8",
    "10.0.0.1/24",
    "127.0.0.1",
    "127.0.0.0/7",
    "224.0.0.1",
    "0.0.0.0/0",
    "::1",
    "ff02::1",
    "::/0",
];

/// Instants, milliseconds since 1970.
pub const INSTANTS: [i64; 9] = [
    0,
    1_767_225_600_000,
    -1,
    86_399_999,
    1_709_164_800_001,
    -62_167_219_200_000,
    253_402_300_799_999,
    i64::MAX,
    i64::MIN,
];

const SPANS: [i64; 8] = [
    0,
    1,
    -1,
    90_061_001,
    -90_061_001,
    86_400_000,
    i64::MAX,
    i64::MIN,
];

const DECIMALS: [i64; 7] = [0, 15_000, -5000, 1, 12_345, i64::MAX, i64::MIN];

/// Names of tags.
pub const TAGS: [&str; 4] = ["a", "k", "", "name"];

/// What a request asks.
#[derive(Clone, Debug)]
pub struct Question {
    /// Principal, action, resource.
    pub uids: [Uid; 3],
    /// The context.
    pub context: BTreeMap<String, Value>,
}

/// Makes values.
pub struct Facts<'s, 'c> {
    /// The schema.
    pub schema: &'s Schema,
    /// What decides.
    pub choices: Choices<'c>,
    /// Whether some do not fit the schema.
    pub wild: bool,
}

impl Facts<'_, '_> {
    fn strays(&mut self) -> bool {
        self.wild && self.choices.once_in(8)
    }

    fn value(&mut self, of: &Type) -> Value {
        if self.strays() {
            let other = Type::any(&mut self.choices, self.schema.types.len(), 1);
            return self.fitting(&other);
        }
        self.fitting(of)
    }

    fn fitting(&mut self, of: &Type) -> Value {
        let choices = &mut self.choices;
        match of {
            Type::Bool => Value::Bool(choices.below(2) == 1),
            Type::Long => Value::Long(*choices.pick(&LONGS)),
            Type::Str => Value::Str((*choices.pick(&TEXTS)).to_owned()),
            Type::Decimal => Value::Decimal(*choices.pick(&DECIMALS)),
            Type::Ip => {
                let text = choices.pick(&ADDRESSES).as_bytes();
                Value::Ip(ext::parse_ip(text).unwrap().to_bytes().to_vec())
            }
            Type::Datetime => Value::Datetime(*choices.pick(&INSTANTS)),
            Type::Duration => Value::Duration(*choices.pick(&SPANS)),
            Type::Entity(of) => {
                let (type_name, id) = self.uid(*of);
                Value::Entity(type_name, id)
            }
            Type::Set(of) => {
                let count = self.choices.below(4);
                Value::Set((0..count).map(|_| self.value(of)).collect())
            }
            Type::Record(fields) => Value::Record(self.record(fields)),
        }
    }

    /// A uid of a type; once in a while one that nobody describes.
    fn uid(&mut self, of: usize) -> Uid {
        let of = &self.schema.types[of];
        let nobody = !of.listed && self.choices.once_in(8);
        let id = if nobody {
            "nobody"
        } else {
            self.choices.pick(&IDS)
        };
        (of.name.to_owned(), id.to_owned())
    }

    fn record(&mut self, fields: &[Field]) -> BTreeMap<String, Value> {
        let mut record = BTreeMap::new();
        for field in fields {
            let missing = match field.optional {
                true => self.choices.below(2) == 1,
                false => self.strays(),
            };
            if !missing {
                record.insert(field.name.to_owned(), self.value(&field.of));
            }
        }
        if self.strays() {
            record.insert("a".to_owned(), Value::Long(1));
        }
        record
    }

    /// Entities. Parents come later in the list than their children, so there are no cycles.
    pub fn entities(&mut self) -> Vec<Entity> {
        let schema = self.schema;
        let types = schema.types.len();
        let all: Vec<(usize, Uid)> = IDS
            .iter()
            .flat_map(|id| {
                let uid = |of: usize| (of, (schema.types[of].name.to_owned(), (*id).to_owned()));
                (0..types).map(uid)
            })
            .collect();
        let mut out = Vec::new();
        for (place, (of, uid)) in all.iter().enumerate() {
            if self.choices.once_in(5) {
                continue;
            }
            let of = &schema.types[*of];
            let mut entity = Entity {
                uid: uid.clone(),
                attrs: self.record(&of.attrs),
                tags: BTreeMap::new(),
                parents: Vec::new(),
            };
            let tags = match (&of.tags, of.listed) {
                (None, false) if self.strays() => Some(Type::Long),
                (tags, _) => tags.clone(),
            };
            if let Some(tags) = tags {
                for name in TAGS {
                    if self.choices.below(2) == 1 {
                        entity.tags.insert(name.to_owned(), self.value(&tags));
                    }
                }
            }
            // Near ones rather than far ones, so that chains grow long.
            for (parent, uid) in all.iter().skip(place + 1).take(types * 2) {
                let fits = of.parents.contains(parent) || self.strays();
                if fits && !of.listed && self.choices.below(3) == 1 {
                    entity.parents.push(uid.clone());
                }
            }
            out.push(entity);
        }
        out
    }

    /// A request.
    pub fn question(&mut self) -> Question {
        let schema = self.schema;
        let asked: Vec<_> = schema
            .actions
            .iter()
            .filter(|action| !action.principals.is_empty())
            .collect();
        let action = *self.choices.rather_first(&asked);
        let (principal, resource) = (
            *self.choices.rather_first(&action.principals),
            *self.choices.rather_first(&action.resources),
        );
        let mut uids = [self.uid(principal), action.uid.clone(), self.uid(resource)];
        let context = self.record(&action.context);
        if self.strays() {
            let ghosts = [
                ("Ghost", "a"),
                ("User", "nobody"),
                ("Action", "group"),
                ("Action", "gone"),
                ("Org::Action", "view"),
            ];
            let (type_name, id) = *self.choices.pick(&ghosts);
            *self.choices.pick_mut(&mut uids) = (type_name.to_owned(), id.to_owned());
        }
        Question { uids, context }
    }
}
