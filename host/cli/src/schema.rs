//! `avow schema`: the JSON schemas of a pack's files, which editors complete and check by.

use std::{fs, path::PathBuf};

use clap::ValueEnum;

use crate::output::{Exit, fail};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow schema                            lists them
  avow schema promises                   prints one
  avow schema --out .avow/schemas        writes all of them

docs/editors.md says how an editor is told of them.")]
pub(crate) struct Args {
    /// Which one to print
    #[arg(value_enum, conflicts_with = "out")]
    name: Option<Name>,
    /// Write all of them to this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    Avow,
    Catalogue,
    Promises,
    Mutants,
    Cases,
}

struct Schema {
    name: Name,
    file: &'static str,
    of: &'static str,
    text: &'static str,
}

macro_rules! schema {
    ($name:ident, $file:literal, $of:literal) => {
        Schema {
            name: Name::$name,
            file: $file,
            of: $of,
            text: include_str!(concat!("../../../docs/schemas/", $file)),
        }
    };
}

const SCHEMAS: [Schema; 5] = [
    schema!(Avow, "avow.schema.json", "avow.toml"),
    schema!(Catalogue, "catalogue.schema.json", "catalogue.toml"),
    schema!(Promises, "promises.schema.json", "promises.toml"),
    schema!(Mutants, "mutants.schema.json", "mutants.toml"),
    schema!(Cases, "cases.schema.json", "tests/*.yaml"),
];

pub(crate) fn run(args: &Args) -> Exit {
    let name = |schema: &Schema| {
        let value = schema.name.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    };
    if let Some(folder) = &args.out {
        return write(folder);
    }
    match args.name {
        None => {
            for schema in &SCHEMAS {
                println!("{:<10} {}", name(schema), schema.of);
            }
        }
        Some(wanted) => {
            for schema in SCHEMAS.iter().filter(|of| of.name as u8 == wanted as u8) {
                print!("{}", schema.text);
            }
        }
    }
    Exit::Fine
}

fn write(folder: &PathBuf) -> Exit {
    let written = fs::create_dir_all(folder).and_then(|()| {
        SCHEMAS
            .iter()
            .try_for_each(|schema| fs::write(folder.join(schema.file), schema.text))
    });
    match written {
        Ok(()) => {
            for schema in &SCHEMAS {
                println!("{}", folder.join(schema.file).display());
            }
            Exit::Fine
        }
        Err(error) => {
            let message = format!("cannot write to `{}`: {error}", folder.display());
            fail(Exit::System, message)
        }
    }
}
