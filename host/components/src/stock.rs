//! Instances that are made before a call needs them.
//!
//! Making one is what a language's runtime does before anybody calls it. Where that takes long, a few of each
//! build that calls get are kept ready: a thread of the host makes them, and makes another one when one was
//! taken. What holds:
//!
//! - an instance never learns whether it was made for a call or before it. It is made in the same way:
//!   in a store that belongs to nobody, in which the clock stands and random numbers are the same always
//!   (`store`). What differs from session to session is set when one takes it.
//! - what making it took is the session's that takes it: time, memory, lines of log.
//! - there is stock only of what is dear to make, as measured with each build, and only while somebody expects
//!   sessions of it.
//! - stock gives way. There is little of it, and none when a call finds no room.
//!
//! Which builds calls get is not known here; `server/src/slots/` says so.

use crate::manifest::Limits;
use crate::store::{self, State};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use wasmtime::{Engine, PoolConcurrencyLimitError, Store};

/// Of one build: a call that begins takes one, and a second one may begin meanwhile.
const OF_ONE: usize = 2;
/// Of a host: what they hold of its memory is not much in any case.
const OF_ALL: usize = 32;
/// Making it takes as much of a processor, or there is no stock of it. One of Rust takes a fifteenth of that,
/// one of JavaScript two thirds, one of Python four times as much.
const DEAR: Duration = Duration::from_micros(300);
/// After a call found no room, nothing is kept from the next ones for so long.
const MODESTY: Duration = Duration::from_secs(10);

/// How an instance is made in a store.
pub type Maker<W> = Box<dyn Fn(&mut Store<State>) -> wasmtime::Result<W> + Send + Sync>;

/// An instance that nobody has called yet, or why there is none; and its store.
pub(crate) struct Made<W> {
    pub(crate) store: Store<State>,
    pub(crate) world: wasmtime::Result<W>,
}

/// Where sessions of one build get their instances.
pub(crate) struct Stock<W> {
    shelf: Arc<Shelf<W>>,
    room: Arc<Room>,
}

/// The stock of one build.
struct Shelf<W> {
    engine: Engine,
    limits: Limits,
    make: Maker<W>,
    kept: Mutex<Kept<W>>,
}

struct Kept<W> {
    instances: Vec<Made<W>>,
    /// sessions are opened of this build
    expected: bool,
    /// what making one took when it took least: the first one of a build takes longer; none: none was made
    took: Option<Duration>,
    /// one could not be made: that is found out by who needs it
    broken: bool,
}

/// All stock of a host.
pub(crate) struct Room {
    /// held while an instance is made for stock, and while stock gives way: so nothing that was given away is
    /// taken again by who makes the next one
    shelves: Mutex<Shelves>,
    wishes: Sender<Weak<dyn Stocked>>,
}

#[derive(Default)]
struct Shelves {
    known: Vec<Weak<dyn Stocked>>,
    /// nothing is made before
    modest_until: Option<Instant>,
}

/// A shelf, whatever is on it.
trait Stocked: Send + Sync {
    fn wants_more(&self) -> bool;
    fn kept(&self) -> usize;
    /// False: there was no room for it.
    fn make_one(&self) -> bool;
    fn clear(&self);
}

impl<W: Send + 'static> Stock<W> {
    pub(crate) fn new(engine: &Engine, room: &Arc<Room>, limits: Limits, make: Maker<W>) -> Self {
        let kept = Kept { instances: Vec::new(), expected: false, took: None, broken: false };
        let shelf = Shelf { engine: engine.clone(), limits, make, kept: Mutex::new(kept) };
        Self { shelf: Arc::new(shelf), room: room.clone() }
    }

    /// One for a session: that is ready, or is made now.
    pub(crate) fn take(&self) -> Made<W> {
        let ready = self.shelf.locked().instances.pop();
        let made = ready.unwrap_or_else(|| self.make());
        if self.shelf.wants_more() {
            self.room.wish(&self.shelf);
        }
        made
    }

    /// Whether sessions are opened of this build from now on. It takes a moment until some are ready, and none
    /// to have none.
    pub(crate) fn expect(&self, expected: bool) {
        let news = std::mem::replace(&mut self.shelf.locked().expected, expected) != expected;
        match expected {
            true if news => self.room.keep(&self.shelf),
            true => {}
            false => self.shelf.clear(),
        }
    }

    /// How many are ready.
    pub(crate) fn ready(&self) -> usize {
        self.shelf.kept()
    }

    fn make(&self) -> Made<W> {
        let made = self.shelf.make();
        if !made.found_no_room() {
            return made;
        }
        // what it got of it so far stands in the way of the next attempt
        drop(made);
        let _nobody_makes_any = self.room.give_way();
        self.shelf.make()
    }
}

