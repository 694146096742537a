//! Progress of long work, and the wish to stop it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, ProveError};

/// Who looks on. Work is stopped before a phase, never within one, and never between a file's completion and its name.
pub struct Watch<'a> {
    /// Told of each phase that has ended, and how long it took.
    pub report: &'a dyn Fn(&'static str, Duration),
    /// Set by who wants the work stopped.
    pub stop: &'a AtomicBool,
}

impl Watch<'_> {
    /// Nobody.
    #[must_use]
    pub fn none() -> Watch<'static> {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Watch { report: &|_, _| (), stop: &NEVER }
    }

    /// Does a phase and reports it.
    ///
    /// # Errors
    /// [`ProveError::Cancelled`] if the work should stop: the phase is not begun.
    pub fn phase<T>(&self, name: &'static str, work: impl FnOnce() -> T) -> Result<T, Error> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(ProveError::Cancelled.into());
        }
        let start = Instant::now();
        let result = work();
        (self.report)(name, start.elapsed());
        Ok(result)
    }
}
