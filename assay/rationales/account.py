"""What came of asking a teacher: answers, rejections by reason, tokens, money."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from assay.rationales.settings import Price
from assay.teachers import DEFAULT
from assay.teachers.asked import Reply


class Replaced(StrEnum):
    """Why an image has the offline teacher's reasons."""

    REJECTED = "rejected"
    """No answer passed the gate."""
    UNANSWERED = "unanswered"
    """The teacher did not answer; a later run asks again."""
    BUDGET = "budget"
    """Nothing was left to spend."""


@dataclass(slots=True)
class Account:
    """Counts of one dataset and teacher; the same however often the work was broken off.

    ``tokens_in``, ``tokens_out`` and `money` are of all answers that the result stands on;
    ``paid_in`` and ``paid_out`` of those that this run asked for.
    """

    teacher: str = DEFAULT
    images: int = 0
    answers: int = 0
    kept: int = 0
    """Answers that an earlier run had paid for."""
    accepted: int = 0
    unlike_offline: int = 0
    """Accepted reasons that are not what the offline teacher would have written."""
    rejections: Counter[str] = field(default_factory=Counter)
    """Rejected answers by `assay.rationales.gate.Fault`; one image may have several."""
    replaced: Counter[str] = field(default_factory=Counter)
    """Images by `Replaced`."""
    tokens_in: int = 0
    tokens_out: int = 0
    paid_in: int = 0
    paid_out: int = 0
    price: Price = field(default_factory=Price)

    @property
    def tokens(self) -> int:
        """Of all answers, in and out."""
        return self.tokens_in + self.tokens_out

    @property
    def money(self) -> float:
        """What all answers cost, whenever they were paid for."""
        return self.price.of(self.tokens_in, self.tokens_out)

    @property
    def paid(self) -> float:
        """What this run cost."""
        return self.price.of(self.paid_in, self.paid_out)

    @property
    def rejection_rate(self) -> float | None:
        """Rejected among the answers that were judged; None for none."""
        judged = self.accepted + self.rejections.total()
        return self.rejections.total() / judged if judged else None

    def spend(self, reply: Reply, is_kept: bool) -> None:
        """Count an answer."""
        self.answers += 1
        self.kept += is_kept
        self.tokens_in += reply.tokens_in
        self.tokens_out += reply.tokens_out
        self.paid_in += 0 if is_kept else reply.tokens_in
        self.paid_out += 0 if is_kept else reply.tokens_out

    def figures(self) -> dict[str, float]:
        """Plain numbers for MLflow and ZenML, as ``teacher/name``; none where nobody was asked."""
        if not self.images:
            return {}
        rate = self.rejection_rate
        numbers: dict[str, float] = {
            "images": self.images,
            "answers": self.answers,
            "accepted": self.accepted,
            "unlike_offline": self.unlike_offline,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "money": self.money,
            **({} if rate is None else {"rejection_rate": rate}),
            **{f"rejected_{name}": n for name, n in sorted(self.rejections.items())},
            **{f"replaced_{name}": n for name, n in sorted(self.replaced.items())},
        }
        return {f"teacher/{name}": float(n) for name, n in numbers.items()}

    def __str__(self) -> str:
        """One line for the log."""
        rate = self.rejection_rate
        why = ", ".join(f"{name} {n}" for name, n in sorted(self.rejections.items()))
        instead = ", ".join(f"{name} {n}" for name, n in sorted(self.replaced.items()))
        return (
            f"{self.teacher}: {self.accepted:,} of {self.images:,} images, "
            f"{self.unlike_offline:,} unlike the offline teacher's; "
            f"{self.answers:,} answers ({self.kept:,} kept), "
            f"{'none judged' if rate is None else f'{100 * rate:.0f} % rejected'}"
            f"{f' ({why})' if why else ''}; "
            f"{f'offline instead: {instead}; ' if instead else ''}"
            f"{self.tokens_in:,} + {self.tokens_out:,} tokens, {self.money:.4f} in money, "
            f"{self.paid:.4f} of it now"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        made: dict[str, Any] = TypeAdapter(Account).dump_python(self, mode="json")
        return made

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Account:
        """Invert `as_dict`."""
        return TypeAdapter(cls).validate_python(stored)
