//! Steps with a name and a time, so that a long chore shows where it is and where its time went.

use anyhow::{Context, Result};

use crate::clock::{Stopwatch, readable};

/// The steps of one chore, one after the other; the first that fails ends it.
#[derive(Debug)]
pub(crate) struct Steps {
    done: Vec<(String, String)>,
    whole: Stopwatch,
}

impl Steps {
    /// None done yet.
    pub(crate) fn begin() -> Self {
        Self { done: Vec::new(), whole: Stopwatch::start() }
    }

    /// Does one, and prints its name before and its time after it.
    pub(crate) fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n==> {name}");
        let watch = Stopwatch::start();
        let outcome = work();
        let time = readable(watch.elapsed());
        match outcome {
            Ok(value) => {
                println!("    {name}: done in {time}");
                self.done.push((name.to_owned(), time));
                Ok(value)
            }
            Err(error) => {
                println!("    {name}: FAILED after {time}");
                Err(error).with_context(|| format!("step `{name}` failed"))
            }
        }
    }

    /// Prints all steps with their times.
    pub(crate) fn summary(&self) {
        println!();
        for (name, time) in &self.done {
            println!("    {name:<32} {time:>12}");
        }
        println!("    {:<32} {:>12}", "in all", readable(self.whole.elapsed()));
    }
}
