//! The gallery: every look, position, language and state of the widget, each in a frame; of the languages a few beside each other,
//! and all of them in one.
//!
//! A frame is the page of a host name of its own, so that what is chosen in it reaches neither the site's cookie nor another
//! frame; and no frame has a ledger. Their pack is that of the browser tests' site, because none of the demo's operators has
//! every kind of purpose.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use avow_host::{
    Host, Trust,
    http::{App, Site},
    visit::host_name,
};
use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, Uri, header};

use crate::{
    Demo,
    assets::text,
    front::{SITE_HOST, security_policy},
    html::Html,
    show::site_page,
    themes,
};

const PAGE: &str = include_str!("../pages/gallery.html");
const FRAME: &str = include_str!("../pages/gallery-frame.html");
const FRAME_SCRIPT: &str = include_str!("../pages/gallery-frame.js");
const FRAME_STYLE: &str = include_str!("../pages/gallery-frame.css");
const GPC: &str = include_str!("../pages/gallery-gpc.js");

/// A frame's host name is its own name before this.
const HOST: &str = ".gallery.opsyn.localhost";

/// The frame whose visitor picks the language: `?language=fi`.
const ANY: &str = "any";

/// Who has to be asked about everything.
const ASKED: &str = "de";

/// What a frame shows.
#[derive(Clone, Copy)]
struct Frame {
    name: &'static str,
    title: &'static str,
    theme: &'static str,
    position: &'static str,
    language: &'static str,
    place: &'static str,
    state: &'static str,
}

const PLAIN: Frame = Frame {
    name: "",
    title: "",
    theme: "plain",
    position: "bottom",
    language: "en",
    place: ASKED,
    state: "first",
};

const fn frame(name: &'static str, title: &'static str) -> Frame {
    Frame {
        name,
        title,
        ..PLAIN
    }
}

impl Frame {
    const fn look(self, theme: &'static str) -> Self {
        Self { theme, ..self }
    }

    const fn at(self, position: &'static str) -> Self {
        Self { position, ..self }
    }

    const fn speaks(self, language: &'static str) -> Self {
        Self { language, ..self }
    }

    const fn lies_in(self, place: &'static str) -> Self {
        Self { place, ..self }
    }

    const fn shows(self, state: &'static str) -> Self {
        Self { state, ..self }
    }
}

/// The rooms of the gallery.
const ROOMS: [(&str, &[Frame]); 4] = [
    (
        "Looks",
        &[
            frame("plain", "Plain"),
            frame("plain-second", "Plain, second layer").shows("second"),
            frame("soft", "Soft").look("soft"),
            frame("soft-second", "Soft, second layer")
                .look("soft")
                .shows("second"),
            frame("square", "Square").look("square"),
            frame("square-second", "Square, second layer")
                .look("square")
                .shows("second"),
            frame("contrast", "Contrast").look("contrast"),
            frame("contrast-second", "Contrast, second layer")
                .look("contrast")
                .shows("second"),
        ],
    ),
    (
        "Positions",
        &[
            frame("bottom", "Bottom"),
            frame("top", "Top").at("top"),
            frame("corner", "Corner").at("corner"),
        ],
    ),
    (
        "Languages",
        &[
            frame("de", "Deutsch").speaks("de"),
            frame("fi", "Suomi").speaks("fi"),
            frame("ja", "日本語").speaks("ja"),
            frame("hi", "हिन्दी").speaks("hi"),
            frame("ar", "العربية").speaks("ar"),
            frame("he", "עברית").speaks("he").shows("second"),
            frame(ANY, "Any of the 50"),
        ],
    ),
    (
        "States",
        &[
            frame("refused", "After a refusal: placeholder and control").shows("refused"),
            frame(
                "objection",
                "United Kingdom: statistics go on unless somebody objects",
            )
            .lies_in("gb")
            .shows("second"),
            frame(
                "opt-out",
                "California: nobody is asked, and the link to opt out is there",
            )
            .lies_in("us-ca"),
            frame("gpc-opt-out", "Global Privacy Control in California")
                .lies_in("us-ca")
                .shows("gpc"),
            frame("fallback", "Without the bundle: nothing but a refusal").shows("fallback"),
        ],
    ),
];

