"""Serving plans and trials for tests that measure nothing."""

from __future__ import annotations

from typing import Any

from assay import hardware, serving_plan
from assay.serving_plan import Accuracy, Figures, Latency, Ratios, ServingPlan, Trial

CONTENT = "0" * 64


def figures(
    throughput: float = 1.0,
    latency: float = 1.0,
    end_to_end: float | None = None,
    memory: float = 500.0,
    auc: float | None = 0.9,
    flips: float = 0.0,
    word_flips: float = 0.0,
) -> Figures:
    """Of a baseline that answers 10 images a second alone and 40 in batches; times the ratios."""
    p50 = 100.0 * latency
    return Figures(
        load=1.0,
        size=10.0,
        peak_memory=memory,
        cpu=1.0,
        latency=Latency(p50=p50, p95=1.5 * p50, p99=2 * p50),
        throughput={1: 10.0 / latency, 16: 40.0 * throughput},
        reasons=5.0,
        end_to_end=None if end_to_end is None else 6.0 * end_to_end,
        accuracy=Accuracy(
            images=100,
            auc=auc,
            tpr_at_5_fpr=0.5,
            ece=0.1,
            word_auc=0.7,
            flips=flips,
            word_flips=word_flips,
        ),
        ratios=Ratios(throughput=throughput, latency=latency, end_to_end=end_to_end),
    )


def plan(**changes: Any) -> ServingPlan:
    """Of two choices that were worth it, one that was not and one that is not available."""
    fields: dict[str, Any] = {
        "model_version": "1",
        "model_content": CONTENT,
        "dataset_version": "d" * 16,
        "made_at": "2026-11-23T12:00:00+00:00",
        "hardware": hardware.describe(),
        "versions": serving_plan.library_versions(),
        "objective": "throughput",
        "limits": {"auc_drop": 0.005, "flips": 0.01},
        "choices": ("batch_size=8", "fp32", "prefix_cache"),
        "reasons": ("batch_size=8: 1.50 times the images/s of fp32",),
        "preferred_batch_sizes": (4, 8),
        "baseline": figures(end_to_end=1.0),
        "figures": figures(2.0, 0.8, 1.1),
        "trials": (
            Trial(choices=("batch_size=8", "fp32"), figures=figures(1.5)),
            Trial(
                choices=("bf16",),
                figures=figures(1.6, auc=0.8),
                reason="AUC falls by 0.1000 (limit 0.0050)",
            ),
            Trial(choices=("bitsandbytes_4bit",), reason="not available: there is no GPU"),
        ),
        "seconds": 100.0,
    }
    return ServingPlan(**fields | changes)
