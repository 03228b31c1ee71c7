#!/usr/bin/env python3
"""Checks an access token as a resource server does: against the public keys, without asking Writ about it.

    pip install 'pyjwt[crypto]'         (Debian: apt-get install python3-jwt python3-cryptography)
    python3 verify.py ISSUER TOKEN

What it cannot see is a revocation: for that a resource server follows the revocation feed or asks the introspection endpoint.
"""

import json
import sys
import urllib.request

import jwt

ALGORITHMS = ["ES256", "RS256", "PS256", "EdDSA"]


def key_set(issuer):
    """Asks the issuer's metadata where its keys are. RFC 8414 §3."""
    with urllib.request.urlopen(issuer + "/.well-known/oauth-authorization-server", timeout=10) as response:
        metadata = json.load(response)
    # RFC 8414 §3.3: the issuer of the document must be the one that was asked for.
    if metadata["issuer"] != issuer:
        raise ValueError(f"metadata of {issuer} names the issuer {metadata['issuer']}")
    return jwt.PyJWKClient(metadata["jwks_uri"])


def verify(issuer, token, keys):
    # RFC 9068 §4: typ tells access tokens from every other kind of JWT. The library does not look at it.
    if jwt.get_unverified_header(token).get("typ") != "at+jwt":
        raise ValueError("not an access token")
    key = keys.get_signing_key_from_jwt(token).key
    # Leave exp out of the required claims to accept non-expiring tokens, but then follow revocation.
    required = ["exp", "iat", "iss", "aud", "sub"]
    try:
        # Writ's tokens are for the issuer's own application, hence the audience.
        return jwt.decode(
            token, key, algorithms=ALGORITHMS, issuer=issuer, audience=issuer, options={"require": required}
        )
    except TypeError as error:
        # PyJWT raises this when a forged header names an algorithm of another kind of key.
        raise ValueError("the algorithm does not fit the key") from error


def main():
    if len(sys.argv) != 3:
        print("usage: verify.py ISSUER TOKEN", file=sys.stderr)
        return 2
    issuer, token = sys.argv[1:]
    try:
        # A server keeps the key set: it caches the keys and fetches them again when a token names a new one.
        claims = verify(issuer, token, key_set(issuer))
    except (jwt.PyJWTError, ValueError, OSError) as error:
        print(f"verify: {error}", file=sys.stderr)
        return 1
    print(f"valid: issued by {claims['iss']} for {claims['sub']}")
    print(json.dumps(claims))
    return 0


if __name__ == "__main__":
    sys.exit(main())
