//! A host with two tenants, and calls of its service.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use avow_compiler::{Target, compile};
use avow_host::{
    Clock, Host, Tokens, Trust,
    avow_engine::{Choice, intake::Json},
    http::Access,
    tokens,
};
use axum::{
    Router,
    body::{Body, to_bytes},
};
use http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::common;

pub(crate) fn residents(tenant: &str) -> Json {
    serde_json::from_value(common::residents(tenant)).unwrap()
}

pub(crate) fn host_of(tenants: &[(&str, Json)]) -> Arc<Host> {
    let mut builder = Host::builder()
        .trust(Trust::default().allow_unsigned())
        .clock(Clock::fixed(common::NOW));
    for (tenant, entities) in tenants {
        builder = builder.tenant(*tenant, entities.clone());
    }
    Arc::new(builder.build(&common::bundle()).unwrap())
}

/// A host with the tenants `acme` and `bolt`.
pub(crate) fn host() -> Arc<Host> {
    host_of(&[("acme", residents("acme")), ("bolt", residents("bolt"))])
}

/// A host without tenants, of the pack of OpSyn with all that it uses, once `change` has been at its files.
pub(crate) fn host_of_pack(change: impl FnOnce(&mut BTreeMap<String, String>)) -> Arc<Host> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/opsyn");
    let mut files = avow_host::pack::read(&folder).unwrap();
    change(&mut files);
    let compiled = compile(&files).unwrap_or_else(|findings| panic!("{findings:#?}"));
    let host = Host::builder()
        .trust(Trust::default().allow_unsigned())
        .clock(Clock::fixed(common::NOW))
        .build(&compiled.bundle(Target::Server));
    Arc::new(host.unwrap())
}

/// A pack in which California is not asked, and what nobody refused may be stored there.
pub(crate) fn with_californian_rules(files: &mut BTreeMap<String, String>) {
    files.get_mut("cookies.cedar").unwrap().push_str(
        r#"
@id("test-not-asked-in-california")
@clause("opsyn-cookies-4")
forbid (principal is Avow::Visitor, action == OpSyn::Action::"ask", resource)
when { context.jurisdiction == Avow::Jurisdiction::"us-ca" };

@id("test-stored-in-california")
@clause("opsyn-cookies-2")
permit (principal is Avow::Visitor, action == OpSyn::Action::"store", resource)
when { context.jurisdiction == Avow::Jurisdiction::"us-ca" };
"#,
    );
}

/// Tokens `for-acme`, `for-bolt`, `for-nobody` (a tenant that is not served) and `backend`.
pub(crate) fn token_access() -> Access {
    let entry = |token: &str, binding: &str| {
        let hash = tokens::hash(token);
        format!("[[token]]\nname = \"{token}\"\nhash = \"{hash}\"\n{binding}\n")
    };
    let text = [
        entry("for-acme", "tenant = \"acme\""),
        entry("for-bolt", "tenant = \"bolt\""),
        entry("for-nobody", "tenant = \"nobody\""),
        entry("backend", "backend = true"),
    ];
    Access::Tokens(Tokens::parse(&text.concat()).unwrap())
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        let all = self.headers.get_all("set-cookie").iter();
        all.map(|value| value.to_str().unwrap()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn call(router: &Router, request: Request<Body>) -> Reply {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let headers = response.headers().clone();
    let body = to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap()
        .to_vec();
    Reply {
        status,
        headers,
        body,
    }
}

pub(crate) async fn get(router: &Router, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    call(router, request.body(Body::empty()).unwrap()).await
}

pub(crate) async fn post(
    router: &Router,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let mut request = Request::post(path).header("host", "localhost");
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    call(router, request.body(Body::from(body.to_owned())).unwrap()).await
}

/// A choice that accepts or refuses analytics, made an hour ago.
pub(crate) fn choice(host: &Host, accept: bool) -> Choice {
    let analytics = vec!["analytics".to_owned()];
    let (granted, refused) = if accept {
        (analytics, Vec::new())
    } else {
        (Vec::new(), analytics)
    };
    Choice {
        at: common::NOW - 3_600_000,
        offer: host.in_force().bundle().meta("offer").unwrap().to_owned(),
        granted,
        refused,
        objected: Vec::new(),
        services: Vec::new(),
        method: if accept { "accept" } else { "reject" }.into(),
        language: "en".into(),
        id: format!("id-{accept}"),
    }
}
