"""Which serving plan the service follows, and what its log says of it."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from assay import serving_plan
from assay.errors import ConfigError, PlanMismatch
from assay.fingerprints import content_hash
from assay.serving_plan import PLAN_FILE, ServingPlan
from assay.serving_recipe import DEFAULT, ServingRecipe
from bento.settings import PACKAGED_MODEL, model_folder

logger = logging.getLogger(__name__)

PLAN_VARIABLE = "ASSAY_SERVING_PLAN"
"""The file of the plan; unset, a built bento follows the one that lies beside its model."""


@dataclass(frozen=True, slots=True)
class Serving:
    """How the model is run: by a plan, or as it was trained, and why there is no plan."""

    plan: ServingPlan | None = None
    reason: str = ""

    @property
    def recipe(self) -> ServingRecipe:
        """How the model is loaded and asked."""
        return self.plan.recipe if self.plan else DEFAULT

    @property
    def name(self) -> str | None:
        """Of the plan, as detections carry it."""
        return self.plan.name if self.plan else None

    def log(self) -> None:
        """Say in one line what is followed, and in one more each how this machine differs."""
        if self.plan is None:
            logger.warning("the model is run as it was trained: %s", self.reason)
            return
        logger.info("the model is run by %s: %s", self.plan.name, ", ".join(self.plan.choices))
        for difference in serving_plan.differences(self.plan):
            logger.warning("%s; measure again: run.py --pipeline optimize", difference)


UNPLANNED = Serving(reason="no plan was asked for")


def follow(model: Path) -> Serving:
    """The plan that is there for the model in a folder, or the default.

    Raises `PlanMismatch` for a plan that was made for another model.
    """
    file = _file(model)
    known = file is not None and file.exists()
    return Serving(*serving_plan.read(file, content_hash(model) if known else ""))


def of_environment() -> Serving:
    """`follow` for the model that is to be served, as the service's module begins.

    Ends the process with one line where the plan is another model's. Where no model is named that
    is said later, by whoever needs it.
    """
    try:
        return follow(model_folder())
    except PlanMismatch as error:
        raise SystemExit(f"assay: {error}") from None
    except ConfigError as error:
        return Serving(reason=str(error))


def _file(model: Path) -> Path | None:
    if named := os.environ.get(PLAN_VARIABLE):
        return Path(named)
    return PACKAGED_MODEL.parent / PLAN_FILE if model == PACKAGED_MODEL else None
