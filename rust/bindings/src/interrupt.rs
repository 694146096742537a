//! Long work beside the interpreter: the GIL released, progress reported, Ctrl-C honoured at once.
//!
//! The work runs on a thread of its own. The calling thread waits without the GIL, hands progress to Python, and looks for
//! signals twenty times a second. Interrupted, it raises at once; the work is told to stop and ends by itself, its result unseen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use tacit_circuits::error::ProveError;

use crate::error::{Failure, InternalError, raise};

const GLANCE: Duration = Duration::from_millis(50);

/// Stops what was started with it, from any thread.
#[pyclass(frozen, module = "prover._native")]
#[derive(Default)]
pub struct Cancellation(Arc<AtomicBool>);

#[pymethods]
impl Cancellation {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Asks the work to stop: its caller stops waiting at once, the work itself at the end of its phase.
    fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A phase that has ended, and the seconds it took.
pub type Event = (&'static str, f64);

/// The work's end of the line to Python.
pub struct Line<T> {
    sender: Sender<Message<T>>,
    stop: Arc<AtomicBool>,
}

enum Message<T> {
    Progress(Event),
    Done(T),
}

impl<T> Line<T> {
    /// Reports a phase. Nobody listening is no error: the caller was interrupted.
    pub fn report(&self, phase: &'static str, took: Duration) {
        let _ = self.sender.send(Message::Progress((phase, took.as_secs_f64())));
    }

    /// Does a phase and reports it.
    pub fn timed<R>(&self, phase: &'static str, work: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = work();
        self.report(phase, start.elapsed());
        result
    }

    /// Set when the work should stop.
    pub fn stop(&self) -> &AtomicBool {
        &self.stop
    }
}

/// Runs `work`, calling `progress(phase, seconds)` as it goes.
pub fn run<T, E>(
    py: Python<'_>,
    cancellation: Option<&Cancellation>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Line<Result<T, E>>) -> Result<T, E> + Send + 'static,
) -> Result<T, Failure>
where
    T: Send + 'static,
    E: Send + 'static,
    Failure: From<E>,
{
    let stop = cancellation.map_or_else(Arc::default, |cancellation| Arc::clone(&cancellation.0));
    let mut receiver = start(Arc::clone(&stop), work);
    let result = wait(py, &mut receiver, &stop, progress);
    if result.is_err() {
        stop.store(true, Ordering::Relaxed);
    }
    Ok(result??)
}

fn start<T: Send + 'static>(
    stop: Arc<AtomicBool>,
    work: impl FnOnce(&Line<T>) -> T + Send + 'static,
) -> Receiver<Message<T>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let line = Line { sender, stop };
        let result = work(&line);
        let _ = line.sender.send(Message::Done(result));
    });
    receiver
}

fn wait<T: Send>(
    py: Python<'_>,
    receiver: &mut Receiver<Message<T>>,
    stop: &AtomicBool,
    progress: Option<&Bound<'_, PyAny>>,
) -> Result<T, Failure> {
    loop {
        match glance(py, receiver) {
            Ok(Message::Done(result)) => return Ok(result),
            Ok(Message::Progress(event)) => tell(progress, event)?,
            Err(RecvTimeoutError::Disconnected) => return Err(panicked()),
            Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => return Err(ProveError::Cancelled.into()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        py.check_signals()?;
    }
}

fn glance<T: Send>(py: Python<'_>, receiver: &mut Receiver<Message<T>>) -> Result<Message<T>, RecvTimeoutError> {
    py.detach(move || receiver.recv_timeout(GLANCE))
}

fn tell(progress: Option<&Bound<'_, PyAny>>, event: Event) -> PyResult<()> {
    progress.map_or(Ok(()), |progress| progress.call1(event).map(drop))
}

fn panicked() -> Failure {
    raise::<InternalError>("the work stopped at a bug; its message stands on stderr: please report it", Vec::new())
}
