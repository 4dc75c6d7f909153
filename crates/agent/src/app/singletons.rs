//! Actors and tasks that exist once. A panic in one of them means that an assumption of the whole agent is broken: the
//! process ends non-zero, the service manager starts it anew, and reconciliation does the rest. (The actor of a single
//! server is another matter: its dispatcher builds it anew.)

use actix::{Actor, Addr, AsyncContext, Context};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Runs singletons, and tells which one panicked.
#[derive(Clone, Debug)]
pub(super) struct Singletons {
    /// Room for one: the first panic ends the process, further ones add nothing.
    panicked: mpsc::Sender<&'static str>,
}

impl Singletons {
    /// With the receiver of the name of the first that panics.
    pub(super) fn new() -> (Self, mpsc::Receiver<&'static str>) {
        let (panicked, first) = mpsc::channel(1);
        (Self { panicked }, first)
    }

    /// Starts an actor.
    pub(super) fn actor<A: Actor<Context = Context<A>>>(&self, name: &'static str, actor: A) -> Addr<A> {
        self.actor_in(name, Context::new(), actor)
    }

    /// Starts an actor whose address was needed before it was made.
    pub(super) fn actor_in<A: Actor<Context = Context<A>>>(
        &self,
        name: &'static str,
        context: Context<A>,
        actor: A,
    ) -> Addr<A> {
        let address = context.address();
        self.watch(name, actix_rt::spawn(context.into_future(actor)));
        address
    }

    /// Starts a task.
    pub(super) fn task(&self, name: &'static str, task: impl Future<Output = ()> + 'static) {
        self.watch(name, actix_rt::spawn(task));
    }

    fn watch(&self, name: &'static str, running: JoinHandle<()>) {
        let panicked = self.panicked.clone();
        actix_rt::spawn(async move {
            if running.await.is_err_and(|error| error.is_panic()) {
                // Full: another panic is ending the process already.
                let _ = panicked.try_send(name);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix::{Handler, Message};

    struct Fragile;

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Break;

    impl Actor for Fragile {
        type Context = Context<Self>;
    }

    impl Handler<Break> for Fragile {
        type Result = ();

        fn handle(&mut self, _: Break, _: &mut Self::Context) {
            panic!("broken on purpose");
        }
    }

    #[actix::test]
    async fn a_panic_in_an_actor_that_exists_once_is_told_by_its_name() {
        let (singletons, mut panicked) = Singletons::new();
        let other = singletons.actor("other", Fragile);
        singletons.actor("fragile", Fragile).do_send(Break);
        assert_eq!(panicked.recv().await, Some("fragile"));
        assert!(other.connected(), "the others are not touched");
    }

    #[actix::test]
    async fn a_task_that_ends_well_is_no_panic_and_one_that_panics_is() {
        let (singletons, mut panicked) = Singletons::new();
        singletons.task("good", async {});
        singletons.task("bad", async { panic!("broken on purpose") });
        assert_eq!(panicked.recv().await, Some("bad"));
    }
}
