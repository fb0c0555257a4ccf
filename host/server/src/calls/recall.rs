//! What a persona kept in earlier calls: asked of whoever remembers.
//!
//! How long that may take, and what a persona is told meanwhile, is the call's to decide.

use call::persona::{Field, Id};
use futures_util::future::{BoxFuture, ready};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

/// One who knows what was kept in earlier calls.
pub trait Memory: Send + Sync {
    /// The fields of the newest conversation of this persona, other than this call, whose field has this
    /// value; none: there is none, or it cannot be said now. It is dropped when nobody waits any more.
    fn recall(&self, asked: Asked) -> BoxFuture<'static, Option<Vec<Field>>>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// the persona's id: it learns nothing of what another kept
    pub persona: String,
    /// the call that asks
    pub call: String,
    /// one that was kept, or `caller`
    pub field: String,
    /// JSON
    pub value: String,
}

/// What one call is waiting for.
pub struct Recalls {
    memory: Option<Arc<dyn Memory>>,
    asked: BTreeMap<Id, BoxFuture<'static, Option<Vec<Field>>>>,
}

impl Recalls {
    /// Without a memory nothing is known.
    pub fn new(memory: Option<Arc<dyn Memory>>) -> Self {
        Self { memory, asked: BTreeMap::new() }
    }

    pub fn ask(&mut self, id: Id, asked: Asked) {
        let answer = match &self.memory {
            Some(memory) => memory.recall(asked),
            None => Box::pin(ready(None)),
        };
        self.asked.insert(id, answer);
    }

    pub fn cancel(&mut self, id: Id) {
        self.asked.remove(&id);
    }

    /// The next answer; while nothing is asked there is none. May be dropped at any time.
    pub async fn next(&mut self) -> (Id, Option<Vec<Field>>) {
        poll_fn(|context| {
            let answered =
                self.asked.iter_mut().find_map(|(id, answer)| match answer.as_mut().poll(context) {
                    Poll::Ready(fields) => Some((*id, fields)),
                    Poll::Pending => None,
                });
            if let Some((id, _)) = &answered {
                self.asked.remove(id);
            }
            answered.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use futures_util::future::pending;

    struct Remembers;

    impl Memory for Remembers {
        fn recall(&self, asked: Asked) -> BoxFuture<'static, Option<Vec<Field>>> {
            match &*asked.field {
                "slow" => Box::pin(pending()),
                _ => Box::pin(ready(Some(vec![Field { name: asked.persona, value: asked.value }]))),
            }
        }
    }

    fn asked(field: &str) -> Asked {
        Asked { persona: "clerk".into(), call: "CA1".into(), field: field.into(), value: "7".into() }
    }

    #[test]
    fn an_answer_comes_once_and_one_that_is_slow_holds_up_none() {
        let mut recalls = Recalls::new(Some(Arc::new(Remembers)));
        recalls.ask(1, asked("slow"));
        recalls.ask(2, asked("claim_id"));
        let known = Some(vec![Field { name: "clerk".into(), value: "7".into() }]);
        assert_eq!(recalls.next().now_or_never(), Some((2, known)));
        assert_eq!(recalls.next().now_or_never(), None);
    }

    #[test]
    fn what_was_cancelled_is_not_answered() {
        let mut recalls = Recalls::new(Some(Arc::new(Remembers)));
        recalls.ask(1, asked("claim_id"));
        recalls.cancel(1);
        assert_eq!(recalls.next().now_or_never(), None);
    }

    #[test]
    fn without_a_memory_nothing_is_known() {
        let mut recalls = Recalls::new(None);
        recalls.ask(1, asked("claim_id"));
        assert_eq!(recalls.next().now_or_never(), Some((1, None)));
    }
}
