//! Conditions: every operator, mostly of the right types, now and then of wrong ones.

use super::{
    choices::Choices,
    extension,
    facts::{LONGS, TAGS, TEXTS},
    schema::{Field, IDS, NAMES, Schema, Type, quoted},
};

/// Which request a condition is written for.
#[derive(Clone, Copy, Debug)]
pub struct Env {
    /// Type of the principal.
    pub principal: usize,
    /// The action, by its place in the schema.
    pub action: usize,
    /// Type of the resource.
    pub resource: usize,
}

/// A way to a value, and what must hold for it to be there.
#[derive(Clone, Debug)]
struct Path {
    text: String,
    of: Type,
    guard: Option<String>,
}

/// Ways that a condition may take; more only cost time.
const PATHS: usize = 48;

/// Writes expressions.
pub struct Writer<'s, 'c> {
    schema: &'s Schema,
    pub(super) choices: Choices<'c>,
    paths: Vec<Path>,
}

impl<'s, 'c> Writer<'s, 'c> {
    /// A writer of conditions for a request.
    #[must_use]
    pub fn new(schema: &'s Schema, choices: Choices<'c>, env: Env) -> Self {
        let mut writer = Self {
            schema,
            choices,
            paths: Vec::new(),
        };
        let context = Type::Record(schema.actions[env.action].context.clone());
        for (text, of) in [
            ("principal", Type::Entity(env.principal)),
            ("resource", Type::Entity(env.resource)),
            ("context", context),
        ] {
            let path = Path {
                text: text.to_owned(),
                of,
                guard: None,
            };
            writer.paths.push(path);
        }
        // Breadth first, so that all the near ones are among them.
        let mut next = 0;
        while next < writer.paths.len() && writer.paths.len() < PATHS {
            let path = writer.paths[next].clone();
            next += 1;
            // Not around and around.
            if path.text.len() < 60 {
                writer.extend(&path);
            }
        }
        writer
    }

    fn extend(&mut self, path: &Path) {
        let schema = self.schema;
        let (fields, tags): (&[Field], _) = match &path.of {
            Type::Record(fields) => (fields, None),
            Type::Entity(of) => {
                let of = &schema.types[*of];
                (&of.attrs, of.tags.as_ref())
            }
            _ => return,
        };
        let join = |guard: String| match &path.guard {
            None => guard,
            Some(before) => format!("{before} && {guard}"),
        };
        for field in fields {
            self.paths.push(Path {
                text: member(&path.text, field.name),
                of: field.of.clone(),
                guard: match field.optional {
                    true => Some(join(format!("{} has {}", path.text, key(field.name)))),
                    false => path.guard.clone(),
                },
            });
        }
        if let Some(tags) = tags {
            let tag = quoted(TAGS[path.text.len() % TAGS.len()]);
            self.paths.push(Path {
                text: format!("{}.getTag({tag})", path.text),
                of: tags.clone(),
                guard: Some(join(format!("{}.hasTag({tag})", path.text))),
            });
        }
    }

    /// How many entity types there are.
    pub(super) fn types(&self) -> usize {
        self.schema.types.len()
    }

    /// A condition.
    pub fn condition(&mut self) -> String {
        let depth = 1 + self.choices.below(5);
        self.of(&Type::Bool, depth)
    }

    /// An expression of a type, nearly always.
    pub(super) fn of(&mut self, of: &Type, depth: usize) -> String {
        if self.choices.once_in(48) {
            let other = self.type_(1);
            return self.right(&other, depth.min(1));
        }
        self.right(of, depth)
    }

    fn right(&mut self, of: &Type, depth: usize) -> String {
        if *of == Type::Bool {
            return self.bool(depth);
        }
        if depth == 0 || self.choices.below(3) == 0 {
            return self.leaf(of);
        }
        if self.choices.once_in(8) {
            return self.conditional(of, depth);
        }
        let depth = depth - 1;
        match of {
            Type::Bool | Type::Str | Type::Entity(_) => self.leaf(of),
            Type::Long => self.long(depth),
            Type::Set(of) => {
                let count = self.choices.below(4);
                let items: Vec<String> = (0..count).map(|_| self.of(of, depth)).collect();
                format!("[{}]", items.join(", "))
            }
            Type::Record(fields) => self.record(fields, depth),
            _ => extension::expression(self, of, depth),
        }
    }

