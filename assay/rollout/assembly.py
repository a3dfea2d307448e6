"""How the parts of a supervisor are put together."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from assay import dashboards, home
from assay.errors import ConfigError
from assay.images import MAX_REQUEST
from assay.rollout import control, proxy, relay
from assay.rollout.answers import Answers
from assay.rollout.nginx import Site
from assay.rollout.proxy import Proxy
from assay.rollout.relay import Relay
from assay.rollout.slot import Colour, Place
from assay.rollout.supervisor import Supervisor
from assay.rollout.warden import warden
from assay.servers import LOOPBACK

_OF_ONE = frozenset({"ASSAY_MODEL", "ASSAY_SERVING_PLAN"})
"""What is meant for one service and no other: a release has its own inside."""
_DEADLINE = 30.0
_BEYOND = 10.0
"""Seconds beyond the service's own deadline until its proxy gives an answer up."""


@contextmanager
def supervising(host: str, port: int, environment: Mapping[str, str]) -> Iterator[Supervisor]:
    """A supervisor whose service will be reached at ``host`` and ``port``; it starts none yet.

    ``environment`` is what all services share. Raises `RolloutFailed` where nginx does not start.
    """
    secret = secrets.token_urlsafe(32)
    shared = {name: value for name, value in environment.items() if name not in _OF_ONE}
    shared["ASSAY_COPY_SECRET"] = secret
    answers, patience = Answers(), _patience(environment)
    shadow = Relay(secret, patience, answers)
    program = proxy.find()
    with ExitStack() as stack:
        sockets = _private_folder(stack)
        watcher = stack.enter_context(warden())
        front: Proxy | None = None
        places: Mapping[Colour, Place]
        if program is None:
            places = {Colour.BLUE: _place(Colour.BLUE, host, port, shared)}
        else:
            places = _behind(shared)
            site = _site(host, port, places, sockets / "relay.sock", patience)
            stack.enter_context(relay.listening(Path(site.relay), shadow))
            front = stack.enter_context(proxy.running(program, site, _folder("nginx"), watcher))
        supervisor = Supervisor(places, front, shadow, answers, watcher)
        stack.enter_context(control.listening(sockets, supervisor.commands()))
        yield supervisor


def _behind(shared: Mapping[str, str]) -> Mapping[Colour, Place]:
    """Both places, on ports that tend to stay free until a challenger comes."""
    blue = dashboards.choose_port(taken=())
    green = dashboards.choose_port(taken=(blue,))
    ports = {Colour.BLUE: blue, Colour.GREEN: green}
    return {colour: _place(colour, LOOPBACK, port, shared) for colour, port in ports.items()}


def _place(colour: Colour, host: str, port: int, shared: Mapping[str, str]) -> Place:
    """A place with its own folder for what BentoML keeps of a running service.

    BentoML empties the folder of its figures at each start, whoever else writes there.
    """
    folder = _folder(colour)
    environment = {**shared, "BENTOML_HOME": str(folder)}
    return Place(colour, host, port, environment, folder / "standby")


def _site(
    host: str, port: int, places: Mapping[Colour, Place], relay_socket: Path, patience: float
) -> Site:
    return Site(
        host=host,
        port=port,
        blue=places[Colour.BLUE].port,
        green=places[Colour.GREEN].port,
        relay=str(relay_socket),
        patience=patience,
        largest=MAX_REQUEST,
        connections=proxy.connections(),
        user=proxy.worker_user(),
    )


def _patience(environment: Mapping[str, str]) -> float:
    given = environment.get("ASSAY_DEADLINE") or str(_DEADLINE)
    try:
        return float(given) + _BEYOND
    except ValueError as error:
        raise ConfigError(f"ASSAY_DEADLINE={given!r} is no number of seconds") from error


def _folder(name: str) -> Path:
    folder = home.folder("rollout") / name
    folder.mkdir(exist_ok=True)
    return folder


def _private_folder(stack: ExitStack) -> Path:
    """A short path for sockets, of whose names the system takes a hundred characters."""
    if (left := control.folder_of_last()) is not None:
        shutil.rmtree(left, ignore_errors=True)
    return Path(stack.enter_context(TemporaryDirectory(prefix=control.PREFIX)))
