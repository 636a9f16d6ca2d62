//! Bundles that are damaged, forged or newer are refused with a reason, and never trap.

use avow_compiler::{Plain, Target};
use avow_engine::{Bundle, BundleError, Engine, bundle::layout, intake};
use avow_tests::{Pack, stamp};

fn bundle() -> Vec<u8> {
    Pack::open("opsyn").bundle(Target::Browser)
}

#[test]
fn a_truncated_bundle_is_refused_at_every_length() {
    let bytes = bundle();
    for len in 0..bytes.len() {
        assert!(Bundle::load(bytes[..len].to_vec()).is_err(), "{len}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(matches!(
        Bundle::load(longer),
        Err(BundleError::Length { .. })
    ));
}

#[test]
fn a_bundle_with_any_flipped_bit_is_refused() {
    let bytes = bundle();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Bundle::load(flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn a_newer_bundle_says_which_format_it_is_of() {
    let mut bytes = bundle();
    bytes[4] = 9;
    let error = Bundle::load(bytes).unwrap_err();
    assert_eq!(error, BundleError::Format(9));
    assert!(error.to_string().contains("format 9"), "{error}");
}

/// What somebody makes who knows the checksum. Whatever loads must also decide without trapping.
#[test]
fn a_forged_bundle_is_refused_or_harmless() {
    let pack = Pack::open("opsyn");
    let bytes = pack.bundle(Target::Browser);
    let good = Bundle::load(bytes.clone()).unwrap();
    let requests: Vec<Vec<u8>> = pack
        .cases
        .iter()
        .filter_map(|case| intake::request(&good, &case.request, &stamp(case)).ok())
        .take(20)
        .collect();
    let mut seed = 1u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % below
    };
    let mut loaded = 0;
    for _ in 0..20_000 {
        let mut forged = bytes.clone();
        for _ in 0..=random(3) {
            let at = layout::HEADER_BYTES + random(bytes.len() - layout::HEADER_BYTES);
            forged[at] = match random(4) {
                0 => 0,
                1 => 255,
                2 => forged[at].wrapping_add(1),
                _ => random(256) as u8,
            };
        }
        let sum = layout::checksum(&forged).unwrap().to_le_bytes();
        forged[layout::CHECKSUM_AT..layout::HEADER_BYTES].copy_from_slice(&sum);
        if let Ok(bundle) = Bundle::load(forged) {
            loaded += 1;
            let mut engine = Engine::new(bundle);
            for request in &requests {
                assert!(avow_engine::Answer::read(engine.decide(request)).is_ok());
            }
        }
    }
    assert!(loaded > 100, "the loader was reached: {loaded}");
}

#[test]
fn bytes_that_are_no_request_are_refused_and_leave_nothing_behind() {
    let pack = Pack::open("opsyn");
    let mut engine = Engine::new(Bundle::load(pack.bundle(Target::Server)).unwrap());
    let case = &pack.cases[0];
    let request = intake::request(engine.bundle(), &case.request, &stamp(case)).unwrap();
    let expected = engine.decide(&request).to_vec();
    for len in 0..request.len() {
        let answer = engine.decide(&request[..len]);
        let answer = avow_engine::Answer::read(answer).unwrap();
        assert_eq!(answer.outcome().as_str(), "refused", "{len}");
    }
    let mut seed = 7u64;
    for _ in 0..50_000 {
        let mut broken = request.clone();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = (seed >> 33) as usize % broken.len();
        broken[at] = (seed >> 20) as u8;
        assert!(avow_engine::Answer::read(engine.decide(&broken)).is_ok());
    }
    assert_eq!(engine.decide(&request), expected);
}

/// A rule that the index cannot find forbids nothing, so an index that is out of order is no index.
#[test]
fn an_index_that_is_out_of_order_is_refused() {
    let plain = Plain {
        schema: None,
        policies: r#"
            forbid (principal == User::"a", action == Action::"x", resource);
            forbid (principal == User::"b", action == Action::"x", resource);
            permit (principal, action == Action::"y", resource);
        "#,
        links: "",
        validate: false,
    };
    let bytes = plain.compile().unwrap();
    Bundle::load(bytes.clone()).unwrap();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let table = (0..word(layout::SECTIONS_AT)).map(|row| layout::HEADER_BYTES + row * 12);
    let index = table
        .filter(|at| bytes[*at..at + 2] == layout::INDEX.to_le_bytes())
        .map(|at| word(at + 4))
        .next()
        .unwrap();
    let (rows, anchors) = (index + 12, index + 12 + word(index) * 28);
    assert!(word(index) >= 2 && word(index + 4) >= 2);
    for (first, width) in [(rows, 28), (anchors, 12)] {
        let mut swapped = bytes.clone();
        let (a, b) = swapped[first..first + 2 * width].split_at_mut(width);
        a.swap_with_slice(b);
        let sum = layout::checksum(&swapped).unwrap().to_le_bytes();
        swapped[layout::CHECKSUM_AT..layout::HEADER_BYTES].copy_from_slice(&sum);
        let refused = Bundle::load(swapped);
        let section = layout::INDEX;
        assert!(
            matches!(refused, Err(BundleError::Corrupt { section: found, .. }) if found == section),
            "{width}: {refused:?}"
        );
    }
}
