//! The questions of the consent family as request bytes, for those who are not the engine's neighbours.

use alloc::vec::Vec;

use super::{Question, Situation, StoreFacts};
use crate::{
    block::{CELL_BYTES, NONE, OWN, kind},
    bundle::Bundle,
    bytes::{len32, put_u32},
    choice::{Choice, GRANTED, OBJECTED, REFUSED, Recorded, cut},
    request::MAGIC,
};

/// The question's request bytes. All that they name they bring, so they use no numbers of the bundle.
#[must_use]
pub fn consent_request(
    bundle: &Bundle,
    situation: &Situation<'_>,
    question: &Question<'_>,
) -> Vec<u8> {
    let Situation {
        now,
        surface,
        jurisdiction,
        gpc,
        choice,
    } = *situation;
    let (action, id, store) = match question {
        Question::Ask => ("ask", "pack", None),
        Question::OfferOptOut => ("offer_opt_out", "pack", None),
        Question::Process(purpose) => ("process", *purpose, None),
        Question::Load(service) => ("load", *service, None),
        Question::Store(id, facts) => ("store", *id, Some(*facts)),
    };
    request(&Asked {
        namespace: bundle.meta("namespace").unwrap_or_default(),
        action,
        id,
        surface,
        jurisdiction,
        now,
        gpc,
        choice: choice.map(Choice::recorded),
        store,
    })
}

/// A question and what is known of the visit.
struct Asked<'a> {
    namespace: &'a str,
    action: &'a str,
    id: &'a str,
    surface: &'a str,
    jurisdiction: &'a str,
    now: i64,
    gpc: bool,
    choice: Option<Recorded<'a>>,
    store: Option<StoreFacts<'a>>,
}

/// Names of a request's block, in the order of their numbers; then come the pack's own two, without its namespace.
const NAMES: &str = "Avow::Visitor Avow::Purpose Avow::Service Avow::Storage Avow::Jurisdiction at choice granted gpc http_only \
    jurisdiction lifetime now objected offer production refused same_site secure services surface ::Action ::Settings ";

/// Numbers of [`NAMES`].
mod name {
    pub(super) const VISITOR: u32 = 0;
    pub(super) const PURPOSE: u32 = 1;
    pub(super) const SERVICE: u32 = 2;
    pub(super) const STORAGE: u32 = 3;
    pub(super) const JURISDICTION: u32 = 4;
    pub(super) const AT: u32 = 5;
    pub(super) const CHOICE: u32 = 6;
    pub(super) const GRANTED: u32 = 7;
    pub(super) const GPC: u32 = 8;
    pub(super) const HTTP_ONLY: u32 = 9;
    pub(super) const WHERE: u32 = 10;
    pub(super) const LIFETIME: u32 = 11;
    pub(super) const NOW: u32 = 12;
    pub(super) const OBJECTED: u32 = 13;
    pub(super) const OFFER: u32 = 14;
    pub(super) const PRODUCTION: u32 = 15;
    pub(super) const REFUSED: u32 = 16;
    pub(super) const SAME_SITE: u32 = 17;
    pub(super) const SECURE: u32 = 18;
    pub(super) const SERVICES: u32 = 19;
    pub(super) const SURFACE: u32 = 20;
    pub(super) const ACTION: u32 = 21;
    pub(super) const SETTINGS: u32 = 22;
    pub(super) const COUNT: u32 = 23;
}

/// Writes the block. The names are always the same, and which of them the bundle knows is left to the reader.
#[derive(Default)]
struct Writer<'a> {
    /// Type and id.
    uids: Vec<(u32, &'a str)>,
    cells: Vec<u8>,
    text: Vec<u8>,
}

impl<'a> Writer<'a> {
    /// The number of a uid.
    fn uid(&mut self, of: u32, id: &'a str) -> u32 {
        let mut at = 0;
        while self.uids.get(at).is_some_and(|uid| *uid != (of, id)) {
            at += 1;
        }
        if at == self.uids.len() {
            self.uids.push((of, id));
        }
        OWN | (name::COUNT + len32(at))
    }

    fn cell(&mut self, key: u32, kind: u32, payload: u64) {
        put_u32(&mut self.cells, key);
        put_u32(&mut self.cells, kind);
        self.cells.extend_from_slice(&payload.to_le_bytes());
    }

    fn field(&mut self, name: u32, kind: u32, payload: u64) {
        self.cell(OWN | name, kind, payload);
    }

