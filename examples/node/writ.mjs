// Writ's tokens on Node.js: jose checks them offline, and the revocation feed (docs/feed.md) says which are refused nevertheless.
//
//     const shop = await new Issuer('https://id.example.com/acme/shop').start();
//     const claims = await shop.verify(token);    // or throws a Refusal
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } from 'jose';

const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'];
const never = 253402300799; // the exp of tokens that do not expire, where the application wants one
const feedType = 'writ-revocations+jwt';
const now = () => Date.now() / 1000;
const hash = (text) => createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url');

// header is not verified.
function header(jws) {
  try {
    return decodeProtectedHeader(jws);
  } catch {
    return undefined;
  }
}

export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status; // 401, or 503 while too little is known
  }
}

export class Issuer {
  #issuer; #feed; #feedKeys; #tokenKeys; #headers = {}; #bounds;
  // What is known: a position, and what is denied at it.
  #epoch; #seq; #asOf = 0; #ended = false; #keys = new Set(); #tokens = new Map(); #subjects = new Map(); #claims = new Map(); #swept = 0;

  constructor(issuer, { clientID, clientSecret, maxStale = 60, maxStaleAll = 1800 } = {}) {
    this.#issuer = issuer;
    this.#bounds = { maxStale, maxStaleAll };
    if (clientID) this.#headers.authorization = 'Basic ' + Buffer.from(`${clientID}:${clientSecret}`).toString('base64');
  }

