//! From a program to the bytes of a bundle. `avow_engine::bundle` describes them.

use std::collections::BTreeMap;

use avow_engine::{
    bundle::{digest_image, layout},
    code::{Instruction as Encoded, Op},
    format::{Block, BlockWriter, Cell},
    schema,
};
use sha2::{Digest as _, Sha256};

use crate::program::{ActionScope, Attr, Instruction, Program, Type, Uid};

/// The bundle's bytes, checksum and digest included.
pub(crate) fn emit(program: &Program, parent: Option<[u8; 32]>) -> Vec<u8> {
    let facts = Facts::new(program);
    let rules = Rules::new(program, &facts);
    let pairs = |pairs: &BTreeMap<String, String>| {
        pairs
            .iter()
            .flat_map(|(key, value)| [facts.string(key), facts.string(value)])
            .collect::<Vec<_>>()
    };
    let texts: Vec<u32> = program
        .texts
        .iter()
        .flat_map(|((owner, key), text)| [facts.uid(owner), facts.string(key), facts.string(text)])
        .collect();
    let sources: Vec<u32> = program
        .rules
        .iter()
        .filter(|rule| !rule.source.0.is_empty())
        .flat_map(|rule| [facts.string(&rule.source.0), rule.source.1, rule.source.2])
        .collect();
    let sections = [
        (layout::FACTS, facts.block.bytes.clone()),
        (layout::RULES, words(&rules.rows)),
        (layout::CODE, rules.code.clone()),
        (layout::LISTS, words(&rules.lists)),
        (layout::INDEX, words(&index(program, &facts))),
        (layout::NOTES, words(&rules.notes)),
        (layout::META, words(&pairs(&program.meta))),
        (layout::TEXTS, words(&texts)),
        (layout::SCHEMA, words(&schema_words(program, &facts))),
        (layout::SOURCES, words(&sources)),
    ];
    assemble(&sections, parent)
}

/// The digest in a bundle's header.
pub(crate) fn digest_of(bundle: &[u8]) -> [u8; 32] {
    bundle
        .get(layout::DIGEST_AT..)
        .and_then(<[u8]>::first_chunk)
        .copied()
        .unwrap_or_default()
}

fn assemble(sections: &[(u16, Vec<u8>)], parent: Option<[u8; 32]>) -> Vec<u8> {
    let sections: Vec<_> = sections
        .iter()
        .filter(|(_, bytes)| !bytes.is_empty())
        .collect();
    let mut body = vec![0; layout::HEADER_BYTES + sections.len() * layout::SECTION_BYTES];
    let mut table = Vec::new();
    for (id, bytes) in &sections {
        table.extend(id.to_le_bytes());
        table.extend(layout::REQUIRED.to_le_bytes());
        table.extend(number(body.len()).to_le_bytes());
        table.extend(number(bytes.len()).to_le_bytes());
        body.extend_from_slice(bytes);
    }
    let length = number(body.len());
    let mut put = |at: usize, bytes: &[u8]| {
        for (slot, byte) in body.iter_mut().skip(at).zip(bytes) {
            *slot = *byte;
        }
    };
    put(0, &layout::MAGIC);
    put(4, &layout::FORMAT.to_le_bytes());
    put(layout::LENGTH_AT, &length.to_le_bytes());
    put(layout::SECTIONS_AT, &number(sections.len()).to_le_bytes());
    put(layout::PARENT_AT, &parent.unwrap_or_default());
    put(layout::HEADER_BYTES, &table);
    let digest: [u8; 32] = Sha256::digest(digest_image(&body).unwrap_or_default()).into();
    for (slot, byte) in body.iter_mut().skip(layout::DIGEST_AT).zip(digest) {
        *slot = byte;
    }
    let checksum = layout::checksum(&body).unwrap_or_default().to_le_bytes();
    for (slot, byte) in body.iter_mut().skip(layout::CHECKSUM_AT).zip(checksum) {
        *slot = byte;
    }
    body
}

/// The block of strings, uids, constants and entities, and the numbers in it.
struct Facts {
    block: Block,
    constants: BTreeMap<Cell, usize>,
}

