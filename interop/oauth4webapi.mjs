// A client and a resource server of npm oauth4webapi that know an issuer and credentials, nothing else: discovery (RFC 8414), tokens,
// RFC 9068 validation, introspection (RFC 7662, and RFC 9701 whose JWT npm jose verifies once more) and revocation (RFC 7009).
//
//     ISSUER=... CLIENT_ID=... CLIENT_SECRET=... USERNAME=... PASSWORD=... node oauth4webapi.mjs
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, USERNAME, PASSWORD } = process.env;

const plain = { [oauth.allowInsecureRequests]: true }; // the test's server is on the loopback, without TLS
const issuer = new URL(ISSUER);
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...plain }));
const client = { client_id: CLIENT_ID };

async function validated(token) {
  const request = new Request('http://resource.example/orders', { headers: { authorization: `Bearer ${token}` } });
  try {
    return await oauth.validateJwtAccessToken(server, request, ISSUER, plain);
  } catch (error) {
    return { refused: error.code ?? String(error) };
  }
}

async function clientCredentials(authentication) {
  const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, { ttl: '60000' }, plain);
  return oauth.processClientCredentialsResponse(server, client, response);
}

async function password(secret) {
  const parameters = { username: USERNAME, password: secret };
  const response = await oauth.genericTokenEndpointRequest(server, client, oauth.ClientSecretPost(CLIENT_SECRET), 'password', parameters, plain);
  return oauth.processGenericTokenEndpointResponse(server, client, response);
}

async function refusal(attempt) {
  try {
    await attempt;
    return 'none';
  } catch (error) {
    return { name: error.constructor.name, error: error.error, status: error.status };
  }
}

async function active(token) {
  const response = await oauth.introspectionRequest(server, client, oauth.ClientSecretBasic(CLIENT_SECRET), token, plain);
  return oauth.processIntrospectionResponse(server, client, response);
}

// signed asks for a JWT, and has its signature checked twice.
async function signed(token) {
  const [algorithm] = server.introspection_signing_alg_values_supported;
  const wanting = { ...client, introspection_signed_response_alg: algorithm };
  const response = await oauth.introspectionRequest(server, wanting, oauth.ClientSecretBasic(CLIENT_SECRET), token, { ...plain, requestJwtResponse: true });
  const jwt = await response.clone().text();
  const answer = await oauth.processIntrospectionResponse(server, wanting, response);
  await oauth.validateApplicationLevelSignature(server, response, plain);
  const demands = { issuer: ISSUER, audience: CLIENT_ID, typ: 'token-introspection+jwt', algorithms: [algorithm] };
  const { payload } = await jwtVerify(jwt, createRemoteJWKSet(new URL(server.jwks_uri)), demands);
  return { answer, jose: payload.token_introspection };
}

const out = { issuer: server.issuer };
const basic = await clientCredentials(oauth.ClientSecretBasic(CLIENT_SECRET));
out.basic = { ...basic, claims: await validated(basic.access_token) };
out.post = await clientCredentials(oauth.ClientSecretPost(CLIENT_SECRET));
out.wrong = await refusal(clientCredentials(oauth.ClientSecretBasic('nothing')));
const login = await password(PASSWORD);
out.login = { ...login, claims: await validated(login.access_token) };
out.wrongPassword = await refusal(password('wrong-harbor-7'));
out.tampered = await validated(basic.access_token.slice(0, -8) + 'AAAAAAAA');
out.introspected = await active(basic.access_token);
out.signed = await signed(basic.access_token);
await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, oauth.ClientSecretBasic(CLIENT_SECRET), basic.access_token, plain));
out.revoked = await active(basic.access_token);
out.signedRevoked = await signed(basic.access_token);
process.stdout.write(JSON.stringify(out));
