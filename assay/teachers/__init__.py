"""Who says what to look for, and writes the reasons that a model learns to give.

`Teacher` composes both from the findings, at training and at serving alike; an `AskedTeacher` is a
model of its own, asked for reasons to learn. Whatever writes them, reasons are made of the claims
in `assay.teachers.claims`, or `assay.grounding` drops them before anyone sees them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from assay import prompts
from assay.records import Finding, Label, Mask

DEFAULT = "offline"
"""The teacher that needs neither a network nor another model."""


class Teacher(ABC):
    """Hints before a model is asked, at training and at serving; reasons to learn from."""

    name: ClassVar[str]

    @abstractmethod
    def hints(self, findings: Sequence[Finding]) -> str:
        """Which kinds of wrong information the image may hold and why, without its label."""

    @abstractmethod
    def rationale(
        self, label: Label, manipulation: str, mask: Mask | None, findings: Sequence[Finding]
    ) -> str:
        """Why an image has its ``label``; ``mask`` is ``[h, w]``, at any size, True if altered."""


def teacher() -> Teacher:
    """The one that needs nobody; the service knows no other (`assay.teachers.asked`)."""
    from assay.teachers.offline import Offline

    return Offline()


def question(findings: Sequence[Finding]) -> str:
    """What a model is asked about an image, at training and at serving alike."""
    return prompts.question(findings, teacher().hints(findings))
