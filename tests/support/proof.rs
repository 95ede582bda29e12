//! Checks proofs as a service does: by the published keys, and nothing else of ours.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

/// A key that tests let servers sign with, to sign what those would not: the secret key of RFC 8037, appendix A.1.
pub(crate) const PROOF_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

/// Reads a proof that a key of `jwks` has signed for `audience`.
pub(crate) fn check(proof: &str, jwks: &Value, audience: &str) -> Result<Value, String> {
    let header = jsonwebtoken::decode_header(proof).map_err(|error| error.to_string())?;
    if (header.typ.as_deref(), header.alg) != (Some("otp-proof+jwt"), Algorithm::EdDSA) {
        return Err(format!("the header is {header:?}"));
    }
    let keys: JwkSet = serde_json::from_value(jwks.clone()).map_err(|error| error.to_string())?;
    let key = keys.find(&header.kid.unwrap_or_default()).ok_or("an unknown key")?;
    let key = DecodingKey::from_jwk(key).map_err(|error| error.to_string())?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.leeway = 0;
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.set_issuer(&["botkit-otp"]);
    validation.set_audience(&[audience]);
    let claims =
        jsonwebtoken::decode::<Value>(proof, &key, &validation).map_err(|error| error.to_string())?.claims;
    if claims["exp"].as_i64() != claims["iat"].as_i64().map(|at| at + 300) {
        return Err(format!("it is not good for five minutes: {claims}"));
    }
    Ok(claims)
}
