"""Traffic that was never served: windows with as many and as related columns as real ones have."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from assay.descriptors import NAMES
from assay.metrics import Bools, Floats
from assay.records import Label
from assay.store import Capture, Store
from assay.store.ids import new_id

if TYPE_CHECKING:
    import pandas as pd

FINDINGS, COMPONENTS, CAUSES = 22, 8, 6
"""Columns of findings and of the representation, and what makes them move together."""
Change = Literal["upload", "edit"]

_AT_ONCE, _AUDITED = 2000, 0.02
_CLIENTS = {"forum": 0.6, "market": 0.3, "press": 0.1}
_MEDIA = {"image/jpeg": 0.85, "image/png": 0.1, "image/webp": 0.05}


def window(
    pictures: int, rng: np.random.Generator, changed: float = 0.0, how: Change = "upload"
) -> pd.DataFrame:
    """A window as `assay.monitoring.frame` gives it, of so many pictures, one capture each.

    A share ``changed`` of them comes through another upload form, which halves the size and lowers
    the JPEG quality, or bears a new edit: two findings and one column of the representation are
    about two standard deviations higher, and nothing else differs.
    """
    import pandas as pd

    causes = rng.standard_normal((pictures, CAUSES))
    is_changed = rng.random(pictures) < changed
    columns = _numbers(causes, is_changed, how, rng)
    scores = 1 / (1 + np.exp(1.5 - causes[:, 0] - rng.standard_normal(pictures)))
    columns["score"] = scores
    columns["label"] = np.where(scores > 0.5, Label.MANIPULATED.value, Label.AUTHENTIC.value)
    columns["needs_review"] = (scores > 0.4) & (scores < 0.6)
    columns["client"] = rng.choice(list(_CLIENTS), pictures, p=list(_CLIENTS.values()))
    columns["media_type"] = rng.choice(list(_MEDIA), pictures, p=list(_MEDIA.values()))
    return pd.DataFrame({"group": np.arange(pictures), **columns})


def _numbers(
    causes: Floats, is_changed: Bools, how: Change, rng: np.random.Generator
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
        if how == "edit" and name in ("f_1", "f_6", "e_0"):
            values = values + 2 * values.std() * is_changed
        is_absent = name.startswith("f_") and place % 5 == 0
        columns[name] = np.where(rng.random(n) < 0.1 * is_absent, np.nan, values)
    is_changed = is_changed & (how == "upload")
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

    like = _row(_CAPTURE.model_copy(update={"model_version": model_version}).model_dump())
    for start in range(0, len(frame), _AT_ONCE):
        part = frame.iloc[start : start + _AT_ONCE].to_dict("records")
        rows = [
            {**like, **_facts(facts, since + (start + place) * step)}
            for place, facts in enumerate(part)
        ]
        with store.database.writing() as session:
            session.execute(sa.insert(CaptureRow), rows)


_CAPTURE = Capture(
    pixel_digest="",
    keep_image=False,
    label=Label.AUTHENTIC,
    score=0.0,
    probabilities={},
    needs_review=False,
    stratum="JPEG 75-89, 512-1199 px",
    model_version="",
    audit_probability=_AUDITED,
)
"""What all captures have in common; a hundred thousand are not validated one by one."""


def _facts(facts: dict[Hashable, Any], at: datetime) -> dict[str, Any]:
    """What one capture has of its own."""
    named = {str(name): value for name, value in facts.items()}
    known = {
        name: float(value) for name, value in named.items() if name[1] == "_" and value == value
    }
    picture, score = hashlib.sha256(f"{at.isoformat()} {named['score']}".encode()), named["score"]
    is_seen = bool(named["needs_review"])
    is_audit = int.from_bytes(picture.digest()[:4]) < 2**32 * _AUDITED
    return {
        "id": new_id(),
        "created_at": at,
        "client": named["client"],
        "media_type": named["media_type"],
        "pixel_digest": picture.hexdigest(),
        "pdq": picture.hexdigest(),
        "label": named["label"],
        "score": float(score),
        "probabilities": {"authentic": 1 - score, "manipulated": score, "synthesized": 0.0},
        "needs_review": is_seen,
        "findings": [_finding(n[2:], v) for n, v in known.items() if n[0] == "f"],
        "descriptors": {n[2:]: v for n, v in known.items() if n[0] == "d"},
        "embedding": [v for n, v in known.items() if n[0] == "e"],
        "selection_reason": "audit" if is_audit else "needs_review" if is_seen else "none",
        "selection_probability": 1.0 if is_seen else _AUDITED,
        "is_audit": is_audit,
    }


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
