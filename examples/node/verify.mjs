// Checks an access token as a resource server does: against the public keys, without asking Writ about it.
//
//     npm install jose
//     node verify.mjs ISSUER TOKEN
//
// What it cannot see is a revocation: for that a resource server follows the revocation feed or asks the introspection endpoint.
import { createRemoteJWKSet, jwtVerify } from 'jose';

// keySet asks the issuer's metadata where its keys are. RFC 8414 §3.
async function keySet(issuer) {
  const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`metadata of ${issuer}: ${response.status}`);
  const metadata = await response.json();
  // RFC 8414 §3.3: the issuer of the document must be the one that was asked for.
  if (metadata.issuer !== issuer) throw new Error(`metadata of ${issuer} names the issuer ${metadata.issuer}`);
  return createRemoteJWKSet(new URL(metadata.jwks_uri));
}

async function verify(issuer, token) {
  // A server keeps the key set: it caches the keys and fetches them again when a token names a new one.
  const { payload } = await jwtVerify(token, await keySet(issuer), {
    issuer,
    audience: issuer, // Writ's tokens are for the issuer's own application
    typ: 'at+jwt', // RFC 9068 §4: tells access tokens from every other kind of JWT
    algorithms: ['ES256', 'RS256', 'PS256', 'EdDSA'],
    requiredClaims: ['exp'], // leave it out to accept non-expiring tokens, but then follow revocation
  });
  return payload;
}

const [issuer, token] = process.argv.slice(2);
if (!token) {
  console.error('usage: node verify.mjs ISSUER TOKEN');
  process.exit(2);
}
try {
  const claims = await verify(issuer, token);
  console.log(`valid: issued by ${claims.iss} for ${claims.sub}`);
  console.log(JSON.stringify(claims));
} catch (error) {
  console.error(`verify: ${error.message}`);
  process.exitCode = 1;
}
