//! YAML as a tree that knows where each part stands.
//!
//! A node is shared, not copied: a case takes over defaults and entities of its file without copying them. YAML's core schema
//! says what a plain scalar is. Refused are what a file of cases has no use for: several documents, tags, keys that are no
//! strings or are there twice, and aliases that unfold to more than [`MAX_NODES`].

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use avow_engine::intake::Json;
use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span};

/// Nodes of a file, with what its aliases stand for.
const MAX_NODES: usize = 4_000_000;
/// Maps and lists within each other.
const MAX_DEPTH: usize = 64;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Arc<str>),
    List(Arc<Vec<Node>>),
    Map(Arc<Vec<Field>>),
}

/// A key of a map with its value.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) key: Arc<str>,
    pub(crate) at: Range<usize>,
    pub(crate) node: Node,
}

/// What is wrong with a text, and where.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
}

impl Node {
    /// The fields, where it is a map.
    pub(crate) fn fields(&self) -> Option<&[Field]> {
        match &self.value {
            Value::Map(fields) => Some(fields),
            _ => None,
        }
    }

    pub(crate) fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Field> {
        self.fields()?.iter().find(|field| &*field.key == key)
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// What people call such a value.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a number with a fraction",
            Value::Str(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// As intake reads it. The text `$offer` stands for the offer.
    pub(crate) fn to_json(&self, offer: &str) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(value) => Json::Int(*value),
            Value::Float(value) => Json::Float(*value),
            Value::Str(text) if &**text == "$offer" => Json::from(offer),
            Value::Str(text) => Json::from(&**text),
            Value::List(items) => {
                Json::List(items.iter().map(|item| item.to_json(offer)).collect())
            }
            Value::Map(fields) => {
                let field = |field: &Field| (field.key.to_string(), field.node.to_json(offer));
                Json::Map(fields.iter().map(field).collect())
            }
        }
    }
}

impl PartialEq for Node {
    /// The same value, wherever it stands.
    fn eq(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::List(a), Value::List(b)) => Arc::ptr_eq(a, b) || a == b,
            (Value::Map(a), Value::Map(b)) => {
                let same = |(a, b): (&Field, &Field)| a.key == b.key && a.node == b.node;
                Arc::ptr_eq(a, b) || (a.len() == b.len() && a.iter().zip(b.iter()).all(same))
            }
            _ => false,
        }
    }
}

/// The one document of a text.
pub(crate) fn parse(text: &str) -> Result<Node, Wrong> {
    let mut builder = Builder::default();
    let mut options = Options::default();
    options.emit_comments = false;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| syntax(text, &error))?;
        builder.take(event, &span)?;
    }
    builder.root.ok_or_else(|| Wrong {
        span: 0..0,
        message: "the file is empty".to_owned(),
    })
}

fn syntax(text: &str, error: &ScanError) -> Wrong {
    let at = error.marker().byte_offset().unwrap_or_default();
    // The end of a file has no character to point at.
    let start = at.min(text.trim_end().len());
    let width = text.get(start..).and_then(|rest| rest.chars().next());
    Wrong {
        span: start..start + width.map_or(0, char::len_utf8),
        message: format!("no YAML: {}", error.info()),
    }
}

/// A map or list that is still open.
struct Open {
    start: usize,
    anchor: usize,
    nodes_before: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    /// The fields, and the key whose value is still to come.
    Map(Vec<Field>, Option<(Arc<str>, Range<usize>)>),
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    /// By anchor, the node and how many nodes it stands for.
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Wrong> {
        let at = span.byte_range().unwrap_or_default();
        let wrong = |message: &str| Wrong {
            span: at.clone(),
            message: message.to_owned(),
        };
        if event.tag().is_some() {
            return Err(wrong("a case has no use for a tag"));
        }
        self.nodes += 1;
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = matches!(style, ScalarStyle::Plain);
                let value = match plain {
                    true => scalar(&text),
                    false => Value::Str((*text).into()),
                };
                let node = Node { span: at, value };
                // Only a plain key is a bare word; `null: x` and `1: x` name what they say.
                let node = match self.awaits_key() {
                    true => Node {
                        value: Value::Str((*text).into()),
                        ..node
                    },
                    false => node,
                };
                self.put(node, anchor, 1)?;
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(at, anchor, Inside::List(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, _) => {
                self.begin(at, anchor, Inside::Map(Vec::new(), None))?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else {
                    return Err(wrong("nothing is open here"));
                };
                let value = match open.inside {
                    Inside::List(items) => Value::List(Arc::new(items)),
                    Inside::Map(fields, _) => Value::Map(Arc::new(fields)),
                };
                let span = open.start..at.end.max(open.start);
                let stands_for = self.nodes - open.nodes_before;
                self.put(Node { span, value }, open.anchor, stands_for)?;
            }
            Event::Alias(anchor) => {
                let Some((node, stands_for)) = self.anchors.get(&anchor).cloned() else {
                    return Err(wrong("the alias stands within what it stands for"));
                };
                self.nodes += stands_for;
                if self.nodes > MAX_NODES {
                    return Err(wrong("the file's aliases unfold to too much"));
                }
                self.put(node, 0, stands_for)?;
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                return Err(wrong("a file of cases is one document"));
            }
            _ => {}
        }
        Ok(())
    }