    fn string(&mut self, name: u32, text: &str) {
        let at = self.text.len() as u64 | (text.len() as u64) << 32;
        self.text.extend_from_slice(text.as_bytes());
        self.field(name, kind::STRING, at);
    }

    fn flag(&mut self, name: u32, value: bool) {
        self.field(name, kind::BOOL, u64::from(value));
    }

    /// The rows of the symbols. Their texts come before those of strings.
    fn symbols(&mut self, namespace: &str) -> Vec<u8> {
        let mut rows = Vec::new();
        self.text.clear();
        let mut names = NAMES;
        while !names.is_empty() {
            let name = cut(&mut names, b' ');
            if name.starts_with("::") {
                self.text.extend_from_slice(namespace.as_bytes());
            }
            self.text.extend_from_slice(name.as_bytes());
            put_u32(&mut rows, 0);
            put_u32(&mut rows, len32(self.text.len()));
        }
        for (of, id) in &self.uids {
            self.text.extend_from_slice(id.as_bytes());
            put_u32(&mut rows, OWN | of);
            put_u32(&mut rows, len32(self.text.len()));
        }
        rows
    }

    /// The cells of the context; how many fields it has.
    fn context(&mut self, asked: &Asked<'a>) -> usize {
        self.cells.clear();
        self.flag(name::GPC, asked.gpc);
        let place = self.uid(name::JURISDICTION, asked.jurisdiction);
        self.field(name::WHERE, kind::ENTITY, u64::from(place));
        self.field(name::NOW, kind::DATETIME, asked.now.cast_unsigned());
        self.string(name::SURFACE, asked.surface);
        if let Some(facts) = &asked.store {
            self.flag(name::HTTP_ONLY, facts.http_only);
            self.flag(name::PRODUCTION, facts.production);
            self.flag(name::SECURE, facts.secure);
            self.string(name::SAME_SITE, facts.same_site);
            if let Some(lifetime) = facts.lifetime {
                self.field(name::LIFETIME, kind::DURATION, lifetime.cast_unsigned());
            }
        }
        let fields = self.cells.len() / CELL_BYTES;
        let Some(choice) = &asked.choice else {
            return fields;
        };
        let sets = [
            (name::GRANTED, name::PURPOSE, &choice.purposes, GRANTED),
            (name::REFUSED, name::PURPOSE, &choice.purposes, REFUSED),
            (name::OBJECTED, name::PURPOSE, &choice.purposes, OBJECTED),
            (name::SERVICES, name::SERVICE, &choice.services, GRANTED),
        ];
        self.field(name::CHOICE, kind::RECORD, sets.len() as u64 + 2);
        self.field(name::AT, kind::DATETIME, choice.at.cast_unsigned());
        self.string(name::OFFER, choice.offer);
        // First the sets, then in the same order what is in them.
        let mut inside = Vec::new();
        for (field, of, items, sign) in sets {
            let before = inside.len();
            for item in items.iter().filter(|item| item.0 == sign) {
                inside.push(self.uid(of, item.1));
            }
            self.field(field, kind::SET, (inside.len() - before) as u64);
        }
        for uid in inside {
            self.cell(NONE, kind::ENTITY, u64::from(uid));
        }
        fields + 1
    }
}

fn request(asked: &Asked<'_>) -> Vec<u8> {
    let resource = match asked.action {
        "ask" | "offer_opt_out" => name::SETTINGS,
        "process" => name::PURPOSE,
        "load" => name::SERVICE,
        _ => name::STORAGE,
    };
    let mut block = Writer::default();
    let principal = block.uid(name::VISITOR, "visitor");
    let action = block.uid(name::ACTION, asked.action);
    let resource = block.uid(resource, asked.id);
    // Once for the uids, whose texts come first, and once more for where the strings then are.
    block.context(asked);
    let rows = block.symbols(asked.namespace);
    let fields = block.context(asked);
    let mut out = Vec::from(MAGIC);
    for word in [
        // No numbers of the bundle, nor of residents.
        0,
        0,
        principal,
        action,
        resource,
        name::COUNT,
        len32(block.uids.len()),
        0,
        len32(fields),
        len32(block.cells.len() / CELL_BYTES),
        len32(block.text.len()),
    ] {
        put_u32(&mut out, word);
    }
    for part in [&rows, &block.cells, &block.text] {
        out.extend_from_slice(part);
    }
    out
}
