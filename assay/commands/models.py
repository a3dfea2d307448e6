"""`models export`: a registered model as a plain checkpoint, for servers of their own."""

from __future__ import annotations

import argparse
import os
import shlex
from dataclasses import asdict
from pathlib import Path

from assay.commands import Answer, group, verb


def add(things: object) -> None:
    """Add the verbs to the command line."""
    verbs = group(things, "models", "registered models outside of Assay")
    export = verb(verbs, "export", "adapter and base merged into one checkpoint", _export)
    export.add_argument("model", help="an alias, a version, a run or a model folder")
    export.add_argument("folder", type=Path, help="where the checkpoint is written")


def _export(options: argparse.Namespace) -> Answer:
    from assay import home, model_export, model_registry

    os.environ.update(home.environment())
    made = model_export.export(model_registry.fetch(options.model), options.folder)
    lines = (f"{made.folder} holds the checkpoint; serve it with:", shlex.join(made.command))
    return asdict(made), lines
