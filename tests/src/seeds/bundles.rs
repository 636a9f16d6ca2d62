//! Bundles as nobody should make them, of one that is sound: a section is written anew, and header and table fit again.

use avow_engine::bundle::layout::{
    CHECKSUM_AT, CODE, FACTS, FORMAT, HEADER_BYTES, INDEX, LENGTH_AT, MAGIC, META, NOTES, READINGS,
    REQUIRED, RULES, SCHEMA, SECTION_BYTES, SECTIONS_AT, SOURCES, WORDS, checksum,
};

use super::{bytes, named, zoo};
use crate::targets::golden;

/// Bytes of a row of rules, of the index, and of its anchors.
const RULE: usize = 28;
const ROW: usize = 28;
const ANCHOR: usize = 12;

/// A section: id and bytes.
type Section = (u16, Vec<u8>);

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(
        bytes.get(at..at.checked_add(4)?)?.try_into().ok()?,
    ))
}

/// Id and bytes of each section, as far as the table makes sense.
#[must_use]
pub fn sections(bundle: &[u8]) -> Vec<(u16, Vec<u8>)> {
    rows(bundle)
        .filter_map(|at| {
            let [id, start, len] = [0, 4, 8].map(|word| self::word(bundle, at + word));
            let (start, len) = (start? as usize, len? as usize);
            let bytes = bundle.get(start..start.checked_add(len)?)?;
            Some((id? as u16, bytes.to_vec()))
        })
        .collect()
}

/// Where the rows of the table begin, as far as they are there.
fn rows(bundle: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let room = bundle.len().saturating_sub(HEADER_BYTES) / SECTION_BYTES;
    let said = word(bundle, SECTIONS_AT).unwrap_or_default() as usize;
    (0..said.min(room)).map(|row| HEADER_BYTES + row * SECTION_BYTES)
}

/// Puts length and checksum right.
pub fn stamp(bundle: &mut [u8]) {
    let len = u32::try_from(bundle.len()).unwrap();
    bundle[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&len.to_le_bytes());
    let sum = checksum(bundle).unwrap().to_le_bytes();
    bundle[CHECKSUM_AT..HEADER_BYTES].copy_from_slice(&sum);
}

/// Cuts the table down to rows that are there and sections that lie in the file.
pub fn clamp(bundle: &mut [u8]) {
    let rows: Vec<usize> = rows(bundle).collect();
    let count = u32::try_from(rows.len()).unwrap();
    bundle[SECTIONS_AT..SECTIONS_AT + 4].copy_from_slice(&count.to_le_bytes());
    let end = u32::try_from(bundle.len()).unwrap();
    for at in rows {
        let [start, len] = [4, 8].map(|word| self::word(bundle, at + word).unwrap());
        let start = start.min(end);
        let fitting = bytes(&[start, len.min(end - start)]);
        bundle[at + 4..at + 12].copy_from_slice(&fitting);
    }
}

/// A bundle of sections, one behind the other.
fn assemble(sections: &[Section]) -> Vec<u8> {
    let table = HEADER_BYTES + sections.len() * SECTION_BYTES;
    let mut out = [MAGIC.as_slice(), &FORMAT.to_le_bytes()].concat();
    out.resize(HEADER_BYTES, 0);
    let count = u32::try_from(sections.len()).unwrap();
    out[SECTIONS_AT..SECTIONS_AT + 4].copy_from_slice(&count.to_le_bytes());
    let mut start = table;
    for (id, section) in sections {
        out.extend(id.to_le_bytes());
        out.extend(REQUIRED.to_le_bytes());
        out.extend(bytes(&[start, section.len()].map(|n| n as u32)));
        start += section.len();
    }
    out.extend(sections.iter().flat_map(|(_, section)| section));
    stamp(&mut out);
    out
}

fn compiled(policies: &str) -> Vec<Section> {
    sections(&crate::unvalidated(policies))
}

/// A few rules, whose index has rows and anchors.
fn small() -> Vec<Section> {
    compiled(
        r#"
            @id("a") forbid (principal == User::"a", action == Action::"x", resource)
            when { context.word like "*a*" };
            permit (principal in User::"b", action == Action::"x", resource) when { [1, 2].contains(context.n) };
            permit (principal, action == Action::"y", resource) when { decimal(context.d) != ip("::1") };
        "#,
    )
}

/// The small one, with one section changed.
fn with(section: u16, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut all = small();
    match all.iter_mut().find(|(id, _)| *id == section) {
        Some((_, bytes)) => change(bytes),
        None => {
            all.push((section, Vec::new()));
            change(&mut all.last_mut().unwrap().1);
        }
    }
    assemble(&all)
}

