// Verifies tokens with npm jose, as a resource server on Node.js does, and prints the claims or the code of the refusal of each.
//
//     ISSUER=... TOKENS='{"name":"token"}' [JWKS=...] [NOW=seconds] node jose.mjs
//
// With JWKS it is given the address of the keys and nothing else; without, it finds it by the issuer alone.
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { ISSUER, JWKS, NOW, TOKENS } = process.env;

// RFC 8414 §3.1: the well-known part goes between host and path.
async function discovered(issuer) {
  const { origin, pathname } = new URL(issuer);
  const response = await fetch(`${origin}/.well-known/oauth-authorization-server${pathname}`);
  const metadata = await response.json();
  if (metadata.issuer !== issuer) throw new Error(`the metadata names ${metadata.issuer}`);
  return metadata.jwks_uri;
}

const keys = createRemoteJWKSet(new URL(JWKS ?? (await discovered(ISSUER))), { cooldownDuration: 0 });
const trusted = {
  issuer: ISSUER,
  audience: ISSUER,
  typ: 'at+jwt',
  algorithms: ['ES256', 'RS256', 'PS256', 'EdDSA'],
  currentDate: NOW ? new Date(NOW * 1000) : undefined,
};

const out = {};
for (const [name, token] of Object.entries(JSON.parse(TOKENS))) {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, trusted);
    out[name] = { header: protectedHeader, claims: payload };
  } catch (error) {
    out[name] = { refused: error.code ?? String(error) };
  }
}
process.stdout.write(JSON.stringify(out));
