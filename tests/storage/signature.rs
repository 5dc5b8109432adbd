//! Signature Version 4 as a server checks it, by the document that describes it and by nothing of ours.
//!
//! Source: AWS, "Create a signed AWS API request".

use sha2::{Digest, Sha256};

use super::service::Request;

/// How a request is signed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    Well,
    /// With a key that nobody knows.
    ByAnother,
    /// With another secret, or for another region, or it says something else than was signed.
    Otherwise,
}

/// Checks the signature of a request.
pub(crate) fn check(request: &Request, id: &str, secret: &str, region: &str) -> Signed {
    let header = request.header("authorization").unwrap_or_default();
    let Some(rest) = header.strip_prefix("AWS4-HMAC-SHA256 ") else { return Signed::Otherwise };
    let part = |name: &str| {
        rest.split(',').find_map(|part| part.trim().strip_prefix(&format!("{name}="))).unwrap_or_default()
    };
    let (credential, names, signature) = (part("Credential"), part("SignedHeaders"), part("Signature"));
    let scope: Vec<&str> = credential.split('/').collect();
    let [their_id, day, their_region, "s3", "aws4_request"] = scope.as_slice() else {
        return Signed::Otherwise;
    };
    if *their_id != id {
        return Signed::ByAnother;
    }
    let mut query: Vec<&str> = request.query.split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    let headers: String = names
        .split(';')
        .map(|name| format!("{name}:{}\n", request.header(name).unwrap_or_default()))
        .collect();
    let canonical = format!(
        "{}\n{}\n{}\n{headers}\n{names}\n{}",
        request.method,
        request.path,
        query.join("&"),
        request.header("x-amz-content-sha256").unwrap_or_default()
    );
    let date = request.header("x-amz-date").unwrap_or_default();
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{day}/{region}/s3/aws4_request\n{}",
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let mut key = hmac(format!("AWS4{secret}").as_bytes(), day.as_bytes());
    for part in [region, "s3", "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    let is_right = *their_region == region && hex(&hmac(&key, to_sign.as_bytes())) == signature;
    if is_right { Signed::Well } else { Signed::Otherwise }
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pad = |with: u8| -> Vec<u8> { block.iter().map(|byte| byte ^ with).collect() };
    let inner = Sha256::digest([pad(0x36).as_slice(), message].concat());
    Sha256::digest([pad(0x5c).as_slice(), inner.as_slice()].concat()).to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn codes_are_those_of_rfc_4231() {
    let code = hex(&hmac(b"Jefe", b"what do ya want for nothing?"));
    assert_eq!(code, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
