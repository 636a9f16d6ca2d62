//! From a program to the bytes of a bundle. `avow_engine::bundle` describes them.

use std::collections::BTreeMap;

use avow_engine::{
    bundle::{digest_image, layout},
    code::{Instruction as Encoded, Op},
    format::{Block, BlockWriter, Cell, OPEN},
    schema,
};
use sha2::{Digest as _, Sha256};

use crate::{
    fuse::{Fused, Operand, Readings, fuse},
    program::{Attr, Instruction, Program, Type, Uid},
};

/// The bundle's bytes, checksum and digest included.
pub(crate) fn emit(program: &Program, parent: Option<[u8; 32]>) -> Vec<u8> {
    let facts = Facts::new(program);
    let text = Words::new(program);
    let readings = Readings::new(program);
    let rules = Rules::new(program, &facts, &readings, &text);
    let meta: Vec<u32> = program
        .meta
        .iter()
        .flat_map(|(key, value)| [text.number(key), text.number(value)])
        .collect();
    let texts: Vec<u32> = program
        .texts
        .iter()
        .flat_map(|((owner, key), value)| [facts.uid(owner), text.number(key), text.number(value)])
        .collect();
    let sources: Vec<u32> = program
        .rules
        .iter()
        .filter(|rule| !rule.source.0.is_empty())
        .flat_map(|rule| [text.number(&rule.source.0), rule.source.1, rule.source.2])
        .collect();
    let sections = [
        (layout::FACTS, facts.block.bytes.clone()),
        (layout::RULES, words(&rules.rows)),
        (layout::CODE, rules.code),
        (layout::INDEX, words(&index(program, &facts))),
        (layout::WORDS, text.bytes()),
        (layout::NOTES, words(&rules.notes)),
        (layout::META, words(&meta)),
        (layout::TEXTS, words(&texts)),
        (layout::SCHEMA, words(&schema_words(program, &facts))),
        (layout::SOURCES, words(&sources)),
        (
            layout::READINGS,
            words(&readings.rows(|name| facts.name(name))),
        ),
    ];
    assemble(&sections, parent)
}

/// The texts that decide nothing, each once, ascending.
struct Words<'a>(BTreeMap<&'a str, u32>);

impl<'a> Words<'a> {
    fn new(program: &'a Program) -> Self {
        let mut texts: BTreeMap<&'a str, u32> = BTreeMap::new();
        let mut add = |text: &'a String| {
            texts.insert(text, 0);
        };
        for (key, value) in &program.meta {
            add(key);
            add(value);
        }
        for ((_, key), value) in &program.texts {
            add(key);
            add(value);
        }
        for rule in &program.rules {
            add(&rule.id);
            add(&rule.source.0);
            for (key, value) in &rule.notes {
                add(key);
                add(value);
            }
        }
        for (i, slot) in texts.values_mut().enumerate() {
            *slot = number(i);
        }
        Self(texts)
    }

    // Whatever is looked up was added; a number that is not there would be refused when the bundle loads.
    fn number(&self, text: &str) -> u32 {
        self.0.get(text).copied().unwrap_or(u32::MAX)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut table = vec![number(self.0.len())];
        let mut end = 0;
        for text in self.0.keys() {
            end += text.len();
            table.push(number(end));
        }
        let mut out = words(&table);
        self.0.keys().for_each(|text| out.extend(text.as_bytes()));
        out
    }
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

/// The block of names, uids, constants and entities, and the numbers in it.
struct Facts {
    block: Block,
    constants: BTreeMap<Cell, usize>,
    /// Constants in a row: of a pattern its texts, of a record its names.
    rows: BTreeMap<(bool, Vec<String>), usize>,
}

