//! `avow init`: a pack of one's own to begin with.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::output::{Exit, fail, say};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow init shop
  avow init policies/shop --name shop --title 'The Shop' --operator 'Shop Ltd'

What is written passes `avow check` and `avow test`, and every file says what it is for. Nothing is ever overwritten.")]
pub(crate) struct Args {
    /// Folder of the new pack
    #[arg(default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,
    /// Name of the pack, in lower case, such as `shop`: promises begin with it; without it, the folder's
    #[arg(long)]
    name: Option<String>,
    /// What people call it; without it, the name
    #[arg(long)]
    title: Option<String>,
    /// Who promises; without it, the title
    #[arg(long)]
    operator: Option<String>,
}

/// Path and text of each file, with places for the names.
const STARTER: [(&str, &str); 13] = [
    ("avow.toml", include_str!("../starter/avow.toml")),
    (
        "schema.cedarschema",
        include_str!("../starter/schema.cedarschema"),
    ),
    ("catalogue.toml", include_str!("../starter/catalogue.toml")),
    ("promises.toml", include_str!("../starter/promises.toml")),
    ("mutants.toml", include_str!("../starter/mutants.toml")),
    ("access.cedar", include_str!("../starter/access.cedar")),
    ("cookies.cedar", include_str!("../starter/cookies.cedar")),
    (
        "retention.cedar",
        include_str!("../starter/retention.cedar"),
    ),
    ("sharing.cedar", include_str!("../starter/sharing.cedar")),
    (
        "tests/access.yaml",
        include_str!("../starter/tests/access.yaml"),
    ),
    (
        "tests/cookies.yaml",
        include_str!("../starter/tests/cookies.yaml"),
    ),
    (
        "tests/retention.yaml",
        include_str!("../starter/tests/retention.yaml"),
    ),
    (
        "tests/sharing.yaml",
        include_str!("../starter/tests/sharing.yaml"),
    ),
];

pub(crate) fn run(args: &Args) -> Exit {
    let names = match Names::of(args) {
        Ok(names) => names,
        Err(message) => return fail(Exit::Usage, message),
    };
    let folder = args.folder.display();
    for (path, _) in STARTER {
        if args.folder.join(path).exists() {
            let message =
                format!("`{folder}` already has `{path}`: name a folder that has no pack");
            return fail(Exit::Usage, message);
        }
    }
    for (path, text) in STARTER {
        let target = args.folder.join(path);
        let mut text = names.put_into(text);
        // Names are of any length, so lines break elsewhere.
        if path.ends_with(".cedar") {
            match avow_compiler::format(&text) {
                Ok(formatted) => text = formatted,
                Err(error) => return fail(Exit::Usage, format!("{path}: {error}")),
            }
        }
        if let Err(error) = write(&target, &text) {
            let message = format!("cannot write `{}`: {error}", target.display());
            return fail(Exit::System, message);
        }
    }
    say(format!("wrote the pack `{}` to {folder}:", names.name));
    for (path, _) in STARTER {
        say(format!("  {path}"));
    }
    say(format!(
        "
What to do next:
  avow check {folder}      is it sound?
  avow test {folder}       does it answer as its cases say?
  avow explain {folder} --case 'analytics waits for a yes'
Then change a promise in promises.toml, the rule that keeps it, and the case that shows it, and test again."
    ));
    Exit::Fine
}

/// Writes a file that is not there yet.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = fs::File::create_new(path)?;
    file.write_all(text.as_bytes())
}

/// What a pack is called in its files.
struct Names {
    name: String,
    namespace: String,
    title: String,
    operator: String,
}

impl Names {
    fn of(args: &Args) -> Result<Self, String> {
        let name = match &args.name {
            Some(name) => name.clone(),
            None => folder_name(&args.folder)?,
        };
        let is_slug = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .split('-')
                .all(|word| !word.is_empty() && word.chars().all(is_slug_char));
        if !is_slug {
            return Err(format!(
                "`{name}` is no name of a pack: it has lower-case letters, digits and single hyphens, such as `my-shop`; say one with --name"
            ));
        }
        if ["avow", "base"].contains(&name.as_str()) {
            return Err(format!(
                "`{name}` is taken: give the pack another name with --name"
            ));
        }
        let namespace = name.split('-').map(capital).collect();
        let title = args.title.clone().unwrap_or_else(|| {
            let words: Vec<String> = name.split('-').map(capital).collect();
            words.join(" ")
        });
        let operator = args.operator.clone().unwrap_or_else(|| title.clone());
        if [&title, &operator]
            .iter()
            .any(|text| text.contains(char::is_control))
        {
            return Err("title and operator are one line each".to_owned());
        }
        Ok(Self {
            name,
            namespace,
            title,
            operator,
        })
    }

    fn put_into(&self, text: &str) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let cookie = format!("{}_consent", self.name.replace('-', "_"));
        text.replace("{{name}}", &self.name)
            .replace("{{namespace}}", &self.namespace)
            .replace("{{cookie}}", &cookie)
            .replace("{{title}}", &quoted(&self.title))
            .replace("{{operator_plain}}", &self.operator)
            .replace("{{operator}}", &quoted(&self.operator))
    }
}

fn is_slug_char(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// The last part of the folder's path, which need not be there yet.
fn folder_name(folder: &Path) -> Result<String, String> {
    let whole = std::path::absolute(folder).map_err(|error| error.to_string())?;
    let name = whole.file_name().unwrap_or_default();
    Ok(name
        .to_string_lossy()
        .to_lowercase()
        .replace([' ', '_'], "-"))
}
