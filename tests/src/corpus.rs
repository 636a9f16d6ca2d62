//! Cases laid out as Cedar's integration tests are: `<name>.json` names a file of rules, one of entities and a schema, all
//! relative to the corpus' folder, and lists requests with Cedar's answers.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use avow_host::sandbox::{Guest, Sandbox};
use cedar_policy::{Context, Entities, Request};
use serde_json::Value as Json;

use crate::{
    block::{Entity, Value},
    oracle::{self, Answer},
    plain::{Cedar, Subject, Texts, Uid, from_cedar, of_result},
};

/// What came of a corpus.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases that were read.
    pub cases: usize,
    /// Cases whose rules validate, and which were run as a validated bundle too.
    pub validated: usize,
    /// Requests.
    pub requests: usize,
    /// Requests that were asked of a validated bundle too.
    pub validated_requests: usize,
    /// Requests with an answer that is not the one expected, in words.
    pub mismatches: Vec<String>,
}

/// Runs all cases below a folder, each natively and in a guest of its own.
///
/// # Panics
/// Where a file of the corpus cannot be read as what it should be.
#[must_use]
pub fn run(root: &Path) -> Report {
    let sandbox = Sandbox::new(avow_host::sandbox::Limits::default()).unwrap();
    let mut report = Report::default();
    let mut files = Vec::new();
    collect(root, &mut files);
    files.sort();
    for file in files {
        let json: Json = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        // Entities lie among the cases.
        if json.get("requests").is_some() {
            let name = file.strip_prefix(root).unwrap().display().to_string();
            Case::read(root, name, &json).run(&sandbox, &mut report);
        }
    }
    report
}

fn collect(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|of| of == "json") {
            out.push(path);
        }
    }
}

struct Case {
    name: String,
    texts: Texts,
    cedar: Cedar,
    /// As Cedar read them, the actions of the schema among them.
    known: Vec<Entity>,
    entities: Entities,
    questions: Vec<Question>,
}

struct Question {
    name: String,
    uids: [Uid; 3],
    context: BTreeMap<String, Value>,
    expected: Answer,
    /// Whether it fits the schema.
    fits: bool,
    /// As Cedar has it.
    request: Request,
}

/// An engine and a guest with the same bundle.
struct Pair {
    native: Subject,
    guest: Guest,
}

impl Pair {
    fn new(sandbox: &Sandbox, bundle: &[u8]) -> Self {
        Self {
            native: Subject::new(bundle),
            guest: sandbox.guest(bundle, &[]).unwrap(),
        }
    }

    /// What is wrong with the answer.
    fn check(&mut self, question: &Question, known: &[Entity], cedar: &Cedar) -> Option<String> {
        let request = self
            .native
            .request(&question.uids, &question.context, known);
        let native = self.native.engine.decide(&request).to_vec();
        let guest = match self.guest.decide(&request) {
            Ok(bytes) => bytes,
            Err(error) => return Some(format!("the guest: {error}")),
        };
        if native != guest {
            return Some(format!("the guest's bytes differ: {native:?}, {guest:?}"));
        }
        let expected = cedar.rename(&question.expected);
        match self.native.read(&native) {
            Err(error) => Some(error),
            Ok(found) if found.answer != expected => {
                Some(format!("found {:?} ({:?})", found.answer, found.causes))
            }
            Ok(_) => None,
        }
    }
}

impl Case {
    fn read(root: &Path, name: String, json: &Json) -> Self {
        let text = |key: &str| {
            let path = root.join(json[key].as_str().unwrap());
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let texts = Texts {
            schema: Some(text("schema")),
            policies: text("policies"),
            links: Vec::new(),
        };
        let cedar = Cedar::new(&texts).unwrap_or_else(|error| panic!("{name}: {error}"));
        // With the schema, which tells what is an entity or an extension value where the JSON leaves it implicit, and brings
        // the actions.
        let entities = Entities::from_json_str(&text("entities"), cedar.schema.as_ref())
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let known = entities
            .iter()
            .map(|entity| from_cedar(entity, &entities))
            .collect();
        let questions = json["requests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|request| Question::read(request, &cedar))
            .collect();
        Self {
            name,
            texts,
            cedar,
            known,
            entities,
            questions,
        }
    }

    fn run(&self, sandbox: &Sandbox, report: &mut Report) {
        report.cases += 1;
        report.requests += self.questions.len();
        let validates = self.cedar.refused().is_some_and(|ids| ids.is_empty());
        let compile = |validate: bool| match self.texts.compile(validate) {
            Ok(bundle) => Ok(Pair::new(sandbox, &bundle)),
            Err(findings) => Err(format!("{}: validate {validate}: {findings}", self.name)),
        };
        let mut pairs = Vec::new();
        for validate in [false, true] {
            if validate && !validates {
                continue;
            }
            match compile(validate) {
                Ok(pair) => pairs.push((validate, pair)),
                Err(error) => {
                    let lost = self.questions.iter().map(|_| error.clone());
                    report.mismatches.extend(lost);
                    return;
                }
            }
        }
        report.validated += usize::from(validates);
        for question in &self.questions {
            let mut wrong = Vec::new();
            for (validate, pair) in &mut pairs {
                if *validate && !question.fits {
                    continue;
                }
                report.validated_requests += usize::from(*validate);
                let found = pair.check(question, &self.known, &self.cedar);
                wrong.extend(found.map(|found| format!("validate {validate}: {found}")));
            }
            if !wrong.is_empty() {
                let cedar = oracle::answer(&question.request, &self.cedar.policies, &self.entities);
                report.mismatches.push(format!(
                    "{}, {} {:?}: expected {:?}, here Cedar answers {cedar:?}, {}",
                    self.name,
                    question.name,
                    question.uids,
                    question.expected,
                    wrong.join("; ")
                ));
            }
        }
    }
}

impl Question {
    fn read(json: &Json, cedar: &Cedar) -> Self {
        let part = |key: &str, of: &str| json[key][of].as_str().unwrap().to_owned();
        let uids =
            ["principal", "action", "resource"].map(|key| (part(key, "type"), part(key, "id")));
        let action = oracle::uid(&uids[1]);
        let schema = cedar.schema.as_ref();
        let typed = schema.map(|schema| (schema, &action));
        let context = match Context::from_json_value(json["context"].clone(), typed) {
            Ok(context) => context,
            Err(_) => Context::from_json_value(json["context"].clone(), None).unwrap(),
        };
        let names: Vec<String> = context.clone().into_iter().map(|(name, _)| name).collect();
        let values = names
            .into_iter()
            .map(|name| {
                let value = of_result(&context.get(&name).unwrap());
                (name, value)
            })
            .collect();
        let ids = |key: &str| {
            let ids = json[key].as_array().unwrap().iter();
            ids.map(|id| id.as_str().unwrap().to_owned()).collect()
        };
        let request = |schema| {
            let [principal, action, resource] = uids.each_ref().map(oracle::uid);
            Request::new(principal, action, resource, context.clone(), schema).ok()
        };
        Self {
            name: json["description"].as_str().unwrap_or_default().to_owned(),
            fits: request(schema).is_some(),
            request: request(None).unwrap(),
            uids,
            context: values,
            expected: Answer {
                allows: json["decision"] == "allow",
                reasons: ids("reason"),
                errors: ids("errors"),
            },
        }
    }
}
