"""The BentoML services: a public one that directs, and an inner one whose model answers in batches.

    bentoml serve bento.service:Assay         (`make serve` finds the model and the keys first)

The inner service listens on a local socket only, so nobody reaches the model past the gate.

BentoML's supervisor and each of its processes import this module, and the supervisor only reads how
the services are set. So each imports what it works with when it begins: that saves a cold start
seconds (docs/decisions/0075-release.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from assay.errors import AssayError
from bento import http_protocol, logs, serving, supervision
from bento.settings import model_folder

if TYPE_CHECKING:
    from fastapi import FastAPI

    from bento.batched_answers import Parcel

_QUIET: Any = {"access": {"enabled": False}}
_UNCOUNTED: Any = {"enabled": False}
"""BentoML would label its numbers with whatever path a stranger asks for; `metrics` counts."""
_TIMEOUT = 600
"""Seconds until BentoML gives a request up; ours end long before, downloads may take longer."""

_SERVING = serving.of_environment()
_BATCHED: Any = {
    "batchable": True,
    "max_batch_size": _SERVING.recipe.batch_size,
    "max_latency_ms": 1000 * _TIMEOUT,  # beyond it BentoML would drop what waits
}

http_protocol.install()
supervision.install()
_KEPT: Any = {"max_requests": 2**31, "max_age": 1e9}
"""BentoML otherwise closes its connections after 100 requests, together with those under way."""


@bentoml.service(
    name="model",
    workers=_SERVING.recipe.instances,
    threads=1,
    traffic={"timeout": _TIMEOUT},
    logging=_QUIET,
    runner_connection=_KEPT,
)
class Model:
    """The model: questions in batches, verdicts out.

    On one thread: transformers keeps positions of the batch that it is at in the model itself.
    """

    def __init__(self) -> None:
        from assay.detector import Detector
        from assay.policy import Policy
        from assay.store import StoreSettings
        from bento.lifeline import Lifeline

        logs.start()
        self._lifeline = Lifeline(StoreSettings.from_environment().folder)
        self._lifeline.outlive_holder()
        self._detector = Detector.load(model_folder(), _SERVING.recipe)
        self._detector.follow(Policy.of_environment())

    @bentoml.api(**_BATCHED)  # type: ignore[untyped-decorator]
    def verdicts(self, parcels: list[Any]) -> list[Any]:
        """Verdicts without reasons: one prefill a batch."""
        return self._answered(parcels)

    @bentoml.api(**_BATCHED)  # type: ignore[untyped-decorator]
    def reasoned(self, parcels: list[Any]) -> list[Any]:
        """Verdicts with reasons where wanted; on a queue of its own, as writing is slow."""
        return self._answered(parcels)

    def _answered(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        from bento.batched_answers import Parcel

        questions, wanted = zip(*(parcel.content for parcel in parcels), strict=True)
        try:
            return [Parcel(verdict) for verdict in self._detector.answer(questions, wanted)]
        except AssayError as error:  # raised here it would be an internal error for the gate
            return [Parcel(error) for _ in parcels]


class Gate:
    """Sends every request to our application.

    BentoML would answer ``/``, ``/docs.json`` and others itself, with pages that load from
    elsewhere, and ``/metrics`` to anybody.
    """

    app: ClassVar[FastAPI]
    """Ours, once the service begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._bentoml = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await (self.app if scope["type"] == "http" else self._bentoml)(scope, receive, send)


@bentoml.service(
    name="assay",
    workers=1,
    traffic={"timeout": _TIMEOUT},
    logging=_QUIET,
    metrics=_UNCOUNTED,
)
class Assay:
    """Everything public."""

    model = bentoml.depends(Model)

    def __init__(self) -> None:
        from assay import evidence_pool
        from assay.store import StoreSettings
        from bento.lifeline import Lifeline

        evidence_pool.start_importing()
        logs.start()
        self._lifeline = Lifeline(StoreSettings.from_environment().folder)
        self._lifeline.hold()
        app = _application(self.model)
        Gate.app = app
        Assay.mount_asgi_app(app)  # type: ignore[attr-defined]  # BentoML runs its lifespan


def _application(model: Any) -> FastAPI:
    """All routes, over what the environment names."""
    from assay.store import StoreSettings
    from bento.api.app import create_app
    from bento.assembly import assemble
    from bento.batched_answers import BatchedAnswers
    from bento.runtime import attach
    from bento.settings import ServiceSettings

    settings, store = ServiceSettings.from_environment(), StoreSettings.from_environment()
    app = create_app()
    attach(app, assemble(settings, store, BatchedAnswers(model), _SERVING))
    return app


Assay.add_asgi_middleware(Gate)  # type: ignore[attr-defined]
