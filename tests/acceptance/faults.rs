//! What goes wrong around the agent: the panel, the engine, images and ports.

mod engine;
mod panel;
mod ports_and_images;
mod wire;