impl<W> Drop for Stock<W> {
    fn drop(&mut self) {
        // the host's thread may hold the shelf for a moment
        let mut kept = self.shelf.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.expected = false;
        kept.instances.clear();
    }
}

impl<W> Made<W> {
    fn found_no_room(&self) -> bool {
        self.world.as_ref().err().is_some_and(|error| error.is::<PoolConcurrencyLimitError>())
    }
}

impl<W> Shelf<W> {
    fn locked(&self) -> MutexGuard<'_, Kept<W>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self) -> Made<W> {
        let mut store = store::of_nobody(&self.engine, self.limits);
        let (world, took) = store::make(&mut store, &self.make);
        if world.is_ok() {
            let mut kept = self.locked();
            kept.took = Some(kept.took.map_or(took, |least| least.min(took)));
        }
        Made { store, world }
    }
}

impl<W> Kept<W> {
    fn is_worth_it(&self) -> bool {
        self.expected && !self.broken && self.took.is_none_or(|took| took >= DEAR)
    }
}

impl<W: Send> Stocked for Shelf<W> {
    fn wants_more(&self) -> bool {
        let kept = self.locked();
        kept.is_worth_it() && kept.instances.len() < OF_ONE
    }

    fn kept(&self) -> usize {
        self.locked().instances.len()
    }

    fn make_one(&self) -> bool {
        let made = self.make();
        if made.found_no_room() {
            return false;
        }
        let mut kept = self.locked();
        kept.broken |= made.world.is_err();
        if kept.is_worth_it() {
            kept.instances.push(made);
        } else {
            drop(kept);
            self.clear();
        }
        true
    }

    fn clear(&self) {
        let given_up = std::mem::take(&mut self.locked().instances);
        drop(given_up);
    }
}

impl Room {
    /// Its thread ends with it.
    pub(crate) fn open() -> std::io::Result<Arc<Self>> {
        let (wishes, wished) = mpsc::channel();
        let room = Arc::new(Self { shelves: Mutex::default(), wishes });
        let weak = Arc::downgrade(&room);
        std::thread::Builder::new().name("stock".into()).spawn(move || grant(&wished, &weak))?;
        Ok(room)
    }

    fn keep<W: Send + 'static>(&self, shelf: &Arc<Shelf<W>>) {
        let shelf_of_any = Arc::downgrade(shelf) as Weak<dyn Stocked>;
        {
            let mut shelves = self.locked();
            shelves.known.retain(|known| known.strong_count() > 0 && !known.ptr_eq(&shelf_of_any));
            shelves.known.push(shelf_of_any);
        }
        self.wish(shelf);
    }

    fn wish<W: Send + 'static>(&self, shelf: &Arc<Shelf<W>>) {
        // nobody hears it when the host is going
        let _ = self.wishes.send(Arc::downgrade(shelf) as Weak<dyn Stocked>);
    }

    /// A call found no room: stock has none either, and none is made while this is held, nor in a while.
    fn give_way(&self) -> MutexGuard<'_, Shelves> {
        let mut shelves = self.locked();
        shelves.modest_until = Some(Instant::now() + MODESTY);
        shelves.known.iter().filter_map(Weak::upgrade).for_each(|shelf| shelf.clear());
        shelves
    }

    /// Whether one more was made for this shelf.
    fn make_one(&self, shelf: &Arc<dyn Stocked>) -> bool {
        let mut shelves = self.locked();
        let is_modest = shelves.modest_until.is_some_and(|until| Instant::now() < until);
        let kept: usize = shelves.known.iter().filter_map(Weak::upgrade).map(|shelf| shelf.kept()).sum();
        if is_modest || kept >= OF_ALL || !shelf.wants_more() {
            return false;
        }
        let had_room = shelf.make_one();
        if !had_room {
            shelves.modest_until = Some(Instant::now() + MODESTY);
        }
        had_room
    }

    fn locked(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the host's thread does: one after the other, so that a call that needs room waits for one at most.
fn grant(wished: &Receiver<Weak<dyn Stocked>>, room: &Weak<Room>) {
    while let Ok(shelf) = wished.recv() {
        let (Some(shelf), Some(room)) = (shelf.upgrade(), room.upgrade()) else { continue };
        while room.make_one(&shelf) {}
    }
}
