"""How a pipeline tells the running supervisor what to do: JSON lines over a Unix socket.

The socket lies in a folder of its own that only this user can enter, as a state folder's path may
be too long for one; a link in the state folder leads to it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingMixIn, UnixStreamServer
from typing import Any

from assay import home
from assay.errors import AssayError, RolloutFailed
from assay.rollout.slot import PATIENCE

Commands = Mapping[str, Callable[..., Any]]

_ANSWERED_WITHIN = 2 * PATIENCE
"""Seconds: to start a challenger may take `PATIENCE`, and another one may have to end first."""

PREFIX = "assay-"
"""With which the name of a socket's folder begins."""

logger = logging.getLogger(__name__)


def is_served() -> bool:
    """Whether a supervisor of this state folder listens."""
    try:
        with _connected():
            return True
    except OSError:
        return False


def ask(command: str, **arguments: Any) -> Any:
    """What the supervisor answers; raises `RolloutFailed` with its reason, or where none runs."""
    try:
        with _connected() as connection, connection.makefile("rwb") as stream:
            stream.write(json.dumps({"command": command, **arguments}).encode() + b"\n")
            stream.flush()
            line = stream.readline()
    except OSError as error:
        raise RolloutFailed(f"nothing is served here ({error}); start `make serve`") from error
    if not line:
        raise RolloutFailed("`make serve` ended meanwhile; start it again")
    answer = json.loads(line)
    if "error" in answer:
        raise RolloutFailed(answer["error"])
    return answer["answer"]


def folder_of_last() -> Path | None:
    """The folder that a supervisor left which was killed."""
    link = _link()
    folder = link.readlink().parent if link.is_symlink() else None
    return folder if folder is not None and folder.name.startswith(PREFIX) else None


@contextmanager
def listening(folder: Path, commands: Commands) -> Iterator[None]:
    """Obey ``commands`` by name, on a socket in ``folder``, which is short and private."""
    path = folder / "control.sock"
    with _Server(path, commands) as server:
        link = _link()
        link.unlink(missing_ok=True)
        link.symlink_to(path)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            link.unlink(missing_ok=True)
            server.shutdown()


class _Handler(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Obey one line."""
        if line := self.rfile.readline():
            with contextlib.suppress(BrokenPipeError):  # whoever asked was killed
                self.wfile.write(json.dumps(self._answer(json.loads(line))).encode() + b"\n")

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked.pop("command")
        try:
            return {"answer": self.server.commands[name](**asked)}
        except AssayError as error:
            return {"error": str(error)}
        except (KeyError, TypeError, ValueError) as error:
            logger.warning("%s cannot be obeyed", name, exc_info=True)
            return {"error": f"`make serve` does not understand {name!r} ({error}); restart it"}


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, commands: Commands) -> None:
        super().__init__(str(path), _Handler)
        self.commands = commands


def _link() -> Path:
    return home.folder("rollout") / "control"


@contextmanager
def _connected() -> Iterator[socket.socket]:
    """A connection to the supervisor; raises OSError where there is none."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_ANSWERED_WITHIN)
        connection.connect(str(_link().readlink()))
        yield connection