/// Takes the last byte away.
fn cut(section: &mut Vec<u8>) {
    section.pop();
}

/// The small one, with a word of a section, counted from its end where it is negative, changed.
fn with_word(section: u16, at: isize, to: u32) -> Vec<u8> {
    with(section, |bytes| {
        let at = match usize::try_from(at) {
            Ok(at) => at * 4,
            Err(_) => bytes.len() - at.unsigned_abs() * 4,
        };
        bytes[at..at + 4].copy_from_slice(&to.to_le_bytes());
    })
}

/// One rule for all requests, which has this code.
fn with_code(code: &[(u8, u8, u16, u32)]) -> Vec<u8> {
    let mut all = compiled("permit (principal, action, resource) when { context.n };");
    for (id, section) in &mut all {
        match *id {
            RULES => {
                section.truncate(RULE);
                section[4..12].copy_from_slice(&bytes(&[0, code.len() as u32]));
                section[24..28].fill(0);
            }
            CODE => {
                section.clear();
                for (op, a, b, c) in code {
                    section.extend([*op, *a]);
                    section.extend(b.to_le_bytes());
                    section.extend(c.to_le_bytes());
                }
            }
            // One row for all, with one rule.
            INDEX => *section = bytes(&[1, 0, 1, !0, !0, !0, 0, 1, 0, 0, 0]),
            SOURCES => section.clear(),
            _ => {}
        }
    }
    assemble(&all)
}

pub(super) fn all() -> Vec<(String, Vec<u8>)> {
    let mut all = [
        whole(),
        heads(),
        tables(),
        rules(),
        readings(),
        index(),
        for_people(),
    ]
    .concat();
    for (name, block) in zoo::all() {
        let index = bytes(&[0, 0, 0]);
        let bundle = assemble(&[(FACTS, block.bytes()), (INDEX, index)]);
        all.push((format!("facts-{name}"), bundle));
    }
    for (name, code) in codes() {
        all.push((format!("code-{name}"), with_code(&code)));
    }
    all
}

type Seeds = Vec<(String, Vec<u8>)>;

fn whole() -> Seeds {
    vec![
        named("golden-server", golden("server.avow")),
        named("golden-browser", golden("browser.avow")),
        named("golden-operators", golden("operators.avow")),
        named("small", assemble(&small())),
    ]
}

fn heads() -> Seeds {
    let sound = assemble(&small());
    let cut = |len: usize| sound[..len].to_vec();
    let lying = |at: usize, to: u32| {
        let mut bytes = sound.clone();
        bytes[at..at + 4].copy_from_slice(&to.to_le_bytes());
        bytes
    };
    let mut many = lying(SECTIONS_AT, u32::MAX);
    let sum = checksum(&many).unwrap().to_le_bytes();
    many[CHECKSUM_AT..HEADER_BYTES].copy_from_slice(&sum);
    vec![
        named("nothing", cut(0)),
        named("magic-alone", cut(4)),
        named("head-alone", cut(HEADER_BYTES)),
        named("half", cut(sound.len() / 2)),
        named("another-format", lying(4, 9)),
        named("longer-than-it-is", lying(LENGTH_AT, u32::MAX)),
        named("damaged", lying(CHECKSUM_AT, 1)),
        named("all-the-sections", many),
        named("no-sections", assemble(&[])),
    ]
}

fn tables() -> Seeds {
    let edited = |edit: &dyn Fn(&mut Vec<Section>)| {
        let mut all = small();
        edit(&mut all);
        assemble(&all)
    };
    // Row 0 is of the facts; its offset stands 4 bytes in, its length 8.
    let row = |at: usize, to: u32| {
        let mut bytes = assemble(&small());
        let at = HEADER_BYTES + at;
        bytes[at..at + 4].copy_from_slice(&to.to_le_bytes());
        stamp(&mut bytes);
        bytes
    };
    vec![
        named("section-twice", edited(&|all| all.push(all[1].clone()))),
        named(
            "section-that-nobody-knows",
            edited(&|all| all.push((77, vec![1]))),
        ),
        named("section-of-no-id", edited(&|all| all.push((0, vec![1])))),
        named(
            "no-facts",
            edited(&|all| all.retain(|(id, _)| *id != FACTS)),
        ),
        named(
            "no-index",
            edited(&|all| all.retain(|(id, _)| *id != INDEX)),
        ),
        named(
            "no-rules",
            edited(&|all| all.retain(|(id, _)| *id != RULES)),
        ),
        named("no-code", edited(&|all| all.retain(|(id, _)| *id != CODE))),
        named("facts-outside-the-file", row(4, u32::MAX)),
        named("facts-to-beyond-the-file", row(8, u32::MAX)),
        named("facts-that-are-the-file", {
            let mut bytes = row(4, 0);
            let len = u32::try_from(bytes.len()).unwrap();
            bytes[HEADER_BYTES + 8..HEADER_BYTES + 12].copy_from_slice(&len.to_le_bytes());
            stamp(&mut bytes);
            bytes
        }),
    ]
}

