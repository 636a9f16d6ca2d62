//! Asks Cedar and the engine the same, in every way in which the engine can be asked.

use avow_host::sandbox::Sandbox;
use cedar_policy::{Context, Entities, Request};

use crate::{
    block::Entity,
    generate::{World, facts::Question},
    oracle::{self, Answer},
    plain::{Cedar, Subject, Texts},
    tally::Tally,
};

/// Compares all answers to a world's requests; with a sandbox those of a guest too.
///
/// # Errors
/// The first difference, in words.
pub fn world(world: &World, sandbox: Option<&Sandbox>, tally: &mut Tally) -> Result<(), String> {
    let cedar = Cedar::new(&world.texts())?;
    let described = world.entities.iter().map(oracle::entity);
    let entities: Vec<_> = described.clone().chain(cedar.actions()).collect();
    let entities = Entities::from_entities(entities, None).map_err(|e| format!("{e:?}"))?;
    let all: Vec<&Question> = world.questions.iter().collect();
    let open = Side {
        texts: &world.texts(),
        validate: false,
        cedar: &cedar,
        entities: &entities,
        known: &world.entities,
        sandbox,
    };
    open.compare(&all, tally)?;
    // The same for what the validator lets pass, where the schema is as good as its word.
    let Some(texts) = world.validated(&cedar) else {
        return Ok(());
    };
    let cedar = Cedar::new(&texts)?;
    let schema = cedar.schema.as_ref();
    if Entities::from_entities(described, schema).is_err() {
        return Ok(());
    }
    let fitting: Vec<&Question> = world
        .questions
        .iter()
        .filter(|question| request(question, schema).is_some())
        .collect();
    if fitting.is_empty() {
        return Ok(());
    }
    let closed = Side {
        texts: &texts,
        validate: true,
        cedar: &cedar,
        ..open
    };
    closed.compare(&fitting, tally)
}

/// None where it does not fit the schema.
fn request(question: &Question, schema: Option<&cedar_policy::Schema>) -> Option<Request> {
    let [principal, action, resource] = question.uids.each_ref().map(oracle::uid);
    let context = Context::from_pairs(oracle::pairs(&question.context)).unwrap();
    Request::new(principal, action, resource, context, schema).ok()
}

/// One way to compile a world.
#[derive(Clone, Copy)]
struct Side<'a> {
    texts: &'a Texts,
    validate: bool,
    cedar: &'a Cedar,
    entities: &'a Entities,
    known: &'a [Entity],
    sandbox: Option<&'a Sandbox>,
}

impl Side<'_> {
    fn compare(&self, questions: &[&Question], tally: &mut Tally) -> Result<(), String> {
        let validate = self.validate;
        let bundle = self
            .texts
            .compile(validate)
            .map_err(|findings| format!("validate {validate}: {findings}"))?;
        let mut subject = Subject::new(&bundle);
        let mut seen = Vec::new();
        for question in questions {
            let request = subject.request(&question.uids, &question.context, self.known);
            let expected = self
                .cedar
                .ask(&self::request(question, None).unwrap(), self.entities);
            let wrong = |found: String| {
                let how = format!("validate {validate}");
                format!("{how}: {question:?}\nexpected {expected:?}\nfound    {found}")
            };
            let bytes = subject.engine.decide(&request).to_vec();
            let found = subject.read(&bytes).map_err(wrong)?;
            let outcome = self.cedar.outcome(&expected);
            if found.answer != expected || found.outcome != outcome {
                return Err(wrong(format!("{found:?}")));
            }
            let explained = subject.engine.explain(&request);
            match explained.strip_prefix(bytes.as_slice()) {
                Some(trace) => tally.trace(&bundle, trace),
                None => return Err(wrong("another answer when it explains".into())),
            }
            match validate {
                true => tally.validated += 1,
                false => tally.answer(&found),
            }
            seen.push((request, bytes, expected));
        }
        // Nothing of one request is left for another.
        for (request, bytes, _) in seen.iter().rev() {
            if subject.engine.decide(request) != bytes.as_slice() {
                return Err(format!("another answer the second time: {request:?}"));
            }
        }
        self.with_residents(&bundle, questions, &seen)?;
        self.in_guest(&bundle, questions, &seen, tally)
    }

    /// Entities answer alike wherever they are described.
    fn with_residents(
        &self,
        bundle: &[u8],
        questions: &[&Question],
        seen: &[(Vec<u8>, Vec<u8>, Answer)],
    ) -> Result<(), String> {
        let all: Vec<Entity> = self.known.to_vec();
        let (mut some, mut others) = (Vec::new(), Vec::new());
        for (place, entity) in self.known.iter().enumerate() {
            match place % 2 {
                0 => some.push(entity.clone()),
                _ => others.push(entity.clone()),
            }
        }
        for (residents, brought) in [(all, Vec::new()), (some, others)] {
            let mut subject = Subject::new(bundle);
            let patch = subject.patch(&residents);
            subject
                .engine
                .patch(&patch)
                .map_err(|refusal| format!("residents: {}", refusal.message()))?;
            for (question, (_, _, expected)) in questions.iter().zip(seen) {
                let request = subject.request(&question.uids, &question.context, &brought);
                let found = subject.ask(&request);
                if found.as_ref().map(|found| &found.answer) != Ok(expected) {
                    return Err(format!(
                        "{} residents: {question:?}\nexpected {expected:?}\nfound    {found:?}",
                        residents.len()
                    ));
                }
            }
        }
        Ok(())
    }

    /// A guest gives the same bytes.
    fn in_guest(
        &self,
        bundle: &[u8],
        questions: &[&Question],
        seen: &[(Vec<u8>, Vec<u8>, Answer)],
        tally: &mut Tally,
    ) -> Result<(), String> {
        let Some(sandbox) = self.sandbox else {
            return Ok(());
        };
        let mut guest = sandbox
            .guest(bundle, &[])
            .map_err(|error| error.to_string())?;
        let mut subject = Subject::new(bundle);
        let patch = subject.patch(self.known);
        let mut with_residents = sandbox
            .guest(bundle, &patch)
            .map_err(|error| error.to_string())?;
        // The guests' answers below are compared with those of an engine that has the same residents.
        subject
            .engine
            .patch(&patch)
            .map_err(|refusal| refusal.message().to_owned())?;
        for (question, (request, bytes, _)) in questions.iter().zip(seen) {
            tally.in_guest += 1;
            let found = guest.decide(request).map_err(|error| error.to_string())?;
            if found != *bytes {
                return Err(format!("the guest: {question:?}: {found:?}, {bytes:?}"));
            }
            let request = subject.request(&question.uids, &question.context, &[]);
            let found = with_residents
                .decide(&request)
                .map_err(|error| error.to_string())?;
            if found != subject.engine.decide(&request) {
                return Err(format!("the guest with residents: {question:?}"));
            }
        }
        Ok(())
    }
}
