use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};

fn proven(proof: &str, audience: &str, bot: &str, keys: &JwkSet) -> Option<serde_json::Value> {
    let header = decode_header(proof).ok().filter(|header| header.typ.as_deref() == Some("otp-proof+jwt"))?;
    let key = DecodingKey::from_jwk(keys.find(&header.kid?)?).ok()?;
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.leeway = 0;
    rules.set_issuer(&["https://otp.example.com"]);
    rules.set_audience(&[audience]);
    rules.set_required_spec_claims(&["exp", "iss", "aud"]);
    let claims = decode::<serde_json::Value>(proof, &key, &rules).ok()?.claims;
    (claims["jti"].is_string() && claims["bot"] == bot).then_some(claims)
}
