//! Lookups under way: one for each domain and intent, whoever waits for it.

use crate::{answer::Answer, bounded::locked, fairness::registrable, resolver::Core, store::Known};
use mta_sts_core::{Domain, Intent};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use tokio::{sync::watch, task::AbortHandle};

/// How far a lookup has come.
#[derive(Clone, Debug)]
pub(crate) enum Progress {
    /// It asks DNS, or is about to.
    Asking,
    /// It fetches the policy.
    Fetching,
    /// It has ended.
    Ended(Arc<Answer>),
}

#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<List>);

#[derive(Debug, Default)]
struct List {
    flights: HashMap<Key, Flight>,
    /// How many there are of each registrable domain.
    of_registrable: HashMap<String, usize>,
}

type Key = (Domain, Intent);

#[derive(Debug)]
struct Flight {
    progress: watch::Receiver<Progress>,
    task: AbortHandle,
}

pub(crate) enum Joined {
    Flight(watch::Receiver<Progress>),
    /// Too much is under way, in all or for the registrable domain.
    Full,
}

/// The part of all lookups that one registrable domain may take: whoever has many domains with silent
/// policy hosts must leave room for the others.
const SHARE: usize = 16;

impl Flights {
    /// Joins the lookup under way, or starts it on the current runtime, with what is `known`. It runs
    /// to its end even if nobody waits for it.
    pub(crate) fn join(&self, domain: &Domain, intent: Intent, known: Known, core: &Arc<Core>) -> Joined {
        let key = (domain.clone(), intent);
        let mut list = locked(&self.0);
        if let Some(flight) = list.flights.get(&key) {
            return Joined::Flight(flight.progress.clone());
        }
        let registrable = registrable(domain.as_str());
        let of_registrable = list.of_registrable.get(registrable).copied().unwrap_or_default();
        if list.flights.len() >= core.max_under_way || of_registrable >= (core.max_under_way / SHARE).max(1) {
            return Joined::Full;
        }
        // Lookups of one domain for other purposes come one after another: each finds in the store
        // what the one before it learnt, and no policy is fetched twice at once.
        let others = [Intent::Deliver, Intent::BeforeBounce, Intent::Refresh].map(|intent| (domain.clone(), intent));
        let before: Vec<_> =
            others.iter().filter_map(|key| list.flights.get(key)).map(|flight| flight.progress.clone()).collect();
        let (sender, progress) = watch::channel(Progress::Asking);
        let (core, landing_key) = (core.clone(), key.clone());
        let task = tokio::spawn(async move {
            // Made here: a runtime that ends drops the task at once, while the list is locked.
            let landing = Landing { core, key: landing_key };
            let is_old = !before.is_empty();
            for mut other in before {
                // An error means that it was aborted, which is an end too.
                let _ = other.wait_for(|progress| matches!(progress, Progress::Ended(_))).await;
            }
            let (core, domain) = (&landing.core, &landing.key.0);
            let known = core.store.catch_up(domain, known, is_old, core.clock.now()).await;
            let answer = core.look_up(domain, intent, known, &sender).await;
            // First out of the list, so that who has seen the end and asks again starts anew.
            drop(landing);
            sender.send_replace(Progress::Ended(answer));
        });
        *list.of_registrable.entry(registrable.to_owned()).or_default() += 1;
        list.flights.insert(key, Flight { progress: progress.clone(), task: task.abort_handle() });
        Joined::Flight(progress)
    }

    pub(crate) fn abort_all(&self) {
        // Out of the lock first: a task that is dropped takes it to leave the list.
        let list = core::mem::take(&mut *locked(&self.0));
        list.flights.values().for_each(|flight| flight.task.abort());
    }
}

/// Takes the lookup out of the list, however it ends.
struct Landing {
    core: Arc<Core>,
    key: Key,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut list = locked(&self.core.flights.0);
        if list.flights.remove(&self.key).is_none() {
            return;
        }
        let registrable = registrable(self.key.0.as_str());
        if let Some(count) = list.of_registrable.get_mut(registrable) {
            *count -= 1;
            if *count == 0 {
                list.of_registrable.remove(registrable);
            }
        }
    }
}