impl Facts {
    fn new(program: &Program) -> Self {
        let mut writer = BlockWriter::new();
        let mut constants = BTreeMap::new();
        for (uid, row) in &program.entities {
            writer.entity(&uid.0, &uid.1, row.clone());
        }
        for (key, value) in &program.meta {
            writer.string(key);
            writer.string(value);
        }
        for ((owner, key), text) in &program.texts {
            writer.mention(&owner.0, &owner.1);
            writer.string(key);
            writer.string(text);
        }
        mention_schema(program, &mut writer);
        for rule in &program.rules {
            writer.string(&rule.id);
            writer.string(&rule.source.0);
            for (key, value) in &rule.notes {
                writer.string(key);
                writer.string(value);
            }
            for scope in [&rule.principal, &rule.resource] {
                let (_, name, uid) = scope.parts();
                name.iter().for_each(|name| writer.string(name));
                uid.iter().for_each(|uid| writer.mention(&uid.0, &uid.1));
            }
            for uid in rule.actions.uids() {
                writer.mention(&uid.0, &uid.1);
            }
            for instruction in &rule.code {
                match instruction {
                    Instruction::Const(value) => {
                        constants
                            .entry(value.clone())
                            .or_insert_with(|| writer.root(value.clone()));
                    }
                    Instruction::Named(_, name) | Instruction::HasStep(name, _) => {
                        writer.string(name);
                    }
                    Instruction::Like(texts) | Instruction::Record(texts) => {
                        texts.iter().for_each(|text| writer.string(text));
                    }
                    Instruction::Var(_)
                    | Instruction::Jump(..)
                    | Instruction::Plain(_)
                    | Instruction::Set(_)
                    | Instruction::Call(_) => {}
                }
            }
        }
        Self {
            block: writer.finish(),
            constants,
        }
    }

    // Whatever is looked up below was mentioned above; a number that is not there would be refused when the bundle loads.
    fn string(&self, text: &str) -> u32 {
        self.block.string(text).unwrap_or(u32::MAX)
    }

    fn uid(&self, uid: &Uid) -> u32 {
        self.block.uid(&uid.0, &uid.1).unwrap_or(u32::MAX)
    }

    fn constant(&self, value: &Cell) -> u32 {
        let root = self.constants.get(value);
        root.and_then(|root| self.block.roots.get(*root))
            .copied()
            .unwrap_or(u32::MAX)
    }
}

impl ActionScope {
    fn uids(&self) -> &[Uid] {
        match self {
            Self::Any => &[],
            Self::Eq(uid) => std::slice::from_ref(uid),
            Self::In(uids) => uids,
        }
    }
}

#[derive(Default)]
struct Rules {
    rows: Vec<u32>,
    code: Vec<u8>,
    lists: Vec<u32>,
    notes: Vec<u32>,
    /// Lists that are there already, and where.
    known: BTreeMap<Vec<u32>, u32>,
}

impl Rules {
    fn new(program: &Program, facts: &Facts) -> Self {
        let mut out = Self::default();
        for rule in &program.rules {
            let scope = |scope: &crate::program::Scope| {
                let (kind, name, uid) = scope.parts();
                [
                    kind,
                    name.map_or(0, |name| facts.string(name)),
                    uid.map_or(0, |uid| facts.uid(uid)),
                ]
            };
            let action_kind = match rule.actions {
                ActionScope::Any => layout::ANY,
                ActionScope::Eq(_) => layout::EQ,
                ActionScope::In(_) => layout::IN,
            };
            let uids: Vec<_> = rule
                .actions
                .uids()
                .iter()
                .map(|uid| facts.uid(uid))
                .collect();
            let actions = [out.list(&uids), number(uids.len())];
            let start = number(out.code.len() / avow_engine::code::INSTRUCTION_BYTES);
            for instruction in &rule.code {
                let encoded = out.instruction(instruction, facts);
                out.code.extend(encoded.encode());
            }
            let notes = number(out.notes.len() / 2);
            for (key, value) in &rule.notes {
                out.notes.push(facts.string(key));
                out.notes.push(facts.string(value));
            }
            out.rows.push(facts.string(&rule.id));
            out.rows.push(u32::from(rule.forbids));
            out.rows.extend(scope(&rule.principal));
            out.rows.push(action_kind);
            out.rows.extend(actions);
            out.rows.extend(scope(&rule.resource));
            out.rows.extend([start, number(rule.code.len())]);
            out.rows.extend([notes, number(rule.notes.len())]);
        }
        out
    }