fn rules() -> Seeds {
    vec![
        named("rules-cut", with(RULES, cut)),
        named("rule-of-no-effect", with_word(RULES, 0, 2)),
        named("rule-that-begins-late", with_word(RULES, 1, 1)),
        named("rule-that-never-ends", with_word(RULES, 2, u32::MAX)),
        named("rule-without-a-name", with_word(RULES, 3, u32::MAX)),
        named("rule-with-notes-that-wrap", with_word(RULES, 4, u32::MAX)),
        named("rule-of-nothing-but-scope", with_word(RULES, 6, u32::MAX)),
        named("code-cut", with(CODE, cut)),
        named("code-left", with(CODE, |code| code.extend([0; 8]))),
    ]
}

/// Operation, a, b, c of each instruction.
type Code = Vec<(u8, u8, u16, u32)>;

fn codes() -> Vec<(&'static str, Code)> {
    // Pushes reading 0 and compares two of the stack; or compares it with itself, without the stack.
    let (push, holds, same) = ((1, 0, 0, 0), (10, 0, 0, 0), (10, 1, 2, 0));
    let jump = |ahead: u16| ahead << 4;
    // `principal == principal`, after something.
    let after = |mut code: Code| {
        code.extend([push, push, holds]);
        code
    };
    vec![
        ("none", vec![]),
        ("sound", after(vec![])),
        ("of-no-operation", after(vec![(32, 0, 0, 0)])),
        ("that-leaves-nothing", vec![push, push, holds, (5, 0, 0, 4)]),
        ("that-leaves-two", vec![push, push]),
        ("that-takes-from-nothing", vec![holds]),
        ("of-no-reading", after(vec![(1, 0, 0, u32::MAX)])),
        ("of-a-constant-that-is-not-there", vec![(0, 0, 0, u32::MAX)]),
        (
            "that-jumps-back",
            vec![push, push, holds, (2, 0, 0, 0), push, push, holds],
        ),
        ("that-jumps-to-itself", vec![(6, 0, 0, 0)]),
        ("that-jumps-beyond", after(vec![(6, 0, 0, u32::MAX)])),
        (
            "that-jumps-to-another-height",
            vec![push, push, holds, (5, 0, 0, 5), push, push],
        ),
        (
            "never-reached",
            vec![(6, 0, 0, 2), holds, push, push, holds],
        ),
        ("with-a-step-beyond", vec![push, (24, 0, 9, 0)]),
        ("with-a-step-that-wraps", vec![push, (24, 0, u16::MAX, 0)]),
        ("like-no-constants", vec![push, (25, 0, 2, u32::MAX)]),
        ("like-of-nothing", vec![push, (25, 0, 0, 0)]),
        ("is-no-name", vec![push, (26, 0, 0, u32::MAX)]),
        ("attribute-of-no-name", vec![push, (22, 0, 0, u32::MAX)]),
        (
            "set-of-more-than-there-is",
            vec![push, (27, 0, 0, u32::MAX), (9, 0, 0, 0)],
        ),
        ("empty-set", vec![(27, 0, 0, 0), (9, 0, 0, 0)]),
        (
            "record-of-more-than-there-is",
            vec![push, (28, 0, u16::MAX, 0), push, holds],
        ),
        ("call-of-no-function", vec![push, (29, 22, 1, 0)]),
        ("call-with-too-many", vec![push, push, (29, 6, 2, 0)]),
        ("call-with-nothing", vec![(29, 6, 0, 0)]),
        ("equal-to-no-constant", vec![push, (10, 0, 1, u32::MAX)]),
        ("equal-on-no-side", vec![push, push, (10, 0, 3, 0)]),
        ("equal-without-the-stack", vec![same]),
        ("equal-of-no-reading", vec![(10, 200, 2, 0)]),
        ("equal-to-no-reading", vec![(10, 1, 2, 200)]),
        ("equal-left-of-the-stack", vec![push, (10, 1, 0, 0)]),
        ("equal-that-jumps", vec![(10, 1, 2 | jump(2), 0), same]),
        (
            "equal-that-jumps-as-or",
            vec![(10, 1, 2 | 8 | jump(2), 0), same],
        ),
        (
            "equal-that-jumps-to-the-next",
            vec![(10, 1, 2 | jump(1), 0), same],
        ),
        (
            "equal-that-jumps-beyond",
            vec![(10, 1, 2 | jump(3), 0), same],
        ),
        (
            "equal-that-jumps-far-beyond",
            vec![(10, 1, 2 | jump(4095), 0), same],
        ),
    ]
}

