//! Lookups under way: one for each domain and intent, whoever waits for it.

use crate::{answer::Answer, bounded::locked, resolver::Core};
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
pub(crate) struct Flights(Mutex<HashMap<Key, Flight>>);

type Key = (Domain, Intent);

#[derive(Debug)]
struct Flight {
    progress: watch::Receiver<Progress>,
    task: AbortHandle,
}

pub(crate) enum Joined {
    Flight(watch::Receiver<Progress>),
    /// Too much is under way.
    Full,
}

impl Flights {
    /// Joins the lookup under way, or starts it on the current runtime. It runs to its end even if
    /// nobody waits for it.
    pub(crate) fn join(&self, domain: &Domain, intent: Intent, core: &Arc<Core>) -> Joined {
        let key = (domain.clone(), intent);
        let mut flights = locked(&self.0);
        if let Some(flight) = flights.get(&key) {
            return Joined::Flight(flight.progress.clone());
        }
        if flights.len() >= core.max_under_way {
            return Joined::Full;
        }
        // Lookups of one domain for other purposes come one after another: each finds in the store
        // what the one before it learnt, and no policy is fetched twice at once.
        let others = [Intent::Deliver, Intent::BeforeBounce, Intent::Refresh].map(|intent| (domain.clone(), intent));
        let before: Vec<_> =
            others.iter().filter_map(|key| flights.get(key)).map(|flight| flight.progress.clone()).collect();
        let (sender, progress) = watch::channel(Progress::Asking);
        let landing = Landing { core: core.clone(), key: key.clone() };
        let task = tokio::spawn(async move {
            for mut other in before {
                // An error means that it was aborted, which is an end too.
                let _ = other.wait_for(|progress| matches!(progress, Progress::Ended(_))).await;
            }
            let answer = landing.core.look_up(&landing.key.0, intent, &sender).await;
            // First out of the list, so that who has seen the end and asks again starts anew.
            drop(landing);
            sender.send_replace(Progress::Ended(Arc::new(answer)));
        });
        flights.insert(key, Flight { progress: progress.clone(), task: task.abort_handle() });
        Joined::Flight(progress)
    }

    pub(crate) fn abort_all(&self) {
        // Out of the lock first: a task that is dropped takes it to leave the list.
        let flights = core::mem::take(&mut *locked(&self.0));
        flights.values().for_each(|flight| flight.task.abort());
    }
}

/// Takes the lookup out of the list, however it ends.
struct Landing {
    core: Arc<Core>,
    key: Key,
}

impl Drop for Landing {
    fn drop(&mut self) {
        locked(&self.core.flights.0).remove(&self.key);
    }
}