    fn conditional(&mut self, of: &Type, depth: usize) -> String {
        let test = self.of(&Type::Bool, depth - 1);
        let (then, otherwise) = (self.of(of, depth - 1), self.of(of, depth - 1));
        format!("(if {test} then {then} else {otherwise})")
    }

    fn record(&mut self, fields: &[Field], depth: usize) -> String {
        let fields: Vec<String> = fields
            .iter()
            .map(|field| format!("{}: {}", quoted(field.name), self.of(&field.of, depth)))
            .collect();
        format!("{{{}}}", fields.join(", "))
    }

    /// Any type that may occur.
    pub(super) fn type_(&mut self, depth: usize) -> Type {
        // Those of the paths, mostly: then there is something to compare.
        if self.choices.below(3) == 0 {
            let path = self.choices.below(self.paths.len());
            return self.paths[path].of.clone();
        }
        Type::any(&mut self.choices, self.schema.types.len(), depth)
    }

    /// A value that is there already: an attribute, a tag, a variable; else a literal.
    fn leaf(&mut self, of: &Type) -> String {
        if self.choices.below(3) > 0 {
            let fitting: Vec<usize> = (0..self.paths.len())
                .filter(|path| self.paths[*path].of == *of)
                .collect();
            if !fitting.is_empty() {
                let path = self.paths[*self.choices.pick(&fitting)].clone();
                return match path.guard {
                    // Unguarded it may fail.
                    Some(guard) if self.choices.below(4) > 0 => {
                        let otherwise = self.literal(of);
                        format!("(if {guard} then {} else {otherwise})", path.text)
                    }
                    _ => path.text,
                };
            }
        }
        self.literal(of)
    }

