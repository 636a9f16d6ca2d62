//! Scopes that are written otherwise and fit the same requests.
//!
//! `principal is Job` says nothing where only jobs may ask for the action: the schema holds every request to that before a
//! rule is looked at. So a change of the scope can be one that changes nothing, and that follows from the types alone.

use crate::program::{Program, Rule, Scope, Uid};

/// Why such a mutant is equivalent.
pub(super) const REASON: &str = "by the schema, the scope fits the same requests";

/// What is left of a scope where the type is known.
#[derive(Debug, PartialEq, Eq)]
enum Left<'a> {
    Fits,
    Never,
    Eq(&'a Uid),
    In(&'a Uid),
}

/// Whether two rules have scopes that fit the same of all requests that the schema knows. Sound, not complete.
pub(super) fn same_scope(program: &Program, one: &Rule, other: &Rule) -> bool {
    if program.open {
        return false;
    }
    let mut asked = program.schema.actions.iter().flat_map(|(uid, action)| {
        let principals = action.principals.iter();
        principals.flat_map(move |principal| {
            let resources = action.resources.iter();
            resources.map(move |resource| (uid, principal, resource))
        })
    });
    asked.all(|(action, principal, resource)| {
        let left = |rule| left_of(program, rule, action, principal, resource);
        left(one) == left(other)
    })
}

/// What is left of principal and resource; none where the scope never fits.
fn left_of<'a>(
    program: &Program,
    rule: &'a Rule,
    action: &Uid,
    principal: &String,
    resource: &String,
) -> Option<[Left<'a>; 2]> {
    let left = [
        left(program, &rule.principal, principal),
        left(program, &rule.resource, resource),
    ];
    (program.may_be_action(&rule.actions, action) && !left.contains(&Left::Never)).then_some(left)
}

fn left<'a>(program: &Program, scope: &'a Scope, type_name: &String) -> Left<'a> {
    if !program.may_be(scope, type_name) {
        return Left::Never;
    }
    match scope {
        Scope::Any | Scope::Is(_) => Left::Fits,
        Scope::Eq(uid) => {
            let of = program.schema.entity_types.get(type_name);
            match of.map(|of| of.ids.as_slice()) {
                // The only one that there can be.
                Some([id]) if *id == uid.1 => Left::Fits,
                _ => Left::Eq(uid),
            }
        }
        Scope::In(uid) | Scope::IsIn(_, uid) => Left::In(uid),
    }
}
