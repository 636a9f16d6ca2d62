//! `avow explain`: why one request is answered as it is.

use std::{fs, path::PathBuf};

use avow_engine::{
    Effect, Engine, Until, Verdict,
    explain::{Considered, datetime},
    ext::parse_datetime,
    intake::Json,
};
use serde::Serialize;

use crate::{
    output::{self, Exit, coloured, fail},
    pack::{self, PackArg, Validation, ValidationArg, open},
};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow explain policies/opsyn --case 'the analytics script loads'
  avow explain policies/opsyn --request request.json --tenant acme --at 2026-03-01T00:00:00Z
  avow explain moving --no-validate --request request.json

A request: {\"principal\": \"User::\\\"ada\\\"\", \"action\": \"view\", \"resource\": \"Record::\\\"r1\\\"\", \"context\": {}, \"entities\": []}")]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(crate) struct Args {
    #[command(flatten)]
    pack: PackArg,
    /// Explain the first case whose name contains this
    #[arg(long, value_name = "NAME", group = "what")]
    case: Option<String>,
    /// Explain the request in this JSON file
    #[arg(long, value_name = "FILE", group = "what")]
    request: Option<PathBuf>,
    /// The instant at which it is asked
    #[arg(long, value_name = "DATETIME")]
    at: Option<String>,
    /// The tenant for which it is asked
    #[arg(long)]
    tenant: Option<String>,
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
    request: Json,
    #[serde(flatten)]
    verdict: Verdict,
    summary: String,
    determining: Vec<Determining>,
    /// The rules whose scope fitted, with the conditions by which they came out as they did.
    considered: Vec<Considered>,
}

#[derive(Serialize)]
struct Determining {
    rule: String,
    effect: &'static str,
    file: String,
    line: u32,
    clauses: Vec<String>,
    promises: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Exit {
    match explain(args) {
        Ok(explanation) if args.json => {
            output::json(&explanation);
            Exit::Fine
        }
        Ok(explanation) => {
            print(&explanation);
            Exit::Fine
        }
        Err(exit) => exit,
    }
}

fn explain(args: &Args) -> Result<Explanation, Exit> {
    let pack = open(&args.pack.pack, args.validation)?;
    let (request, mut now, mut tenant) = match (&args.case, &args.request) {
        (Some(name), _) => {
            let cases = pack.cases()?;
            let case = cases
                .into_iter()
                .find(|case| case.name.contains(name.as_str()))
                .ok_or_else(|| fail(Exit::Usage, format!("no case is called `{name}`")))?;
            (case.request, case.now, case.tenant)
        }
        (None, Some(file)) => (read(file)?, None, None),
        (None, None) => return Err(fail(Exit::Usage, "name a case or a request")),
    };
    if let Some(at) = &args.at {
        let parsed = parse_datetime(at.as_bytes());
        now = Some(parsed.ok_or_else(|| {
            fail(
                Exit::Usage,
                format!("`{at}` is no datetime; one looks like `2026-03-01T00:00:00Z`"),
            )
        })?);
    }
    if args.tenant.is_some() {
        tenant.clone_from(&args.tenant);
    }
    let mut engine = Engine::new(pack.bundle()?);
    let explained = pack::explain(&mut engine, &request, now, tenant.as_deref());
    let (verdict, summary, considered) = match explained {
        Ok(explained) => (explained.verdict, explained.summary, explained.considered),
        Err(verdict) => (*verdict, String::new(), Vec::new()),
    };
    let determining = verdict
        .rules
        .iter()
        .filter_map(|id| engine.bundle().rules().find(|rule| rule.id() == id))
        .map(|rule| {
            let source = rule.source();
            let clauses: Vec<String> = rule.clauses().map(ToOwned::to_owned).collect();
            let promises = &pack.compiled.promises;
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
                promises: promises
                    .iter()
                    .filter(|promise| clauses.contains(&promise.id))
                    .map(|promise| promise.promise.clone())
                    .collect(),
                clauses,
            }
        })
        .collect();
    Ok(Explanation {
        validation: pack.validation(),
        request,
        verdict,
        summary,
        determining,
        considered,
    })
}

fn read(file: &PathBuf) -> Result<Json, Exit> {
    let text = fs::read_to_string(file).map_err(|error| {
        fail(
            Exit::System,
            format!("cannot read `{}`: {error}", file.display()),
        )
    })?;
    serde_json::from_str(&text).map_err(|error| {
        fail(
            Exit::Usage,
            format!("`{}` is no JSON: {error}", file.display()),
        )
    })
}

fn print(explanation: &Explanation) {
    let verdict = &explanation.verdict;
    println!("{}", coloured(verdict.outcome, verdict.is_allow()));
    for rule in &explanation.determining {
        println!(
            "  {} {} ({}:{})",
            rule.rule, rule.effect, rule.file, rule.line
        );
        for (clause, promise) in rule.clauses.iter().zip(&rule.promises) {
            println!("    {clause}: {promise}");
        }
    }
    if verdict.outcome == "not_permitted" {
        println!("  {}", explanation.summary);
    }
    for obligation in &verdict.obligations {
        println!("  obligation: {obligation}");
    }
    for failed in &verdict.failed {
        let clauses = failed.clauses.join(", ");
        println!(
            "  {} could not be evaluated: {} ({clauses})",
            failed.rule, failed.error
        );
    }
    if let Some(problem) = &verdict.problem {
        println!("  {problem}");
    }
    if let Until::At(at) = verdict.until {
        println!("  the same until {}", datetime(at));
    }
    for rule in &explanation.considered {
        if rule.conditions.is_empty() {
            continue;
        }
        let how = match rule.result {
            "holds" => "holds",
            "failed" => "failed",
            _ if rule.effect == "permit" => "does not permit",
            _ => "does not forbid",
        };
        let place = rule.source.as_deref().unwrap_or_default();
        println!("\n  {} {how} ({place})", rule.rule);
        for condition in &rule.conditions {
            let value = match condition.value {
                Some(value) => format!("is {value}"),
                None => "failed".to_owned(),
            };
            println!("    {} {value}", condition.condition);
            for (expression, value) in &condition.saw {
                println!("      {expression} is {value}");
            }
        }
    }
}
