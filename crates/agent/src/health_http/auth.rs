//! Who may do more than ask for health (section 19).

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::AUTHORIZATION,
    middleware::Next,
    web,
};
use cap_protocol::http_reply;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::routes::{self, Shared};
use crate::secret::Secret;

/// The place of the caller's token in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TokenIndex(pub(super) u8);

/// The one path that is open (P-209).
pub(super) const OPEN_PATH: &str = "/health";

/// Lets a request through if it has a valid token or asks for the open path; else answers 401 before anything of the
/// body is read (P-210).
pub(super) async fn require_token(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.path() == OPEN_PATH {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let token = request
        .app_data::<web::Data<Shared>>()
        .and_then(|shared| valid_token(request.request(), &shared.settings.tokens));
    match token {
        Some(index) => {
            request.extensions_mut().insert(index);
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        None => {
            // Closed, so that whoever has no token does not keep a connection either.
            let refusal = routes::json_builder(401).force_close().body(http_reply::unauthorized());
            Ok(request.into_response(refusal))
        }
    }
}

/// Looks at every `Authorization: Bearer` and `X-API-Key` header; one valid one is enough (P-209). A token in the URL is
/// never looked at: URLs end up in logs.
fn valid_token(request: &HttpRequest, tokens: &[Secret]) -> Option<TokenIndex> {
    let headers = request.headers();
    let bearers = headers.get_all(AUTHORIZATION).filter_map(|value| bearer(value.as_bytes()));
    let keys = headers.get_all("X-API-Key").map(|value| value.as_bytes());
    // Every candidate is compared with every token, whatever came before.
    bearers.chain(keys).fold(None, |found, candidate| found.or(place_of(candidate, tokens)))
}

/// The token of a `Bearer` header, the scheme in any case.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"Bearer ";
    let (scheme, token) = header.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim_ascii())
}

/// Where `candidate` stands among the tokens. Takes the same time for a right one, a wrong one and a nearly right one.
fn place_of(candidate: &[u8], tokens: &[Secret]) -> Option<TokenIndex> {
    let mut found = Choice::from(0);
    let mut place = 0u8;
    for (index, token) in (0..=u8::MAX).zip(tokens) {
        let same = equal(candidate, token.expose().as_bytes());
        place.conditional_assign(&index, same & !found);
        found |= same;
    }
    bool::from(found).then_some(TokenIndex(place))
}

/// Equality in a time that depends on the candidate alone, which the caller knows anyway.
fn equal(candidate: &[u8], token: &[u8]) -> Choice {
    // An empty token would be a missing one; it matches nothing.
    let mut same = Choice::from(u8::from(!token.is_empty()));
    same &= (candidate.len() as u64).ct_eq(&(token.len() as u64));
    for (at, byte) in candidate.iter().enumerate() {
        let expected = if token.is_empty() { 0 } else { token[at % token.len()] };
        same &= byte.ct_eq(&expected);
    }
    same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_token_matches_and_its_place_is_told() {
        let tokens =
            [Secret::new("first-token"), Secret::new(""), Secret::new("second-token"), Secret::new("first-token")];
        assert_eq!(place_of(b"first-token", &tokens), Some(TokenIndex(0)));
        assert_eq!(place_of(b"second-token", &tokens), Some(TokenIndex(2)));
        for wrong in ["", "first-toke", "first-tokem", "first-tokenfirst-token", "f"] {
            assert_eq!(place_of(wrong.as_bytes(), &tokens), None, "{wrong}");
        }
        assert_eq!(place_of(b"first-token", &[]), None);
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_no_other_is_taken() {
        assert_eq!(bearer(b"bEaReR t"), Some(&b"t"[..]));
        assert_eq!(bearer(b"Bearer   t"), Some(&b"t"[..]));
        assert_eq!(bearer(b"Bearer"), None);
        assert_eq!(bearer(b"Basic t"), None);
        assert_eq!(bearer(b"t"), None);
    }
}
