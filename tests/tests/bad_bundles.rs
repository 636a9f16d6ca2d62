//! Bundles that are damaged, forged or newer are refused with a reason, and never trap.

use avow_compiler::Target;
use avow_engine::{
    Bundle, BundleError, Engine, RequestBuilder,
    bundle::layout,
    code::{INSTRUCTION_BYTES, Instruction, Op},
    format::{Cell, OWN},
    intake, limits,
};
use avow_tests::{Pack, stamp, unvalidated};

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
    let bytes = unvalidated(
        r#"
            forbid (principal == User::"a", action == Action::"x", resource);
            forbid (principal == User::"b", action == Action::"x", resource);
            permit (principal, action == Action::"y", resource);
        "#,
    );
    Bundle::load(bytes.clone()).unwrap();
    let word = |at: usize| word(&bytes, at) as usize;
    let index = section(&bytes, layout::INDEX);
    let (rows, anchors) = (index + 12, index + 12 + word(index) * 28);
    assert!(word(index) >= 2 && word(index + 4) >= 2);
    for (first, width) in [(rows, 28), (anchors, 12)] {
        let mut swapped = bytes.clone();
        let (a, b) = swapped[first..first + 2 * width].split_at_mut(width);
        a.swap_with_slice(b);
        refused(swapped, layout::INDEX);
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Where the row of a section's table stands.
fn row(bytes: &[u8], id: u16) -> usize {
    let rows = word(bytes, layout::SECTIONS_AT) as usize;
    (0..rows)
        .map(|row| layout::HEADER_BYTES + row * layout::SECTION_BYTES)
        .find(|at| bytes[*at..at + 2] == id.to_le_bytes())
        .unwrap()
}

/// Where a section begins.
fn section(bytes: &[u8], id: u16) -> usize {
    word(bytes, row(bytes, id) + 4) as usize
}

/// Loads a bundle as somebody makes it who knows the checksum.
fn load(mut bytes: Vec<u8>) -> Result<Bundle, BundleError> {
    let sum = layout::checksum(&bytes).unwrap().to_le_bytes();
    bytes[layout::CHECKSUM_AT..layout::HEADER_BYTES].copy_from_slice(&sum);
    Bundle::load(bytes)
}

#[track_caller]
fn refused(bytes: Vec<u8>, section: u16) {
    let refused = load(bytes);
    assert!(
        matches!(refused, Err(BundleError::Corrupt { section: found, .. }) if found == section),
        "{refused:?}"
    );
}

/// Two rules of the same length, with a reading and constants of several types.
fn two_rules() -> Vec<u8> {
    let rule = r#"permit (principal, action, resource) when {
        context.a && context.b && context.c && context.d == true && context.e.f == "text"
            && principal == User::"u"
    };"#;
    unvalidated(&rule.repeat(2))
}