impl Facts {
    fn new(program: &Program) -> Self {
        let mut writer = BlockWriter::new();
        let mut constants = BTreeMap::new();
        let mut rows = BTreeMap::new();
        for (uid, row) in &program.entities {
            writer.entity(&uid.0, &uid.1, row.clone());
        }
        for (owner, _) in program.texts.keys() {
            writer.mention(&owner.0, &owner.1);
        }
        // The engine looks for the clock under this name, in whatever way the rules come to it.
        writer.name("now");
        mention_schema(program, &mut writer);
        for (action, principal, resource) in program.index.keys() {
            action.iter().for_each(|uid| writer.mention(&uid.0, &uid.1));
            let types = principal.iter().chain(resource);
            types.for_each(|name| writer.name(name));
        }
        let anchors = program.index.values().flat_map(|row| row.anchored.keys());
        anchors.for_each(|(uid, _)| writer.mention(&uid.0, &uid.1));
        for instruction in program.rules.iter().flat_map(|rule| &rule.code) {
            match instruction {
                Instruction::Const(value) | Instruction::With(_, value, _) => {
                    constants
                        .entry(value.clone())
                        .or_insert_with(|| writer.root(None, value.clone()));
                }
                Instruction::Named(_, name) | Instruction::HasStep(name, _) => writer.name(name),
                Instruction::Read(path) => path.names.iter().for_each(|name| writer.name(name)),
                Instruction::Like(texts) => {
                    let text = |text: &String| writer.root(None, Cell::Str(text.clone()));
                    rows.entry((false, texts.clone()))
                        .or_insert_with(|| first(texts.iter().map(text)));
                }
                Instruction::Record(names) => {
                    let name = |name: &String| writer.root(Some(name), Cell::Bool(false));
                    rows.entry((true, names.clone()))
                        .or_insert_with(|| first(names.iter().map(name)));
                }
                Instruction::Jump(..)
                | Instruction::Plain(_)
                | Instruction::Set(_)
                | Instruction::Call(..) => {}
            }
        }
        Self {
            block: writer.finish(None),
            constants,
            rows,
        }
    }

    // Whatever is looked up below was mentioned above; a number that is not there would be refused when the bundle loads.
    fn name(&self, text: &str) -> u32 {
        self.block.name(text).unwrap_or(u32::MAX)
    }

    fn uid(&self, uid: &Uid) -> u32 {
        self.block.uid(&uid.0, &uid.1).unwrap_or(u32::MAX)
    }

    fn root(&self, root: Option<&usize>) -> u32 {
        root.map_or(u32::MAX, |root| self.block.root(*root))
    }
}

/// The first of a row of roots, all of which are made.
fn first(mut roots: impl Iterator<Item = usize>) -> usize {
    let first = roots.next().unwrap_or_default();
    roots.for_each(drop);
    first
}

#[derive(Default)]
struct Rules {
    rows: Vec<u32>,
    code: Vec<u8>,
    notes: Vec<u32>,
}

impl Rules {
    fn new(program: &Program, facts: &Facts, readings: &Readings, text: &Words<'_>) -> Self {
        let mut out = Self::default();
        for rule in &program.rules {
            let start = number(out.code.len() / avow_engine::code::INSTRUCTION_BYTES);
            let (code, scope_len) = fuse(&rule.code, rule.scope_len, readings);
            for instruction in &code {
                out.code.extend(encoded(instruction, facts).encode());
            }
            let notes = number(out.notes.len() / 2);
            for (key, value) in &rule.notes {
                out.notes.push(text.number(key));
                out.notes.push(text.number(value));
            }
            out.rows.extend([
                u32::from(rule.forbids),
                start,
                number(code.len()),
                text.number(&rule.id),
                notes,
                number(rule.notes.len()),
                number(scope_len),
            ]);
        }
        out
    }
}

fn encoded(instruction: &Fused, facts: &Facts) -> Encoded {
    let constant = |value| facts.root(facts.constants.get(value));
    let row = |op, is_record: bool, texts: &Vec<String>| {
        let first = match texts.len() {
            0 => 0,
            _ => facts.root(facts.rows.get(&(is_record, texts.clone()))),
        };
        Encoded::new(op, 0, short(texts.len()), first)
    };
    let of = |op, c| Encoded::new(op, 0, 0, c);
    let instruction = match instruction {
        Fused::Read(reading) => return of(Op::Read, *reading),
        Fused::Compare(op, sides, right) => {
            let (a, b) = sides.encode();
            let c = match right {
                Operand::Stack => 0,
                Operand::Constant(value) => constant(value),
                Operand::Reading(reading) => *reading,
            };
            return Encoded::new(*op, a, b, c);
        }
        Fused::Other(instruction) => instruction,
    };
    match instruction {
        Instruction::Const(value) => of(Op::Const, constant(value)),
        Instruction::Jump(op, target) => of(*op, number(*target)),
        Instruction::Plain(op) => of(*op, 0),
        Instruction::Named(op, name) => of(*op, facts.name(name)),
        Instruction::HasStep(name, distance) => {
            Encoded::new(Op::HasStep, 0, short(*distance), facts.name(name))
        }
        Instruction::Like(texts) => row(Op::Like, false, texts),
        Instruction::Record(names) => row(Op::Record, true, names),
        Instruction::Set(len) => of(Op::Set, number(*len)),
        Instruction::Call(function, arguments) => {
            Encoded::new(Op::Call, *function as u8, short(*arguments), 0)
        }
        // Fused, all of them; what is not would be refused when the bundle loads.
        Instruction::Read(_) | Instruction::With(..) => of(Op::Read, u32::MAX),
    }
}

