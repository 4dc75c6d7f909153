//! Claims about the machine: tables per rule, and random interleavings against a small model of Docker.

mod accepting;
mod bench;
mod random;
mod starting;
mod stopping;
mod unasked;
mod world;
