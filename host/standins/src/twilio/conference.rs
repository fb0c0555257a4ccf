//! `<Dial><Conference>`: rooms in which calls wait for each other, talk, and are thrown out of when
//! somebody who ends them leaves.
//!
//! A conference begins with its second participant, once there is one who may begin it. Not here:
//! muting, coaching, `maxParticipants`, and the interface to conferences.

use super::callbacks::Callback;
use super::dial::DialOutcome;
use super::leg::{Cut, Ending, Leg};
use super::network::{Source, fresh_sid, lock, rfc2822};
use super::people::Method;
use super::seen::{By, DialStatus, Event, Kind, Left};
use super::twiml::Element;
use super::verbs::after;
use super::webhook::Target;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use url::Url;

#[derive(Default)]
pub(super) struct Rooms(Mutex<HashMap<String, Arc<Room>>>);

/// A conference, from its first participant to its end.
struct Room {
    sid: String,
    name: String,
    /// As the first participant's document has it.
    callback: Option<(Target, Vec<String>)>,
    /// Of the next callback.
    sequence: AtomicU64,
    state: watch::Sender<State>,
}

#[derive(Default)]
struct State {
    members: Vec<Member>,
    begun: bool,
    ended: bool,
}

struct Member {
    call: String,
    begins: bool,
    ends: bool,
}

impl Leg {
    pub(super) async fn conference(
        &mut self,
        noun: &Element,
        base: Option<&Url>,
    ) -> Result<DialOutcome, Cut> {
        let callback = noun.attribute("statusCallback").map(|url| self.resolve(base, url)).transpose()?;
        let method = Method::of(noun.attribute("statusCallbackMethod"));
        let events = noun.attribute("statusCallbackEvent").unwrap_or_default();
        let events = events.split(' ').map(str::to_owned).collect();
        let callback = callback.map(|url| (Target::new(url, method), events));
        let music = match noun.attribute("waitUrl").filter(|url| !url.is_empty()) {
            Some(url) => {
                Some(Target::new(self.resolve(base, url)?, Method::of(noun.attribute("waitMethod"))))
            }
            None => None,
        };
        let member = Member {
            call: self.sid.clone(),
            begins: noun.flag("startConferenceOnEnter", true),
            ends: noun.flag("endConferenceOnExit", false),
        };
        let room = self.enter(&noun.text, member, callback);
        let stayed = self.stay(&room, music).await;
        let (why, cut) = match stayed {
            Ok(()) => (Left::Ended, None),
            Err(cut @ Cut::Goto { .. }) => (Left::Redirected, Some(cut)),
            Err(cut @ Cut::Over(_)) => (Left::HungUp, Some(cut)),
        };
        self.leave(&room, why);
        cut.map_or(Ok(DialOutcome { status: DialStatus::Completed, sid: None, bridged: None }), Err)
    }

    fn enter(&self, name: &str, member: Member, callback: Option<(Target, Vec<String>)>) -> Arc<Room> {
        let room = {
            let mut rooms = lock(&self.network.rooms.0);
            let room = rooms.entry(name.to_owned()).or_insert_with(|| {
                Arc::new(Room {
                    sid: fresh_sid("CF"),
                    name: name.to_owned(),
                    callback,
                    sequence: AtomicU64::new(1),
                    state: watch::Sender::default(),
                })
            });
            let room = room.clone();
            // in the map, so that nobody ends it meanwhile
            room.state.send_modify(|state| state.members.push(member));
            room
        };
        self.tell(&room, "join", "participant-join");
        let mut begins = false;
        let mut waits = false;
        room.state.send_modify(|state| {
            begins = !state.begun && state.members.len() > 1 && state.members.iter().any(|m| m.begins);
            state.begun |= begins;
            waits = !state.begun;
        });
        self.event(Event::JoinedConference { room: name.to_owned(), waits });
        if begins {
            self.tell(&room, "start", "conference-start");
        }
        room
    }

    /// Until the conference is over, or this call leaves it.
    async fn stay(&mut self, room: &Room, music: Option<Target>) -> Result<(), Cut> {
        let mut state = room.state.subscribe();
        if let Some(music) = music.filter(|_| !state.borrow().begun) {
            self.waits = true;
            let waiting = async {
                // the sender is the room's, which is held
                let _ = state.wait_for(|state| state.begun || state.ended).await;
            };
            let heard = tokio::select! {
                () = waiting => Ok(()),
                heard = self.follow_to_the_end(Source::At(music)) => heard,
            };
            self.waits = false;
            match heard {
                // who cannot have music waits in silence
                Ok(()) | Err(Cut::Over(Ending::FAILED)) => {}
                Err(cut) => return Err(cut),
            }
        }
        let talks = self.person.talks;
        let staying = async {
            let _ = state.wait_for(|state| state.begun || state.ended).await;
            let ended = async {
                let _ = state.wait_for(|state| state.ended).await;
            };
            tokio::select! {
                () = ended => Ok(()),
                () = after(talks) => Err(Cut::Over(Ending::by(By::Person))),
            }
        };
        self.orders.unless_cut(staying).await?
    }

    fn leave(&self, room: &Arc<Room>, why: Left) {
        let mut ends = false;
        {
            let mut rooms = lock(&self.network.rooms.0);
            room.state.send_modify(|state| {
                let leaving = state.members.iter().position(|member| member.call == self.sid);
                let leaving = leaving.map(|place| state.members.remove(place));
                let decides = leaving.is_some_and(|member| member.ends) || state.members.is_empty();
                ends = decides && !state.ended;
                state.ended |= ends;
            });
            if ends && rooms.get(&room.name).is_some_and(|current| Arc::ptr_eq(current, room)) {
                rooms.remove(&room.name);
            }
        }
        self.event(Event::LeftConference { room: room.name.clone(), why });
        self.tell(room, "leave", "participant-leave");
        if ends {
            self.tell(room, "end", "conference-end");
        }
    }

    /// Tells the customer, if this was asked for.
    fn tell(&self, room: &Room, wanted: &str, event: &str) {
        let Some((target, events)) = &room.callback else { return };
        if !events.iter().any(|event| event == wanted) {
            return;
        }
        let number = room.sequence.fetch_add(1, Ordering::Relaxed);
        let mut parameters = vec![
            ("AccountSid", self.network.config.account_sid.clone()),
            ("ConferenceSid", room.sid.clone()),
            ("FriendlyName", room.name.clone()),
            ("StatusCallbackEvent", event.to_owned()),
            ("SequenceNumber", number.to_string()),
            ("Timestamp", rfc2822(Timestamp::now())),
        ];
        if event.starts_with("participant") {
            parameters.push(("CallSid", self.sid.clone()));
        }
        let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let target = Target { parameters, ..target.clone() };
        self.callbacks.send(Callback { kind: Kind::Conference, event: event.to_owned(), target });
    }
}
