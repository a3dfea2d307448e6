"""Alerts over real HTTP start the loop, once, and only for whoever knows the token."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from assay import processes
from assay.errors import ConfigError
from assay.loop.listening import COMMAND, Listener, Starter, starting
from assay.store import Store, StoreSettings
from assay.store.loops import LoopState
from tests.captures import Clock, eventually

TOKEN = "t" * 32
EVERY = timedelta(hours=6)


def alert(name: str = "AssayDrift", status: str = "firing", **labels: str) -> dict[str, object]:
    return {"status": status, "labels": {"alertname": name, **labels}, "annotations": {}}


def message(*alerts: dict[str, object]) -> dict[str, object]:
    """As Alertmanager 0.27 sends it."""
    return {"version": "4", "status": "firing", "receiver": "loop", "alerts": list(alerts)}


DRIFT = message(alert(starts="loop"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    with Store.open(StoreSettings(folder=tmp_path / "store"), clock=clock, drain=False) as opened:
        yield opened


@pytest.fixture
def listener(store: Store, tmp_path: Path) -> Iterator[Listener]:
    """Starts a process that leaves a line, and stays until it finds the file ``end``."""
    command = (sys.executable, "-I", "-S", "-c", LOOP, str(tmp_path), f"loop-of-{tmp_path.name}")
    with Listener("127.0.0.1", 0, TOKEN, Starter(store.loops, EVERY, command)) as made:
        serving = threading.Thread(target=made.serve_forever, args=(0.01,))
        serving.start()
        yield made
        (tmp_path / "end").touch()
        made.shutdown()
        serving.join()
        assert eventually(lambda: not processes.called(f"loop-of-{tmp_path.name}"))
        assert made.starter.is_free()


@contextmanager
def patient(store: Store, seconds: float) -> Iterator[Listener]:
    """One that gives each request so long, and starts nothing."""
    starter = Starter(store.loops, EVERY, ("false",))
    with Listener("127.0.0.1", 0, TOKEN, starter, seconds) as made:
        serving = threading.Thread(target=made.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield made
        finally:
            made.shutdown()
            serving.join()


def stranger(listener: Listener) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", listener.server_port), timeout=10)
    made.settimeout(0.02)
    return made


def is_cut_off(one: socket.socket) -> bool:
    """Whether it is, after one more byte."""
    try:
        one.sendall(b"G")
        return one.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


LOOP = """
import sys, time
from pathlib import Path
folder = Path(sys.argv[1])
with (folder / "started").open("a") as lines:
    lines.write("started\\n")
while not (folder / "end").exists():
    time.sleep(0.01)
"""


def started(folder: Path) -> int:
    file = folder / "started"
    return len(file.read_text().splitlines()) if file.exists() else 0


def send(
    listener: Listener,
    body: object,
    token: str = TOKEN,
    path: str = "/alerts",
    method: str = "POST",
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", listener.server_port, timeout=10)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request(method, path, data, headers)
    answer = connection.getresponse()
    words = json.loads(answer.read())["loop"]
    connection.close()
    return answer.status, words


def test_alert_starts_the_loop_once_while_it_runs(listener: Listener, tmp_path: Path) -> None:
    assert send(listener, DRIFT) == (202, "started")
    assert eventually(lambda: started(tmp_path) == 1)
    assert send(listener, DRIFT) == (200, "running already")
    assert started(tmp_path) == 1


def test_loop_that_has_ended_is_not_started_again_too_soon(
    listener: Listener, store: Store, clock: Clock, tmp_path: Path
) -> None:
    store.loops.end(store.loops.claim("cron", timedelta(days=1)).id, LoopState.CALM)
    assert send(listener, DRIFT) == (200, "too soon after the last one")
    clock.advance(EVERY.total_seconds())
    assert send(listener, DRIFT) == (202, "started")
    assert eventually(lambda: started(tmp_path) == 1)


def test_clock_that_was_ahead_forbids_no_loop(
    listener: Listener, store: Store, clock: Clock
) -> None:
    clock.advance(86_400 * 365)
    store.loops.end(store.loops.claim("cron", timedelta(days=1)).id, LoopState.CALM)
    clock.advance(-86_400 * 365)
    assert send(listener, DRIFT) == (202, "started")


def test_interrupted_loop_may_go_on_at_once(listener: Listener, store: Store) -> None:
    store.loops.release(store.loops.claim("cron", timedelta(days=1)).id)
    assert send(listener, DRIFT) == (202, "started")


@pytest.mark.parametrize(
    "alerts",
    [(), (alert(),), (alert(starts="coffee"),), (alert(status="resolved", starts="loop"),)],
    ids=["none", "another", "another-label", "resolved"],
)
def test_other_alerts_start_nothing(
    listener: Listener, tmp_path: Path, alerts: tuple[dict[str, object], ...]
) -> None:
    assert send(listener, message(*alerts)) == (200, "no alert that starts the loop")
    assert started(tmp_path) == 0


@pytest.mark.parametrize("token", ["", "t" * 31, "T" * 32, "t" * 33])
def test_whoever_does_not_know_the_token_starts_nothing(
    listener: Listener, tmp_path: Path, token: str
) -> None:
    assert send(listener, DRIFT, token)[0] == 401
    assert started(tmp_path) == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"alerts": {}}', b'{"alerts": [1]}', b'{"alerts":[{}]}']
)
def test_what_is_no_message_of_alertmanager_is_refused(
    listener: Listener, tmp_path: Path, body: bytes
) -> None:
    assert send(listener, body) == (400, "send what Alertmanager sends, as JSON")
    assert started(tmp_path) == 0


def test_message_that_is_nested_too_deeply_is_refused(listener: Listener) -> None:
    assert send(listener, b"[" * 100_000)[0] == 400


def test_whoever_sends_a_byte_at_a_time_is_hung_up_on(store: Store) -> None:
    with patient(store, seconds=0.3) as made, stranger(made) as slow:
        assert eventually(lambda: is_cut_off(slow))


def test_crowd_of_strangers_gets_no_more_threads_than_there_are(store: Store) -> None:
    with patient(store, seconds=60) as made, ExitStack() as crowd:
        for _ in range(32):
            crowd.enter_context(stranger(made))
        with stranger(made) as late:
            assert eventually(lambda: is_cut_off(late))


def test_long_messages_and_other_paths_are_refused(listener: Listener) -> None:
    assert send(listener, b" " * 1_000_001)[0] == 413
    assert send(listener, DRIFT, path="/")[0] == 404
    assert send(listener, b"", path="/livez", method="GET") == (200, "")
    assert send(listener, b"", path="/alerts", method="GET")[0] == 404


def test_several_alerts_are_named() -> None:
    given = message(alert("A", starts="loop"), alert("B"), alert("C", starts="loop"))
    assert starting(given) == ["A", "C"]


def test_short_token_is_refused_with_the_remedy(store: Store) -> None:
    with pytest.raises(ConfigError, match=r"ASSAY_LOOP_TOKEN has fewer than 16 .* openssl rand"):
        Listener("127.0.0.1", 0, "short", Starter(store.loops, EVERY))


def test_it_starts_the_pipeline() -> None:
    assert COMMAND[1:] == ("run.py", "--pipeline", "loop")
