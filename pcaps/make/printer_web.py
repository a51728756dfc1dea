#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A printer's web page out of the standard library's http.server: an open page, and one behind basic authentication."""
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"""<!DOCTYPE html><html><head><title>INKJOY LaserStar 400 - Embedded Web Server</title></head>
<body><h1>INKJOY LaserStar 400</h1><p>Serial number: IJ400-77310</p><p>Firmware: 2.18.0</p></body></html>\n"""


class Page(BaseHTTPRequestHandler):
    server_version, sys_version = "INKJOY-HTTP/2.18 LaserStar-400", ""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        refused = self.path.startswith("/admin") and "Authorization" not in self.headers
        self.send_response(401 if refused else 200)
        if refused:
            self.send_header("WWW-Authenticate", 'Basic realm="LaserStar 400 administration"')
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("0.0.0.0", 80), Page).serve_forever()