/// The frame that a host name stands for.
fn find(host: &str) -> Option<Frame> {
    let name = host.strip_suffix(HOST)?;
    let mut frames = ROOMS.iter().flat_map(|(_, frames)| frames.iter());
    frames.find(|frame| frame.name == name).copied()
}

pub(crate) fn is_frame(host: &str) -> bool {
    find(host).is_some()
}

/// The page of the site, which alone may show the frames.
pub(crate) async fn page(State(demo): State<Arc<Demo>>) -> Response {
    let rooms = ROOMS.iter().map(|(title, frames)| {
        let frames = frames.iter().map(|frame| {
            Html::fill(
                "<figure class=\"gallery\"><figcaption>{{title}}</figcaption>\
                 <iframe src=\"{{source}}\" title=\"{{title}}\" loading=\"lazy\"></iframe></figure>",
                &[
                    ("title", &Html::text(frame.title)),
                    ("source", &Html::text(address(&demo, frame.name))),
                ],
            )
        });
        Html::fill(
            "<section aria-label=\"{{title}}\"><h2>{{title}}</h2><div class=\"galleries\">{{frames}}</div></section>",
            &[
                ("title", &Html::text(title)),
                ("frames", &Html::join(frames)),
            ],
        )
    });
    let main = Html::fill(PAGE, &[("rooms", &Html::join(rooms))]);
    let page = site_page(&demo, "/gallery", "Gallery · OpSyn", &main);
    let policy = format!(
        "frame-src {}; {}",
        address(&demo, "*"),
        security_policy(&demo.provider)
    );
    ([(header::CONTENT_SECURITY_POLICY, policy)], page).into_response()
}

fn address(demo: &Demo, name: &str) -> String {
    demo.site.replace(SITE_HOST, &format!("{name}{HOST}"))
}

/// What the frames are made of.
struct Gallery {
    /// The pack's cookie.
    cookie: String,
    /// Languages, with the direction in which they are written.
    languages: BTreeMap<String, String>,
    security_policy: String,
}

impl Gallery {
    /// What picks a language, where a frame has it.
    fn picker(&self, frame: Frame, language: &str) -> Html {
        if frame.name != ANY {
            return Html::default();
        }
        let options = self.languages.keys().map(|tag| {
            let chosen = if tag == language { " selected" } else { "" };
            Html::fill(
                "<option lang=\"{{tag}}\"{{chosen}}>{{tag}}</option>",
                &[("tag", &Html::text(tag)), ("chosen", &Html::ours(chosen))],
            )
        });
        Html::fill(
            "<form lang=\"en\" dir=\"ltr\"><label>Language <select name=\"language\">{{options}}</select></label> <button>Show</button></form>",
            &[("options", &Html::join(options))],
        )
    }
}

