"""The evidence of one image as pictures, from its bytes: what a server draws for a browser.

Functions of bytes, PNG out, so that a process of `assay.evidence_pool` can run them.
"""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np

from assay import images, localisation
from assay.evidence import examined, examiners
from assay.records import Finding, Heatmap, Photo
from assay.reports import views
from assay.reports.pictures import fitted, shrunk

SIDE = 1024
"""Pixels that a picture is wide and high at most."""


def heatmap(data: bytes, names: Collection[str], over_image: bool) -> bytes | None:
    """Where the examiners called ``names`` point, as a see-through layer or over the image.

    Heatmaps are not kept, so these measure again; names that nobody answers to are passed over.
    None where nothing would be seen. Raises as `assay.images.decode`.
    """
    photo = images.decode(data)
    fused = _fused(photo, names)
    if fused is None:
        return None
    layer = views.overlay(fused, fitted(photo.size, SIDE))
    if not layer[..., 3].any():
        return None
    if over_image:
        return images.encode_png(views.heated(shrunk(photo.pixels, SIDE), fused))
    return _encoded(layer)


def residual(data: bytes) -> bytes:
    """`assay.reports.views.residual_view` of an encoded image; raises as `assay.images.decode`."""
    return images.encode_png(views.residual_view(images.decode(data).pixels, SIDE).pixels)


def error_level(data: bytes) -> bytes | None:
    """`assay.reports.views.error_level_view` of an encoded image, None as there.

    Raises as `assay.images.decode`.
    """
    view = views.error_level_view(images.decode(data).pixels, SIDE)
    return None if view is None else images.encode_png(view.pixels)


def _fused(photo: Photo, names: Collection[str]) -> Heatmap | None:
    # The others are not measured again.
    pointing = [n for n, one in examiners().items() if n in names and one.points]
    findings = [Finding(examined(photo, name), None, "") for name in pointing]
    return localisation.fused_heatmap(findings)


def _encoded(layer: views.Layer) -> bytes:
    _, buffer = cv2.imencode(".png", cv2.cvtColor(layer, cv2.COLOR_RGBA2BGRA))
    return np.asarray(buffer).tobytes()
