//! Keys of the interface, and what each of them may do.

use crate::config::Loaded;
use components::grant::Operator;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// see calls
    Read,
    /// take a hand in them
    Control,
    /// place new ones
    Call,
    /// exchange the components that serve them
    Exchange,
}

impl Role {
    pub const EVERY: [Self; 4] = [Self::Read, Self::Control, Self::Call, Self::Exchange];

    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Control => "control",
            Self::Call => "call",
            Self::Exchange => "components",
        }
    }
}

/// Holds every role.
pub const ALL: &str = "CORDBOARD_API_KEY";
/// Hold one each, and may read besides. A variable may hold several keys, with commas between them.
pub const ONE: [(&str, Role); 4] = [
    ("CORDBOARD_API_KEY_READ", Role::Read),
    ("CORDBOARD_API_KEY_CONTROL", Role::Control),
    ("CORDBOARD_API_KEY_CALL", Role::Call),
    ("CORDBOARD_API_KEY_COMPONENTS", Role::Exchange),
];
/// Shorter keys could be guessed.
const SHORTEST: usize = 16;

/// The keys that there are, as hashes: comparing these tells nothing about a key.
#[derive(Default)]
pub struct ApiKeys(Vec<([u8; 32], BTreeSet<Role>)>);

impl ApiKeys {
    pub fn read(loaded: &Loaded) -> anyhow::Result<Self> {
        let every = BTreeSet::from(Role::EVERY);
        let one = ONE.map(|(name, role)| (name, BTreeSet::from([Role::Read, role])));
        let mut keys = Self::default();
        for (name, roles) in std::iter::once((ALL, every)).chain(one) {
            let value = loaded.variable(name).unwrap_or_default();
            for key in value.split(',').map(str::trim).filter(|key| !key.is_empty()) {
                if key.len() < SHORTEST || key.contains(char::is_whitespace) {
                    anyhow::bail!(
                        "{name}: a key has at least {SHORTEST} characters and no spaces; \
                         `openssl rand -hex 24` makes one"
                    );
                }
                keys.0.push((hash(key), roles.clone()));
            }
        }
        Ok(keys)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What this key may do; none: it is none of ours.
    pub fn roles(&self, key: &str) -> Option<&BTreeSet<Role>> {
        let hash = hash(key.trim());
        self.0.iter().find(|(known, _)| *known == hash).map(|(_, roles)| roles)
    }

    #[cfg(test)]
    fn of(keys: &[(&str, &[Role])]) -> Self {
        Self(keys.iter().map(|(key, roles)| (hash(key), roles.iter().copied().collect())).collect())
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_do_what_its_roles_say_and_an_unknown_one_nothing() {
        let keys = ApiKeys::of(&[
            ("reader-0123456789", &[Role::Read]),
            ("caller-0123456789", &[Role::Read, Role::Call]),
        ]);
        assert!(!keys.roles("reader-0123456789").unwrap().contains(&Role::Control));
        assert!(keys.roles(" caller-0123456789 ").unwrap().contains(&Role::Call));
        assert_eq!(keys.roles("caller"), None);
        assert_eq!(keys.roles(""), None);
    }
}
