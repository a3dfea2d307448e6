"""A model card of made-up facts, for tests of what is made of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.calibration import Calibration
from assay.catalogue import Contents
from assay.evaluation import Evaluation, Slice
from assay.images import Variant
from assay.metrics import Metric
from assay.model_card import ModelCard, Training
from assay.model_registry import ModelFacts
from assay.records import Rejected
from assay.rejections import Rejection


def metric(value: float) -> Metric:
    return Metric(value, value - 0.1, value + 0.1, 40)


def part(kind: Variant, by: str, name: str, auc: float | None) -> Slice:
    """A slice of forty images; without an ``auc`` none of them is authentic."""
    metrics = {"auc": metric(auc) if auc else None, "brier": metric(0.2)}
    metrics |= {n: metric(0.3) for n in ("average_precision", "balanced_accuracy", "tpr_at_5_fpr")}
    alone = metric(0.55) if auc else None
    return Slice(kind, by, name, 40, 20 if auc else 0, 6, {**metrics, "ece": metric(0.14)}, alone)


def card(**changes: Any) -> ModelCard:
    """A tiny model, good at splices and no better than chance at retouching."""
    parts = [
        part(kind, by, name, auc)
        for kind in Variant
        for by, name, auc in (
            ("all", "all", 0.7),
            ("manipulation", "splice", 0.8),
            ("manipulation", "retouch", 0.55),
            ("dataset", "mixed", 0.7),
            ("dataset", "generated", None),
        )
    ]
    made = ModelCard(
        model=ModelFacts("version 3", "c" * 64, "d1", "3", "train-1", "abc123", "2026-01-01"),
        name="cccc",
        family="tiny_qwen2_5_vl",
        lora_rank=16,
        parameters=1_800_000,
        adapter_parameters=260_000,
        data=contents(),
        evaluation=Evaluation(0.5, tuple(parts), (0.25, 0.75), ("generated",)),
        calibration=Calibration(1.25, 0.5, 0.25, 0.75),
        review_share={Variant.AS_IS: 0.375, Variant.BIAS_CONTROLLED: 0.5},
        training=Training(
            seconds={"warm-up": 179.0, "adapter": 3661.0},
            hardware="a processor, 2 cores",
            settings={"data.limit": 24},
            command="python run.py --pipeline train --set data.limit=24",
        ),
    )
    return replace(made, **changes)


def contents(**changes: Any) -> Contents:
    """A dataset of two sources of photographs with a row that could not be used."""
    made = Contents(
        version="d1",
        path=Path("/datasets/d1"),
        created_at="2026-01-01",
        rows=120,
        settings={"source": "folder"},
        counts={
            "label": {"authentic": 60, "manipulated": 60},
            "manipulation": {"none": 60, "retouch": 30, "splice": 30},
            "split": {"test": 40, "train": 80},
            "dataset": {"generated": 40, "mixed": 80},
            "source": {"folder": 120},
            "licence": {"CC0": 80, "CC-BY-2.0": 40},
        },
        labels_by_split={"test": {"authentic": 40}, "train": {"authentic": 20, "manipulated": 60}},
        groups={"test": 6, "train": 12},
        rejected=(Rejection("there is no file", 2, (Rejected("a", "there is no file a"),)),),
    )
    return replace(made, **changes)
