"""A real web server on this machine that keeps what is posted to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class WebServer:
    """`posted` holds (path, document); it answers with `code`, after `let_go` is set."""

    posted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    code: int = 200
    let_go: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/secret-token"

    def kinds(self) -> list[str]:
        return [document["kind"] for _, document in self.posted]


@contextmanager
def web_server(code: int = 200, *, stalls: bool = False) -> Iterator[WebServer]:
    """One that runs as long as the context; with `stalls` it does not answer."""
    told = WebServer(code=code)
    if not stalls:
        told.let_go.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # as http.server has it
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.posted.append((self.path, json.loads(body)))
            told.let_go.wait(60)
            self.send_response(told.code)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        told.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()
