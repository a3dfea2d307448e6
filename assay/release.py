"""A release: a model and its serving plan, packaged with the code that serves them."""

from __future__ import annotations

from pathlib import Path

from assay.settings import Settings


class Release(Settings):
    """A built bento and where it comes from."""

    name: str
    """Unique: ``v3-1a2b3c4d5e6f``, of the model's version and all that was packaged."""
    bento: Path
    """The folder of the built bento."""
    model_version: str
    model_content: str
    """Hash of the model's files."""
    plan: str = ""
    """Name of the serving plan; empty for the default."""
    dataset_version: str = ""
    run: str = ""
    """Name of the run that trained the model."""
    git_commit: str = ""
    """Of the code that was packaged."""
    built_at: str
    """ISO 8601, UTC."""