    fn literal(&mut self, of: &Type) -> String {
        match of {
            Type::Bool => ["true", "false"][self.choices.below(2)].to_owned(),
            Type::Long => match *self.choices.pick(&LONGS) {
                // `--5` is two negations.
                negative if negative < 0 => format!("({negative})"),
                number => number.to_string(),
            },
            Type::Str => quoted(self.choices.pick::<&str>(&TEXTS)),
            Type::Entity(of) => self.entity_literal(*of),
            Type::Set(of) => {
                let count = self.choices.below(4);
                let items: Vec<String> = (0..count).map(|_| self.literal(of)).collect();
                format!("[{}]", items.join(", "))
            }
            Type::Record(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|field| format!("{}: {}", quoted(field.name), self.literal(&field.of)))
                    .collect();
                format!("{{{}}}", fields.join(", "))
            }
            _ => extension::literal(&mut self.choices, of),
        }
    }

    /// A uid of a type.
    pub fn entity_literal(&mut self, of: usize) -> String {
        let id = match self.choices.once_in(12) {
            true if !self.schema.types[of].listed => "nobody",
            _ => self.choices.pick(&IDS),
        };
        format!("{}::{}", self.schema.types[of].name, quoted(id))
    }

    fn long(&mut self, depth: usize) -> String {
        let operator = self.choices.below(12);
        match operator {
            0..6 => {
                let (a, b) = (self.of(&Type::Long, depth), self.of(&Type::Long, depth));
                let sign = ["+", "-", "*"][operator % 3];
                format!("({a} {sign} {b})")
            }
            6 => format!("(-({}))", self.of(&Type::Long, depth)),
            _ => extension::to_long(self, depth),
        }
    }

    fn bool(&mut self, depth: usize) -> String {
        if depth == 0 {
            return match self.choices.below(4) {
                0 => self.literal(&Type::Bool),
                1 => self.leaf(&Type::Bool),
                _ => self.comparison(0),
            };
        }
        let depth = depth - 1;
        match self.choices.below(24) {
            0 => self.literal(&Type::Bool),
            1..4 => self.short_circuit("&&", depth),
            4..7 => self.short_circuit("||", depth),
            7 | 8 => format!("(!{})", self.of(&Type::Bool, depth)),
            9 => self.conditional(&Type::Bool, depth + 1),
            10 => self.failing(),
            11 => self.leaf(&Type::Bool),
            _ => self.comparison(depth),
        }
    }

    /// Sides that fail among them, on either side.
    fn short_circuit(&mut self, operator: &str, depth: usize) -> String {
        let mut sides = [(); 2].map(|()| self.of(&Type::Bool, depth));
        if self.choices.once_in(10) {
            let failing = self.failing();
            *self.choices.pick_mut(&mut sides) = failing;
        }
        let [left, right] = sides;
        format!("({left} {operator} {right})")
    }

    /// What fails at run time, in each way that there is.
    fn failing(&mut self) -> String {
        let nobody = [
            "(9223372036854775807 + 1 == 0)",
            "((-9223372036854775807 - 2) < 0)",
            "(9223372036854775807 * 2 > 1)",
            "(-(-9223372036854775808) > 0)",
            "principal[\"none\"]",
            "context[\"none\"]",
            "(User::\"nobody\"[\"a\"] == 1)",
            "(principal.getTag(\"none\") == 1)",
            "(User::\"nobody\".getTag(\"k\") == 1)",
            "(!1)",
            "(1 && true)",
            "(\"a\" < 1)",
            "([1].containsAll(2))",
            "(principal in [resource, 1])",
            "(1 like \"1\")",
            "(context in principal)",
            "(\"a\" has b)",
            "(1 is User)",
            "(principal < resource)",
            "ip(\"10.0.0.256\").isIpv4()",
            "decimal(\"1.23456\").lessThan(decimal(\"1.0\"))",
            "(datetime(\"2023-02-29\") < datetime(\"2024-01-01\"))",
            "(duration(\"1h1d\") < duration(\"1d\"))",
            "(if 1 then true else false)",
            "ip(\"10.0.0.1\").isIpv4(1)",
            "(duration(\"1d\", 1) < duration(\"1d\"))",
            "decimal(\"1.0\").lessThan()",
        ];
        (*self.choices.pick(&nobody)).to_owned()
    }

    fn entity(&mut self, depth: usize) -> String {
        match self.choices.below(4) {
            0 => "principal".to_owned(),
            1 => "resource".to_owned(),
            _ => {
                let of = self.choices.below(self.schema.types.len());
                self.of(&Type::Entity(of), depth)
            }
        }
    }

    fn comparison(&mut self, depth: usize) -> String {
        match self.choices.below(32) {
            0..4 => {
                let of = self.type_(1);
                let other = match self.choices.once_in(6) {
                    true => self.type_(1),
                    false => of.clone(),
                };
                let sign = *self.choices.pick(&["==", "!="]);
                let (a, b) = (self.of(&of, depth), self.of(&other, depth));
                format!("({a} {sign} {b})")
            }
            4..8 => {
                let of =
                    [Type::Long, Type::Datetime, Type::Duration][self.choices.below(3)].clone();
                let sign = *self.choices.pick(&["<", "<=", ">", ">="]);
                let (a, b) = (self.of(&of, depth), self.of(&of, depth));
                format!("({a} {sign} {b})")
            }
            8..11 => self.membership(depth),
            11 => {
                let of = self.choices.below(self.schema.types.len());
                let name = self.schema.types[of].name;
                format!("({} is {name})", self.entity(depth))
            }
            12 => {
                let of = self.choices.below(self.schema.types.len());
                let name = self.schema.types[of].name;
                let (a, b) = (self.entity(depth), self.entity(depth));
                format!("({a} is {name} in {b})")
            }
            13..16 => self.presence(),
            16 => {
                let tag = self.of(&Type::Str, depth);
                format!("{}.hasTag({tag})", self.entity(0))
            }
            17 => {
                let tag = self.of(&Type::Str, depth);
                let value = self.literal(&Type::Long);
                format!("({}.getTag({tag}) == {value})", self.entity(0))
            }
            18 | 19 => {
                let text = self.of(&Type::Str, depth);
                let patterns = [
                    "*", "", "a*", "*c", "a*c", "a\\*c", "*b*", "é*", "**", "a*b*c", "\\u{e9}*",
                    "*\\\"*", "abc", "*\\0*", "1*.*1",
                ];
                format!("({text} like \"{}\")", self.choices.pick(&patterns))
            }
            20..26 => self.of_sets(depth),
            _ => extension::comparison(self, depth),
        }
    }

    fn membership(&mut self, depth: usize) -> String {
        let schema = self.schema;
        if self.choices.once_in(3) {
            let actions: Vec<String> = schema
                .actions
                .iter()
                .map(|action| format!("{}::{}", action.uid.0, quoted(&action.uid.1)))
                .collect();
            let (a, b) = (
                self.choices.pick(&actions),
                self.choices.below(actions.len()),
            );
            return match self.choices.below(2) {
                0 => format!("(action in {a})"),
                _ => format!("(action in [{a}, {}])", actions[b]),
            };
        }
        let left = self.entity(depth);
        let count = self.choices.below(4);
        if count == 1 {
            let of = Type::Set(Box::new(Type::Entity(
                self.choices.below(schema.types.len()),
            )));
            return format!("({left} in {})", self.of(&of, depth));
        }
        if count < 2 {
            return format!("({left} in {})", self.entity(depth));
        }
        let items: Vec<String> = (0..count).map(|_| self.entity(0)).collect();
        format!("({left} in [{}])", items.join(", "))
    }

    fn presence(&mut self) -> String {
        let path = self.choices.below(self.paths.len());
        let mut base = self.paths[path].text.clone();
        if self.choices.once_in(6) {
            base = self.entity(1);
        }
        let name = *self.choices.pick(&NAMES);
        match self.choices.below(3) {
            0 => format!("({base} has {})", key(name)),
            1 => format!("({base} has \"{name}\")"),
            _ => {
                let count = 2 + self.choices.below(2);
                let plain = ["a", "b", "name"];
                let steps: Vec<&str> = (0..count).map(|_| *self.choices.pick(&plain)).collect();
                format!("({base} has {})", steps.join("."))
            }
        }
    }

    fn of_sets(&mut self, depth: usize) -> String {
        let of = match self.type_(1) {
            Type::Set(of) => *of,
            other => other,
        };
        let set = Type::Set(Box::new(of.clone()));
        let mut a = self.of(&set, depth);
        if self.choices.once_in(6) {
            // Of several types at once, which the validator refuses.
            let (first, second) = (self.type_(1), self.type_(1));
            a = format!("[{}, {}, 1]", self.of(&first, 0), self.of(&second, 0));
        }
        match self.choices.below(5) {
            0 | 1 => format!("{a}.contains({})", self.of(&of, depth)),
            2 => format!("{a}.containsAll({})", self.of(&set, depth)),
            3 => format!("{a}.containsAny({})", self.of(&set, depth)),
            _ => format!("{a}.isEmpty()"),
        }
    }
}

/// Whether the grammar takes a name as an identifier.
fn is_plain(name: &str) -> bool {
    name != "if" && name.chars().all(|c| c.is_ascii_alphanumeric())
}

fn member(base: &str, name: &str) -> String {
    // Both forms, whichever the length says.
    match is_plain(name) && !base.len().is_multiple_of(3) {
        true => format!("{base}.{name}"),
        false => format!("{base}[{}]", quoted(name)),
    }
}

fn key(name: &str) -> String {
    match is_plain(name) {
        true => name.to_owned(),
        false => quoted(name),
    }
}