    fn list(&mut self, items: &[u32]) -> u32 {
        if let Some(at) = self.known.get(items) {
            return *at;
        }
        let at = number(self.lists.len());
        self.lists.extend_from_slice(items);
        self.known.insert(items.to_vec(), at);
        at
    }

    fn instruction(&mut self, instruction: &Instruction, facts: &Facts) -> Encoded {
        let plain = |op| Encoded {
            op,
            a: 0,
            b: 0,
            c: 0,
        };
        match instruction {
            Instruction::Const(value) => Encoded {
                c: facts.constant(value),
                ..plain(Op::Const)
            },
            Instruction::Var(variable) => Encoded {
                a: *variable,
                ..plain(Op::Var)
            },
            Instruction::Jump(op, target) => Encoded {
                c: number(*target),
                ..plain(*op)
            },
            Instruction::Plain(op) => plain(*op),
            Instruction::Named(op, name) => Encoded {
                c: facts.string(name),
                ..plain(*op)
            },
            Instruction::HasStep(name, distance) => Encoded {
                b: short(*distance),
                c: facts.string(name),
                ..plain(Op::HasStep)
            },
            Instruction::Like(texts) | Instruction::Record(texts) => {
                let strings: Vec<_> = texts.iter().map(|text| facts.string(text)).collect();
                let op = match instruction {
                    Instruction::Like(_) => Op::Like,
                    _ => Op::Record,
                };
                Encoded {
                    b: short(strings.len()),
                    c: self.list(&strings),
                    ..plain(op)
                }
            }
            Instruction::Set(len) => Encoded {
                c: number(*len),
                ..plain(Op::Set)
            },
            Instruction::Call(function) => Encoded {
                a: *function as u8,
                b: function.arity(),
                ..plain(Op::Call)
            },
        }
    }
}

fn index(program: &Program, facts: &Facts) -> Vec<u32> {
    let mut lists = Vec::new();
    let mut rows: Vec<[u32; 5]> = Vec::new();
    for ((action, principal, resource), rules) in &program.index {
        rows.push([
            facts.uid(action),
            facts.string(principal),
            facts.string(resource),
            number(lists.len()),
            number(rules.len()),
        ]);
        lists.extend(rules.iter().map(|rule| number(*rule)));
    }
    rows.sort_unstable();
    let mut words = vec![number(rows.len())];
    words.extend(rows.into_iter().flatten());
    words.extend(lists);
    words
}

fn mention_schema(program: &Program, writer: &mut BlockWriter) {
    fn mention(of: &Type, writer: &mut BlockWriter) {
        match of {
            Type::Entity(name) => writer.string(name),
            Type::Set(of) => mention(of, writer),
            Type::Record(attrs) => mention_attrs(attrs, writer),
            _ => {}
        }
    }
    fn mention_attrs(attrs: &BTreeMap<String, Attr>, writer: &mut BlockWriter) {
        for (name, attr) in attrs {
            writer.string(name);
            mention(&attr.of, writer);
        }
    }
    for (name, of) in &program.schema.entity_types {
        writer.string(name);
        mention_attrs(&of.attrs, writer);
        of.tags.iter().for_each(|tags| mention(tags, writer));
        of.parents
            .iter()
            .chain(&of.ids)
            .for_each(|text| writer.string(text));
    }
    for (uid, action) in &program.schema.actions {
        writer.mention(&uid.0, &uid.1);
        mention_attrs(&action.context, writer);
        let types = action.principals.iter().chain(&action.resources);
        types.for_each(|name| writer.string(name));
    }
    for derived in &program.schema.derived {
        for text in [&derived.type_name, &derived.attr, &derived.from] {
            writer.string(text);
        }
    }
}

