"""Servers that start and end together, with small ones of Python's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from assay import dashboards, servers
from assay.servers import ServerFailed

HEALTHY = """
import http.server, sys
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
"""
WITH_A_WORKER = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {HEALTHY!r}, sys.argv[1]])
"""


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    return dashboards.port(dashboards.ZENML)


def start(port: int, script: str = HEALTHY) -> servers.running:
    return servers.running("Small", port, [sys.executable, "-c", script, str(port)], os.environ)


def test_server_answers_until_its_context_ends(port: int):
    with start(port) as server:
        servers.wait_for_answers([server])
        assert server.answers()
    assert not server.answers()
    assert dashboards.is_free(port)


def test_workers_of_a_server_end_with_it(port: int):
    with start(port, WITH_A_WORKER) as server:
        servers.wait_for_answers([server])
        (worker,) = psutil.Process(server.process.pid).children()
    _, left = psutil.wait_procs([worker], timeout=10)  # a kill takes a moment
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in left)


def test_server_that_ends_is_named_with_its_last_words_and_log(port: int):
    with start(port, "raise SystemExit('no database')") as server:
        with pytest.raises(ServerFailed, match="Small ended with status 1: no database") as error:
            servers.watch([server])
        assert str(server.log) in str(error.value)


def test_end_of_one_ends_the_wait_for_the_other(port: int):
    with start(port) as server, start(port, "pass") as other:
        servers.wait_for_answers([server])
        with pytest.raises(ServerFailed, match="ended with status 0"):
            servers.watch([server, other])


def test_silent_server_is_given_up_on(port: int):
    with (
        start(port, "import time; time.sleep(60)") as server,
        pytest.raises(ServerFailed, match="did not answer in 0 s"),
    ):
        servers.wait_for_answers([server], patience=0)


KILLED = """
import os, signal, sys
from tests.test_servers import start
from assay import servers
with start(int(sys.argv[1])) as server:
    servers.wait_for_answers([server])
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_server_of_a_killed_launcher_is_ended_later(port: int):
    command = [sys.executable, "-c", KILLED, str(port)]
    assert subprocess.run(command, cwd=servers.home.REPOSITORY).returncode == -signal.SIGKILL
    assert not dashboards.is_free(port)
    servers.end_leftovers()
    assert dashboards.is_free(port)
