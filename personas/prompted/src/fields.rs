//! What is to be found out, and what is known of it.
//!
//! A value counts once it is of its type; where the author wants it confirmed, once the model says so in a
//! later turn than the one in which it was said.

use crate::page::{Field, Page};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) value: Value,
    /// in which turn it was said
    turn: u32,
    pub(crate) confirmed: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fields {
    known: BTreeMap<String, Known>,
    /// how often something was saved that was not known before
    changes: u32,
    /// `changes` when everything was read back
    read_back: Option<u32>,
}

/// What became of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Saved {
    Kept(Value),
    /// the caller has to say yes to it
    Unconfirmed(Value),
}

impl Fields {
    pub(crate) fn known(&self, name: &str) -> Option<&Known> {
        self.known.get(name)
    }

    pub(crate) fn save(
        &mut self,
        field: &Field,
        value: &Value,
        turn: u32,
        confirmed: bool,
    ) -> Result<Saved, String> {
        let value = field.kind.check(value)?;
        let before = self.known.get(&field.name).filter(|known| known.value == value);
        let since = before.map_or(turn, |known| known.turn);
        let was_confirmed = before.is_some_and(|known| known.confirmed);
        // nobody has said yes to what was not asked yet
        let confirmed = !field.confirm || was_confirmed || confirmed && since < turn;
        if before.is_none() || confirmed != was_confirmed {
            self.changes += 1;
        }
        self.known.insert(field.name.clone(), Known { value: value.clone(), turn: since, confirmed });
        Ok(if confirmed { Saved::Kept(value) } else { Saved::Unconfirmed(value) })
    }

    /// What is needed and not known, or not confirmed.
    pub(crate) fn missing<'a>(&self, page: &'a Page) -> Vec<&'a str> {
        let is_missing = |field: &&Field| {
            field.required && self.known.get(&field.name).is_none_or(|known| !known.confirmed)
        };
        page.fields.iter().filter(is_missing).map(|field| field.name.as_str()).collect()
    }

    /// An answer was heard with all of it in it.
    pub(crate) fn note_read_back(&mut self) {
        self.read_back = Some(self.changes);
    }

    /// And nothing was said since that changes anything.
    pub(crate) fn is_read_back(&self) -> bool {
        self.read_back == Some(self.changes)
    }
}

/// Fields that the script and its tools share.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Fields", into = "Fields")]
pub(crate) struct Shared(Rc<RefCell<Fields>>);

impl Shared {
    pub(crate) fn get(&self) -> Ref<'_, Fields> {
        self.0.borrow()
    }

    pub(crate) fn get_mut(&self) -> RefMut<'_, Fields> {
        self.0.borrow_mut()
    }
}

impl From<Fields> for Shared {
    fn from(fields: Fields) -> Self {
        Self(Rc::new(RefCell::new(fields)))
    }
}

impl From<Shared> for Fields {
    fn from(shared: Shared) -> Self {
        shared.0.borrow().clone()
    }
}
