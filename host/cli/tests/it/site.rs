//! What a build for browsers writes into the widget's files.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{avow, root, text};

/// A pack of one's own to begin with, with some of its files changed: name, and what to replace by what; where nothing is to be
/// replaced, it is added.
fn pack(changes: &[(&str, &str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let made = avow(folder.path(), &["init", "shop"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    for (file, from, to) in changes {
        let path = folder.path().join("shop").join(file);
        let before = fs::read_to_string(&path).unwrap_or_default();
        let after = match *from {
            "" => before.clone() + to,
            from => before.replace(from, to),
        };
        assert_ne!(before, after, "the change changes something");
        fs::write(path, after).unwrap();
    }
    folder
}

/// What a build wrote, by path below the site's folder.
fn built(folder: &Path, more: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let mut arguments = vec!["build", "shop", "--target", "browser", "--out", "site"];
    arguments.extend(more);
    let ran = avow(folder, &arguments);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    let mut out = BTreeMap::new();
    collect(&folder.join("site"), "", &mut out);
    out
}

fn collect(folder: &Path, prefix: &str, out: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), out);
        } else {
            out.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

/// The object that a script was given.
fn given(files: &BTreeMap<String, Vec<u8>>, name: &str, first: &str) -> Value {
    let script = text(&files[name]);
    assert!(!script.contains("AVOW_"), "{name}");
    let mark = format!("{{\"{first}\":");
    let (_, rest) = script.split_once(&mark).expect("the constants are there");
    let json = mark + rest;
    let mut values = serde_json::Deserializer::from_str(&json).into_iter();
    values.next().unwrap().unwrap()
}

fn site(files: &BTreeMap<String, Vec<u8>>) -> Value {
    given(files, "avow.js", "bundle")
}

fn offer(files: &BTreeMap<String, Vec<u8>>) -> Value {
    given(files, "avow-widget.js", "namespace")
}

/// Every way to read a pack that is wrong says so: exit code 1, the reason, and nothing is written.
#[track_caller]
fn refused(folder: &TempDir, reasons: &[&str]) {
    for arguments in [
        &["build", "shop", "--target", "browser", "--out", "site"][..],
        &["check", "shop"],
    ] {
        let ran = avow(folder.path(), arguments);
        let said = text(&ran.stdout) + &text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{said}");
        for reason in reasons {
            assert!(said.contains(reason), "{reason}:\n{said}");
        }
    }
    assert!(!folder.path().join("site").exists());
}

#[test]
fn the_scripts_are_told_what_the_pack_says() {
    let folder = pack(&[]);
    let files = built(folder.path(), &[]);
    let said = site(&files);
    let digest: String = files["site.avow"][16..48]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // Cut short: what is left tells one bundle from another, and keeps nobody out.
    let bundle = said["bundle"].as_str().unwrap();
    assert!(bundle.len() >= 12 && digest.starts_with(bundle), "{bundle}");
    assert_eq!(
        said,
        json!({
            "bundle": bundle,
            "cookie": "shop_consent",
            "language": "en",
            "quiet": said["quiet"],
        })
    );
    let said = offer(&files);
    let digest = said["offer"].as_str().unwrap();
    assert!(digest.len() == 12 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(
        said,
        json!({
            "namespace": "Shop",
            "cookie": "shop_consent",
            "days": 365,
            "offer": digest,
            "purposes": ["necessary", "analytics"],
            "services": { "analytics": "analytics" },
            "asked": ["analytics"],
        })
    );
    assert_eq!(
        given(&files, "avow-guard.js", "cookie"),
        json!({ "cookie": "shop_consent", "loads": { "analytics": ["https://analytics.example/"] } })
    );
    // The same pack gives the same bytes.
    assert_eq!(built(folder.path(), &[]), files);
}

#[test]
fn purposes_come_in_the_order_in_which_they_are_shown() {
    let folder = pack(&[
        (
            "catalogue.toml",
            "essential = true\norder = 1",
            "essential = true\norder = 3",
        ),
        (
            "avow.toml",
            "cookie = \"shop_consent\"\ndays = 365\n",
            "cookie = \"shop_consent\"\ndays = 30\n",
        ),
    ]);
    let said = offer(&built(folder.path(), &[]));
    assert_eq!(said["purposes"], json!(["analytics", "necessary"]));
    assert_eq!(said["days"], 30);
}

#[test]
fn a_shared_cookie_and_signals_are_told_too() {
    let folder = pack(&[
        (
            "avow.toml",
            "days = 365",
            "days = 365\ndomain = \"shop.example\"",
        ),
        (
            "catalogue.toml",
            "",
            "\n[signals.microsoft]\nad_storage = [\"analytics\"]\n\n\
             [signals.google]\nsecurity_storage = [\"necessary\"]\nanalytics_storage = [\"analytics\", \"necessary\"]\n",
        ),
    ]);
    let plain = built(pack(&[]).path(), &[]);
    let files = built(folder.path(), &[]);
    assert_eq!(offer(&files)["domain"], "shop.example");
    let said = site(&files);
    // All seven are refused first; those without a purpose stay so.
    assert_eq!(
        said["google"],
        json!({
            "ad_storage": [],
            "ad_user_data": [],
            "ad_personalization": [],
            "analytics_storage": ["analytics", "necessary"],
            "functionality_storage": [],
            "personalization_storage": [],
            "security_storage": ["necessary"],
        })
    );
    assert_eq!(said["microsoft"], json!({ "ad_storage": ["analytics"] }));
    // Whoever has chosen is not asked again because a tag is told of it.
    assert_eq!(offer(&files)["offer"], offer(&plain)["offer"]);
}

#[test]
fn signals_that_say_nothing_are_refused_with_their_place() {
    for (table, reason, way_out) in [
        (
            "[signals.gogle]\nad_storage = [\"analytics\"]\n",
            "nobody called `gogle` takes signals",
            "did you mean `google`?",
        ),
        (
            "[signals.google]\nanalytic_storage = [\"analytics\"]\n",
            "`google` has no type of consent `analytic_storage`",
            "did you mean `analytics_storage`?",
        ),
        (
            "[signals.microsoft]\nanalytics_storage = [\"analytics\"]\n",
            "`microsoft` has no type of consent `analytics_storage`",
            "there are `ad_storage`",
        ),
        (
            "[signals.google]\nanalytics_storage = [\"analytic\"]\n",
            "`signals.google.analytics_storage` names purpose `analytic`, which the catalogue does not have",
            "did you mean `analytics`?",
        ),
        (
            "[signals.google]\nad_storage = []\n",
            "`ad_storage` names no purpose",
            "take the line out",
        ),
        (
            "[signals.google]\nad_storage = \"analytics\"\n",
            "`ad_storage` is no list of purposes",
            "write the slugs of purposes",
        ),
        (
            "[signals]\ngoogle = true\n",
            "`signals.google` is not a table",
            "catalogue.toml:",
        ),
    ] {
        let folder = pack(&[("catalogue.toml", "", table)]);
        refused(&folder, &[reason, way_out, "--> catalogue.toml:"]);
    }
}

/// A rule by which somebody is not asked.
fn silence(when: &str) -> String {
    format!(
        "\n@id(\"silence\")\n@clause(\"shop-cookies-2\")\nforbid (\n  principal is Avow::Visitor,\n  action == Shop::Action::\"ask\",\n  resource\n)\nwhen {{ {when} }};\n"
    )
}

#[track_caller]
fn quiet_where(when: &str, places: &[&str]) {
    let folder = pack(&[("cookies.cedar", "", &silence(when))]);
    let said = site(&built(folder.path(), &[]));
    assert_eq!(said["quiet"], json!(places), "{when}");
}

#[test]
fn places_where_nobody_is_asked_are_known_without_the_engine() {
    // The pack to begin with asks everybody.
    assert_eq!(site(&built(pack(&[]).path(), &[]))["quiet"], json!([]));
    quiet_where("context.surface == \"app\"", &["app"]);
    quiet_where("context.surface != \"shop\"", &["app", "site"]);
    quiet_where(
        "context.surface == \"app\" || context.jurisdiction in Avow::Jurisdiction::\"ch\" || \
         (context.gpc && context.jurisdiction == Avow::Jurisdiction::\"br\")",
        &["app", "site/br/1", "site/ch"],
    );
    // California is one of the States, and begins with the same characters.
    quiet_where(
        "context.surface == \"site\" && context.jurisdiction == Avow::Jurisdiction::\"us\"",
        &["site/us/0", "site/us/1"],
    );
}

#[test]
fn a_place_where_asking_depends_on_the_clock_is_quiet() {
    quiet_where(
        "context.surface == \"site\" && context.jurisdiction == Avow::Jurisdiction::\"ch\" && \
         context.now < datetime(\"2100-01-01\")",
        &["site/ch"],
    );
}

#[test]
fn the_tag_of_google_analytics_is_told_of_analytics_alone() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("site");
    let to = out.to_str().unwrap();
    let arguments = [
        "build",
        "policies/opsyn",
        "--target",
        "browser",
        "--out",
        to,
    ];
    let ran = avow(&root(), &arguments);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    let mut files = BTreeMap::new();
    collect(&out, "", &mut files);
    let said = site(&files);
    let google = said["google"].as_object().unwrap();
    for (name, purposes) in google {
        let wanted = match name.as_str() {
            "analytics_storage" => json!(["analytics"]),
            _ => json!([]),
        };
        assert_eq!(*purposes, wanted, "{name}");
    }
    assert_eq!(google.len(), 7);
    assert_eq!(said["microsoft"], Value::Null);
}

#[test]
fn the_tag_is_printed_and_names_where_the_files_are() {
    let folder = pack(&[]);
    let arguments = ["build", "shop", "--target", "browser", "--out", "site"];
    for (base, tag) in [
        (
            "/avow",
            "<script src=\"/avow/avow.js\" data-site=\"/avow/site.avow\"></script>",
        ),
        (
            "/a&b/",
            "<script src=\"/a&amp;b/avow.js\" data-site=\"/a&amp;b/site.avow\"></script>",
        ),
    ] {
        let ran = avow(folder.path(), &[&arguments[..], &["--base", base]].concat());
        assert!(text(&ran.stdout).contains(tag), "{}", text(&ran.stdout));
    }
    // A page that brings the first layer along brings its style before the loader.
    let ran = avow(
        folder.path(),
        &[&arguments[..], &["--first-layer"]].concat(),
    );
    let said = "  <link id=\"avow-style\" rel=\"stylesheet\" href=\"/avow/avow.css\">\n  \
                <script src=\"/avow/avow.js\" data-site=\"/avow/site.avow\"></script>\n";
    assert!(text(&ran.stdout).contains(said), "{}", text(&ran.stdout));
}

#[test]
fn the_loader_is_printed_for_the_page_itself_with_its_digest() {
    let folder = pack(&[]);
    let arguments = [
        "build", "shop", "--target", "browser", "--out", "site", "--inline",
    ];
    let ran = avow(folder.path(), &arguments);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    let loader = fs::read_to_string(folder.path().join("site/avow.js")).unwrap();
    let tag =
        format!("<script data-site=\"/avow/site.avow\" data-base=\"/avow/\">{loader}</script>");
    assert!(text(&ran.stdout).contains(&tag));
    let said = text(&ran.stdout);
    let (_, source) = said.split_once("script-src 'sha256-").unwrap();
    let (digest, _) = source.split_once('\'').unwrap();
    // 32 bytes in base64; which ones is held to a published example beside the code.
    assert!(digest.len() == 44 && digest.ends_with('='), "{digest}");
    let other = pack(&[(
        "avow.toml",
        "cookie = \"shop_consent\"",
        "cookie = \"other\"",
    )]);
    let ran = avow(other.path(), &arguments);
    assert!(
        !text(&ran.stdout).contains(digest),
        "another loader has another digest"
    );
}

#[test]
fn what_was_written_is_told_as_json() {
    let folder = pack(&[]);
    let arguments = [
        "build", "shop", "--target", "browser", "--out", "site", "--json",
    ];
    let ran = avow(folder.path(), &arguments);
    let said: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(said["target"], "browser");
    assert_eq!(said["whole"], false);
    assert_eq!(said["embed"]["csp"], "'self'");
    let mut files = BTreeMap::new();
    collect(&folder.path().join("site"), "", &mut files);
    let listed: BTreeMap<_, _> = said["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            (
                file["path"].as_str().unwrap(),
                file["bytes"].as_u64().unwrap(),
            )
        })
        .collect();
    let there = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.len() as u64));
    assert_eq!(listed, there.collect());

    let ran = avow(
        folder.path(),
        &["build", "shop", "--out", "shop.avow", "--json"],
    );
    let said: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(said["target"], "server");
    assert_eq!(said["files"][0]["path"], "shop.avow");
}

