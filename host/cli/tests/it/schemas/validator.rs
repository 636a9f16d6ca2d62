//! The part of JSON Schema 2020-12 that the schemas use. A keyword that it does not know is a failure of the test, and never
//! passed over: so nothing in a schema goes unchecked.

use regex::Regex;
use serde_json::{Map, Value};

/// Keywords that say something to people alone.
const NOTES: [&str; 7] = [
    "$schema",
    "$defs",
    "title",
    "description",
    "default",
    "examples",
    "then",
];

pub(crate) struct Validator {
    root: Value,
}

impl Validator {
    pub(crate) fn new(root: Value) -> Self {
        Self { root }
    }

    /// What is wrong with a value, each with its path.
    pub(crate) fn errors(&self, value: &Value) -> Vec<String> {
        let mut errors = Vec::new();
        self.check(&self.root, value, "", &mut errors);
        errors
    }

    fn holds(&self, schema: &Value, value: &Value) -> bool {
        let mut errors = Vec::new();
        self.check(schema, value, "", &mut errors);
        errors.is_empty()
    }

    fn check(&self, schema: &Value, value: &Value, path: &str, errors: &mut Vec<String>) {
        let Value::Object(keywords) = schema else {
            panic!("a schema is an object, not {schema}");
        };
        let any = |list: &Value| {
            let list = list.as_array().expect("a list of schemas");
            list.iter().filter(|one| self.holds(one, value)).count()
        };
        for (keyword, says) in keywords {
            let fits = match keyword.as_str() {
                note if NOTES.contains(&note) => true,
                "$ref" => {
                    let target = says.as_str().and_then(|to| to.strip_prefix('#'));
                    let target = target.and_then(|to| self.root.pointer(to));
                    let target = target.unwrap_or_else(|| panic!("{says} leads nowhere"));
                    self.check(target, value, path, errors);
                    true
                }
                "type" => match says {
                    Value::Array(types) => types.iter().any(|of| is(of, value)),
                    of => is(of, value),
                },
                "enum" => says.as_array().expect("a list").contains(value),
                "const" => says == value,
                "anyOf" => any(says) > 0,
                "oneOf" => any(says) == 1,
                "allOf" => any(says) == says.as_array().map_or(0, Vec::len),
                "not" => !self.holds(says, value),
                "if" => {
                    if self.holds(says, value) {
                        self.check(&keywords["then"], value, path, errors);
                    }
                    true
                }
                "minimum" => value.as_i64().is_none_or(|n| n >= number(says)),
                "maximum" => value.as_i64().is_none_or(|n| n <= number(says)),
                "minLength" => text(value).is_none_or(|t| t.chars().count() as i64 >= number(says)),
                "maxLength" => text(value).is_none_or(|t| t.chars().count() as i64 <= number(says)),
                "pattern" => text(value).is_none_or(|t| pattern(says).is_match(t)),
                "minItems" => list(value).is_none_or(|items| items.len() as i64 >= number(says)),
                "uniqueItems" => list(value).is_none_or(|items| {
                    let mut rest = items.iter().enumerate();
                    rest.all(|(i, item)| !items[..i].contains(item))
                }),
                "items" => {
                    for (i, item) in list(value).into_iter().flatten().enumerate() {
                        self.check(says, item, &format!("{path}/{i}"), errors);
                    }
                    true
                }
                "required" => value.as_object().is_none_or(|fields| {
                    let mut names = says.as_array().expect("a list").iter();
                    names.all(|name| fields.contains_key(name.as_str().expect("a name")))
                }),
                "propertyNames" => value.as_object().is_none_or(|fields| {
                    let mut names = fields.keys();
                    names.all(|name| self.holds(says, &Value::from(name.as_str())))
                }),
                "properties" | "patternProperties" | "additionalProperties" => {
                    // Each looks at the fields that are its own.
                    for (name, field) in value.as_object().into_iter().flatten() {
                        let at = format!("{path}/{name}");
                        for schema in schemas_of(keyword, keywords, name) {
                            match schema {
                                Value::Bool(false) => errors.push(format!("{at}: unknown")),
                                schema => self.check(schema, field, &at, errors),
                            }
                        }
                    }
                    true
                }
                other => panic!("the test does not know the keyword `{other}`"),
            };
            if !fits {
                errors.push(format!("{path}: {keyword} {says}, not {value}"));
            }
        }
    }
}

/// The schemas that a keyword has for a field.
fn schemas_of<'s>(keyword: &str, keywords: &'s Map<String, Value>, name: &str) -> Vec<&'s Value> {
    let named = keywords.get("properties").and_then(|of| of.get(name));
    let patterns = keywords.get("patternProperties").and_then(Value::as_object);
    let matching = || {
        let patterns = patterns.into_iter().flatten();
        patterns.filter(|(of, _)| Regex::new(of).expect("a pattern").is_match(name))
    };
    match keyword {
        "properties" => named.into_iter().collect(),
        "patternProperties" => matching().map(|(_, schema)| schema).collect(),
        _ if named.is_some() || matching().next().is_some() => Vec::new(),
        other => keywords.get(other).into_iter().collect(),
    }
}

fn is(of: &Value, value: &Value) -> bool {
    match of.as_str().expect("the name of a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the test does not know the type `{other}`"),
    }
}

fn number(value: &Value) -> i64 {
    value.as_i64().expect("a whole number")
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

fn list(value: &Value) -> Option<&Vec<Value>> {
    value.as_array()
}

fn pattern(value: &Value) -> Regex {
    Regex::new(value.as_str().expect("a pattern")).expect("the pattern is one")
}