#[derive(Default)]
struct SchemaTables {
    types: Vec<[u32; 3]>,
    known: BTreeMap<Type, u32>,
    attrs: Vec<[u32; 3]>,
    words: Vec<u32>,
}

impl SchemaTables {
    /// INVARIANT: a type comes after the types that it names.
    fn of(&mut self, of: &Type, facts: &Facts) -> u32 {
        if let Some(at) = self.known.get(of) {
            return *at;
        }
        let row = match of {
            Type::Bool => [schema::kind::BOOL, 0, 0],
            Type::Long => [schema::kind::LONG, 0, 0],
            Type::Str => [schema::kind::STRING, 0, 0],
            Type::Entity(name) => [schema::kind::ENTITY, facts.string(name), 0],
            Type::Set(of) => [schema::kind::SET, self.of(of, facts), 0],
            Type::Record(attrs) => {
                let [start, len] = self.attrs(attrs, facts);
                [schema::kind::RECORD, start, len]
            }
            Type::Decimal => [schema::kind::DECIMAL, 0, 0],
            Type::Datetime => [schema::kind::DATETIME, 0, 0],
            Type::Duration => [schema::kind::DURATION, 0, 0],
            Type::Ip => [schema::kind::IP, 0, 0],
        };
        self.types.push(row);
        let at = number(self.types.len() - 1);
        self.known.insert(of.clone(), at);
        at
    }

    fn attrs(&mut self, attrs: &BTreeMap<String, Attr>, facts: &Facts) -> [u32; 2] {
        let rows: Vec<_> = attrs
            .iter()
            .map(|(name, attr)| {
                let required = if attr.required { schema::REQUIRED } else { 0 };
                let authoritative = if attr.authoritative {
                    schema::AUTHORITATIVE
                } else {
                    0
                };
                [
                    facts.string(name),
                    self.of(&attr.of, facts),
                    required | authoritative,
                ]
            })
            .collect();
        let at = [number(self.attrs.len()), number(rows.len())];
        self.attrs.extend(rows);
        at
    }

    fn names(&mut self, names: &[String], facts: &Facts) -> [u32; 2] {
        let at = [number(self.words.len()), number(names.len())];
        self.words
            .extend(names.iter().map(|name| facts.string(name)));
        at
    }
}

fn schema_words(program: &Program, facts: &Facts) -> Vec<u32> {
    let mut tables = SchemaTables::default();
    let mut entity_types = Vec::new();
    let mut actions = Vec::new();
    let mut derived = Vec::new();
    for (name, of) in &program.schema.entity_types {
        entity_types.push(facts.string(name));
        entity_types.extend(tables.attrs(&of.attrs, facts));
        let tags = of.tags.as_ref();
        entity_types.push(tags.map_or(schema::NONE, |tags| tables.of(tags, facts)));
        entity_types.extend(tables.names(&of.parents, facts));
        entity_types.extend(tables.names(&of.ids, facts));
        entity_types.push(if of.authoritative {
            schema::AUTHORITATIVE
        } else {
            0
        });
    }
    for (uid, action) in &program.schema.actions {
        actions.push(facts.uid(uid));
        actions.extend(tables.names(&action.principals, facts));
        actions.extend(tables.names(&action.resources, facts));
        actions.extend(tables.attrs(&action.context, facts));
    }
    for row in &program.schema.derived {
        derived.extend([
            facts.string(&row.type_name),
            facts.string(&row.attr),
            facts.string(&row.from),
            row.months,
            row.days,
            row.millis as u32,
            (row.millis >> 32) as u32,
        ]);
    }
    let [.., entity_width, action_width, _, derived_width] = schema::WIDTHS;
    let mut words = vec![
        number(tables.types.len()),
        number(tables.attrs.len()),
        number(entity_types.len() / entity_width),
        number(actions.len() / action_width),
        number(tables.words.len()),
        number(derived.len() / derived_width),
    ];
    words.extend(tables.types.iter().flatten());
    words.extend(tables.attrs.iter().flatten());
    words.extend(entity_types);
    words.extend(actions);
    words.extend(tables.words);
    words.extend(derived);
    words
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A count or an offset. A bundle of 4 GiB is refused by its length long before one saturates.
fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn short(value: usize) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}
