"""Who says what to look for, and writes the reasons that a model learns to give.

A new teacher is one new file with one `Teacher`. Whatever writes them, reasons are made of the
claims in `assay.teachers.claims`, or `assay.grounding` drops them before anyone sees them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from assay import plugins, prompts
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


def teacher(name: str = DEFAULT) -> Teacher:
    """The teacher called ``name``; raises `UnknownPlugin`."""
    return plugins.find(__name__, Teacher, name)()


def question(findings: Sequence[Finding]) -> str:
    """What a model is asked about an image, at training and at serving alike."""
    return prompts.question(findings, teacher().hints(findings))
