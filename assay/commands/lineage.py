"""`lineage capture | model | answer`: which models saw an image, and what an answer comes from."""

from __future__ import annotations

import argparse
import os
from typing import Any

from assay.commands import Answer, group, verb


def add(things: Any) -> None:
    """Add the verbs to the command line."""
    verbs = group(things, "lineage", "from captures to models, and back")
    capture = verb(verbs, "capture", "which datasets and models saw this image", _capture)
    capture.add_argument("id")
    model = verb(verbs, "model", "which captures a model learned from, and whose labels", _model)
    model.add_argument("version", help="as verdicts name it, its number, or an alias")
    answer = verb(verbs, "answer", "which captures and labels stand behind an answer", _answer)
    answer.add_argument("id", help="of the capture that the answer was given for")


def _capture(options: argparse.Namespace) -> Answer:
    from assay import lineage
    from assay.commands.stored import opened
    from assay.reports import lineage as tables

    with opened() as store:
        found = lineage.of_capture(store, options.id)
    return found, tables.seen_by(found)


def _model(options: argparse.Namespace) -> Answer:
    from assay import lineage
    from assay.commands.stored import opened
    from assay.reports import lineage as tables

    name = _named(options.version)
    with opened() as store:
        if store.lineage.model(name) is None and _is_registered(name):
            unmoved: dict[str, Any] = {"model": None, "version": name}
            return unmoved, [f"version {name} learned from no captures, but from its dataset alone"]
        found = lineage.of_model(store, name)
    return found, tables.made_of(found)


def _answer(options: argparse.Namespace) -> Answer:
    from assay import lineage
    from assay.commands.stored import opened
    from assay.reports import lineage as tables

    with opened() as store:
        found = lineage.of_answer(store, options.id)
    return found, tables.answered(found)


def _named(name: str) -> str:
    """The version that an alias points at; any other name as it is."""
    from assay import home, model_registry, tracking
    from assay.model_registry import Alias

    if name not in set(Alias):
        return name
    os.environ.update(home.environment())
    return (tracking.exists() and model_registry.version_of(Alias(name))) or name


def _is_registered(name: str) -> bool:
    """Whether ``name`` is the number of a version; the registry is asked about numbers alone."""
    if not name.isdigit():
        return False
    from assay import home, model_registry, tracking

    os.environ.update(home.environment())
    return tracking.exists() and model_registry.holds(name)
