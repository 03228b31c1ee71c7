#!/usr/bin/env python3
"""A service that knows nothing of tokens. It says what it was asked, and what the proxy in front of it told about the caller."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    timeout = 15

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        answer = {"method": self.command, "path": self.path, "headers": self.headers.items(), "body": body}
        text = (json.dumps(answer) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = handle_request

    def log_message(self, *arguments):
        pass


host, port = os.environ.get("LISTEN", "127.0.0.1:9000").split(":")
server = ThreadingHTTPServer((host, int(port)), Handler)
print(f"listens on http://{host}:{server.server_address[1]}", flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    pass