/// The words of the index; lists that are the same are written once.
fn index(program: &Program, facts: &Facts) -> Vec<u32> {
    let mut known: BTreeMap<&[usize], u32> = BTreeMap::new();
    let mut numbers: Vec<u32> = Vec::new();
    let mut rows: Vec<(Vec<u32>, Vec<[u32; 3]>)> = Vec::new();
    fn span<'a>(
        list: &'a [usize],
        known: &mut BTreeMap<&'a [usize], u32>,
        numbers: &mut Vec<u32>,
    ) -> [u32; 2] {
        let start = *known.entry(list).or_insert_with(|| {
            let start = number(numbers.len());
            numbers.extend(list.iter().map(|rule| number(*rule)));
            start
        });
        [start, number(list.len())]
    }
    for ((action, principal, resource), candidates) in &program.index {
        let name = |name: &Option<String>| name.as_ref().map_or(OPEN, |name| facts.name(name));
        let mut row = vec![
            action.as_ref().map_or(OPEN, |uid| facts.uid(uid)),
            name(principal),
            name(resource),
        ];
        row.extend(span(&candidates.always, &mut known, &mut numbers));
        let mut own: Vec<[u32; 3]> = candidates
            .anchored
            .iter()
            .map(|((uid, side), rules)| {
                let [start, len] = span(rules, &mut known, &mut numbers);
                let key = facts.uid(uid).wrapping_mul(2) + *side as u32;
                [key, start, len]
            })
            .collect();
        own.sort_unstable();
        rows.push((row, own));
    }
    rows.sort_unstable();
    let mut anchors: Vec<[u32; 3]> = Vec::new();
    for (row, own) in &mut rows {
        row.extend([number(anchors.len()), number(own.len())]);
        anchors.append(own);
    }
    let mut words = vec![
        number(rows.len()),
        number(anchors.len()),
        number(numbers.len()),
    ];
    words.extend(rows.into_iter().flat_map(|(row, _)| row));
    words.extend(anchors.into_iter().flatten());
    words.extend(numbers);
    words
}

fn mention_schema(program: &Program, writer: &mut BlockWriter) {
    fn mention(of: &Type, writer: &mut BlockWriter) {
        match of {
            Type::Entity(name) => writer.name(name),
            Type::Set(of) => mention(of, writer),
            Type::Record(attrs) => mention_attrs(attrs, writer),
            _ => {}
        }
    }
    fn mention_attrs(attrs: &BTreeMap<String, Attr>, writer: &mut BlockWriter) {
        for (name, attr) in attrs {
            writer.name(name);
            mention(&attr.of, writer);
        }
    }
    for (name, of) in &program.schema.entity_types {
        writer.name(name);
        mention_attrs(&of.attrs, writer);
        of.tags.iter().for_each(|tags| mention(tags, writer));
        of.parents
            .iter()
            .chain(&of.ids)
            .for_each(|text| writer.name(text));
    }
    for (uid, action) in &program.schema.actions {
        writer.mention(&uid.0, &uid.1);
        mention_attrs(&action.context, writer);
        let types = action.principals.iter().chain(&action.resources);
        types.for_each(|name| writer.name(name));
    }
    for derived in &program.schema.derived {
        for text in [&derived.type_name, &derived.attr, &derived.from] {
            writer.name(text);
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
            Type::Entity(name) => [schema::kind::ENTITY, facts.name(name), 0],
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
                    facts.name(name),
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
        self.words.extend(names.iter().map(|name| facts.name(name)));
        at
    }
}

fn schema_words(program: &Program, facts: &Facts) -> Vec<u32> {
    let mut tables = SchemaTables::default();
    let mut entity_types = Vec::new();
    let mut actions = Vec::new();
    let mut derived = Vec::new();
    for (name, of) in &program.schema.entity_types {
        entity_types.push(facts.name(name));
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
            facts.name(&row.type_name),
            facts.name(&row.attr),
            facts.name(&row.from),
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
