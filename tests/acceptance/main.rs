//! The real agent program against a real Docker Engine and the dev panel.

mod basics;
mod reload;
