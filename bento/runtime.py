"""What every route needs, built once a process and reached through the application's state."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI, Request

from assay.calibration import Calibration
from assay.fusion import Fusion
from assay.store import Store
from bento.engine import Engine
from bento.key_ring import KeyRing
from bento.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of the model that answers."""

    version: str
    family: str
    calibration: Calibration
    fusion: Fusion | None


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of a running service."""

    settings: ServiceSettings
    store: Store
    engine: Engine
    model: ModelCard
    url_keys: tuple[bytes, ...]
    """Sign the addresses of notices, newest first."""
    case_key: bytes
    """Signs case files."""
    keys: KeyRing

    def close(self) -> None:
        """End the worker processes and let go of the store."""
        self.engine.pool.close()
        self.store.close()


def attach(app: FastAPI, runtime: Runtime) -> None:
    """Let the routes of ``app`` find ``runtime``."""
    app.state.runtime = runtime


def runtime(request: Request) -> Runtime:
    """The runtime of the application that serves this request."""
    found: Runtime = request.app.state.runtime
    return found
