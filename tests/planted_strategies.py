"""Strategies that do something terrible to a model; light, as other processes import them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def hangs(model: PreTrainedModel) -> PreTrainedModel:
    time.sleep(3600)
    return model


def crashes(model: PreTrainedModel) -> PreTrainedModel:
    raise RuntimeError("this way to serve is broken")


def is_killed(model: PreTrainedModel) -> PreTrainedModel:
    os.kill(os.getpid(), signal.SIGKILL)
    return model


class Planted(ServingStrategy):
    """A strategy of these tests, which does something terrible to the model."""

    title = "planted"
    kind = Kind.COMPILATION
    transform: ClassVar[Callable[[PreTrainedModel], PreTrainedModel]]

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        return replace(recipe, transforms=(type(self).__dict__["transform"],))


class Hanging(Planted):
    name = "hanging"
    transform = hangs


class Crashing(Planted):
    name = "crashing"
    transform = crashes


class Killed(Planted):
    name = "killed"
    transform = is_killed


class Absent(Planted):
    name = "absent"
    transform = crashes

    def unavailable(self, value: int = 0) -> str:
        return "nobody has it: build one"
