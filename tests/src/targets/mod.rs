//! What must hold of any bytes that are taken for a bundle, a request, a patch of the residents, or choices of a generator.
//!
//! The fuzz targets call these, and the test that replays the seeds. Each function panics where something does not hold. What
//! it is given it tries as it is, and in forms that come further: with checksum, tag or version put right.

mod forms;

use std::{cell::RefCell, sync::OnceLock, time::Duration};

use avow_engine::{Answer, Bundle, BundleError, Engine, Explanation, bundle::layout};
use avow_host::sandbox::{Guest, GuestError, Image, Limits, Sandbox};

pub use self::forms::{bundle_forms, golden, golden_requests, patch_forms, request_forms};
use self::forms::{requests_to, tagged};
use crate::{
    compare,
    generate::{Seeds, World},
    tally::Tally,
};

/// Rules and requests of a generated world, at most: fewer than in the differential test, for more worlds a second.
const RULES: usize = 6;
const REQUESTS: usize = 4;
/// What the targets are called; for each there is a function of that name, and a folder of seeds.
pub const NAMES: [&str; 4] = ["bundle", "request", "patch", "differential"];

/// Any bytes as a bundle: native engine and guest refuse it for the same reason, or answer alike.
///
/// # Panics
/// Where they do not.
pub fn bundle(bytes: &[u8]) {
    for form in bundle_forms(bytes) {
        bundle_as_it_is(&form);
    }
}

/// Any bytes as a request to a bundle with residents, and to one that is not validated.
///
/// # Panics
/// Where native engine and guest differ, or anything is left behind for the next request.
pub fn request(bytes: &[u8]) {
    thread_local! {
        static ASKED: RefCell<Vec<Asked>> = RefCell::new(fixed().iter().map(Asked::new).collect());
    }
    ASKED.with_borrow_mut(|all| {
        for (asked, fixed) in all.iter_mut().zip(fixed()) {
            for form in request_forms(bytes, fixed) {
                asked.alike(&form);
                // Nothing of it is left for the next one.
                asked.answers_as_ever(fixed);
            }
        }
    });
}

/// Any bytes as a patch of residents. One that is refused changes nothing; one that is taken counts up the version.
///
/// # Panics
/// Where it is not so, or native engine and guest differ.
pub fn patch(bytes: &[u8]) {
    let fixed = &fixed()[0];
    for form in patch_forms(bytes, fixed) {
        let mut asked = Asked::new(fixed);
        let (version, cells) = (asked.engine.version(), asked.engine.cells());
        let native = asked.engine.patch(&form);
        let guest = asked.guest.patch(&form);
        match native {
            Err(refusal) => {
                let said = GuestError::Refused(refusal.message().to_owned());
                assert_eq!(guest, Err(said));
                let found = (asked.engine.version(), asked.engine.cells());
                assert_eq!(found, (version, cells));
                asked.answers_as_ever(fixed);
            }
            Ok(()) => {
                let guest = guest.expect("the guest takes what the engine takes");
                assert_eq!(guest.version, version + 1);
                assert_eq!(guest.version, asked.engine.version());
                assert_eq!(guest.cells, asked.engine.cells());
                assert_eq!(guest.numbers, asked.engine.own());
                // It was for the version before.
                assert!(asked.engine.patch(&form).is_err() && asked.guest.patch(&form).is_err());
                for request in &fixed.requests {
                    asked.alike(request);
                    let mut now = request.clone();
                    now[8..12].copy_from_slice(&guest.version.to_le_bytes());
                    asked.alike(&now);
                }
            }
        }
        // Whatever it was, the next patch is taken or refused by both.
        let mut next = fixed.patch.clone();
        next[8..12].copy_from_slice(&asked.engine.version().to_le_bytes());
        let native = asked.engine.patch(&next).is_ok();
        assert_eq!(native, asked.guest.patch(&next).is_ok());
        for request in &fixed.requests {
            asked.alike(request);
        }
    }
}

/// Any bytes as choices of the generator: the engine answers as Cedar does.
///
/// # Panics
/// Where it does not.
pub fn differential(bytes: &[u8]) {
    let world = World::new(&Seeds::read(bytes, RULES, REQUESTS));
    let compared = compare::world(&world, Some(sandbox()), &mut Tally::default());
    if let Err(difference) = compared {
        panic!("{difference}\n{world:?}");
    }
}

// ---- what is fixed -----------------------------------------------------------------------------------------------

/// A bundle of the golden files with its residents, and what it is asked.
pub struct Fixed {
    /// The bundle.
    pub bundle: Vec<u8>,
    /// The patch that gives it residents; empty where it has none.
    pub patch: Vec<u8>,
    /// Requests to it.
    requests: Vec<Vec<u8>>,
    /// What it answers to them.
    answers: Vec<Vec<u8>>,
    tag: u32,
    version: u32,
    image: Image,
}

impl Fixed {
    fn new(bundle: Vec<u8>, patch: Vec<u8>) -> Self {
        let mut engine = Engine::new(Bundle::load(bundle.clone()).unwrap());
        if !patch.is_empty() {
            engine.patch(&patch).unwrap();
        }
        let (tag, version) = (engine.bundle().tag(), engine.version());
        let requests: Vec<_> = golden_requests()
            .iter()
            .map(|request| tagged(request, tag))
            .collect();
        let answers = requests.iter().map(|r| engine.decide(r).to_vec()).collect();
        Self {
            image: sandbox().image(&bundle, &patch).unwrap(),
            bundle,
            patch,
            requests,
            answers,
            tag,
            version,
        }
    }
}

