//! `avow explain`: why one request is answered as it is, and what would change the answer.

mod ask;
mod print;
mod turn;

use avow_compiler::{
    ask::Question,
    rule_text,
    why_not::{WhyNot, why_not},
};
use avow_engine::{Bundle, Effect, Engine, Verdict, explain::Considered, intake::Json};
use serde::Serialize;

use crate::{
    output::{self, Exit},
    pack::{Pack, PackArg, Validation, ValidationArg, open},
};
use turn::Turn;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow explain policies/opsyn --case 'the analytics script loads'
  avow explain policies/opsyn --case 'the analytics script loads' --at 2027-03-02 --why-not
  avow explain policies/opsyn --principal 'User::\"ada\"' --action view --resource 'Record::\"r1\"' \\
      --entities acme.json --tenant acme --at 2026-03-01T00:00:00Z --next
  avow explain policies/opsyn --request request.yaml --json | jq .why_not.ways
  avow explain moving --no-validate --request request.json

A request: {\"principal\": \"User::\\\"ada\\\"\", \"action\": \"view\", \"resource\": \"Record::\\\"r1\\\"\", \"context\": {}, \"entities\": []}
It may say `now` and `tenant` too, as a case does. The command exits with 0 whatever the answer is.")]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(crate) struct Args {
    #[command(flatten)]
    pack: PackArg,
    #[command(flatten)]
    ask: ask::Asked,
    /// Say what the answer turns to, and when
    #[arg(long)]
    next: bool,
    /// Of a deny: the smallest changes that would make it an allow, each tried
    #[arg(long)]
    why_not: bool,
    /// Print the explanation as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    validation: ValidationArg,
}

#[derive(Serialize)]
struct Explanation {
    #[serde(flatten)]
    validation: Validation,
    /// The case that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<String>,
    request: Json,
    /// The clock of the question, milliseconds since 1970 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(flatten)]
    verdict: Verdict,
    summary: String,
    determining: Vec<Determining>,
    /// The rules whose scope fitted, with the conditions by which they came out as they did.
    considered: Vec<Considered>,
    /// What the answer turns to, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Turn>,
    /// What would allow it, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<WhyNot>,
}

#[derive(Serialize)]
struct Determining {
    rule: String,
    effect: &'static str,
    file: String,
    line: u32,
    /// Its source.
    text: String,
    clauses: Vec<String>,
    /// The sentences of these clauses, in the same order.
    promises: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Exit {
    match explain(args) {
        Ok(explanation) => {
            if args.json {
                output::json(&explanation);
            } else {
                print::print(&explanation, args.why_not);
            }
            Exit::Fine
        }
        Err(exit) => exit,
    }
}

fn explain(args: &Args) -> Result<Explanation, Exit> {
    let pack = open(&args.pack.pack, args.validation)?;
    let (case, question) = args.ask.question(&pack)?;
    let mut engine = Engine::new(pack.bundle()?);
    let (verdict, summary, considered) = match question.explain(&mut engine) {
        Ok(explained) => (explained.verdict, explained.summary, explained.considered),
        Err(verdict) => (*verdict, String::new(), Vec::new()),
    };
    let next = match args.next {
        true => Some(turn::next(&pack, &mut engine, &question)?),
        false => None,
    };
    let why_not = match args.why_not {
        true => why_not(&pack.files, &pack.compiled, &question),
        false => None,
    };
    let Question {
        request,
        now,
        tenant,
    } = question;
    Ok(Explanation {
        validation: pack.validation(),
        case,
        request,
        now,
        tenant,
        summary,
        determining: determining(&pack, engine.bundle(), &verdict),
        verdict,
        considered,
        next,
        why_not,
    })
}

fn determining(pack: &Pack, bundle: &Bundle, verdict: &Verdict) -> Vec<Determining> {
    let rules = verdict.rules.iter();
    rules
        .filter_map(|id| bundle.rules().find(|rule| rule.id() == id))
        .map(|rule| {
            let source = rule.source();
            let text = source.and_then(|source| {
                let text = pack.files.get(source.file)?;
                rule_text(text, source.line, source.column)
            });
            let sentence = |clause: &str| {
                let mut promises = pack.compiled.promises.iter();
                let promise = promises.find(|promise| promise.id == clause);
                promise
                    .map(|promise| promise.promise.clone())
                    .unwrap_or_default()
            };
            Determining {
                rule: rule.id().to_owned(),
                effect: match rule.effect() {
                    Effect::Permit => "permits",
                    Effect::Forbid => "forbids",
                },
                file: source
                    .map(|source| source.file.to_owned())
                    .unwrap_or_default(),
                line: source.map(|source| source.line).unwrap_or_default(),
                text: text.unwrap_or_default().to_owned(),
                promises: rule.clauses().map(sentence).collect(),
                clauses: rule.clauses().map(ToOwned::to_owned).collect(),
            }
        })
        .collect()
}
