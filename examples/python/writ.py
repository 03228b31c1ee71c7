"""Writ's tokens in Python: PyJWT checks them offline, and the revocation feed (docs/feed.md) says which are refused nevertheless.

    shop = Issuer("https://id.example.com/acme/shop")
    shop.start()
    claims = shop.verify(token)         # or raises Refusal
"""

import base64
import hashlib
import json
import random
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import jwt

ALGORITHMS = ["ES256", "RS256", "PS256", "EdDSA"]
NEVER = 253402300799  # the exp of tokens that do not expire, where the application wants one
LEEWAY = 5  # seconds by which our clock may be behind
# What PyJWT raises for a bad token, and what Python raises inside of it for a worse one.
BAD = (jwt.PyJWTError, TypeError, ValueError, KeyError, AttributeError, RecursionError)


class Refusal(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status  # 401, or 503 while too little is known


def hashed(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode().rstrip("=")


class Keys:
    """The key set of an issuer. Whoever sends unknown kids makes it ask once in two seconds, not more."""

    def __init__(self, address):
        self._address = address
        self._keys = {}
        self._asked = 0.0
        self._lock = threading.Lock()

    def get(self, kid):
        if kid not in self._keys:
            with self._lock:
                if kid not in self._keys and time.monotonic() - self._asked > 2:
                    self._asked = time.monotonic()
                    with urllib.request.urlopen(self._address, timeout=5) as response:
                        keys = json.load(response)["keys"]
                    self._keys = {key["kid"]: (jwt.PyJWK(key).key, key["alg"]) for key in keys}
        return self._keys[kid]


class Known:
    """What is denied at a position of the feed. Only the thread that follows changes it."""

    def __init__(self, epoch=None, seq=-1):
        self.epoch, self.seq, self.as_of, self.ended = epoch, seq, 0, False
        self.keys, self.tokens, self.subjects, self.claims = frozenset(), {}, {}, {}

    def add(self, document):
        for entry in document.get("tokens", []):
            self.tokens[entry["jti"]] = max(entry.get("exp", NEVER), self.tokens.get(entry["jti"], 0))
        for entry in document.get("subjects", []):
            gen, exp = self.subjects.get(entry["sub"], (0, 0))
            self.subjects[entry["sub"]] = (max(entry["gen"], gen), max(entry.get("exp", NEVER), exp))
        for entry in document.get("claims", []):
            self.claims[entry["sub"]] = entry

    def forget(self):
        past = time.time() - LEEWAY
        self.tokens = {jti: exp for jti, exp in self.tokens.items() if exp >= past}
        self.subjects = {sub: entry for sub, entry in self.subjects.items() if entry[1] >= past}
        self.claims = {sub: entry for sub, entry in self.claims.items() if entry.get("exp", NEVER) >= past}


class Issuer:
    def __init__(self, issuer, client_id=None, client_secret=None, max_stale=60, max_stale_all=1800):
        self._issuer = issuer
        self._bounds = max_stale, max_stale_all
        self._wait = max(1, min(25, max_stale // 3))  # each answer, also an empty one, makes the knowledge young again
        self._headers = {"Accept": "application/writ-revocations+jwt"}
        if client_id:
            basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
            self._headers["Authorization"] = "Basic " + basic
        self._known = Known()
        self._swept = 0.0

    def start(self):
        """Returns when everything that is denied now is known; a thread goes on following."""
        with urllib.request.urlopen(self._issuer + "/.well-known/oauth-authorization-server", timeout=10) as response:
            metadata = json.load(response)
        # RFC 8414 §3.3: the issuer of the document must be the one that was asked for.
        if metadata["issuer"] != self._issuer:
            raise ValueError(f"metadata of {self._issuer} names {metadata['issuer']}")
        self._feed = metadata["writ_revocations_uri"]
        # Of its own: forged tokens with unknown kids cannot keep the feed from learning a new key.
        self._feed_keys = Keys(metadata["jwks_uri"])
        self._token_keys = Keys(metadata["jwks_uri"])
        self._complete()
        threading.Thread(target=self._follow, daemon=True).start()

    def verify(self, token):
        try:
            kid, claims = self._checked(token, "at+jwt", self._token_keys, audience=self._issuer, require=["sub", "jti"])
        except OSError as error:
            raise Refusal(503, "tokens cannot be checked at the moment") from error
        except BAD as error:
            raise Refusal(401, "the token is not good") from error
        known = self._known
        gen, _ = known.subjects.get(hashed(claims["sub"]), (0, 0))
        # Whatever happened while the signature was checked counts: this comes after it.
        if known.ended or kid in known.keys or hashed(claims["jti"]) in known.tokens or claims.get("gen", -1) < gen:
            raise Refusal(401, "the token has been revoked")
        max_stale, max_stale_all = self._bounds
        age = time.time() - known.as_of
        if age > max_stale_all or age > max_stale and claims.get("exp", NEVER) >= NEVER:
            raise Refusal(503, "revocations cannot be checked at the moment")
        # Roles, groups and memberships are those of now. The feed tells them to clients only.
        change = known.claims.get(hashed(claims["sub"]))
        if change is None:
            return claims
        if "member" in change:
            return {**claims, "member": change["member"]}
        return {**claims, "roles": change.get("roles", []), "groups": change.get("groups", [])}

    def _checked(self, jws, typ, keys, audience=None, require=(), leeway=LEEWAY):
        header = jwt.get_unverified_header(jws)
        # RFC 8725 §3.11: typ tells access tokens from documents, which the same keys sign. The library does not look at it.
        if header.get("typ") != typ:
            raise ValueError("not of this type")
        # Before the key is used: a dropped one may sign what it likes.
        if header["kid"] in self._known.keys:
            raise ValueError("signed by a dropped key")
        key, algorithm = keys.get(header["kid"])
        if algorithm not in ALGORITHMS:
            raise ValueError("no good algorithm")
        options = {"require": ["iss", "iat", *require], "verify_aud": audience is not None}
        # The algorithm is the key's, never the header's. RFC 8725 §3.1.
        claims = jwt.decode(
            jws, key, algorithms=[algorithm], issuer=self._issuer, audience=audience, leeway=leeway, options=options
        )
        return header["kid"], claims

    def _document(self, timeout=10, **query):
        address = f"{self._feed}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(urllib.request.Request(address, headers=self._headers), timeout=timeout) as response:
            _, document = self._checked(response.read().decode(), "writ-revocations+jwt", self._feed_keys, leeway=60)
            return document

    def _pages(self):
        """Fetches the complete list, all of its pages: those of different lists do not fit together."""
        pages = [self._document()]
        epoch, seq, count = pages[0]["epoch"], pages[0]["seq"], pages[0].get("pages", 1)
        while len(pages) < count:
            pages.append(self._document(page=len(pages) + 1, seq=seq))
        for number, page in enumerate(pages, 1):
            found = page.get("complete"), page["epoch"], page["seq"], page.get("pages", 1), page.get("page", 1)
            if found != (True, epoch, seq, count, number):
                raise ValueError("the pages are of different lists")
        return pages

    def _complete(self):
        try:
            pages = self._pages()
        except (OSError, *BAD):
            pages = self._pages()  # begins again once; if that does not help either, the thread comes back later
        epoch, seq = pages[0]["epoch"], pages[0]["seq"]
        old, new = self._known, Known(epoch, seq)
        for page in pages:
            new.add(page)
            new.keys |= frozenset(page.get("keys", []))
            new.ended = new.ended or page.get("ended") is True
        as_of = min(page["as_of"] for page in pages)
        if as_of < old.as_of or epoch == old.epoch and seq < old.seq:
            # An older list adds to what is known: nothing is ever un-denied.
            new.add({"claims": old.claims.values()})
            new.add({"tokens": [{"jti": jti, "exp": exp} for jti, exp in old.tokens.items()]})
            new.add({"subjects": [{"sub": sub, "gen": gen, "exp": exp} for sub, (gen, exp) in old.subjects.items()]})
            new.keys |= old.keys
            new.ended = new.ended or old.ended
        new.as_of = max(old.as_of, self._young(as_of))
        self._known = new

    def _increment(self, document):
        known = self._known
        if document.get("complete") or document["epoch"] != known.epoch or document["from"] > known.seq:
            return self._complete()  # a gap
        if document["seq"] < known.seq or document["seq"] == known.seq and document["as_of"] < known.as_of:
            return None  # its state is out of date
        known.add(document)
        known.keys, known.ended = frozenset(document.get("keys", [])), document.get("ended") is True
        known.seq = document["seq"]
        known.as_of = max(known.as_of, self._young(document["as_of"]))
        return None

    @staticmethod
    def _young(as_of):
        return min(as_of, time.time() + 60)  # no clock makes it younger than that

    def _follow(self):
        pause = 0.25
        while True:
            try:
                known = self._known
                self._increment(self._document(self._wait + 10, after=known.seq, epoch=known.epoch, wait=self._wait))
                pause = 0.25
                if time.monotonic() - self._swept > 60:
                    self._swept = time.monotonic()
                    self._known.forget()
                if not self._known.ended:
                    continue
                wait = 60  # for an issuer that has ended this is enough
            except Exception as error:  # the thread must not end: then nothing would be revoked any more until all is stale
                print(f"revocations: {error!r}", file=sys.stderr, flush=True)
                wait = pause * random.uniform(0.5, 1)
                if isinstance(error, urllib.error.HTTPError):
                    wait = max(wait, int(error.headers.get("Retry-After") or 0))
                pause = min(2 * pause, 10)
            time.sleep(wait)
