//! A real bundle and two tenants of it, for all tests.

#![allow(dead_code, reason = "no test needs all of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{collections::BTreeMap, fs, path::Path, sync::OnceLock};

use avow_compiler::{Compiled, Target, compile};

/// 2026-03-01T09:00:00Z.
pub(crate) const NOW: i64 = 1_772_355_600_000;

/// The files of OpSyn's pack.
pub(crate) fn files() -> BTreeMap<String, String> {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let mut files = BTreeMap::new();
    for (folder, prefix) in [("opsyn", ""), ("base", "../base/")] {
        for entry in fs::read_dir(policies.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_file() && (prefix.is_empty() || !name.ends_with(".toml")) {
                files.insert(
                    format!("{prefix}{name}"),
                    fs::read_to_string(&path).unwrap(),
                );
            }
        }
    }
    files
}

/// The pack of OpSyn, compiled.
pub(crate) fn compiled() -> &'static Compiled {
    static COMPILED: OnceLock<Compiled> = OnceLock::new();
    COMPILED.get_or_init(|| compile(&files()).unwrap_or_else(|findings| panic!("{findings:#?}")))
}

/// The whole bundle, unsigned.
pub(crate) fn bundle() -> Vec<u8> {
    compiled().bundle(Target::Server)
}

/// The part for a browser, unsigned.
pub(crate) fn slice() -> Vec<u8> {
    compiled().bundle(Target::Browser)
}

/// The entities of a tenant, with its name in each id: an administrator, a member, an order, a log entry.
pub(crate) fn residents(tenant: &str) -> serde_json::Value {
    let record = |id: &str, class: &str| {
        serde_json::json!({
            "uid": format!("OpSyn::Record::\"{tenant}-{id}\""),
            "attrs": {"tenant": tenant, "class": class, "holds": [], "erasure_requested": false}
        })
    };
    let user = |id: &str, role: &str| {
        serde_json::json!({
            "uid": format!("OpSyn::User::\"{tenant}-{id}\""),
            "attrs": {"tenant": tenant, "role": role}
        })
    };
    serde_json::json!([
        {
            "uid": format!("OpSyn::Tenant::\"{tenant}\""),
            "attrs": {"instructed": ["service"], "contract": {"addendum": false}}
        },
        user("ada", "admin"),
        user("amir", "member"),
        record("order", "operational-record"),
        record("log", "audit-log"),
    ])
}

/// A question in AuthZEN's shape.
pub(crate) fn evaluation(user: &str, action: &str, record: &str) -> serde_json::Value {
    serde_json::json!({
        "subject": {"type": "User", "id": user},
        "action": {"name": action},
        "resource": {"type": "Record", "id": record}
    })
}
