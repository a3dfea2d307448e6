"""`datasets VERB`: the datasets of the state folder and the shared storage."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.commands import Answer, group, verb
from assay.progress import bar

if TYPE_CHECKING:
    from assay.conflict_reviews import Sent
    from assay.dataset import Dataset


def add(things: Any) -> None:
    """Add the verbs to the command line."""
    verbs = group(things, "datasets", "the datasets of this machine and of the shared storage")
    verb(verbs, "list", "every dataset: when, from what, how many, which models", _list)
    show = verb(verbs, "show", "what one dataset holds", _show)
    show.add_argument("version", help="a version, the beginning of one, 'latest', or a path")
    diff = verb(verbs, "diff", "what came, went and changed between two datasets", _diff)
    diff.add_argument("before", help="as in show")
    diff.add_argument("after", help="as in show")
    export = verb(verbs, "export", "write a dataset in the form that LLaMA-Factory reads", _export)
    export.add_argument("version", help="as in show")
    export.add_argument("folder", type=Path, help="a new folder")
    export.add_argument("--as-is", action="store_true", help="the files as they came, metadata too")
    conflicts = verb(
        verbs, "conflicts", "pixel-equal images with two labels, which people decide", _conflicts
    )
    conflicts.add_argument("version", help="as in show")
    conflicts.add_argument(
        "--send",
        metavar="URL",
        help="hand them to the review of this service (API key in ASSAY_API_KEY: detect, report)",
    )


def _list(_options: argparse.Namespace) -> Answer:
    from assay import catalogue
    from assay.reports import catalogue as tables

    found = catalogue.entries(_root(), _trained_models())
    if not found:
        return found, [
            f"no datasets in {_root()}; build one: python run.py --pipeline data_validation"
        ]
    return found, (tables.listing(found),)


def _show(options: argparse.Namespace) -> Answer:
    from assay import catalogue
    from assay.reports import catalogue as tables

    with bar() as progress:
        shown = catalogue.contents(catalogue.resolve(options.version, _root(), progress))
    return shown, tables.contents(shown)


def _diff(options: argparse.Namespace) -> Answer:
    from assay import catalogue, dataset_diff
    from assay.reports import catalogue as tables

    names = options.before, options.after
    with bar() as progress:
        found = dataset_diff.diff(*(catalogue.resolve(name, _root(), progress) for name in names))
    return found, tables.difference(found)


def _export(options: argparse.Namespace) -> Answer:
    from dataclasses import asdict

    from assay import catalogue, home, sharegpt
    from assay.images import Variant
    from assay.rationales import reasons
    from assay.sources.sharegpt import INFO

    dataset = catalogue.resolve(options.version, _root())
    told = reasons.learned(reasons.stored(home.folder("rationales"), dataset))
    form = Variant.AS_IS if options.as_is else Variant.BIAS_CONTROLLED
    kept = home.folder("measurements")
    with bar() as progress:
        made = sharegpt.export(dataset, options.folder, progress, told, form, kept=kept)
    lines = [f"{name}: {n:,} conversations" for name, n in made.conversations.items()]
    return asdict(made), [*lines, f"see {options.folder / INFO}"]


def _conflicts(options: argparse.Namespace) -> Answer:
    from assay import catalogue, conflicts
    from assay.reports import catalogue as tables

    dataset = catalogue.resolve(options.version, _root())
    found = conflicts.of(dataset)
    if not options.send:
        return found, tables.conflicts(found)
    sent = _send(dataset, options.send)
    return sent, [f"{len(sent)} of {len(found)} conflicts are in review at {options.send}"]


def _send(dataset: Dataset, url: str) -> list[Sent]:
    from contextlib import closing

    from assay import conflict_reviews
    from assay.load.client import KEY_VARIABLE, Deployment

    with closing(Deployment(url, os.environ.get(KEY_VARIABLE, ""))) as service, bar() as progress:
        service.model()
        return list(conflict_reviews.send(dataset, service, progress))


def _root() -> Path:
    """Where datasets are; looking makes no folder."""
    from assay import home

    return home.root() / "datasets"


def _trained_models() -> dict[str, list[str]]:
    """Registered models by dataset version; none where nothing was ever registered."""
    from assay import home, model_registry

    os.environ.update(home.environment())
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # a list need not wait minutes
    return model_registry.trained_on()
