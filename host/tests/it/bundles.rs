//! Which bundles come into force.

use avow_compiler::{Target, compile};
use avow_host::{
    Clock, Host, HostError, Trust, TrustError,
    avow_engine::{BundleError, bundle::digest_image, bundle::layout, intake::Json},
};
use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::{
    common,
    support::{host, residents},
};

fn key(seed: u8) -> (SigningKey, String) {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let public = key.verifying_key();
    let text = public
        .as_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    (key, text)
}

fn signed(mut bundle: Vec<u8>, key: &SigningKey) -> Vec<u8> {
    let digest = bundle[layout::DIGEST_AT..layout::PARENT_AT].to_vec();
    let signature = key.sign(&[layout::SIGNATURE_CONTEXT, &digest].concat());
    bundle.extend(layout::SIGNATURE_MAGIC);
    bundle.extend(key.verifying_key().as_bytes());
    bundle.extend(signature.to_bytes());
    bundle
}

/// Makes the checksum fit what was changed.
fn sealed(mut bundle: Vec<u8>) -> Vec<u8> {
    let sum = layout::checksum(&bundle).unwrap();
    bundle[layout::CHECKSUM_AT..layout::HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
    bundle
}

#[track_caller]
fn refused(trust: &Trust, bundle: &[u8]) -> TrustError {
    trust.verify(bundle).map(|_| ()).unwrap_err()
}

#[test]
fn a_bundle_is_accepted_by_its_signature() {
    let (mine, mine_text) = key(1);
    let (theirs, theirs_text) = key(2);
    let trust = Trust::signed_by([mine_text.as_str()]).unwrap();
    assert!(trust.verify(&signed(common::bundle(), &mine)).is_ok());
    assert_eq!(refused(&trust, &common::bundle()), TrustError::Unsigned);
    let foreign = signed(common::bundle(), &theirs);
    let unknown = TrustError::UnknownKey(theirs_text.clone());
    assert_eq!(refused(&trust, &foreign), unknown);
    // Allowing unsigned bundles does not let a stranger's signature pass.
    assert_eq!(refused(&trust.clone().allow_unsigned(), &foreign), unknown);
    // A signature of another bundle, moved here.
    let other = signed(common::slice(), &mine);
    let mut moved = common::bundle();
    moved.extend(&other[other.len() - layout::SIGNATURE_BYTES..]);
    assert_eq!(refused(&trust, &moved), TrustError::Signature(mine_text));
}

#[test]
fn a_key_that_is_none_is_refused() {
    for text in ["", "abcd", &"zz".repeat(32), &"00".repeat(33)] {
        assert!(Trust::signed_by([text]).is_err(), "{text}");
    }
}

#[test]
fn a_truncated_bundle_is_refused_wherever_it_was_cut() {
    let trust = Trust::default().allow_unsigned();
    let bundle = common::bundle();
    for length in (0..200).chain((200..bundle.len()).step_by(61)) {
        let error = refused(&trust, &bundle[..length]);
        assert!(matches!(error, TrustError::Bundle(_)), "{length}: {error}");
    }
    let mut longer = bundle;
    longer.push(0);
    refused(&trust, &longer);
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let trust = Trust::default().allow_unsigned();
    let mut bundle = common::bundle();
    for at in 0..bundle.len() {
        let bit = 1 << (at % 8);
        bundle[at] ^= bit;
        let error = refused(&trust, &bundle);
        assert!(matches!(error, TrustError::Bundle(_)), "byte {at}: {error}");
        bundle[at] ^= bit;
    }
}

proptest! {
    #[test]
    fn a_change_with_a_fitting_checksum_is_found_by_the_digest(at in layout::HEADER_BYTES..4000, bit in 0_u32..8) {
        let trust = Trust::default().allow_unsigned();
        let mut bundle = common::bundle();
        bundle[at] ^= 1 << bit;
        prop_assert!(trust.verify(&sealed(bundle)).is_err());
    }

    #[test]
    fn a_forgery_with_checksum_and_digest_needs_the_key(at in layout::HEADER_BYTES..4000, bit in 0_u32..8) {
        let (mine, text) = key(1);
        let trust = Trust::signed_by([text.as_str()]).unwrap();
        let mut bundle = signed(common::bundle(), &mine);
        bundle[at] ^= 1 << bit;
        let length = bundle.len() - layout::SIGNATURE_BYTES;
        let signature = bundle.split_off(length);
        let digest = Sha256::digest(digest_image(&bundle).unwrap());
        bundle[layout::DIGEST_AT..layout::PARENT_AT].copy_from_slice(&digest);
        let mut bundle = sealed(bundle);
        bundle.extend(signature);
        prop_assert!(trust.verify(&bundle).is_err());
    }
}

#[test]
fn a_newer_bundle_is_refused_and_says_which_format_it_has() {
    let mut bundle = common::bundle();
    bundle[4] = 7;
    let error = refused(&Trust::default().allow_unsigned(), &sealed(bundle));
    assert_eq!(error, TrustError::Bundle(BundleError::Format(7)));
    assert!(error.to_string().contains("format 7"), "{error}");
}

#[test]
fn a_browsers_slice_is_not_enough_for_a_server() {
    let built = Host::builder()
        .trust(Trust::default().allow_unsigned())
        .build(&common::slice());
    assert!(matches!(built, Err(HostError::Slice(target)) if target == "browser"));
}

#[test]
fn entities_that_do_not_fit_name_the_tenant_and_the_place() {
    let wrong = serde_json::json!([
        {"uid": "OpSyn::User::\"x\"", "attrs": {"tenant": "acme", "role": 3}}
    ]);
    let built = Host::builder()
        .trust(Trust::default().allow_unsigned())
        .tenant("acme", serde_json::from_value::<Json>(wrong).unwrap())
        .build(&common::bundle());
    let Err(error) = built else {
        panic!("accepted");
    };
    let text = error.to_string();
    assert!(text.contains("`acme`") && text.contains("role"), "{text}");
}

fn stricter() -> Vec<u8> {
    let mut files = common::files();
    files.insert(
        "closed.cedar".into(),
        r#"@id("nobody-views") @clause("opsyn-isolation-1")
           forbid (principal, action == OpSyn::Action::"view", resource);"#
            .into(),
    );
    let compiled = compile(&files).unwrap_or_else(|findings| panic!("{findings:#?}"));
    compiled.bundle(Target::Server)
}

fn view() -> Json {
    let request = serde_json::json!({
        "principal": "OpSyn::User::\"acme-ada\"",
        "action": "view",
        "resource": "OpSyn::Record::\"acme-order\"",
        "context": {}
    });
    serde_json::from_value(request).unwrap()
}

#[test]
fn a_good_bundle_replaces_the_one_in_force_for_all_at_once() {
    let host = host();
    assert_eq!(host.decide("acme", &view()).unwrap().outcome, "allow");
    let before = host.in_force();
    host.replace(&stricter()).unwrap();
    let verdict = host.decide("acme", &view()).unwrap();
    assert_eq!(verdict.outcome, "forbidden");
    assert_eq!(verdict.rules, ["nobody-views"]);
    assert_ne!(host.in_force().digest(), before.digest());
    // Many times over: the guests that were replaced give their room back.
    drop(before);
    for _ in 0..100 {
        host.replace(&common::bundle()).unwrap();
    }
    assert_eq!(host.decide("acme", &view()).unwrap().outcome, "allow");
}

#[test]
fn a_bad_bundle_leaves_the_last_good_one_in_force() {
    let host = host();
    let digest = host.in_force().digest();
    let mut damaged = stricter();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    for bad in [Vec::new(), b"AVOW".to_vec(), damaged, common::slice()] {
        host.replace(&bad).unwrap_err();
        assert_eq!(host.in_force().digest(), digest);
        assert_eq!(host.decide("acme", &view()).unwrap().outcome, "allow");
    }
}

#[test]
fn decisions_under_load_see_one_bundle_or_the_other() {
    let host = host();
    let (open, closed) = (common::bundle(), stricter());
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    (0..2000).for_each(|_| {
                        let verdict = host.decide("acme", &view()).unwrap();
                        let rules = verdict.rules.concat();
                        let fits = matches!(
                            (verdict.outcome, rules.as_str()),
                            ("allow", "view-own-tenant") | ("forbidden", "nobody-views")
                        );
                        assert!(fits, "{verdict:?}");
                    });
                })
            })
            .collect();
        while !askers.iter().all(|asker| asker.is_finished()) {
            host.replace(&closed).unwrap();
            host.replace(&open).unwrap();
        }
    });
}

#[test]
fn a_tenants_entities_that_a_new_bundle_refuses_keep_the_old_one_in_force() {
    let host = host();
    let mut files = common::files();
    let schema = files.get_mut("opsyn.cedarschema").unwrap();
    *schema = schema.replacen(
        "    @authoritative\n    role: String,",
        "    @authoritative\n    role: String,\n    @authoritative\n    badge: String,",
        1,
    );
    let compiled = compile(&files).unwrap_or_else(|findings| panic!("{findings:#?}"));
    let error = host.replace(&compiled.bundle(Target::Server)).unwrap_err();
    assert!(matches!(error, HostError::Residents { .. }), "{error}");
    assert_eq!(host.decide("acme", &view()).unwrap().outcome, "allow");
}

#[test]
fn a_host_with_many_tenants_has_room_to_replace_them_all() {
    let mut builder = Host::builder()
        .trust(Trust::default().allow_unsigned())
        .clock(Clock::fixed(common::NOW));
    for number in 0..70 {
        let tenant = format!("t{number}");
        builder = builder.tenant(tenant.clone(), residents(&tenant));
    }
    let host = builder.build(&common::bundle()).unwrap();
    host.replace(&common::bundle()).unwrap();
}
