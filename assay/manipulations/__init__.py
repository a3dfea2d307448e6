"""Edits with an exact mask, for aligned training pairs; each file is one manipulation.

A new manipulation is one new file with one `Manipulation`; the contract tests find it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from assay import plugins
from assay.records import Label, Mask, Pixels


class Manipulation(ABC):
    """One way to alter a photograph."""

    name: ClassVar[str]
    label: ClassVar[Label] = Label.MANIPULATED
    material: ClassVar[bool] = True
    """False for a benign edit (a caption, a colour filter): reported, but no deception."""

    @abstractmethod
    def apply(self, image: Pixels, donor: Pixels, rng: np.random.Generator) -> tuple[Pixels, Mask]:
        """Return the edited image and where it changed.

        ``image`` and ``donor`` (another photograph, for splices) are ``[h, w, 3]`` of one size and
        stay untouched. Outside the mask the result equals ``image`` exactly; inside it differs.
        Deterministic in ``rng``, across processes.
        """


def manipulations() -> dict[str, Manipulation]:
    """One instance of every manipulation, by name, sorted."""
    return {name: kind() for name, kind in plugins.discover(__name__, Manipulation).items()}


def is_material(name: str) -> bool:
    """Whether an edit of this name is a deception; unknown names (a user's own kinds) are."""
    known = plugins.discover(__name__, Manipulation)
    return known[name].material if name in known else True