  // start resolves when everything that is denied now is known, and goes on following.
  async start() {
    const response = await fetch(`${this.#issuer}/.well-known/oauth-authorization-server`, { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`metadata of ${this.#issuer}: ${response.status}`);
    const metadata = await response.json();
    if (metadata.issuer !== this.#issuer) throw new Error(`metadata of ${this.#issuer} names ${metadata.issuer}`); // RFC 8414 §3.3
    this.#feed = metadata.writ_revocations_uri;
    // A set for the feed alone: whoever sends forged tokens with unknown kids cannot keep it from learning a new key. Keys leave by the feed.
    const keySet = () => createRemoteJWKSet(new URL(metadata.jwks_uri), { cooldownDuration: 2000, cacheMaxAge: Infinity });
    [this.#feedKeys, this.#tokenKeys] = [keySet(), keySet()];
    await this.#complete();
    this.#follow();
    return this;
  }

  async verify(token) {
    const { payload, protectedHeader } = await this.#checked(token);
    const subject = this.#subjects.get(hash(payload.sub));
    // Whatever happened while the signature was checked counts: this comes after it.
    const denied = this.#ended || this.#keys.has(protectedHeader.kid) || this.#tokens.has(hash(payload.jti)) || (subject && !(payload.gen >= subject.gen));
    if (denied) throw new Refusal(401, 'the token has been revoked');
    const age = now() - this.#asOf;
    const nonExpiring = payload.exp === undefined || payload.exp >= never;
    if (age > this.#bounds.maxStaleAll || (nonExpiring && age > this.#bounds.maxStale)) throw new Refusal(503, 'revocations cannot be checked at the moment');
    return this.#changed(payload);
  }

  // checked is RFC 9068 §4.
  async #checked(token) {
    const { kid } = header(token) ?? {};
    // Before the key is used: a dropped one may sign what it likes. Without a kid nobody could tell whose signature it is.
    if (kid === undefined || this.#keys.has(kid)) throw new Refusal(401, 'the token is not good');
    const demands = { issuer: this.#issuer, audience: this.#issuer, typ: 'at+jwt', algorithms, requiredClaims: ['sub', 'jti', 'iat'] };
    try {
      return await jwtVerify(token, this.#tokenKeys, demands);
    } catch (error) {
      // Errors of fetching the keys are nobody's fault here; jose has a code of its own for each fault of a token.
      const fault = error instanceof errors.JOSEError && !['ERR_JOSE_GENERIC', 'ERR_JWKS_INVALID', 'ERR_JWKS_TIMEOUT'].includes(error.code);
      throw fault ? new Refusal(401, 'the token is not good') : new Refusal(503, 'tokens cannot be checked at the moment');
    }
  }

  // changed puts the roles, groups and memberships of now in the place of the token's. The feed tells them to clients only.
  #changed(payload) {
    const change = this.#claims.get(hash(payload.sub));
    if (!change) return payload;
    if (change.member !== undefined) return { ...payload, member: change.member };
    return { ...payload, roles: change.roles ?? [], groups: change.groups ?? [] };
  }

  async #get(query, accept = `application/${feedType}`, signal = AbortSignal.timeout(10_000)) {
    const response = await fetch(`${this.#feed}?${new URLSearchParams(query)}`, { headers: { ...this.#headers, accept }, redirect: 'error', signal });
    if (response.ok) return response;
    await response.body?.cancel();
    throw Object.assign(new Error(`${this.#feed}: ${response.status}`), { retryAfter: Number(response.headers.get('retry-after')) * 1000 });
  }

  async #document(jws) {
    const { kid } = header(jws) ?? {};
    if (kid === undefined || this.#keys.has(kid)) throw new Error('no key, or a dropped one, signed the feed');
    const { payload, protectedHeader } = await jwtVerify(jws, this.#feedKeys, { issuer: this.#issuer, typ: feedType, algorithms });
    if (protectedHeader.typ !== feedType) throw new Error('this is no feed');
    return payload;
  }

  // pages fetches the complete list, all of its pages: those of different lists do not fit together.
  async #pages() {
    const pages = [await this.#document(await (await this.#get({})).text())];
    const { epoch, seq, pages: count = 1 } = pages[0];
    while (pages.length < count) pages.push(await this.#document(await (await this.#get({ page: pages.length + 1, seq })).text()));
    const fit = (page, i) => page.complete === true && page.epoch === epoch && page.seq === seq && (page.pages ?? 1) === count && (page.page ?? 1) === i + 1;
    if (!pages.every(fit)) throw new Error('the pages are of different lists');
    return pages;
  }

  async #complete() {
    // Begins again once; if that does not help either, follow comes back later.
    const pages = await this.#pages().catch(() => this.#pages());
    const { epoch, seq } = pages[0];
    const asOf = Math.min(...pages.map((page) => page.as_of));
    // An older list adds to what is known: nothing is ever un-denied.
    const older = asOf < this.#asOf || (epoch === this.#epoch && seq < this.#seq);
    if (!older) [this.#keys, this.#tokens, this.#subjects, this.#claims] = [new Set(), new Map(), new Map(), new Map()];
    this.#ended = (older && this.#ended) || pages.some((page) => page.ended === true);
    for (const page of pages) {
      for (const kid of page.keys ?? []) this.#keys.add(kid);
      this.#add({ ...page, claims: (page.claims ?? []).filter(({ sub }) => !older || !this.#claims.has(sub)) });
    }
    [this.#epoch, this.#seq] = [epoch, seq];
    this.#known(asOf);
  }

  // increment is false where the feed does not continue at our position: then there is a new one, from the complete list.
  async #increment(document) {
    if (document.complete || document.epoch !== this.#epoch || document.from > this.#seq) {
      await this.#complete();
      return false;
    }
    if (document.seq < this.#seq || (document.seq === this.#seq && document.as_of < this.#asOf)) return true;
    this.#add(document);
    [this.#keys, this.#ended, this.#seq] = [new Set(document.keys), document.ended === true, document.seq];
    this.#known(document.as_of);
    return true;
  }

  #add({ tokens = [], subjects = [], claims = [] }) {
    for (const { jti, exp = Infinity } of tokens) this.#tokens.set(jti, { exp: Math.max(exp, this.#tokens.get(jti)?.exp ?? 0) });
    for (const { sub, gen, exp = Infinity } of subjects) {
      const known = this.#subjects.get(sub) ?? { gen: 0, exp: 0 };
      this.#subjects.set(sub, { gen: Math.max(gen, known.gen), exp: Math.max(exp, known.exp) });
    }
    for (const change of claims) this.#claims.set(change.sub, change);
  }

  // known says how young the knowledge is, and forgets once a minute what is about expired tokens.
  #known(asOf) {
    this.#asOf = Math.max(this.#asOf, Math.min(asOf, now() + 60)); // no clock makes it younger than that
    if (now() - this.#swept < 60) return;
    this.#swept = now();
    for (const entries of [this.#tokens, this.#subjects, this.#claims]) {
      for (const [key, { exp = Infinity }] of entries) if (exp < this.#swept) entries.delete(key);
    }
  }

  async #follow() {
    for (let pause = 250; ; pause = Math.min(2 * pause, 10_000)) {
      let wait = 0;
      try {
        await this.#stream(() => (pause = 250));
      } catch (error) {
        wait = error.retryAfter || 0;
        console.error(`revocations: ${error.message}`);
      }
      await sleep(this.#ended ? 60_000 : Math.max(wait, pause * (0.5 + Math.random() / 2)));
    }
  }

  // stream reads server-sent events until they end, do not continue, or nothing comes for 25 seconds.
  async #stream(alive) {
    const silence = new AbortController();
    let timer;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(new Error('the feed is silent')), 25_000);
    };
    heard();
    try {
      const response = await this.#get({ after: this.#seq, epoch: this.#epoch }, 'text/event-stream', silence.signal);
      let text = '';
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        heard();
        const events = (text + chunk).split('\n\n');
        text = events.pop();
        for (const event of events) {
          if (/^event: *gone$/m.test(event)) return await this.#complete();
          const data = /^data: *(\S+)$/m.exec(event);
          if (data && !(await this.#increment(await this.#document(data[1])))) return;
          alive();
        }
      }
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }
}