#[test]
fn what_is_for_browsers_is_not_asked_of_a_bundle_for_a_server() {
    let folder = pack(&[]);
    for option in ["--inline", "--first-layer"] {
        for target in ["server", "app"] {
            let arguments = ["build", "shop", "--target", target, "--out", "shop.avow"];
            let ran = avow(folder.path(), &[&arguments[..], &[option]].concat());
            assert_eq!(ran.status.code(), Some(2));
            assert!(!folder.path().join("shop.avow").exists());
        }
    }
}

#[test]
fn pages_of_an_application_get_the_rules_of_the_actions_that_the_schema_marks() {
    let arguments = ["build", "shop", "--target", "app", "--out", "app.avow"];
    let none = pack(&[]);
    let ran = avow(none.path(), &arguments);
    assert_eq!(ran.status.code(), Some(1));
    assert!(
        text(&ran.stderr).contains("`@client`"),
        "{}",
        text(&ran.stderr)
    );
    assert!(!none.path().join("app.avow").exists());

    let schema = fs::read_dir(none.path().join("shop")).unwrap();
    let schema = schema
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .find(|name| name.ends_with(".cedarschema"))
        .unwrap();
    let some = pack(&[(&schema, "  action view", "  @client\n  action view")]);
    let ran = avow(some.path(), &[&arguments[..], &["--json"]].concat());
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    let said: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(said["target"], "app");
    let bytes = fs::read(some.path().join("app.avow")).unwrap();
    assert_eq!(said["files"][0]["bytes"], bytes.len());
    let has = |word: &str| {
        bytes
            .windows(word.len())
            .any(|part| part == word.as_bytes())
    };
    assert!(has("view") && !has("process"));
}

