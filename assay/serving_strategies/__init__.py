"""Ways to serve a model faster or smaller, one a file.

A strategy changes a `ServingRecipe`; a new one is one new file, which the contract tests and
`run.py --pipeline optimize` find. A *choice* is a strategy as a serving plan writes it: its name,
and where it takes a number, that number: ``bf16``, ``batch_size=8``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar

from assay import plugins
from assay.errors import ConfigError
from assay.serving_recipe import DEFAULT, ServingRecipe


class Kind(StrEnum):
    """What a strategy settles; of each kind a plan holds one at most."""

    PRECISION = "precision"
    COMPILATION = "compilation"
    ATTENTION = "attention"
    ADAPTER = "adapter"
    PIXELS = "pixels"
    PREFIX = "prefix"
    BATCH = "batch"
    DELAY = "delay"
    INSTANCES = "instances"
    THREADS = "threads"
    WORKERS = "workers"
    EXPERTS = "experts"
    ENGINE = "engine"


class ServingStrategy(ABC):
    """One way to serve."""

    name: ClassVar[str]
    """Snake case."""
    title: ClassVar[str]
    """What it does, in a few plain words."""
    kind: ClassVar[Kind]
    values: ClassVar[tuple[int, ...]] = ()
    """The numbers that are tried, the default's left out; empty for one that takes none."""

    def unavailable(self) -> str:
        """Why this machine cannot do it, with the remedy; empty where it can."""
        return ""

    @abstractmethod
    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """``recipe`` changed by this strategy; ``value`` counts where there are `values`."""


def strategies() -> dict[str, ServingStrategy]:
    """One instance of every strategy, by name, sorted."""
    return {name: kind() for name, kind in plugins.discover(__name__, ServingStrategy).items()}


def choices() -> tuple[str, ...]:
    """Every choice that there is to try."""
    return tuple(
        choice
        for name, strategy in strategies().items()
        for choice in ([f"{name}={value}" for value in strategy.values] or [name])
    )


def chosen(choice: str) -> tuple[ServingStrategy, int]:
    """The strategy of a choice, and its number; raises `ConfigError` for a misspelled one."""
    name, has_value, number = choice.partition("=")
    strategy = plugins.find(__name__, ServingStrategy, name)()
    if bool(has_value) != bool(strategy.values) or (has_value and not number.isdecimal()):
        form = f"{name}=NUMBER" if strategy.values else name
        raise ConfigError(f"serving strategy {choice!r}: write {form}")
    return strategy, int(number or 0)


def recipe_of(choices: Sequence[str]) -> ServingRecipe:
    """The recipe that all ``choices`` together make.

    Raises `ConfigError` for a misspelled one, and for two of the same kind.
    """
    recipe, kinds = DEFAULT, dict[Kind, str]()
    for choice in choices:
        strategy, value = chosen(choice)
        if other := kinds.get(strategy.kind):
            raise ConfigError(f"{other!r} and {choice!r} both settle the {strategy.kind.value}")
        kinds[strategy.kind] = choice
        recipe = strategy.apply(recipe, value)
    return recipe
