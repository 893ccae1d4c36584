//! The threads that talk to SQLite. They are not tokio's: a disk that hangs takes these along and
//! no others. Their queues are bounded.

use super::file::{Identity, Place, Trouble};
use crate::{bounded::locked, store::StoreError};
use core::mem;
use rusqlite::{Connection, TransactionBehavior};
use std::{
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch},
    time::timeout,
};

/// So many calls are handed to each kind of thread; more wait for room.
const QUEUE: usize = 256;
/// So long; less than the resolver waits, for which a busy store is none that hangs.
const FOR_ROOM: Duration = Duration::from_millis(30);

type Read = Box<dyn FnOnce(&mut Db) + Send>;
type Work = Box<dyn FnOnce(&Connection) -> Result<usize, Trouble> + Send>;

struct Write {
    work: Work,
    reply: oneshot::Sender<Result<usize, StoreError>>,
    _room: OwnedSemaphorePermit,
}

/// The ends of the queues that the threads read from.
pub(super) struct Workers {
    queues: Mutex<Option<(SyncSender<Read>, SyncSender<Write>)>>,
    room_to_read: Arc<Semaphore>,
    room_to_write: Arc<Semaphore>,
    /// Has a receiver in each thread.
    running: watch::Sender<()>,
}

impl Workers {
    pub(super) fn start(place: Place, readers: usize) -> Result<Self, StoreError> {
        let place = Arc::new(place);
        let running = watch::Sender::new(());
        let (reads, read_queue) = sync_channel::<Read>(QUEUE);
        let (writes, write_queue) = sync_channel::<Write>(QUEUE);
        let read_queue = Arc::new(Mutex::new(read_queue));
        let mut db = Db::open(&place)?;
        spawn("mta-sts-writer", running.subscribe(), move || {
            while let Ok(first) = write_queue.recv() {
                commit_together(&mut db, first, &write_queue);
            }
            // So that the next start finds all in one file. Whoever still reads does this instead.
            let _ = db.run(|conn| Ok(conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?));
        })?;
        for _ in 0..readers {
            let mut db = Db::open(&place)?;
            let queue = Arc::clone(&read_queue);
            spawn("mta-sts-reader", running.subscribe(), move || {
                // The lock is held while waiting: the next one waits for the lock instead.
                let next = || locked(&queue).recv();
                while let Ok(read) = next() {
                    read(&mut db);
                }
            })?;
        }
        let room = || Arc::new(Semaphore::new(QUEUE));
        Ok(Self { queues: Mutex::new(Some((reads, writes))), room_to_read: room(), room_to_write: room(), running })
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        let room = room(&self.room_to_read).await?;
        let (reply, answer) = oneshot::channel();
        let read: Read = Box::new(move |db| {
            let _room = room;
            // Nobody waits for it any more.
            if !reply.is_closed() {
                let _ = reply.send(db.run(|conn| work(conn)));
            }
        });
        self.queue(|(reads, _)| full(reads.try_send(read)))?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Does the work in a transaction. It is done also if the caller does not wait for it.
    pub(super) async fn write(
        &self,
        work: impl FnOnce(&Connection) -> Result<usize, Trouble> + Send + 'static,
    ) -> Result<usize, StoreError> {
        let room = room(&self.room_to_write).await?;
        let (reply, answer) = oneshot::channel();
        let write = Write { work: Box::new(work), reply, _room: room };
        self.queue(|(_, writes)| full(writes.try_send(write)))?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Ends the threads when they have done what is queued, and waits for that.
    pub(super) async fn close(&self) {
        drop(locked(&self.queues).take());
        self.running.closed().await;
    }

    fn queue(
        &self,
        send: impl FnOnce(&(SyncSender<Read>, SyncSender<Write>)) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        locked(&self.queues).as_ref().map_or_else(|| Err(closed()), send)
    }
}

fn spawn(name: &str, running: watch::Receiver<()>, work: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let run = move || {
        // Drops the connection before it says that the thread has ended.
        work();
        drop(running);
    };
    let spawned = thread::Builder::new().name(name.into()).spawn(run);
    spawned.map(drop).map_err(|error| StoreError::Failed(format!("no thread for the policy store: {error}")))
}

async fn room(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, StoreError> {
    // Nobody closes it.
    let room = timeout(FOR_ROOM, places.clone().acquire_owned()).await;
    room.map_err(|_| busy())?.map_err(|_| closed())
}

fn busy() -> StoreError {
    StoreError::Failed("too many calls wait for the database".into())
}

fn full<T>(sent: Result<(), TrySendError<T>>) -> Result<(), StoreError> {
    sent.map_err(|error| match error {
        TrySendError::Full(_) => busy(),
        TrySendError::Disconnected(_) => closed(),
    })
}

fn closed() -> StoreError {
    StoreError::Failed("the database is closed".into())
}

/// Does `first` and all that waits behind it in one transaction: one sync of the disk for them all.
fn commit_together(db: &mut Db, first: Write, queue: &Receiver<Write>) {
    let mut batch = vec![first];
    let mut done = Vec::new();
    let committed = db.run(|conn| {
        let begun = conn.transaction_with_behavior(TransactionBehavior::Immediate);
        // Also if that failed, as it does after a while if another process holds the lock: they
        // have waited as well.
        batch.extend(queue.try_iter().take(QUEUE));
        let transaction = begun?;
        for Write { work, reply, .. } in mem::take(&mut batch) {
            match work(&transaction) {
                Err(Trouble::Store(error)) => done.push((reply, Err(error))),
                Ok(count) => done.push((reply, Ok(count))),
                Err(sql) => {
                    done.push((reply, Ok(0)));
                    return Err(sql);
                }
            }
        }
        Ok(transaction.commit()?)
    });
    // None of the changes was made if one of them, or the commit, broke the transaction.
    for (reply, result) in done {
        let _ = reply.send(committed.clone().and(result));
    }
    let why = committed.err().unwrap_or_else(closed);
    for Write { reply, .. } in batch {
        let _ = reply.send(Err(why.clone()));
    }
}

/// A connection that follows its path to another file.
struct Db {
    place: Arc<Place>,
    open: Option<(Connection, Identity)>,
}

impl Db {
    fn open(place: &Arc<Place>) -> Result<Self, StoreError> {
        Ok(Self { place: Arc::clone(place), open: Some(place.open()?) })
    }

    fn run<T>(&mut self, work: impl FnOnce(&mut Connection) -> Result<T, Trouble>) -> Result<T, StoreError> {
        // The file was moved aside by another thread or process, or deleted.
        if self.open.as_ref().is_some_and(|(_, identity)| self.place.identity() != Some(*identity)) {
            self.open = None;
        }
        let (conn, identity) = match &mut self.open {
            Some(open) => open,
            none => none.insert(self.place.open()?),
        };
        let result = work(conn);
        let identity = *identity;
        result.map_err(|trouble| {
            let is_corruption = trouble.is_corruption();
            let error = StoreError::from(trouble);
            if is_corruption {
                self.open = None;
                self.place.give_up(identity, &error);
            }
            error
        })
    }
}