#[test]
fn the_first_layer_is_written_in_each_language_and_says_what_the_widget_says() {
    let folder = pack(&[
        (
            "catalogue.toml",
            "",
            "\"banner.title\" = \"Cookies & <b>more</b>\"\n\n[text.de]\n\"policy.url\" = \"/datenschutz?a=1&b=\\\"2\\\"\"\n",
        ),
        (
            "avow.toml",
            "operator = \"Shop\"",
            "operator = \"A <Shop>\"",
        ),
    ]);
    let files = built(folder.path(), &["--first-layer", "--base", "/static/avow/"]);
    let layers = files.keys().filter(|name| name.starts_with("first-layer/"));
    let languages = files.keys().filter(|name| name.ends_with(".more.json"));
    assert_eq!(layers.count(), languages.count());
    let escaped = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
    };
    for (language, direction, policy) in [
        ("de", "ltr", "/datenschutz?a=1&b=\"2\""),
        ("ar", "rtl", "/privacy"),
        ("pt-br", "ltr", "/privacy"),
    ] {
        let words: BTreeMap<String, String> =
            serde_json::from_slice(&files[&format!("{language}.json")]).unwrap();
        let word = |key: &str| escaped(&words[key]);
        assert!(word("banner.text").contains("A &lt;Shop&gt;"));
        assert_eq!(
            text(&files[&format!("first-layer/{language}.html")]),
            format!(
                "<div class=\"avow\" id=\"avow\" lang=\"{language}\" dir=\"{direction}\" data-nosnippet hidden>\
                 <div class=\"avow-status\" role=\"status\"></div>\
                 <div class=\"avow-banner\" role=\"region\" aria-labelledby=\"avow-title\">\
                 <div class=\"avow-words\"><h2 id=\"avow-title\">Cookies &amp; &lt;b&gt;more&lt;/b&gt;</h2>\
                 <p class=\"avow-muted\">{}</p><p class=\"avow-muted\"><a href=\"{}\">{}</a></p></div>\
                 <div class=\"avow-actions\"><button type=\"button\" class=\"avow-strong\" data-avow=\"reject\">{}</button>\
                 <button type=\"button\" class=\"avow-strong\" data-avow=\"accept\">{}</button>\
                 <button type=\"button\" class=\"avow-wide\" data-avow=\"choose\">{}</button></div></div></div>\n",
                word("banner.text"),
                escaped(policy),
                word("policy"),
                word("reject"),
                word("accept"),
                word("choose"),
            )
        );
    }
}

