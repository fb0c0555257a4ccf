//! A journal as it was found. Whoever wrote it: nothing of it is believed that is not looked at.

use super::format::{Began, Component, LENGTH, NAME, Record, VERSION};
use std::collections::BTreeSet;

/// A journal, read.
#[derive(Debug)]
pub struct Kept<'a> {
    pub(super) began: Began<'a>,
    pub(super) records: Vec<Record<'a>>,
    pub ending: Ending,
}

/// How much of the call there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// all of it
    Whole,
    /// what came later could not be written
    Incomplete,
    /// it has no end: the host was cut off, the disk was full, or the call goes on
    Missing,
    /// it is cut off within a record: so many bytes are left over
    Torn(usize),
}

/// A component that took part in the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Took<'a> {
    pub kind: crate::manifest::Kind,
    pub id: &'a str,
    /// what this use of it went by
    pub name: &'a str,
    pub version: &'a str,
    /// the first 12 digits of its SHA-256
    pub hash: &'a str,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("it is no journal of a call")]
    NoJournal,
    #[error("it is a journal of version {0}, and this program reads version {VERSION}")]
    Version(u8),
    #[error("its record {0} is none that this program knows: another version of it may have written that")]
    Record(usize),
    #[error("it ends before the call began")]
    Empty,
}

impl<'a> Kept<'a> {
    /// Reads up to the last whole record.
    pub fn read(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let rest = bytes.strip_prefix(NAME).ok_or(ReadError::NoJournal)?;
        let (version, mut rest) = rest.split_first().ok_or(ReadError::Empty)?;
        if *version != VERSION {
            return Err(ReadError::Version(*version));
        }
        let mut records = Vec::new();
        let mut ending = Ending::Missing;
        while !rest.is_empty() {
            let Some((record, after)) = split(rest) else {
                ending = Ending::Torn(rest.len());
                break;
            };
            match postcard::take_from_bytes(record) {
                Ok((record, [])) => records.push(record),
                _ => return Err(ReadError::Record(records.len())),
            }
            rest = after;
        }
        if ending == Ending::Missing
            && let Some(Record::Ended { whole }) = records.last()
        {
            ending = if *whole { Ending::Whole } else { Ending::Incomplete };
        }
        match records.first() {
            Some(Record::Began(began)) => Ok(Self { began: began.clone(), records, ending }),
            Some(_) => Err(ReadError::Record(0)),
            None => Err(ReadError::Empty),
        }
    }

    /// The call's name.
    pub fn call(&self) -> &str {
        &self.began.call
    }

    /// When the call began, in milliseconds since 1970.
    pub fn began(&self) -> u64 {
        self.began.at
    }

    /// The version of the host that held the call.
    pub fn host(&self) -> &str {
        &self.began.host
    }

    /// In milliseconds, as far as it is known.
    pub fn lasted(&self) -> u64 {
        self.records.iter().filter_map(Record::at).max().unwrap_or_default()
    }

    /// Every component that took part, by kind and id.
    pub fn components(&self) -> Vec<Took<'_>> {
        let components: BTreeSet<&Component<'_>> =
            self.records.iter().filter_map(Record::component).collect();
        components
            .into_iter()
            .map(|component| Took {
                kind: component.kind,
                id: &component.id,
                name: &component.name,
                version: &component.version,
                hash: &component.hash,
            })
            .collect()
    }
}

impl Record<'_> {
    fn at(&self) -> Option<u64> {
        match self {
            Self::Opened(opened) => Some(opened.at),
            Self::Told(told) => Some(told.at),
            Self::Snapshot(snapshot) => Some(snapshot.at),
            Self::Began(_) | Self::Closed { .. } | Self::Ended { .. } => None,
        }
    }
}

impl<'a> Record<'a> {
    fn component(&self) -> Option<&Component<'a>> {
        if let Self::Opened(opened) = self { Some(&opened.component) } else { None }
    }
}

/// The first record, and what is behind it; none: it is not whole.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    // a disk that lost its power may leave nothing but zeros
    if length == 0 { None } else { rest.split_at_checked(length) }
}
