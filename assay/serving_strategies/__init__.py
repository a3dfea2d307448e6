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
    """What a strategy settles; of each kind a plan holds one at most.

    They are applied in this order, however a plan lists them: what is compiled is quantised first.
    """

    PRECISION = "precision"
    COMPILATION = "compilation"
    ATTENTION = "attention"
    ADAPTER = "adapter"
    PIXELS = "pixels"
    PREFIX = "prefix"
    BATCH = "batch"
    INSTANCES = "instances"
    THREADS = "threads"
    WORKERS = "workers"
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

    def unavailable(self, value: int = 0) -> str:
        """Why this machine cannot do it, in one sentence with the remedy; empty where it can."""
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
    is_number = number.isdecimal() and int(number) > 0
    if bool(has_value) != bool(strategy.values) or (has_value and not is_number):
        form = f"{name}=NUMBER, from 1 on" if strategy.values else name
        raise ConfigError(f"serving strategy {choice!r}: write {form}")
    return strategy, int(number or 0)


def unavailable(choice: str) -> str:
    """Why this machine cannot do ``choice``; empty where it can. Raises as `chosen`."""
    strategy, value = chosen(choice)
    return strategy.unavailable(value)


def recipe_of(choices: Sequence[str]) -> ServingRecipe:
    """The recipe that all ``choices`` together make, in whatever order.

    Raises `ConfigError` for a misspelled one, and for two of the same kind.
    """
    by_kind = dict[Kind, str]()
    for choice in choices:
        kind = chosen(choice)[0].kind
        if other := by_kind.get(kind):
            raise ConfigError(f"{other!r} and {choice!r} both settle the {kind.value}")
        by_kind[kind] = choice
    recipe = DEFAULT
    for kind in Kind:
        if kind in by_kind:
            strategy, value = chosen(by_kind[kind])
            recipe = strategy.apply(recipe, value)
    return recipe
