//! What is kept of calls: conversations, what was said in them, what happened, how quick it was.

mod backend;
mod tables;

pub use backend::{Condition, Error, Select, Test};
pub use tables::{Column, Kind, Row, Table};