#[test]
fn a_pack_without_an_address_of_its_policy_links_to_none() {
    let address = "\"policy.url\" = \"/privacy\"\n";
    let folder = pack(&[("catalogue.toml", address, "")]);
    let files = built(folder.path(), &["--first-layer"]);
    assert!(!text(&files["first-layer/en.html"]).contains("<a "));
    assert!(!text(&files["en.json"]).contains("policy.url"));
}

#[test]
fn a_theme_is_written_after_the_widgets_own_look() {
    let plain = built(pack(&[]).path(), &[]);
    let theme = "\n[theme]\nposition = \"corner\"\nradius = \"0\"\ncss = \"banner.css\"\n";
    let folder = pack(&[
        ("avow.toml", "", theme),
        ("banner.css", "", ".avow-banner h2 { font-size: 1em }\n"),
    ]);
    let files = built(folder.path(), &[]);
    let mut wanted = plain["avow.css"].clone();
    wanted.extend(
        b"@layer avow{.avow,.avow-place{--avow-radius:0px}}\
          @layer avow{.avow-banner{max-inline-size:25em;margin-inline:0 auto!important;grid-template-columns:minmax(0,1fr)}}\
          \n.avow-banner h2 { font-size: 1em }\n",
    );
    assert_eq!(text(&files["avow.css"]), text(&wanted));
    // The look is no part of what is decided, nor of what is offered.
    assert_eq!(files["site.avow"], plain["site.avow"]);
}

