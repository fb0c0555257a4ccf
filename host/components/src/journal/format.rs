//! What stands in a journal: a head, and records behind it, each with its length in front, so that a
//! file that was cut off is good up to its last whole record.
//!
//! What crosses between the host and a component stands in it as postcard writes the types of the
//! contract, which is how it is compared too.

use crate::manifest::{Kind, Limits, Sound};
use crate::session::Fault;
use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// How every journal begins; behind it stands the version of the format, a byte.
pub(super) const NAME: &[u8] = b"cordboard";
pub(super) const VERSION: u8 = 1;
/// In front of each record, in bytes: its length, little-endian.
pub(super) const LENGTH: usize = 4;

/// One thing that is known of a call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Record<'a> {
    /// the first one
    #[serde(borrow)]
    Began(Began<'a>),
    #[serde(borrow)]
    Opened(Opened<'a>),
    #[serde(borrow)]
    Told(Told<'a>),
    #[serde(borrow)]
    Snapshot(Snapshot<'a>),
    /// this session is not needed any more
    Closed { session: u64 },
    /// the last one, unless the host was cut off; `whole`: nothing is missing before it
    Ended { whole: bool },
}

/// What all sessions of the call share.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Began<'a> {
    /// the version of the host
    pub(crate) host: Cow<'a, str>,
    pub(crate) call: Cow<'a, str>,
    /// in milliseconds since 1970
    pub(crate) at: u64,
    pub(crate) seed: u64,
}

/// A session was opened, or a persona restored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opened<'a> {
    /// as all times of a journal, in milliseconds since the call began
    pub(crate) at: u64,
    pub(crate) session: u64,
    #[serde(borrow)]
    pub(crate) component: Component<'a>,
    pub(crate) limits: Limits,
    pub(crate) sound: Sound,
    pub(crate) settings: Cow<'a, str>,
    /// what else it was opened with, in the words of its kind
    #[serde(borrow)]
    pub(crate) opening: Bytes<'a>,
    #[serde(borrow)]
    pub(crate) came: Came<'a>,
}

/// Which component, built from what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Component<'a> {
    pub(crate) kind: Kind,
    pub(crate) id: Cow<'a, str>,
    /// what this use of it goes by; mostly its id
    pub(crate) name: Cow<'a, str>,
    pub(crate) version: Cow<'a, str>,
    pub(crate) hash: Cow<'a, str>,
}

/// A session was told something.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Told<'a> {
    pub(crate) at: u64,
    pub(crate) session: u64,
    /// a list of events
    #[serde(borrow)]
    pub(crate) events: Bytes<'a>,
    /// a list of effects, or of actions
    #[serde(borrow)]
    pub(crate) came: Came<'a>,
}

/// A persona was asked what it needs to go on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot<'a> {
    pub(crate) at: u64,
    pub(crate) session: u64,
    /// perhaps a text
    #[serde(borrow)]
    pub(crate) came: Came<'a>,
}

/// What came of a call into a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Came<'a> {
    #[serde(borrow)]
    Done(Bytes<'a>),
    /// it refused, or broke
    Fault(Cow<'a, str>),
    /// The host had no more time for it, which depends on the machine.
    TooLong(Cow<'a, str>),
}

impl Came<'static> {
    pub(crate) fn of<T: Serialize>(result: Result<T, &Fault>) -> Self {
        match result {
            Ok(given) => Self::Done(Bytes::of(&given)),
            Err(fault @ Fault::TooLong(_)) => Self::TooLong(fault.to_string().into()),
            Err(fault) => Self::Fault(fault.to_string().into()),
        }
    }
}

/// Bytes that are not looked into.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Bytes<'a>(pub(crate) Cow<'a, [u8]>);

impl Bytes<'static> {
    pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        // what is written into memory, and knows its lengths, can be written
        Self(Cow::Owned(postcard::to_allocvec(value).unwrap_or_default()))
    }
}

impl Bytes<'_> {
    /// What they say; none: nothing of this type.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        match postcard::take_from_bytes(&self.0) {
            Ok((value, [])) => Some(value),
            _ => None,
        }
    }

    /// As a list: how long it is.
    pub(crate) fn count(&self) -> u64 {
        postcard::take_from_bytes(&self.0).map_or(0, |(count, _)| count)
    }
}

impl fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;
        impl<'de> Visitor<'de> for Borrowed {
            type Value = Bytes<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(Bytes(Cow::Borrowed(bytes)))
            }
        }
        deserializer.deserialize_bytes(Borrowed)
    }
}

/// A record as it stands in the file; none: it is too long for one.
pub(super) fn framed(record: &Record<'_>) -> Option<Vec<u8>> {
    let framed = postcard::to_extend(record, vec![0; LENGTH]).ok()?;
    let length = u32::try_from(framed.len().checked_sub(LENGTH)?).ok()?;
    let mut framed = framed;
    framed.get_mut(..LENGTH)?.copy_from_slice(&length.to_le_bytes());
    Some(framed)
}
