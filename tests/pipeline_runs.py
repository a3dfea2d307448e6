"""Pipelines run for real and small, in this process: ZenML takes seconds to start."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import run
from assay import home, promotion

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

DATA = {"limit": 24, "pair_size": 64, "workers": 1}
TRAIN = {
    "data": DATA,
    "validation": {"workers": 1},
    "base": {"warm_up": False},
    "training": {"optimisation": {"max_steps": 2, "batch_size": 8, "evaluations": 1}},
    "evaluation": {"resamples": 20},
    "robustness": {"images_per_class": 2, "resamples": 20},
    "promotion": {"resamples": 20},
}


@contextmanager
def environment(state: Path) -> Iterator[None]:
    """ZenML and MLflow work in ``state``; the logging that a run sets up is undone afterwards."""
    handlers = logging.root.handlers
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_BACKEND_STORE_URI", "MLFLOW_TRACKING_URI", "ZENML_STORE_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("ASSAY_HOME", str(state))
        for name, value in home.environment().items():
            patch.setenv(name, value)
        yield
    logging.root.handlers = handlers
    logging.captureWarnings(False)


def launch(folder: Path, pipeline: str, parameters: dict[str, Any]) -> PipelineRunResponse:
    """Run ``pipeline`` through the command line and return its ZenML run."""
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({"parameters": parameters}))
    assert run.main(["--pipeline", pipeline, "--config", str(config)]) == 0
    return latest()


def latest() -> PipelineRunResponse:
    """The newest run."""
    from zenml.client import Client

    return Client().list_pipeline_runs(sort_by="desc:created", size=1, hydrate=True).items[0]


def train(state: Path) -> PipelineRunResponse:
    """A first training whose model is promoted: two steps of training would not earn it."""
    decision = promotion.PromotionDecision(True, ("it is the first",), None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(promotion, "decide", lambda *_: decision)
        return launch(state, "train", TRAIN)