fn with(bytes: &[u8], edits: &[(usize, u32)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, value) in edits {
        bytes[*at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    bytes
}

#[test]
fn code_that_would_mislead_the_machine_is_refused() {
    let bytes = two_rules();
    let (rules, code) = (
        section(&bytes, layout::RULES),
        section(&bytes, layout::CODE),
    );
    let cells = word(&bytes, section(&bytes, layout::FACTS) + 16);
    let len = word(&bytes, rules + 8) as usize;
    let made = |instructions: &[Instruction]| {
        assert!(instructions.len() < len);
        let mut made = bytes.clone();
        let rest = std::iter::repeat(Instruction::new(Op::Bool, 0, 0, 0));
        for (place, instruction) in instructions
            .iter()
            .copied()
            .chain(rest)
            .take(len)
            .enumerate()
        {
            let at = code + place * INSTRUCTION_BYTES;
            made[at..at + INSTRUCTION_BYTES].copy_from_slice(&instruction.encode());
        }
        made
    };
    let of = |op, c| Instruction::new(op, 0, 0, c);
    let constant = of(Op::Const, 0);
    load(made(&[constant])).unwrap();
    for instructions in [
        // The stack is empty.
        vec![of(Op::Not, 0)],
        // Two values are left.
        vec![constant, constant],
        // There is no such constant; no such reading.
        vec![of(Op::Const, cells)],
        vec![of(Op::Read, limits::READINGS)],
        // Ways meet at two heights.
        vec![constant, of(Op::If, 3), constant, constant],
        // It leads back to itself.
        vec![constant, of(Op::Or, 1), constant],
        // It leads out of the rule.
        vec![constant, of(Op::Jump, u32::MAX)],
    ] {
        refused(made(&instructions), layout::CODE);
    }
}

#[test]
fn tables_that_do_not_hold_together_are_refused() {
    let bytes = two_rules();
    load(bytes.clone()).unwrap();
    let rules = section(&bytes, layout::RULES);
    let second = rules + layout::RULE_WORDS * 4;
    // The code of the first once more; an effect that is neither.
    refused(with(&bytes, &[(second + 4, 0)]), layout::RULES);
    refused(with(&bytes, &[(second, 2)]), layout::RULES);
    // From itself; a name that is none.
    let readings = section(&bytes, layout::READINGS);
    refused(
        with(&bytes, &[(readings, layout::VARIABLES)]),
        layout::READINGS,
    );
    refused(with(&bytes, &[(readings + 4, u32::MAX)]), layout::READINGS);
    let twice = row(&bytes, layout::CODE);
    let again = with(
        &bytes,
        &[(row(&bytes, layout::SOURCES), word(&bytes, twice))],
    );
    assert_eq!(load(again).unwrap_err(), BundleError::Section(layout::CODE));
}

#[test]
fn facts_that_do_not_hold_together_are_refused() {
    let bytes = two_rules();
    let facts = section(&bytes, layout::FACTS);
    let count = |at: usize| word(&bytes, facts + at * 4) as usize;
    let (names, uids, cells, text_len) = (count(0), count(1), count(4), count(5));
    let first = facts + 24 + (names + uids) * 8;
    let cell = |kind: u32| {
        (0..cells)
            .map(|cell| first + cell * 16)
            .find(|at| word(&bytes, at + 4) == kind)
            .unwrap()
    };
    let (bool, text, entity) = (cell(0), cell(2), cell(3));
    refused(with(&bytes, &[(bool + 8, 2)]), layout::FACTS);
    let beyond = text_len as u32 - word(&bytes, text + 8) + 1;
    refused(with(&bytes, &[(text + 12, beyond)]), layout::FACTS);
    // The number of a name.
    refused(with(&bytes, &[(entity + 8, OWN)]), layout::FACTS);
    // A root less, so that a cell is nobody's.
    let roots = count(3) as u32;
    refused(with(&bytes, &[(facts + 12, roots - 1)]), layout::FACTS);
}

#[test]
fn a_record_with_a_field_twice_is_no_request() {
    let mut engine = Engine::new(Bundle::load(two_rules()).unwrap());
    let context = [("a", true), ("b", true)]
        .map(|(name, value)| (name.to_owned(), Cell::Bool(value)))
        .into();
    let request = RequestBuilder::new(engine.bundle());
    let mut request = request.finish(("User", "u"), ("Action", "x"), ("Doc", "d"), context);
    let outcome = |engine: &mut Engine, request: &[u8]| {
        let answer = avow_engine::Answer::read(engine.decide(request)).unwrap();
        answer.outcome().as_str()
    };
    assert_ne!(outcome(&mut engine, &request), "refused");
    let symbols = word(&request, 24) + word(&request, 28);
    let first = 48 + symbols as usize * 8;
    let key = word(&request, first);
    request[first + 16..first + 20].copy_from_slice(&key.to_le_bytes());
    assert_eq!(outcome(&mut engine, &request), "refused");
}

#[test]
fn an_index_without_anchors_is_checked_as_well() {
    let bytes = unvalidated(
        r#"
            forbid (principal, action == Action::"x", resource);
            permit (principal, action == Action::"y", resource);
        "#,
    );
    let at = section(&bytes, layout::INDEX);
    assert!(word(&bytes, at) >= 2 && word(&bytes, at + 4) == 0);
    let mut swapped = bytes.clone();
    let (a, b) = swapped[at + 12..at + 68].split_at_mut(28);
    a.swap_with_slice(b);
    refused(swapped, layout::INDEX);
    // There are two rules: zero and one.
    let end = at + word(&bytes, row(&bytes, layout::INDEX) + 8) as usize;
    refused(with(&bytes, &[(end - 4, 2)]), layout::INDEX);
}
