"""What `optimize` finds for the tiny model on this machine, and how long it takes to find it.

The model stage of the plan against the model's own fp32, one image at a time, on held-out images of
the bundled photographs; bytes to verdict stand beside it. ``ASSAY_MODEL`` names another model
folder; without it one is trained, for a minute.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from assay import home
from assay.dataset import DataSettings
from assay.dataset_builder import build_dataset
from assay.progress import silent
from assay.serving_optimisation import optimise
from assay.serving_plan import ServingPlan
from assay.serving_search import OptimiseSettings
from benchmarks.figures import Figure, report
from benchmarks.serving import model_without_fusion

_DATA = DataSettings(pairs_per_sample=1, test_share=0.35, options={"crops_per_photo": 1})


def measure() -> list[Figure]:
    """One optimisation with the settings that are the default."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ASSAY_HOME"] = folder  # the registry that is asked about the model is empty
        home.prepare_environment()
        place = Path(folder)
        data = build_dataset(_DATA, place / "data", silent)
        model = model_without_fusion(place)
        plan = optimise(model, data, OptimiseSettings(), place, silent, lambda _: None)
    return figures(plan)


def figures(plan: ServingPlan) -> list[Figure]:
    """What a plan is held to, and what explains it."""
    ours, theirs = plan.figures, plan.baseline
    dropped = (theirs.accuracy.auc or 0.0) - (ours.accuracy.auc or 0.0)
    alone = "fp32, one image at a time"
    return [
        Figure(f"model stage of the plan, against {alone}", plan.speed_up, "x", at_least=3),
        Figure("  AUC that the plan loses", max(0.0, dropped), "", at_most=0.005),
        Figure(f"  {alone}", theirs.throughput[1], "images/s"),
        Figure("  bytes to verdict, plan", ours.end_to_end or 0.0, "images/s"),
        Figure("  bytes to verdict, fp32", theirs.end_to_end or 0.0, "images/s"),
        Figure("optimize", plan.seconds, "s", at_most=300),
    ]


if __name__ == "__main__":
    sys.exit(report(measure))
