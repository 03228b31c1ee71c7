// Looks tokens up in the Token Status List that they name, with npm @sd-jwt/jwt-status-list; jose verifies both documents.
//
//     ISSUER=... TOKENS='{"name":"token"}' node statuslist.mjs
import { getListFromStatusListJWT, getStatusListFromJWT } from '@sd-jwt/jwt-status-list';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { ISSUER, TOKENS } = process.env;
const metadata = await (await fetch(`${ISSUER}/.well-known/oauth-authorization-server`)).json();
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'];
const { status_lists: lists } = await (await fetch(metadata.status_list_aggregation_endpoint)).json();

const out = {};
for (const [name, token] of Object.entries(JSON.parse(TOKENS))) {
  await jwtVerify(token, keys, { issuer: ISSUER, audience: ISSUER, typ: 'at+jwt', algorithms });
  const { idx, uri } = getStatusListFromJWT(token);
  const response = await fetch(uri, { headers: { accept: 'application/statuslist+jwt' } });
  const list = await response.text();
  // Draft 21 §8.3: the document is the list's that the token names, and is good still.
  const { payload } = await jwtVerify(list, keys, { subject: uri, typ: 'statuslist+jwt', algorithms, requiredClaims: ['iat', 'exp', 'ttl'] });
  out[name] = {
    status: getListFromStatusListJWT(list).getStatus(idx),
    type: response.headers.get('content-type'),
    ours: uri.startsWith(`${ISSUER}/`) && lists.includes(uri),
    ttl: payload.ttl,
  };
}
process.stdout.write(JSON.stringify(out));
