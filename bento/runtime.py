"""What every route needs, built once a process and reached through the application's state."""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import FastAPI, Request

from assay.reports.side_by_side import SideBySide
from assay.serving_plan import ServingPlan
from assay.store import Store
from bento.byte_cache import ByteCache
from bento.engine import Engine
from bento.fetches import Fetches
from bento.key_ring import KeyRing
from bento.model_card import ModelCard
from bento.refusals import NotKept
from bento.settings import ServiceSettings
from bento.turns import Turns
from bento.webhook_sender import WebhookSender

_PICTURES = 64 * 2**20
"""Bytes of pictures of siblings: some thirty pairs, those that moderators look at now."""
_THUMBNAILS = 12 * 2**20
"""Bytes of small pictures for lists: two thousand."""


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
    plan: ServingPlan | None = None
    """How the model is run; None for as it was trained."""
    pictures: ByteCache[tuple[str, str], bytes] = field(
        default_factory=lambda: ByteCache(_PICTURES)
    )
    """Views of evidence, by the digest of the image and the view; empty where there is none."""
    side_by_side: ByteCache[tuple[str, str], SideBySide] = field(
        default_factory=lambda: ByteCache(_PICTURES)
    )
    """Pictures of siblings, by the digests of both."""
    thumbnails: ByteCache[str, bytes] = field(default_factory=lambda: ByteCache(_THUMBNAILS))
    """Small pictures for lists, by the digest of the image."""
    webhooks: WebhookSender | None = None
    """Tells platforms what was decided; None where nobody wants to know."""
    fetches: Fetches = field(default_factory=Fetches)
    """Images of single requests that come as an address."""
    batches: Turns = field(default_factory=Turns)
    """In which the images of all batches take their turns."""

    def forget(self, image_digest: str) -> None:
        """Drop the pictures of an image that has been deleted."""
        self.pictures.forget(lambda key: key[0] == image_digest)
        self.side_by_side.forget(lambda pair: image_digest in pair)
        self.thumbnails.forget(lambda digest: digest == image_digest)

    def image(self, capture_id: str) -> bytes:
        """The bytes of an image as received; raises `NotCaptured`, or `NotKept`."""
        image = self.store.captures.image(capture_id)
        if image is None:
            raise NotKept(f"the image of {capture_id} was not kept, as its sender asked")
        return image

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
