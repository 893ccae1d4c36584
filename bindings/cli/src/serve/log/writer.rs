//! Lines on their way to standard error: who logs never waits for who reads.

use anstream::AutoStream;
use std::{
    io::{self, BufWriter, Stderr, Write},
    mem,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Lines that may wait to be written, some 4 MB of decisions. Further ones are lost.
const LINES: usize = 16_384;

/// Octets that are written at once.
const BATCH: usize = 64 * 1024;

/// After a batch lines gather for so long.
const PAUSE: Duration = Duration::from_millis(10);

/// How long the end waits until losses are said. The guard gives the last lines a second more.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where lines are to be written, and what keeps the process until they are.
pub(super) fn start() -> (NonBlocking, Rest) {
    let losses = Arc::new(Losses::default());
    let batches = Batches { stderr: BufWriter::with_capacity(BATCH, io::stderr()), losses: losses.clone() };
    let builder = NonBlockingBuilder::default().buffered_lines_limit(LINES).thread_name("log");
    let (lines, guard) = builder.finish(batches);
    // It is empty till now.
    let _ = losses.count.set(lines.error_counter());
    (lines.clone(), Rest { lines, losses, guard: Some(guard) })
}

/// Writes as many whole lines at once as there are.
struct Batches {
    stderr: BufWriter<Stderr>,
    losses: Arc<Losses>,
}

impl Batches {
    fn write_out(&mut self) -> io::Result<()> {
        self.losses.say();
        loop {
            match self.stderr.flush() {
                // Who shares standard error may have made it non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
                done => return done,
            }
        }
    }
}

impl Write for Batches {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.stderr.buffer().len() + line.len() > self.stderr.capacity() {
            self.write_out()?;
        }
        self.stderr.write(line)
    }

    /// Called when no line waits.
    fn flush(&mut self) -> io::Result<()> {
        // Nobody reads what cannot be written.
        let _ = self.write_out();
        thread::sleep(PAUSE);
        Ok(())
    }
}

/// The lines that were lost, since too many waited.
#[derive(Default)]
struct Losses {
    count: OnceLock<ErrorCounter>,
    said: AtomicUsize,
}

impl Losses {
    fn count(&self) -> usize {
        self.count.get().map_or(0, ErrorCounter::dropped_lines)
    }

    fn unsaid(&self) -> usize {
        self.count() - self.said.load(Ordering::Relaxed)
    }

    fn say(&self) {
        let (count, lines) = (self.count(), self.unsaid());
        if lines == 0 {
            return;
        }
        tracing::error!(lines, "log lines were lost, since nobody read them");
        // Else this line may be one of the lost, and all is said again.
        if self.count() == count {
            self.said.store(count, Ordering::Relaxed);
        }
    }
}

/// Lines that are not written yet. Dropped, it waits for them, for some two seconds at most.
pub(crate) struct Rest {
    lines: NonBlocking,
    losses: Arc<Losses>,
    guard: Option<WorkerGuard>,
}

impl Rest {
    /// For what is no event, in its turn.
    pub(crate) fn stderr(&self) -> impl Write + use<> {
        let lines: Box<dyn Write> = Box::new(self.lines.clone());
        AutoStream::new(lines, AutoStream::choice(&io::stderr()))
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.losses.unsaid() > 0 {
            if Instant::now() > end {
                // Nobody reads. The guard would say that on standard output, which may be the same pipe.
                mem::forget(self.guard.take());
                return;
            }
            thread::sleep(PAUSE);
        }
    }
}
