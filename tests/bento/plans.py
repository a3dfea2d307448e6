"""Serving plans for tests: the figures are invented, the model and the machine are those given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay import hardware, serving_plan
from assay.fingerprints import content_hash
from assay.serving_plan import Accuracy, Figures, Latency, Ratios, ServingPlan
from assay.serving_recipe import DEFAULT


def figures(throughput: dict[int, float]) -> Figures:
    """Figures that could be measured; only the throughput is of interest."""
    return Figures(
        load=1.5,
        size=4.0,
        peak_memory=600.0,
        cpu=1.0,
        latency=Latency(p50=10.0, p95=12.0, p99=15.0),
        throughput=throughput,
        reasons=3.0,
        accuracy=Accuracy(
            images=120,
            auc=0.9,
            tpr_at_5_fpr=0.6,
            ece=0.05,
            word_auc=0.6,
            flips=0.0,
            word_flips=0.01,
        ),
        ratios=Ratios(throughput=1.5, latency=0.8),
    )


def plan(
    model: Path, choices: Sequence[str] = ("bf16", "batch_size=8"), **fields: Any
) -> ServingPlan:
    """A plan for ``model`` on this machine; ``fields`` replace what it says."""
    measured = {1: 70.0, 8: 140.0, DEFAULT.batch_size: 150.0}
    said: dict[str, Any] = {
        "model_version": model.name,
        "model_content": content_hash(model),
        "dataset_version": "tests",
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": hardware.describe(),
        "versions": serving_plan.library_versions(),
        "objective": "throughput",
        "limits": {"auc_drop": 0.005},
        "choices": tuple(choices),
        "reasons": ("bf16 is 1.5 times as fast.",),
        "preferred_batch_sizes": (8,),
        "baseline": figures(measured),
        "figures": figures(measured),
        "trials": (),
        "seconds": 60.0,
    }
    return ServingPlan(**(said | fields))