/// The languages that a build for browsers wrote.
fn languages(site: &Path) -> Result<BTreeMap<String, String>> {
    let mut out = BTreeMap::new();
    for entry in fs::read_dir(site).with_context(|| format!("cannot read `{}`", site.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(tag) = name.strip_suffix(".more.json") else {
            continue;
        };
        let words = fs::read(site.join(format!("{tag}.json")))?;
        let words: BTreeMap<String, String> = serde_json::from_slice(&words)?;
        let direction = words.get("dir").cloned().unwrap_or_default();
        out.insert(tag.to_owned(), direction);
    }
    Ok(out)
}

/// The frames' hosts, all alike. `folder` has `gallery.avow`, the bundle for servers, and `gallery/`, the widget's files.
pub(crate) fn router(demo: &Demo, folder: &Path) -> Result<Router> {
    let file = folder.join("gallery.avow");
    let bundle = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
    // It was compiled a moment ago on this machine, and comes from nobody else.
    let trust = Trust::default().allow_unsigned();
    let host = Arc::new(Host::builder().trust(trust).build(&bundle)?);
    let cookie = host
        .in_force()
        .bundle()
        .meta("consent.cookie")
        .map(str::to_owned);
    let gallery = Gallery {
        cookie: cookie.context("the gallery's pack has no consent cookie")?,
        languages: languages(&folder.join("gallery"))?,
        security_policy: format!(
            "default-src 'none'; base-uri 'none'; frame-ancestors 'self' {}; script-src 'self' 'wasm-unsafe-eval'; \
             connect-src 'self'; style-src 'self'; frame-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'",
            demo.site
        ),
    };
    let avow = App::new(host)
        .site(Site::load(&folder.join("gallery"))?)
        .router();
    let script = "text/javascript; charset=utf-8";
    let style = "text/css; charset=utf-8";
    Ok(Router::new()
        .route("/", get(show))
        .route("/player", get(player))
        .route("/theme.css", get(theme))
        .with_state(Arc::new(gallery))
        .route("/frame.css", text(style, FRAME_STYLE))
        .route("/frame.js", text(script, FRAME_SCRIPT))
        .route("/gpc.js", text(script, GPC))
        .merge(avow))
}

async fn show(State(here): State<Arc<Gallery>>, uri: Uri, headers: HeaderMap) -> Response {
    let Some(frame) = host_name(&headers, &uri).as_deref().and_then(find) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let before = match frame.state {
        "gpc" => "<script src=\"/gpc.js\"></script>\n",
        _ => "",
    };
    let bundle = match frame.state {
        // There is none of that name.
        "fallback" => "missing.avow",
        _ => "site.avow",
    };
    let query = uri.query().unwrap_or_default();
    let asked = query.strip_prefix("language=").unwrap_or(frame.language);
    let known = here.languages.get_key_value(asked);
    let (language, direction) = known
        .filter(|_| frame.name == ANY || asked == frame.language)
        .map_or((frame.language, "ltr"), |(tag, dir)| (tag, dir));
    let page = Html::fill(
        FRAME,
        &[
            ("title", &Html::text(frame.title)),
            ("language", &Html::text(language)),
            ("direction", &Html::text(direction)),
            ("picker", &here.picker(frame, language)),
            ("before", &Html::ours(before)),
            ("bundle", &Html::ours(bundle)),
            ("place", &Html::ours(frame.place)),
            ("state", &Html::ours(frame.state)),
        ],
    );
    // Who comes back finds the frame as it was meant to be.
    let forgotten = format!("{}=; Max-Age=0; Path=/", here.cookie);
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            here.security_policy.clone(),
        ),
        (header::SET_COOKIE, forgotten),
    ];
    (headers, page).into_response()
}

/// What a placeholder stands for.
async fn player(State(here): State<Arc<Gallery>>) -> Response {
    let page = Html::ours(
        "<!doctype html><html lang=\"en\"><title>A video</title><link rel=\"stylesheet\" href=\"/frame.css\"><main><p>A video would play here.</p></main></html>",
    );
    let policy = here.security_policy.clone();
    ([(header::CONTENT_SECURITY_POLICY, policy)], page).into_response()
}

async fn theme(uri: Uri, headers: HeaderMap) -> Response {
    let frame = host_name(&headers, &uri).as_deref().and_then(find);
    let sheet = frame.map(|frame| themes::sheet(frame.theme, frame.position));
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, sheet.unwrap_or_default()).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{HOST, ROOMS, find};

    #[test]
    fn each_frame_has_a_host_of_its_own() {
        let all: Vec<_> = ROOMS.iter().flat_map(|(_, frames)| frames.iter()).collect();
        let names: BTreeSet<_> = all.iter().map(|frame| frame.name).collect();
        assert_eq!(names.len(), all.len());
        for frame in all {
            let found = find(&format!("{}{HOST}", frame.name)).unwrap();
            assert_eq!(found.title, frame.title);
        }
        assert!(find("www.opsyn.localhost").is_none());
    }

    #[test]
    fn every_look_is_shown() {
        for theme in crate::themes::names() {
            let mut frames = ROOMS.iter().flat_map(|(_, frames)| frames.iter());
            assert!(frames.any(|frame| frame.theme == theme), "{theme}");
        }
    }
}