#[test]
fn a_theme_that_breaks_equal_weight_or_cannot_be_read_is_refused_with_its_place() {
    for (theme, css, reasons) in [
        (
            "muted = { light = \"#bbbbbb\" }",
            "",
            [
                "--> avow.toml:",
                "`muted` (#bbbbbb) has a contrast of 1.91:1 on `surface`",
                "the nearest that has it",
            ],
        ),
        (
            "css = \"banner.css\"",
            ".avow [data-avow=accept] { font-weight: 900 }",
            [
                "--> banner.css:1:1",
                "is about one answer and not about the other",
                "write the same for both",
            ],
        ),
        (
            "css = \"banner.css\"",
            "\n.avow-strong { display: none }",
            [
                "--> banner.css:2:16",
                "`display` is not allowed in it",
                "docs/packs.md lists the properties",
            ],
        ),
        (
            "css = \"../banner.css\"",
            "",
            [
                "--> avow.toml:",
                "there is no style sheet `../banner.css` in the pack",
                "name a file of the pack's folder",
            ],
        ),
    ] {
        let theme = format!("\n[theme]\n{theme}\n");
        let mut changes = vec![("avow.toml", "", theme.as_str())];
        if !css.is_empty() {
            changes.push(("banner.css", "", css));
        }
        let folder = pack(&changes);
        fs::write(
            folder.path().join("banner.css"),
            ".avow-banner h2 { margin: 0 }",
        )
        .unwrap();
        refused(&folder, &reasons);
    }
}

/// Services for one purpose, whose slugs have 30 characters.
fn services(count: usize) -> String {
    let row = |number| {
        format!(
            "\n[service.a-service-with-quite-a-long-{number:02}]\npurpose = \"analytics\"\nloads = []\n"
        )
    };
    (0..count).map(row).collect()
}

#[test]
fn a_choice_that_grows_too_long_is_warned_of_and_one_that_could_not_be_read_refused() {
    let build = ["build", "shop", "--target", "browser", "--out", "site"];
    for (count, warned) in [(9, false), (10, true)] {
        let folder = pack(&[(
            "catalogue.toml",
            "[storage.session]",
            &format!("{}\n[storage.session]", services(count)),
        )]);
        for arguments in [&build[..], &["check", "shop"]] {
            let ran = avow(folder.path(), arguments);
            let said = text(&ran.stderr);
            assert_eq!(ran.status.code(), Some(0), "{said}");
            assert_eq!(
                said.contains("warning: the cookie `shop_consent` may take 4"),
                warned,
                "{count}: {said}"
            );
            assert_eq!(
                said.contains("give shorter slugs to `a-service-with-quite-a-long-00`"),
                warned
            );
        }
    }
    let folder = pack(&[(
        "catalogue.toml",
        "[storage.session]",
        &format!("{}\n[storage.session]", services(70)),
    )]);
    refused(&folder, &["it should stay below 2048"]);
}
