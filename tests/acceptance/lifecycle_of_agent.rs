//! The agent's own life: it ends, is killed and comes back, and the games go on.

mod crash;
mod presence;
mod shutdown;