/// Two rules that are candidates always, in this order.
fn two_rules(numbers: [u32; 2]) -> Vec<u8> {
    let mut all = compiled(&"permit (principal, action, resource);".repeat(2));
    for (_, section) in all.iter_mut().filter(|(id, _)| *id == INDEX) {
        let at = section.len() - 8;
        section[at..].copy_from_slice(&bytes(&numbers));
    }
    assemble(&all)
}

/// A rule that reads by number, and its table.
fn readings() -> Seeds {
    let policy = "permit (principal, action, resource) when { context.a.b == 1 };";
    let table = |change: fn(&mut Vec<u8>)| {
        let mut all = compiled(policy);
        for (_, section) in all.iter_mut().filter(|(id, _)| *id == READINGS) {
            change(section);
        }
        assemble(&all)
    };
    vec![
        named("readings-sound", table(|_| {})),
        named("readings-cut", table(cut)),
        named("readings-none", table(Vec::clear)),
        named(
            "reading-of-itself",
            table(|rows| rows[..4].copy_from_slice(&bytes(&[4]))),
        ),
        named(
            "reading-of-a-later-one",
            table(|rows| rows[..4].copy_from_slice(&bytes(&[5]))),
        ),
        named(
            "reading-of-no-name",
            table(|rows| rows[4..8].copy_from_slice(&bytes(&[u32::MAX]))),
        ),
        named(
            "readings-too-many",
            table(|rows| *rows = rows[..8].repeat(61)),
        ),
        named(
            "readings-as-many-as-may-be",
            table(|rows| rows.extend(rows[..8].repeat(58))),
        ),
    ]
}

fn index() -> Seeds {
    // The first row's words stand behind three counts.
    let row = |word: isize| 3 + word;
    let swapped = |first: &dyn Fn(usize) -> usize, width: usize| {
        with(INDEX, |index| {
            let at = first(word(index, 0).unwrap() as usize);
            let (a, b) = index[at..at + 2 * width].split_at_mut(width);
            a.swap_with_slice(b);
        })
    };
    vec![
        named("index-empty", with(INDEX, Vec::clear)),
        named("index-cut", with(INDEX, cut)),
        named("index-rows-swapped", swapped(&|_| 12, ROW)),
        named(
            "index-anchors-swapped",
            swapped(&|rows| 12 + rows * ROW, ANCHOR),
        ),
        named("index-all-the-rows", with_word(INDEX, 0, u32::MAX)),
        named("index-all-the-anchors", with_word(INDEX, 1, u32::MAX)),
        named("index-all-the-numbers", with_word(INDEX, 2, u32::MAX)),
        named("index-rules-beyond", with_word(INDEX, row(3), u32::MAX)),
        named(
            "index-more-rules-than-there-are",
            with_word(INDEX, row(4), u32::MAX),
        ),
        named("index-anchors-of-another-row", with_word(INDEX, row(5), 1)),
        named(
            "index-more-anchors-than-there-are",
            with_word(INDEX, row(6), u32::MAX),
        ),
        named("index-of-no-rule", with_word(INDEX, -1, u32::MAX)),
        named("index-numbers-that-descend", two_rules([1, 0])),
        named("index-number-twice", two_rules([1, 1])),
    ]
}

fn for_people() -> Seeds {
    vec![
        named("words-all", with_word(WORDS, 0, u32::MAX)),
        named("words-that-descend", with_word(WORDS, 1, u32::MAX)),
        named(
            "words-not-of-unicode",
            with(WORDS, |words| {
                *words.last_mut().unwrap() = 0xff;
            }),
        ),
        named("notes-cut", with(NOTES, cut)),
        named("notes-of-no-word", with_word(NOTES, 0, u32::MAX)),
        named(
            "meta-of-no-word",
            with(META, |meta| *meta = bytes(&[0, u32::MAX])),
        ),
        named(
            "sources-of-no-rule",
            with(SOURCES, |rows| rows.truncate(12)),
        ),
        named("schema-cut", with(SCHEMA, |schema| *schema = bytes(&[1]))),
        named(
            "schema-of-all-types",
            with(SCHEMA, |schema| {
                *schema = bytes(&[u32::MAX; 6]);
            }),
        ),
        // A record whose field is that record.
        named(
            "schema-of-a-circle",
            with(SCHEMA, |schema| {
                *schema = bytes(&[1, 1, 0, 0, 0, 0, 5, 0, 1, 0, 0, 1]);
            }),
        ),
    ]
}