    fn awaits_key(&self) -> bool {
        let top = self.open.last().map(|open| &open.inside);
        matches!(top, Some(Inside::Map(_, None)))
    }

    fn begin(&mut self, at: Range<usize>, anchor: usize, inside: Inside) -> Result<(), Wrong> {
        let message = if self.awaits_key() {
            "a key is a string"
        } else if self.open.len() >= MAX_DEPTH {
            "the file is too deep"
        } else {
            self.open.push(Open {
                start: at.start,
                anchor,
                nodes_before: self.nodes,
                inside,
            });
            return Ok(());
        };
        Err(Wrong {
            span: at,
            message: message.to_owned(),
        })
    }

    fn put(&mut self, node: Node, anchor: usize, stands_for: usize) -> Result<(), Wrong> {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), stands_for));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.inside {
            Inside::List(items) => items.push(node),
            Inside::Map(fields, key) => match key.take() {
                Some((key, at)) => fields.push(Field { key, at, node }),
                None => {
                    let Value::Str(name) = node.value else {
                        return Err(Wrong {
                            span: node.span,
                            message: "a key is a string".to_owned(),
                        });
                    };
                    if fields.iter().any(|field| field.key == name) {
                        return Err(Wrong {
                            message: format!("the key `{name}` is there twice"),
                            span: node.span,
                        });
                    }
                    *key = Some((name, node.span));
                }
            },
        }
        Ok(())
    }
}

/// A plain scalar, by YAML's core schema.
fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    // `inf` and `nan` are words, which Rust would read as numbers.
    let starts_number = text
        .trim_start_matches(['-', '+', '.'])
        .starts_with(|c: char| c.is_ascii_digit());
    if starts_number {
        let radix = |prefix, radix| {
            let digits = text.strip_prefix(prefix)?;
            i64::from_str_radix(digits, radix).ok()
        };
        let int = text.parse().ok();
        if let Some(int) = int.or_else(|| radix("0x", 16)).or_else(|| radix("0o", 8)) {
            return Value::Int(int);
        }
        if let Ok(float) = text.parse() {
            return Value::Float(float);
        }
    }
    Value::Str(text.into())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[track_caller]
    fn check(yaml: &str, json: &str) {
        let found = match parse(yaml) {
            Ok(node) => serde_json::to_string(&node.to_json("today")).unwrap(),
            Err(wrong) => format!("{} at {:?}", wrong.message, wrong.span),
        };
        assert_eq!(found, json);
    }

    #[test]
    fn plain_scalars_are_what_the_core_schema_says() {
        check(
            "[a, 'b', true, 'true', 7, -7, 0x10, 1.5, 2026-01-01T00:00:00Z, 1_000, .inf, ~, '', $offer, 730d]",
            r#"["a","b",true,"true",7,-7,16,1.5,"2026-01-01T00:00:00Z","1_000",".inf",null,"","today","730d"]"#,
        );
        check("1: x\nnull: y\n", r#"{"1":"x","null":"y"}"#);
    }

    #[test]
    fn an_alias_is_what_it_stands_for() {
        check(
            "a: &a { b: 1 }\nc: [*a, *a]\n",
            r#"{"a":{"b":1},"c":[{"b":1},{"b":1}]}"#,
        );
    }

    #[test]
    fn what_cases_have_no_use_for_is_refused_where_it_stands() {
        check("a: 1\nb: 2\na: 3\n", "the key `a` is there twice at 10..11");
        check("? [a]\n: 1\n", "a key is a string at 2..3");
        check(
            "a: 1\n---\nb: 1\n",
            "a file of cases is one document at 5..8",
        );
        check(
            "a: &a [*a]\n",
            "the alias stands within what it stands for at 7..9",
        );
        let deep = format!("{}1{}", "[".repeat(65), "]".repeat(65));
        check(&deep, "the file is too deep at 64..65");
        let mut bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
        for n in 1..8 {
            let before = n - 1;
            bomb += &format!(
                "a{n}: &a{n} [{}]\n",
                vec![format!("*a{before}"); 10].join(", ")
            );
        }
        assert!(
            parse(&bomb)
                .unwrap_err()
                .message
                .contains("unfold to too much")
        );
    }
}