/// The golden server's bundle with residents, and the one with every operator.
///
/// # Panics
/// Where the golden files are not what they should be.
pub fn fixed() -> &'static [Fixed; 2] {
    static FIXED: OnceLock<[Fixed; 2]> = OnceLock::new();
    FIXED.get_or_init(|| {
        [
            Fixed::new(golden("server.avow"), golden("residents.patch")),
            Fixed::new(golden("operators.avow"), Vec::new()),
        ]
    })
}

fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| {
        // A clock must not decide what a test finds: steps are counted elsewhere.
        let limits = Limits {
            decision: Duration::from_secs(600),
            load: Duration::from_secs(600),
            ..Limits::default()
        };
        Sandbox::new(limits).unwrap()
    })
}

// ---- what holds --------------------------------------------------------------------------------------------------

/// An engine and a guest in the same state.
struct Asked {
    engine: Engine,
    guest: Guest,
    /// The bundle once more, for explanations.
    bundle: Bundle,
}

impl Asked {
    fn new(fixed: &Fixed) -> Self {
        let load = || Bundle::load(fixed.bundle.clone()).unwrap();
        let mut engine = Engine::new(load());
        if !fixed.patch.is_empty() {
            engine.patch(&fixed.patch).unwrap();
        }
        Self {
            engine,
            guest: sandbox().copy(&fixed.image).unwrap(),
            bundle: load(),
        }
    }

    /// Both give the same answer, with reasons and without.
    fn alike(&mut self, request: &[u8]) {
        let answer = self.engine.decide(request).to_vec();
        assert_eq!(self.guest.decide(request).as_deref(), Ok(&*answer));
        let explained = self.engine.explain(request).to_vec();
        assert_eq!(self.guest.explain(request).as_deref(), Ok(&*explained));
        assert!(explained.starts_with(&answer));
        sound(&answer, self.bundle.rule_count());
        let answer = Answer::read(&explained).unwrap();
        let explanation = Explanation::new(&self.bundle, &answer);
        assert_eq!(explanation.verdict.outcome, answer.outcome().as_str());
    }

    fn answers_as_ever(&mut self, fixed: &Fixed) {
        for (request, answer) in fixed.requests.iter().zip(&fixed.answers) {
            assert_eq!(self.engine.decide(request), answer);
            assert_eq!(self.guest.decide(request).as_deref(), Ok(&**answer));
        }
    }
}

/// The bytes are an answer, and name rules that are there, in order.
fn sound(answer: &[u8], rules: u32) {
    let answer = Answer::read(answer).unwrap();
    let determining: Vec<u32> = answer.determining().collect();
    let failed: Vec<u32> = answer.failed().map(|failure| failure.rule).collect();
    for numbers in [determining, failed] {
        assert!(numbers.is_sorted_by(|a, b| a < b), "rules {numbers:?}");
        assert!(numbers.iter().all(|rule| *rule < rules));
    }
}

fn bundle_as_it_is(bytes: &[u8]) {
    let guest = sandbox().guest(bytes, &[]);
    let engine = match Bundle::load(bytes.to_vec()) {
        Ok(bundle) => Engine::new(bundle),
        Err(error) => return refused(bytes, error, guest),
    };
    let mut asked = Asked {
        engine,
        guest: guest.unwrap_or_else(|refusal| panic!("the guest alone refuses it: {refusal}")),
        bundle: Bundle::load(bytes.to_vec()).unwrap(),
    };
    let bundle = &asked.bundle;
    assert_eq!(bundle.bytes(), bytes);
    // What is for people can be read without a panic, and each rule has its place.
    for rule in bundle.rules() {
        let (clauses, obligations) = (rule.clauses().count(), rule.obligations().count());
        assert!(rule.id().len() + clauses + obligations <= bytes.len());
        assert!(
            rule.source()
                .is_none_or(|source| source.file.len() <= bytes.len())
        );
    }
    assert!(
        bundle
            .meta("offer")
            .is_none_or(|offer| offer.len() <= bytes.len())
    );
    for request in requests_to(bytes, bundle.tag()) {
        asked.alike(&request);
    }
}

/// A guest refuses it for the same reason, or reads less: what is for people is nothing to it.
fn refused(bytes: &[u8], error: BundleError, guest: Result<Guest, GuestError>) {
    let mut guest = match guest {
        Ok(guest) => guest,
        Err(refusal) => return assert_eq!(refusal, GuestError::Refused(error.to_string())),
    };
    let unread = |section| !matches!(section, layout::CODE | layout::INDEX);
    assert!(
        matches!(error, BundleError::Corrupt { section, .. } if unread(section)),
        "the guest takes it: {error}"
    );
    let tag = u32::from_le_bytes(bytes[16..20].try_into().unwrap()) | 1;
    for request in requests_to(bytes, tag) {
        sound(guest.decide(&request).unwrap(), u32::MAX);
        sound(guest.explain(&request).unwrap(), u32::MAX);
    }
}
