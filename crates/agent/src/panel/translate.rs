//! The only place that knows both the wire and the domain (invariant 5).

pub mod inbound;
pub mod outbound;

use cap_domain::failure::{Failure, FailureCode};
use cap_protocol::code::Code;

/// A domain failure code as it goes over the wire.
pub fn wire_code(code: FailureCode) -> Code {
    // Both sides hold the contract's own words, so the names are the mapping; a test proves that none is missing.
    Code::from_name(code.as_str()).unwrap_or(Code::InternalError)
}

/// A refusal of the wire's as a failure of the domain's.
pub fn failure_of(code: Code, message: String) -> Failure {
    let known = FailureCode::ALL.into_iter().find(|known| known.as_str() == code.as_str());
    Failure::new(known.unwrap_or(FailureCode::InvalidRequest), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_code_has_its_word_on_the_wire() {
        for code in FailureCode::ALL {
            assert_eq!(wire_code(code).as_str(), code.as_str());
        }
    }
}
