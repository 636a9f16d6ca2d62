//! A tenant's residents change while the host runs.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

use avow_compiler::Target;
use avow_host::{
    Clock, Host, HostError, Patch, PatchError, Trust,
    avow_engine::{Verdict, intake::Json},
    sandbox::Limits,
};
use serde_json::{Value, json};

use crate::{
    common,
    support::{host, residents},
};

fn read(json: Value) -> Json {
    serde_json::from_value(json).unwrap()
}

fn user(id: &str, tenant: &str) -> Json {
    read(json!({
        "uid": format!("OpSyn::User::\"{id}\""),
        "attrs": {"tenant": tenant, "role": "member"}
    }))
}

fn record(id: &str, tenant: &str) -> Json {
    read(json!({
        "uid": {"type": "Record", "id": id},
        "attrs": {"tenant": tenant, "class": "operational-record", "holds": [], "erasure_requested": false}
    }))
}

/// May this user of the tenant view this record?
fn view(host: &Host, tenant: &str, user: &str, record: &str) -> Verdict {
    let request = json!({
        "principal": format!("OpSyn::User::\"{user}\""),
        "action": "view",
        "resource": format!("OpSyn::Record::\"{record}\""),
        "context": {}
    });
    host.decide(tenant, &read(request)).unwrap()
}

fn may_view(host: &Host, tenant: &str, user: &str, record: &str) -> bool {
    view(host, tenant, user, record).is_allow()
}

#[test]
fn entities_that_are_added_replaced_and_removed_are_seen_by_the_next_decision() {
    let host = host();
    assert_eq!(host.version("acme"), Some(0));
    assert!(!may_view(&host, "acme", "acme-eve", "acme-order"));
    let add = Patch::new()
        .put(user("acme-eve", "acme"))
        .put(record("acme-new", "acme"));
    assert_eq!(host.patch("acme", 0, &add), Ok(1));
    assert!(may_view(&host, "acme", "acme-eve", "acme-order"));
    assert!(may_view(&host, "acme", "acme-ada", "acme-new"));
    let replace = Patch::new().put(user("acme-eve", "bolt"));
    assert_eq!(host.patch("acme", 1, &replace), Ok(2));
    assert!(!may_view(&host, "acme", "acme-eve", "acme-order"));
    let remove = Patch::new()
        .remove("User::\"acme-ada\"")
        .remove(read(json!({"type": "OpSyn::Record", "id": "acme-new"})))
        .remove("OpSyn::User::\"nobody-knows-him\"");
    assert_eq!(host.patch("acme", 2, &remove), Ok(3));
    assert!(!may_view(&host, "acme", "acme-ada", "acme-order"));
    assert!(!may_view(&host, "acme", "acme-amir", "acme-new"));
    assert!(may_view(&host, "acme", "acme-amir", "acme-order"));
    assert_eq!(host.patch("acme", 3, &Patch::new()), Ok(4));
    assert_eq!(host.version("acme"), Some(4));
    assert_eq!(host.guests_replaced(), 0);
}

#[test]
fn a_patch_for_another_version_is_refused_and_told_the_current_one() {
    let host = host();
    let patch = Patch::new().put(user("acme-eve", "acme"));
    host.patch("acme", 0, &patch).unwrap();
    let remove = Patch::new().remove("User::\"acme-eve\"");
    for given in [0, 2, u64::MAX] {
        let stale = PatchError::Stale {
            tenant: "acme".into(),
            given,
            current: 1,
        };
        assert_eq!(host.patch("acme", given, &remove), Err(stale.clone()));
        assert!(stale.to_string().ends_with("are at version 1"), "{stale}");
    }
    assert!(may_view(&host, "acme", "acme-eve", "acme-order"));
}

#[test]
fn a_patch_that_does_not_fit_changes_nothing_and_names_the_place() {
    let host = host();
    let good = || Patch::new().put(user("acme-eve", "acme"));
    let mut settings = Vec::new();
    for entity in host.in_force().bundle().entities("OpSyn::Settings") {
        settings.push(read(json!({"type": "OpSyn::Settings", "id": entity.id()})));
    }
    let described = Json::Map(vec![("uid".into(), settings.pop().unwrap())]);
    let wrong_role = read(json!({"uid": "User::\"x\"", "attrs": {"tenant": "acme", "role": 3}}));
    let twice = good().put(user("acme-eve", "bolt"));
    for (patch, place) in [
        (good().put(wrong_role), "put[1].attrs.role"),
        (good().put(described), "put[1].uid"),
        (good().put(Json::Null), "put[1]"),
        (twice, "put[1]"),
        (good().remove("Usr::\"acme-ada\""), "remove[0]"),
        (good().remove("acme-ada"), "remove[0]"),
        (good().remove("User::\"acme-eve\""), "remove[0]"),
    ] {
        let Err(PatchError::Problem { tenant, problem }) = host.patch("acme", 0, &patch) else {
            panic!("{place} was taken");
        };
        assert_eq!((tenant.as_str(), problem.path.as_str()), ("acme", place));
        assert_eq!(host.version("acme"), Some(0));
        assert!(!may_view(&host, "acme", "acme-eve", "acme-order"));
        assert!(may_view(&host, "acme", "acme-ada", "acme-order"));
    }
    let nobody = PatchError::UnknownTenant("nobody".into());
    assert_eq!(host.patch("nobody", 0, &good()), Err(nobody));
    assert_eq!(host.version("nobody"), None);
}

