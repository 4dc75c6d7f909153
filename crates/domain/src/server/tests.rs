//! Claims about the machine: tables per rule, and random interleavings against a small model of Docker.

mod bench;
mod random;
mod world;
