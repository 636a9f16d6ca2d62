//! Policies, templates and their links, as text.

use std::fmt::Write as _;

use super::{
    choices::Choices,
    expression::{Env, Writer},
    schema::{IDS, Schema, quoted},
};
use crate::plain::{Link, Uid};

/// The text of a policy, or of a template whose links are added. `number` is its place in the file, from 1.
pub fn policy(schema: &Schema, bytes: &[u8], number: usize, links: &mut Vec<Link>) -> String {
    let mut out = String::new();
    let mut choices = Choices::new(bytes);
    let asked: Vec<usize> = (0..schema.actions.len())
        .filter(|action| !schema.actions[*action].principals.is_empty())
        .collect();
    // Mostly what most requests are, so that many rules come to their conditions.
    let action = *choices.rather_first(&asked);
    let env = Env {
        action,
        principal: *choices.rather_first(&schema.actions[action].principals),
        resource: *choices.rather_first(&schema.actions[action].resources),
    };
    let name = match choices.below(2) {
        0 => format!("policies#{number}"),
        _ => {
            let name = format!("rule {number}");
            let _ = write!(out, "@id({})", quoted(&name));
            name
        }
    };
    if choices.once_in(8) {
        out.push_str("@note(\"any text\")\n");
    }
    let effect = *choices.pick(&["permit", "permit", "forbid"]);
    let is_template = choices.once_in(5);
    let mut writer = Writer::new(schema, choices, env);
    let mut slots = [false; 2];
    let mut sides = Vec::new();
    for (slot, (variable, of)) in slots
        .iter_mut()
        .zip([("principal", env.principal), ("resource", env.resource)])
    {
        *slot = is_template && (variable == "principal" || writer.choices.below(2) == 1);
        let entity = match slot {
            true => format!("?{variable}"),
            false => entity(&mut writer, of),
        };
        sides.push(side(
            &mut writer.choices,
            schema,
            variable,
            of,
            &entity,
            *slot,
        ));
    }
    let action = action_scope(&mut writer.choices, schema, action);
    let _ = write!(out, "{effect} ({}, {action}, {})", sides[0], sides[1]);
    let clauses = writer.choices.below(4);
    for clause in 0..clauses.max(1) {
        // One at least, mostly: a rule without conditions says little.
        if clause == 0 && writer.choices.once_in(12) {
            break;
        }
        let word = *writer.choices.pick(&["when", "when", "unless"]);
        let condition = writer.condition();
        let _ = write!(out, "\n{word} {{ {condition} }}");
    }
    out.push_str(";\n");
    if is_template {
        for link in 0..writer.choices.below(4) {
            let mut uid = |of: usize| -> Uid {
                let id = *writer.choices.pick(&IDS);
                (schema.types[of].name.to_owned(), id.to_owned())
            };
            links.push(Link {
                template: name.clone(),
                id: format!("link {number}.{link}"),
                slots: [
                    slots[0].then(|| uid(env.principal)),
                    slots[1].then(|| uid(env.resource)),
                ],
            });
        }
    }
    out
}

/// What a scope names: of any type, for it may be a group.
fn entity(writer: &mut Writer<'_, '_>, of: usize) -> String {
    let of = match writer.choices.below(2) {
        0 => of,
        _ => {
            let types = writer.types();
            writer.choices.below(types)
        }
    };
    writer.entity_literal(of)
}

fn side(
    choices: &mut Choices<'_>,
    schema: &Schema,
    variable: &str,
    of: usize,
    entity: &str,
    slot: bool,
) -> String {
    let name = schema.types[of].name;
    match choices.below(8) {
        0 | 1 if !slot => variable.to_owned(),
        2..5 if !slot => format!("{variable} is {name}"),
        0 | 5 => format!("{variable} == {entity}"),
        1 | 6 => format!("{variable} in {entity}"),
        _ => format!("{variable} is {name} in {entity}"),
    }
}

fn action_scope(choices: &mut Choices<'_>, schema: &Schema, action: usize) -> String {
    let uid = |action: usize| {
        let (type_name, id) = &schema.actions[action].uid;
        format!("{type_name}::{}", quoted(id))
    };
    match choices.below(6) {
        0 => "action".to_owned(),
        1 | 2 => format!("action == {}", uid(action)),
        3 => format!("action in {}", uid(choices.below(schema.actions.len()))),
        4 => format!("action in [{}]", uid(action)),
        _ => {
            let other = choices.below(schema.actions.len());
            format!("action in [{}, {}]", uid(action), uid(other))
        }
    }
}
