//! An actor that is told things and remembers them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix::dev::MessageResponse;
use actix::{Actor, Addr, Context, Handler, Message, Recipient};

use crate::wait_until::wait_until_true;

/// What a probe answers.
type Answer<M> = Box<dyn FnMut(&M) -> <M as Message>::Result + Send>;

/// Stands for any actor that handles `M`: give its [`recipient`](Self::recipient) to what is tested, and look at what
/// was [`seen`](Self::seen). A clone looks at the same actor.
pub struct Probe<M: Message + 'static> {
    seen: Arc<Mutex<Vec<M>>>,
    address: Addr<Recorder<M>>,
}

/// The actor behind a [`Probe`].
#[allow(missing_debug_implementations, reason = "holds a closure")]
pub struct Recorder<M: Message + 'static> {
    seen: Arc<Mutex<Vec<M>>>,
    answer: Answer<M>,
}

impl<M> Probe<M>
where
    M: Message + Send + 'static,
    M::Result: MessageResponse<Recorder<M>, M> + Send + 'static,
{
    /// Starts a probe that gives the default answer (nothing, for most messages). Needs a running actix system.
    pub fn start() -> Self
    where
        M::Result: Default,
    {
        Self::start_answering(|_| M::Result::default())
    }

    /// Starts a probe that answers as `answer` says.
    pub fn start_answering(answer: impl FnMut(&M) -> M::Result + Send + 'static) -> Self {
        let seen = Arc::default();
        let address = Recorder { seen: Arc::clone(&seen), answer: Box::new(answer) }.start();
        Self { seen, address }
    }

    /// What is given to the tested part.
    pub fn recipient(&self) -> Recipient<M> {
        self.address.clone().recipient()
    }

    /// Takes what was seen since the last look, in order.
    pub fn take(&self) -> Vec<M> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was seen since the start or the last [`take`](Self::take), in order.
    pub fn seen(&self) -> Vec<M>
    where
        M: Clone,
    {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until something of what was seen fits.
    ///
    /// # Panics
    ///
    /// When `deadline` is over, naming `what`.
    #[track_caller]
    pub fn wait_for(
        &self,
        what: &str,
        deadline: Duration,
        mut fits: impl FnMut(&M) -> bool,
    ) -> impl Future<Output = ()> {
        let seen = Arc::clone(&self.seen);
        wait_until_true(what, deadline, move || {
            seen.lock().unwrap_or_else(PoisonError::into_inner).iter().any(&mut fits)
        })
    }
}

impl<M: Message + 'static> Clone for Probe<M> {
    fn clone(&self) -> Self {
        Self { seen: Arc::clone(&self.seen), address: self.address.clone() }
    }
}

impl<M: Message + 'static> std::fmt::Debug for Probe<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("message", &std::any::type_name::<M>()).finish_non_exhaustive()
    }
}

impl<M: Message + 'static> Actor for Recorder<M> {
    type Context = Context<Self>;
}

impl<M> Handler<M> for Recorder<M>
where
    M: Message + Send + 'static,
    M::Result: MessageResponse<Self, M> + 'static,
{
    type Result = M::Result;

    fn handle(&mut self, message: M, _: &mut Self::Context) -> M::Result {
        let answer = (self.answer)(&message);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Message)]
    #[rtype(result = "()")]
    struct Said(u32);

    #[derive(Message)]
    #[rtype(result = "u32")]
    struct Double(u32);

    #[actix::test]
    async fn messages_are_remembered_in_order() {
        let probe = Probe::start();
        let recipient = probe.recipient();
        recipient.do_send(Said(1));
        recipient.do_send(Said(2));
        probe.wait_for("the second", Duration::from_secs(5), |said: &Said| said.0 == 2).await;
        assert_eq!(probe.seen(), [Said(1), Said(2)]);
        assert_eq!(probe.take().len(), 2);
        assert!(probe.seen().is_empty());
    }

    #[actix::test]
    async fn a_probe_answers_as_it_was_told() {
        let probe = Probe::start_answering(|double: &Double| double.0 * 2);
        assert_eq!(probe.recipient().send(Double(21)).await.unwrap(), 42);
    }
}
