"""Small servers to stand behind nginx, and nginx itself before two of them."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from assay.rollout import nginx, proxy, relay
from assay.rollout.answers import Answers
from assay.rollout.nginx import COPY_HEADER, VERDICT_HEADER, Site
from assay.rollout.proxy import Proxy
from assay.rollout.relay import Relay
from assay.rollout.warden import warden
from tests.bento.servers import free_port

SECRET = secrets.token_urlsafe()
LARGEST = 100_000


@dataclass
class Backend:
    """A server that says who it is, and what it was asked."""

    name: str
    label: str = "authentic"
    fault: str = ""
    """``error``: answers 500; ``silence``: hangs up; ``slow``: takes three seconds."""
    seen: list[dict[str, str]] = field(default_factory=list)
    marks: list[list[str]] = field(default_factory=list)
    """All values of the mark of copies, request by request."""
    port: int = 0

    @property
    def copies(self) -> list[dict[str, str]]:
        return [headers for headers in self.seen if headers.get(COPY_HEADER.lower())]


@dataclass
class Front:
    """nginx before two backends."""

    proxy: Proxy
    relay: Relay
    answers: Answers
    blue: Backend
    green: Backend
    url: str

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=20)


def _handler(backend: Backend) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            backend.seen.append({name.lower(): value for name, value in self.headers.items()})
            backend.marks.append(self.headers.get_all(COPY_HEADER, []))
            if backend.fault == "silence":
                self.close_connection = True
                return
            if backend.fault == "slow":
                time.sleep(3)
            body = {"name": backend.name, "label": backend.label, "score": 0.25, "path": self.path}
            content = json.dumps(body).encode()
            self.send_response(500 if backend.fault == "error" else 200)
            self.send_header(VERDICT_HEADER, f"{backend.label} 0.25")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def serving(backend: Backend) -> Iterator[Backend]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(backend))
    backend.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield backend
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def front(folder: Path, patience: float = 1.0) -> Iterator[Front]:
    """A running nginx; skips where there is none."""
    program = proxy.find()
    if program is None:
        pytest.skip("nginx is not installed")
    with ExitStack() as stack:
        sockets = Path(stack.enter_context(TemporaryDirectory(prefix="assay-")))
        blue, green = (stack.enter_context(serving(Backend(n))) for n in ("blue", "green"))
        answers = Answers()
        shadow = Relay(SECRET, 5, answers)
        stack.enter_context(relay.listening(sockets / "relay.sock", shadow))
        port, path = free_port(), str(sockets / "relay.sock")
        user = proxy.worker_user()
        site = Site("127.0.0.1", port, blue.port, green.port, path, patience, LARGEST, 512, user)
        watcher = stack.enter_context(warden())
        running = stack.enter_context(proxy.running(program, site, folder / "nginx", watcher))
        yield Front(running, shadow, answers, blue, green, f"http://127.0.0.1:{port}")


def configuration(host: str) -> str:
    """The configuration of a site at ``host``."""
    return nginx.configuration(site(host))


def site(host: str) -> Site:
    """One that nobody starts."""
    return Site(host, 80, 1, 2, "relay.sock", 1, LARGEST)