#[test]
fn a_patch_beyond_the_guests_memory_changes_nothing() {
    let host = host();
    let mut patch = Patch::new().put(user("acme-eve", "acme"));
    for number in 0..60_000 {
        patch = patch.put(record(&format!("acme-{number}"), "acme"));
    }
    let refused = host.patch("acme", 0, &patch);
    assert!(
        matches!(refused, Err(PatchError::Guest { .. })),
        "{refused:?}"
    );
    assert_eq!(host.version("acme"), Some(0));
    assert!(may_view(&host, "acme", "acme-ada", "acme-order"));
    assert!(!may_view(&host, "acme", "acme-eve", "acme-order"));
    let patch = Patch::new().put(user("acme-eve", "acme"));
    assert_eq!(host.patch("acme", 0, &patch), Ok(1));
    assert!(may_view(&host, "acme", "acme-eve", "acme-order"));
    // Nothing of it was kept for later either.
    host.replace(&common::bundle()).unwrap();
    assert!(may_view(&host, "acme", "acme-eve", "acme-order"));
    assert!(!may_view(&host, "acme", "acme-eve", "acme-1"));
}

#[test]
fn one_tenants_patch_is_nothing_to_another() {
    let host = host();
    // The same uids, said to be its own.
    let steal = Patch::new()
        .put(user("bolt-ada", "acme"))
        .put(record("bolt-order", "acme"))
        .remove("Tenant::\"bolt\"");
    host.patch("acme", 0, &steal).unwrap();
    assert!(may_view(&host, "acme", "bolt-ada", "bolt-order"));
    assert_eq!(host.version("bolt"), Some(0));
    assert!(may_view(&host, "bolt", "bolt-ada", "bolt-order"));
    assert!(!may_view(&host, "bolt", "acme-ada", "bolt-order"));
    assert!(!may_view(&host, "bolt", "bolt-ada", "acme-order"));
}

#[test]
fn another_bundle_is_given_the_residents_as_they_are_by_then() {
    let host = host();
    let patch = Patch::new()
        .put(user("acme-eve", "acme"))
        .remove("User::\"acme-ada\"");
    host.patch("acme", 0, &patch).unwrap();
    host.replace(&common::bundle()).unwrap();
    assert_eq!(host.version("acme"), Some(1));
    assert!(may_view(&host, "acme", "acme-eve", "acme-order"));
    assert!(!may_view(&host, "acme", "acme-ada", "acme-order"));
    let patch = Patch::new().remove("User::\"acme-eve\"");
    assert_eq!(host.patch("acme", 1, &patch), Ok(2));
    assert!(!may_view(&host, "acme", "acme-eve", "acme-order"));
}

#[test]
fn a_bundle_that_patched_residents_do_not_fit_says_which() {
    let host = host();
    let eve = user("acme-eve", "acme");
    host.patch("acme", 0, &Patch::new().put(eve)).unwrap();
    let mut files = common::files();
    let schema = files.get_mut("opsyn.cedarschema").unwrap();
    *schema = schema.replacen(
        "    @authoritative\n    role: String,",
        "    @authoritative\n    role: Long,",
        1,
    );
    // Nobody reads the role as a string then.
    files.retain(|path, _| {
        !path.ends_with(".cedar") || path == "isolation.cedar" || path.starts_with("..")
    });
    files.insert("promises.toml".into(), String::new());
    let Ok(compiled) = avow_compiler::compile(&files) else {
        panic!("{:#?}", avow_compiler::compile(&files));
    };
    let Err(HostError::Residents { tenant, problem }) =
        host.replace(&compiled.bundle(Target::Server))
    else {
        panic!("replaced");
    };
    assert_eq!(tenant, "acme");
    assert!(
        problem.path.starts_with("OpSyn::User::\"acme-"),
        "{problem}"
    );
    assert!(may_view(&host, "acme", "acme-eve", "acme-order"));
}

/// Ends those who ask, also where a test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// User and record belong to one tenant or to the other; the parts of two versions together would answer otherwise.
fn moved(tenants: [&str; 2]) -> Patch {
    Patch::new()
        .put(user("acme-ada", tenants[0]))
        .put(record("acme-order", tenants[1]))
}

#[test]
fn decisions_under_load_see_one_version_or_another_and_after_a_patch_only_the_new_one() {
    let limits = Limits {
        guests: 16,
        guests_per_tenant: 4,
        ..Limits::default()
    };
    let host = Host::builder()
        .trust(Trust::default().allow_unsigned())
        .clock(Clock::fixed(common::NOW))
        .limits(limits)
        .tenant("acme", residents("acme"))
        .build(&common::bundle())
        .unwrap();
    let ask = || view(&host, "acme", "acme-ada", "acme-order").rules.concat();
    let mut version = 0;
    let mut patch = |tenants| {
        version = host.patch("acme", version, &moved(tenants)).unwrap();
    };
    let mut seen = Vec::new();
    for tenants in [
        ["acme", "acme"],
        ["bolt", "bolt"],
        ["acme", "bolt"],
        ["bolt", "acme"],
    ] {
        patch(tenants);
        seen.push(ask());
    }
    let distinct: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(
        distinct.len(),
        4,
        "each combination answers otherwise: {seen:?}"
    );
    patch(["acme", "acme"]);
    let done = AtomicBool::new(false);
    let count = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0;
                    while !done.load(Ordering::Relaxed) {
                        let answer = ask();
                        assert!(seen[..2].contains(&answer), "{answer}");
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let ends = Ends(&done);
        // Enough for a new image to come in between.
        for round in 0..1500 {
            let now = round % 2;
            patch([["bolt", "bolt"], ["acme", "acme"]][now]);
            assert_eq!(ask(), seen[1 - now]);
        }
        drop(ends);
        let counts = askers.into_iter().map(|asker| asker.join().unwrap());
        counts.sum::<u32>()
    });
    assert!(count > 1000, "{count} decisions");
    assert_eq!(host.version("acme"), Some(1505));
    assert_eq!(host.guests_replaced(), 0);
}
