//! What the pages of both surfaces have in common: their frames, and how a decision looks.

use crate::{
    Demo,
    decisions::Answer,
    html::Html,
    tenants::{Person, Tenant},
};

const SITE: &str = include_str!("../pages/site.html");
const APP: &str = include_str!("../pages/app.html");

/// A page of the public site.
pub(crate) fn site_page(demo: &Demo, path: &str, title: &str, main: &Html) -> Html {
    let nav = nav(
        path,
        &[
            ("/", "Home"),
            ("/pricing", "Pricing"),
            ("/newsletter", "Letter"),
            ("/privacy", "Privacy"),
            ("/decisions", "Decisions"),
        ],
    );
    Html::fill(
        SITE,
        &[
            ("title", &Html::text(title)),
            ("provider", &Html::text(&demo.provider)),
            ("app", &Html::text(&demo.app)),
            ("nav", &nav),
            ("main", main),
        ],
    )
}

/// A page of the application.
pub(crate) fn app_page(
    demo: &Demo,
    signed_in: Option<(&Tenant, &Person)>,
    path: &str,
    title: &str,
    main: &Html,
) -> Html {
    let bar = signed_in.map_or_else(Html::default, |(tenant, person)| {
        let nav = nav(path, &[
                ("/", "Records"),
                ("/people", "People"),
                ("/decisions", "Decisions"),
            ]);
        Html::fill(
            "<nav class=\"nav\" aria-label=\"Application\">{{nav}}</nav>\
             <div class=\"who\"><span><strong>{{name}}</strong> <span class=\"muted\">{{role}}, {{tenant}}</span></span>\
             <form method=\"post\" action=\"/sign-out\"><button class=\"quiet\">Sign out</button></form></div>",
            &[
                ("nav", &nav),
                ("name", &Html::text(&person.name)),
                ("role", &Html::text(role(&person.role))),
                ("tenant", &Html::text(&tenant.title)),
            ],
        )
    });
    Html::fill(
        APP,
        &[
            ("title", &Html::text(title)),
            ("provider", &Html::text(&demo.provider)),
            ("site", &Html::text(&demo.site)),
            ("bar", &bar),
            ("main", main),
        ],
    )
}

fn nav(path: &str, links: &[(&str, &str)]) -> Html {
    Html::join(links.iter().map(|(target, words)| {
        let current = if *target == path {
            " aria-current=\"page\""
        } else {
            ""
        };
        Html::fill(
            "<a href=\"{{target}}\"{{current}}>{{words}}</a>",
            &[
                ("target", &Html::text(target)),
                ("current", &Html::ours(current)),
                ("words", &Html::text(words)),
            ],
        )
    }))
}

/// A role as people say it.
pub(crate) fn role(role: &str) -> &str {
    match role {
        "admin" => "administrator",
        other => other,
    }
}

/// An outcome at a glance.
pub(crate) fn badge(answer: &Answer) -> Html {
    let (class, words) = match answer.outcome {
        "allow" => ("allow", "Allowed"),
        "forbidden" => ("deny", "Forbidden"),
        "not_permitted" => ("deny", "Not permitted"),
        "refused" => ("deny", "Refused"),
        "unlisted" => ("deny", "Not in the catalogue"),
        _ => ("deny", "Failed, so no"),
    };
    Html::fill(
        "<span class=\"badge {{class}}\" data-outcome=\"{{outcome}}\">{{words}}</span>",
        &[
            ("class", &Html::ours(class)),
            ("outcome", &Html::ours(answer.outcome)),
            ("words", &Html::ours(words)),
        ],
    )
}

/// The rules that decided.
pub(crate) fn rules(answer: &Answer) -> Html {
    if answer.rules.is_empty() && answer.outcome == "not_permitted" {
        return Html::ours("<span class=\"muted\">no rule permits it</span>");
    }
    let codes = answer
        .rules
        .iter()
        .map(|rule| Html::fill("<code>{{rule}}</code> ", &[("rule", &Html::text(rule))]));
    Html::join(codes)
}

/// Clauses, each a link to its promise in the privacy policy.
pub(crate) fn clauses<'a>(demo: &Demo, clauses: impl IntoIterator<Item = &'a String>) -> Html {
    linked(&demo.site, clauses)
}

/// Clauses, each a link to its promise in the privacy policy of a site; empty for this one.
pub(crate) fn linked<'a>(site: &str, clauses: impl IntoIterator<Item = &'a String>) -> Html {
    let links = clauses.into_iter().map(|clause| {
        Html::fill(
            "<a class=\"clause\" href=\"{{site}}/privacy#{{clause}}\">{{clause}}</a> ",
            &[("site", &Html::text(site)), ("clause", &Html::text(clause))],
        )
    });
    let links = Html::join(links);
    if links == Html::default() {
        return Html::ours("<span class=\"muted\">none</span>");
    }
    links
}

/// The promises behind clauses, in words.
pub(crate) fn promises<'a>(demo: &Demo, clauses: impl IntoIterator<Item = &'a String>) -> Html {
    let promises = clauses
        .into_iter()
        .filter_map(|clause| demo.promises.find(clause));
    Html::join(promises.map(|promise| {
        Html::fill(
            "<div class=\"promise\"><dt><a class=\"clause\" href=\"{{site}}/privacy#{{clause}}\">{{clause}}</a></dt>\
             <dd>{{words}}</dd></div>",
            &[
                ("site", &Html::text(&demo.site)),
                ("clause", &Html::text(&promise.id)),
                ("words", &Html::text(&promise.promise)),
            ],
        )
    }))
}
