//! Chapters: the files of rules in the packs that a pack uses. Its manifest takes the ones that it needs, each with the clauses
//! that it keeps here.

use std::collections::BTreeSet;

use toml::Spanned;

use crate::{
    finding::{Finding, Sources},
    manifest::{MANIFEST, Manifest},
};

/// What a name in `uses` begins with where the pack comes with the program: `avow:base` is seen as `../base`.
const EMBEDDED: &str = "avow:";

/// What a manifest says of chapters.
pub(crate) struct Chapters<'a> {
    manifest: Option<&'a Manifest>,
    /// Folders of the used packs.
    folders: Vec<String>,
}

impl<'a> Chapters<'a> {
    pub(crate) fn of(manifest: &'a Manifest) -> Self {
        let folder = |used: &String| match used.strip_prefix(EMBEDDED) {
            Some(name) => format!("../{name}/"),
            None => format!("{}/", used.trim_end_matches('/')),
        };
        Self {
            manifest: Some(manifest),
            folders: manifest.pack.uses.iter().map(folder).collect(),
        }
    }

    /// Rules without a manifest have none.
    pub(crate) fn none() -> Self {
        Self {
            manifest: None,
            folders: Vec::new(),
        }
    }

    /// The chapter that a file of another pack is: its path there without the ending, `holds` or `jurisdictions/eea`.
    pub(crate) fn name<'f>(&self, file: &'f str) -> Option<&'f str> {
        let path = file.strip_suffix(".cedar")?;
        path.starts_with("..").then_some(())?;
        let of_used = |folder: &String| path.strip_prefix(folder.as_str());
        let inside = self.folders.iter().find_map(of_used);
        inside.or_else(|| path.rsplit_once('/').map(|(_, name)| name))
    }

    /// The key under which a chapter is taken, and its clauses: the chapter's own name goes before that of a folder that it is
    /// in.
    pub(crate) fn taken(&self, chapter: &str) -> Option<(&'a str, &'a Spanned<String>)> {
        let taken = &self.manifest?.base;
        within(chapter).find_map(|name| {
            let (key, clauses) = taken.get_key_value(name)?;
            Some((key.as_str(), clauses))
        })
    }

    /// Reports what is taken and is not there, or keeps nothing.
    pub(crate) fn check(&self, sources: &Sources<'_>, findings: &mut Vec<Finding>) {
        let Some(manifest) = self.manifest else {
            return;
        };
        let known: BTreeSet<&str> = sources
            .ending(".cedar")
            .filter_map(|(file, _)| self.name(file))
            .flat_map(within)
            .collect();
        for (name, clauses) in &manifest.base {
            let mut wrong = |message: String, help: String| {
                let span = Some(clauses.span());
                let finding = sources.error("chapter", MANIFEST, span, message);
                findings.push(finding.with_help(help));
            };
            if !known.contains(name.as_str()) {
                let known: Vec<&str> = known.iter().copied().collect();
                let help = match known.is_empty() {
                    true => "name the folder of the pack that has it in `uses`".to_owned(),
                    false => format!("there are `{}`", known.join("`, `")),
                };
                wrong(format!("no chapter is called `{name}`"), help);
            }
            if clauses.get_ref().trim().is_empty() {
                let help = "write the ids of the promises, separated by blanks".to_owned();
                wrong(format!("chapter `{name}` is taken for no clause"), help);
            }
        }
    }
}

/// A chapter's name, and those of the folders that it is in, from the inside out.
fn within(chapter: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(chapter), |name| {
        name.rsplit_once('/').map(|(folder, _)| folder)
    })
}

#[cfg(test)]
mod tests {
    use crate::{Files, compile};

    /// Rules of the used pack: two in a folder, one beside it.
    const SHARED: [&str; 3] = ["holds", "places/north", "places/south"];

    fn pack(uses: &str, base: &str) -> Files {
        let manifest = format!(
            "[pack]\nname = \"small\"\ntitle = \"Small\"\nnamespace = \"Small\"\nversion = \"1\"\nuses = [\"{uses}\"]\n[base]\n{base}\n"
        );
        let schema = "namespace Small { entity User; action view appliesTo { principal: [User], resource: [User], context: {} }; }";
        let promise = |id: &str| match base.contains(id) {
            false => String::new(),
            true => format!(
                "[[promise]]\nid = \"{id}\"\nsection = \"s\"\nkind = \"access\"\nbasis = \"stated\"\nkept_by = \"rule\"\npromise = \"p\"\n"
            ),
        };
        let mut files = Files::from([
            ("avow.toml".to_owned(), manifest),
            ("small.cedarschema".to_owned(), schema.to_owned()),
            ("promises.toml".to_owned(), promise("one") + &promise("two")),
        ]);
        let folder = uses.replace("avow:", "../");
        for name in SHARED {
            let rule = format!(
                "@id(\"{name}\") permit (principal, action == Small::Action::\"view\", resource);"
            );
            files.insert(format!("{folder}/{name}.cedar"), rule);
        }
        files
    }

    /// Rules and their clauses, or the first message and its help.
    #[track_caller]
    fn check(uses: &str, base: &str, expected: &[(&str, &str)]) {
        let compiled = match compile(&pack(uses, base)) {
            Ok(compiled) => compiled,
            Err(findings) => {
                let finding = &findings[0];
                let help = finding.help.as_deref().unwrap_or_default();
                assert_eq!(expected, [(finding.message.as_str(), help)]);
                return;
            }
        };
        let rules: Vec<_> = compiled
            .program
            .rules
            .iter()
            .map(|rule| (rule.id.as_str(), rule.notes["clause"].as_str()))
            .collect();
        assert_eq!(rules, expected);
    }

    #[test]
    fn a_chapter_in_a_folder_is_taken_by_its_path() {
        for uses in ["../base", "../../shared/base", "avow:base"] {
            check(
                uses,
                "\"places/north\" = \"one\"",
                &[("places/north", "one")],
            );
        }
    }

    #[test]
    fn a_folder_takes_all_that_is_in_it_and_a_chapter_of_it_may_keep_something_else() {
        check(
            "../base",
            "places = \"one\"",
            &[("places/north", "one"), ("places/south", "one")],
        );
        check(
            "../base",
            "places = \"one\"\n\"places/south\" = \"two\"",
            &[("places/north", "one"), ("places/south", "two")],
        );
    }

    #[test]
    fn a_name_without_its_folder_is_none() {
        let help = "there are `holds`, `places`, `places/north`, `places/south`";
        check(
            "../base",
            "north = \"one\"",
            &[("no chapter is called `north`", help)],
        );
    }
}
