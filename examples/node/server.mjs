// A resource server on Node.js: a small API of orders. writ.mjs decides whose token is good; this decides who may do what.
//
//     WRIT_ISSUER=http://127.0.0.1:8080/demo/app node server.mjs
import { createServer } from 'node:http';
import { decodeJwt } from 'jose';
import { Issuer, Refusal } from './writ.mjs';

const { WRIT_ISSUER, WRIT_CLIENT_ID, WRIT_CLIENT_SECRET, WRIT_MANAGEMENT_ISSUER, WRIT_ORGANIZATION, WRIT_MAX_STALE, WRIT_MAX_STALE_ALL } = process.env;
const [host, port] = (process.env.LISTEN ?? '127.0.0.1:9000').split(':');

const options = {
  clientID: WRIT_CLIENT_ID,
  clientSecret: WRIT_CLIENT_SECRET,
  maxStale: Number(WRIT_MAX_STALE ?? 60),
  maxStaleAll: Number(WRIT_MAX_STALE_ALL ?? 1800),
};
const issuers = new Map();
for (const issuer of [WRIT_ISSUER, WRIT_MANAGEMENT_ISSUER].filter(Boolean)) issuers.set(issuer, await new Issuer(issuer, options).start());

// caller verifies the token of the request. RFC 6750 §2.1: the header is the only place; one in the address would end up in logs.
async function caller(request) {
  const headers = request.headersDistinct.authorization ?? [];
  if (headers.length === 0) return null;
  const token = /^bearer +([\w.~+/-]+=*)$/i.exec(headers[0])?.[1];
  if (headers.length > 1 || !token) throw new Refusal(401, 'the token is malformed');
  let claimed;
  try {
    claimed = decodeJwt(token).iss; // not verified yet: it only says whom to ask
  } catch {
    throw new Refusal(401, 'the token is not good');
  }
  const issuer = issuers.get(claimed);
  if (!issuer) throw new Refusal(401, 'the token is of another issuer');
  const claims = await issuer.verify(token);
  if (claimed === WRIT_MANAGEMENT_ISSUER && !ours(claims)) throw new Refusal(401, 'the token is of another organization');
  return claims;
}

// ours tells whether a management token is for our organization: all organizations have the same issuer.
function ours({ level, org, orgs = [], member }) {
  return level === 'admin_user' ? (member ?? orgs.includes(WRIT_ORGANIZATION)) : org === WRIT_ORGANIZATION;
}

const anybody = () => true;
// Roles are those of application users. The application itself, its organization and their admins may do everything.
const hasRole = (role) => ({ level, roles = [] }) => level !== 'application_user' || roles.includes(role);
const hasLevel = (...levels) => ({ level }) => levels.includes(level);

// Paths are compared letter by letter: what is spelled differently is not found.
const routes = [
  { method: 'GET', path: /^\/catalogue\/(\w+)$/, guest: true, may: anybody, answer: (claims, item) => ({ item, guest: !claims }) },
  { method: 'GET', path: /^\/whoami$/, may: anybody, answer: ({ sub, level, username }) => ({ subject: sub, level, username }) },
  { method: 'GET', path: /^\/orders\/(\w+)$/, may: hasRole('reader'), answer: ({ sub }, order) => ({ order, for: sub }) },
  { method: 'POST', path: /^\/jobs$/, may: hasLevel('application', 'organization'), answer: () => ({ started: true }) },
];

async function answer(request) {
  const claims = await caller(request); // credentials that are presented must be good, wherever they are
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const [path] = request.url.split('?', 1);
  for (const route of routes) {
    const found = route.method === method && route.path.exec(path);
    if (!found) continue;
    if (!claims && !route.guest) throw new Refusal(401, '');
    if (claims && !route.may(claims)) throw new Refusal(403, 'you may not do this');
    return route.answer(claims, ...found.slice(1));
  }
  throw new Refusal(404, 'there is nothing here');
}

// refusal is RFC 6750 §3; §3.1: without credentials there is no error code.
function refusal(status, message) {
  const code = { 401: 'invalid_token', 403: 'insufficient_scope' }[status];
  const headers = { 'cache-control': 'no-store', 'content-type': 'application/json' };
  if (code) headers['www-authenticate'] = 'Bearer realm="writ"' + (message && `, error="${code}", error_description="${message}"`);
  if (status === 503) headers['retry-after'] = '5';
  return [headers, { error: code ?? 'refused', error_description: message }];
}

const server = createServer(async (request, response) => {
  let status = 200;
  let headers = { 'cache-control': 'no-store', 'content-type': 'application/json' };
  let body;
  try {
    body = await answer(request);
  } catch (error) {
    status = error instanceof Refusal ? error.status : 500;
    [headers, body] = refusal(status, error instanceof Refusal ? error.message : 'internal error');
    if (status === 500) console.error(error);
  }
  response.writeHead(status, headers).end(JSON.stringify(body) + '\n');
});
server.listen(Number(port), host, () => console.log(`listens on http://${host}:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
