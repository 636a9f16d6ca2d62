//! Two customers: who signs in for them, and what their records say.
//!
//! What the rules need (tenant, role, class) is in `tenants/*.json` and goes into the sandbox. What people read is in
//! `tenants/*.records.json` and stays here; it changes while the demo runs, and is as before when it starts anew.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context as _, Result};
use avow_host::avow_engine::intake::Json;
use serde::Deserialize;

const FILES: [(&str, &str); 2] = [
    (
        include_str!("../tenants/northfield.json"),
        include_str!("../tenants/northfield.records.json"),
    ),
    (
        include_str!("../tenants/harbour.json"),
        include_str!("../tenants/harbour.records.json"),
    ),
];

/// A customer.
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) people: Vec<Person>,
    /// For the sandbox.
    pub(crate) residents: Json,
    records: Mutex<BTreeMap<String, Record>>,
    /// By id of a person; who is not in it stands as the files say.
    standings: Mutex<BTreeMap<String, Standing>>,
}

/// What an administrator has done about somebody since the demo began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) deactivated: bool,
    /// The role that was asked for.
    pub(crate) role: Option<&'static str>,
}

/// Somebody who signs in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) job: String,
    /// `admin` or `member`: the residents say so.
    #[serde(skip)]
    pub(crate) role: String,
}

/// What a record says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) date: String,
    pub(crate) text: String,
    /// The residents say so.
    #[serde(skip)]
    pub(crate) class: String,
    /// Corrections of an entry of the audit log, which stand beside it.
    #[serde(skip)]
    pub(crate) corrections: Vec<String>,
    /// Who asked for erasure.
    #[serde(skip)]
    pub(crate) erasure_asked_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: String,
    title: String,
    people: Vec<Person>,
    records: Vec<Record>,
}

/// Reads both customers.
///
/// # Errors
/// Where one of their files is not what it should be.
pub(crate) fn read() -> Result<Vec<Tenant>> {
    FILES
        .into_iter()
        .map(|(residents, records)| Tenant::read(residents, records))
        .collect()
}

impl Tenant {
    fn read(residents: &str, records: &str) -> Result<Self> {
        let residents: Json = serde_json::from_str(residents).context("entities of a tenant")?;
        let file: File = serde_json::from_str(records).context("records of a tenant")?;
        let said = |kind: &str, id: &str, name: &str| {
            attribute(&residents, kind, id, name)
                .with_context(|| format!("`{id}` of `{}` has no {name}", file.id))
        };
        let mut people = file.people.clone();
        for person in &mut people {
            person.role = said("OpSyn::User", &person.id, "role")?;
        }
        let mut all = BTreeMap::new();
        for mut record in file.records.clone() {
            record.class = said("OpSyn::Record", &record.id, "class")?;
            all.insert(record.id.clone(), record);
        }
        Ok(Self {
            id: file.id,
            title: file.title,
            people,
            residents,
            records: Mutex::new(all),
            standings: Mutex::default(),
        })
    }

    pub(crate) fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.id == id)
    }

    /// The records, the newest first.
    pub(crate) fn records(&self) -> Vec<Record> {
        let mut records: Vec<_> = self.lock().values().cloned().collect();
        records.sort_by(|a, b| b.date.cmp(&a.date).then_with(|| a.id.cmp(&b.id)));
        records
    }

    pub(crate) fn record(&self, id: &str) -> Option<Record> {
        self.lock().get(id).cloned()
    }

    /// Changes a record, if there is one. Who calls this has decided that it may be changed.
    pub(crate) fn change(&self, id: &str, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.lock().get_mut(id) {
            change(record);
        }
    }

    /// Deletes a record. Who calls this has decided that it may go.
    pub(crate) fn remove(&self, id: &str) {
        self.lock().remove(id);
    }

    pub(crate) fn standing(&self, person: &str) -> Standing {
        let standings = self
            .standings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        standings.get(person).cloned().unwrap_or_default()
    }

    /// Changes how somebody stands. Who calls this has decided that it may be changed.
    pub(crate) fn stand(&self, person: &str, change: impl FnOnce(&mut Standing)) {
        let mut standings = self
            .standings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        change(standings.entry(person.to_owned()).or_default());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn attribute(residents: &Json, kind: &str, id: &str, name: &str) -> Option<String> {
    let Json::List(entities) = residents else {
        return None;
    };
    let is = |uid: &Json| {
        uid.get("type") == Some(&Json::from(kind)) && uid.get("id") == Some(&Json::from(id))
    };
    let entity = entities
        .iter()
        .find(|entity| entity.get("uid").is_some_and(is))?;
    match entity.get("attrs")?.get(name)? {
        Json::Str(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn there_are_two_customers_with_an_administrator_and_a_member_each() {
        let tenants = read().unwrap();
        let roles: Vec<Vec<&str>> = tenants
            .iter()
            .map(|tenant| tenant.people.iter().map(|p| p.role.as_str()).collect())
            .collect();
        assert_eq!(roles, [["admin", "member"], ["admin", "member"]]);
        for tenant in &tenants {
            assert_eq!(tenant.records().len(), 6);
        }
    }
}
