"""Traffic that was never served: windows with as many and as related columns as real ones have."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assay.descriptors import NAMES
from assay.metrics import Bools, Floats
from assay.records import Label
from assay.store import Capture, Store

if TYPE_CHECKING:
    import pandas as pd

FINDINGS, COMPONENTS, CAUSES = 22, 8, 6
"""Columns of findings and of the representation, and what makes them move together."""
_AT_ONCE, _AUDITED = 2000, 0.02
_CLIENTS = {"forum": 0.6, "market": 0.3, "press": 0.1}
_MEDIA = {"image/jpeg": 0.85, "image/png": 0.1, "image/webp": 0.05}


def window(pictures: int, rng: np.random.Generator, changed: float = 0.0) -> pd.DataFrame:
    """A window as `assay.monitoring.frame` gives it, of so many pictures, one capture each.

    A share ``changed`` of them has a poorer JPEG quality and half the size, which also moves a few
    findings, as a change of an upload form does.
    """
    import pandas as pd

    causes = rng.standard_normal((pictures, CAUSES))
    is_changed = rng.random(pictures) < changed
    columns = _numbers(causes, is_changed, rng)
    scores = 1 / (1 + np.exp(1.5 - causes[:, 0] - rng.standard_normal(pictures)))
    columns["score"] = scores
    columns["label"] = np.where(scores > 0.5, Label.MANIPULATED.value, Label.AUTHENTIC.value)
    columns["needs_review"] = (scores > 0.4) & (scores < 0.6)
    columns["client"] = rng.choice(list(_CLIENTS), pictures, p=list(_CLIENTS.values()))
    columns["media_type"] = rng.choice(list(_MEDIA), pictures, p=list(_MEDIA.values()))
    return pd.DataFrame({"group": np.arange(pictures), **columns})


def _numbers(
    causes: Floats, is_changed: Bools, rng: np.random.Generator
) -> dict[str, npt.NDArray[np.generic]]:
    """Skewed columns that share causes; some findings are 0, or absent, for many images."""
    n, mixing = len(causes), np.random.default_rng(0)
    columns: dict[str, npt.NDArray[np.generic]] = {}
    names = [f"d_{name}" for name in NAMES] + [f"f_{number}" for number in range(FINDINGS)]
    for place, name in enumerate(names + [f"e_{number}" for number in range(COMPONENTS)]):
        values = causes @ mixing.standard_normal(CAUSES) + rng.standard_normal(n)
        if name.startswith("d_"):
            values = np.exp(values / 3)
        if name.startswith("f_") and place % 4 == 0:
            values = np.maximum(values, 0.0)
        if name in ("f_1", "f_6"):
            values = values + 1.5 * is_changed
        is_absent = name.startswith("f_") and place % 5 == 0
        columns[name] = np.where(rng.random(n) < 0.1 * is_absent, np.nan, values)
    quality = rng.choice([75.0, 85.0, 90.0, 95.0], n, p=[0.15, 0.3, 0.35, 0.2])
    columns["d_jpeg_quality"] = np.where(is_changed, quality - 25, quality)
    width = rng.choice([640.0, 1024.0, 1280.0, 2048.0], n)
    columns["d_width"] = np.where(is_changed, width / 2, width)
    return columns


def store_captures(
    store: Store, frame: pd.DataFrame, model_version: str, since: datetime, step: timedelta
) -> None:
    """Put the pictures of ``frame`` into the database as captures, one every ``step``.

    Their images are not kept, and each is a picture of its own; findings are as long as real ones.
    """
    import sqlalchemy as sa

    from assay.store.tables import CaptureRow

    for start in range(0, len(frame), _AT_ONCE):
        part = frame.iloc[start : start + _AT_ONCE].to_dict("records")
        rows = [
            _capture(facts, model_version, since + (start + place) * step).model_dump(mode="python")
            for place, facts in enumerate(part)
        ]
        with store.database.writing() as session:
            session.execute(sa.insert(CaptureRow), [_row(row) for row in rows])


def _capture(facts: dict[Hashable, Any], model_version: str, at: datetime) -> Capture:
    named = {str(name): value for name, value in facts.items()}
    known = {name: value for name, value in named.items() if value == value}
    picture = hashlib.sha256(f"{model_version} {at.isoformat()}".encode())
    score = float(named["score"])
    return Capture(
        created_at=at,
        client=named["client"],
        media_type=named["media_type"],
        pixel_digest=picture.hexdigest(),
        pdq=picture.hexdigest(),
        keep_image=False,
        label=Label(named["label"]),
        score=score,
        probabilities={"authentic": 1 - score, "manipulated": score, "synthesized": 0.0},
        needs_review=bool(named["needs_review"]),
        findings=[_finding(n[2:], v) for n, v in known.items() if n.startswith("f_")],
        descriptors={n[2:]: float(v) for n, v in known.items() if n.startswith("d_")},
        embedding=[float(named[f"e_{n}"]) for n in range(COMPONENTS)],
        stratum="JPEG 75-89, 512-1199 px",
        model_version=model_version,
    ).drawn(_AUDITED)


def _finding(name: str, value: float) -> dict[str, Any]:
    region = {"left": 0.25, "top": 0.25, "right": 0.5, "bottom": 0.5}
    return {
        "id": name,
        "title": "Noise of one region",
        "sentence": "The noise of one region differs from the rest of the image by 0.41, as much "
        "as in 3 % of authentic photographs.",
        "suggests": "edited",
        "value": float(value),
        "null_rate": 0.03,
        "not_applicable": "",
        "facts": [],
        "regions": [region, region],
        "surprise": 1.2,
    }


def _row(capture: dict[str, Any]) -> dict[str, Any]:
    plain = {"label": capture["label"].value, "notice": capture["notice"].value}
    reason = capture["selection_reason"].value
    return {**capture, **plain, "selection_reason": reason, "kept_image": None}
