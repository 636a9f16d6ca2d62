//! What a patched host's guests hold.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use avow_engine::{
    Form, Party,
    intake::{self, Json, Stamp},
};
use serde_json::json;

use super::{Host, Patch, VERSION_AT, ask};
use crate::{clock::Clock, common, trust::Trust};

fn json(value: serde_json::Value) -> Json {
    serde_json::from_value(value).unwrap()
}

fn host() -> Host {
    let residents = |tenant| json(common::residents(tenant));
    Host::builder()
        .trust(Trust::default().allow_unsigned())
        .clock(Clock::fixed(common::NOW))
        .tenant("acme", residents("acme"))
        .tenant("bolt", residents("bolt"))
        .build(&common::bundle())
        .unwrap()
}

fn user(id: &str) -> Json {
    json(json!({"uid": format!("User::\"{id}\""), "attrs": {"tenant": "acme", "role": "member"}}))
}

fn memory(host: &Host, tenant: &str) -> usize {
    let in_force = host.in_force();
    let slot = &in_force.tenants[tenant];
    slot.ask(|guest| Ok(guest.memory_bytes())).unwrap()
}

#[test]
fn memory_stays_bounded_over_thousands_of_replacements() {
    let host = host();
    let before = memory(&host, "bolt");
    let mut version = 0;
    let mut most = 0;
    for round in 0..5000 {
        // The same user again and again, and users who come and go.
        let patch = Patch::new()
            .put(user("acme-ada"))
            .put(user(&format!("guest-{round}")))
            .remove(format!("User::\"guest-{}\"", round - 1).as_str());
        version = host.patch("acme", version, &patch).unwrap();
        most = most.max(memory(&host, "acme"));
    }
    assert_eq!(version, 5000);
    assert!(most <= 1 << 20, "{most} bytes");
    assert_eq!(memory(&host, "bolt"), before);
    assert_eq!(host.guests_replaced(), 0);
}

#[test]
fn memory_shrinks_with_what_a_tenant_has() {
    let host = host();
    let ids: Vec<String> = (0..5000).map(|number| format!("guest-{number}")).collect();
    let full = ids
        .iter()
        .fold(Patch::new(), |patch, id| patch.put(user(id)));
    host.patch("acme", 0, &full).unwrap();
    assert!(memory(&host, "acme") > 2 << 20);
    let empty = ids.iter().fold(Patch::new(), |patch, id| {
        patch.remove(format!("User::\"{id}\"").as_str())
    });
    host.patch("acme", 1, &empty).unwrap();
    assert!(memory(&host, "acme") <= 1 << 20);
}

#[test]
fn a_request_by_the_numbers_of_residents_is_stale() {
    let host = host();
    let in_force = host.in_force();
    let (bundle, slot) = (in_force.bundle(), &in_force.tenants["acme"]);
    let request = json(json!({
        "principal": "User::\"acme-ada\"", "action": "view", "resource": "Record::\"acme-order\""
    }));
    let stamp = Stamp {
        now: Some(common::NOW),
        tenant: Some("acme"),
        trusted: false,
    };
    let mut request = intake::request(bundle, &request, &stamp).unwrap();
    assert_eq!(ask(&in_force, slot, &request).unwrap().outcome, "allow");
    // The guest's own version: it would take it.
    request[VERSION_AT] = 1;
    let taken = slot.ask(|guest| guest.decide(&request).map(<[u8]>::to_vec));
    assert_eq!(taken.unwrap()[4], 0, "allowed by the guest");
    let refused = ask(&in_force, slot, &request).unwrap();
    assert_eq!(refused.outcome, "refused");
    assert!(refused.problem.unwrap().message.contains("version"));
    let action = ("OpSyn::Action", "view");
    let form = Form::new(bundle, "OpSyn::User", action, "OpSyn::Record", &[]).unwrap();
    let mut bytes = Vec::new();
    assert!(form.write(&mut bytes, 1, Party::Resident(0), Party::Resident(0), &[]));
    assert_eq!(ask(&in_force, slot, &bytes).unwrap().outcome, "refused");
    assert_eq!(ask(&in_force, slot, b"").unwrap().outcome, "refused");
}
