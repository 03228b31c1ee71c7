#!/usr/bin/env python3
"""A resource server in Python: a small API of orders. writ.py decides whose token is good; this decides who may do what.

    WRIT_ISSUER=http://127.0.0.1:8080/demo/app /usr/bin/python3 server.py
"""

import json
import os
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from writ import BAD, Issuer, Refusal

ORGANIZATION = os.environ.get("WRIT_ORGANIZATION")
MANAGEMENT = os.environ.get("WRIT_MANAGEMENT_ISSUER")
ISSUERS = {}


def caller(headers):
    """Verifies the token of a request. RFC 6750 §2.1: the header is the only place; one in the address would end up in logs."""
    values = headers.get_all("Authorization", [])
    if not values:
        return None
    found = re.fullmatch(r"bearer +([\w.~+/-]+=*)", values[0], re.IGNORECASE | re.ASCII)
    if len(values) > 1 or not found:
        raise Refusal(401, "the token is malformed")
    try:
        # Not verified yet: it only says whom to ask.
        claimed = jwt.decode(found[1], options={"verify_signature": False}).get("iss")
        issuer = ISSUERS[claimed]
    except BAD as error:
        raise Refusal(401, "the token is not good") from error
    claims = issuer.verify(found[1])
    if claimed == MANAGEMENT and not ours(claims):
        raise Refusal(401, "the token is of another organization")
    return claims


def ours(claims):
    """Whether a management token is for our organization: all organizations have the same issuer."""
    if claims["level"] == "admin_user":
        return claims.get("member", ORGANIZATION in claims.get("orgs", []))
    return claims.get("org") == ORGANIZATION


def anybody(claims):
    return True


def has_role(role):
    """Roles are those of application users. The application itself, its organization and their admins may do everything."""
    return lambda claims: claims["level"] != "application_user" or role in claims.get("roles", [])


def has_level(*levels):
    return lambda claims: claims["level"] in levels


def item(claims, name):
    return {"item": name, "guest": claims is None}


def whoami(claims):
    return {"subject": claims["sub"], "level": claims["level"], "username": claims.get("username")}


def order(claims, number):
    return {"order": number, "for": claims["sub"]}


def job(claims):
    return {"started": True}


# Paths are compared letter by letter: what is spelled differently is not found. The third says whether guests may.
ROUTES = [
    ("GET", r"/catalogue/(\w+)", True, anybody, item),
    ("GET", r"/whoami", False, anybody, whoami),
    ("GET", r"/orders/(\w+)", False, has_role("reader"), order),
    ("POST", r"/jobs", False, has_level("application", "organization"), job),
]


def answer(method, path, headers):
    claims = caller(headers)  # credentials that are presented must be good, wherever they are
    for wanted, pattern, guest, may, handler in ROUTES:
        found = re.fullmatch(pattern, path, re.ASCII)
        if not found or method != wanted:
            continue
        if claims is None and not guest:
            raise Refusal(401, "")
        if claims is not None and not may(claims):
            raise Refusal(403, "you may not do this")
        return handler(claims, *found.groups())
    raise Refusal(404, "there is nothing here")


class Handler(BaseHTTPRequestHandler):
    timeout = 15

    def handle_request(self):
        status, body, headers = 200, {}, {}
        method = "GET" if self.command == "HEAD" else self.command
        try:
            body = answer(method, self.path.split("?")[0], self.headers)
        except Refusal as refusal:
            status, message = refusal.status, str(refusal)
            code = {401: "invalid_token", 403: "insufficient_scope"}.get(status)
            body = {"error": code or "refused", "error_description": message}
            if code:
                # RFC 6750 §3; §3.1: without credentials there is no error code.
                detail = f', error="{code}", error_description="{message}"' if message else ""
                headers["WWW-Authenticate"] = 'Bearer realm="writ"' + detail
            if status == 503:
                headers["Retry-After"] = "5"
        text = (json.dumps(body) + "\n").encode()
        self.send_response(status)
        headers |= {"Content-Type": "application/json", "Cache-Control": "no-store", "Content-Length": str(len(text))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_request

    def log_message(self, *arguments):
        pass  # addresses may hold secrets


def main():
    for issuer in filter(None, (os.environ["WRIT_ISSUER"], MANAGEMENT)):
        ISSUERS[issuer] = Issuer(
            issuer,
            os.environ.get("WRIT_CLIENT_ID"),
            os.environ.get("WRIT_CLIENT_SECRET"),
            int(os.environ.get("WRIT_MAX_STALE", 60)),
            int(os.environ.get("WRIT_MAX_STALE_ALL", 1800)),
        )
        ISSUERS[issuer].start()
    host, port = os.environ.get("LISTEN", "127.0.0.1:9000").split(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    print(f"listens on http://{host}:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
