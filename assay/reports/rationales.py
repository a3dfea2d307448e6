"""The page of what a teacher wrote: what it cost, what was rejected and why, and examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.rationales.account import Account, Replaced
from assay.rationales.gate import Fault
from assay.reports.page import Page, percent, render

if TYPE_CHECKING:
    import pyarrow as pa

_EXAMPLES = 24

_FAULTS = {
    Fault.UNREADABLE: "not the fields that were asked for",
    Fault.TOO_LONG: "more words than allowed",
    Fault.OUTSIDE_MASK: "names a part of the image that is not altered",
    Fault.UNKNOWN_FINDING: "cites what was not measured",
    Fault.CONTRADICTS_LABEL: "contradicts the label",
    Fault.TEMPLATE: "says the same of many images",
    Fault.UNGROUNDED: "what follows is not borne out by the findings",
}
_REPLACED = {
    Replaced.REJECTED: "every answer was rejected",
    Replaced.UNANSWERED: "no answer came; asked again once the step runs anew",
    Replaced.BUDGET: "the budget was spent",
}


def page(rationales: pa.Table, account: Account) -> Page:
    """Of the table and the account of `assay.rationales.writing.write`."""
    return render(
        "rationales.html",
        "Reasons to learn from",
        account=account,
        tiles=list(_tiles(account)),
        faults=_named(_FAULTS, account.rejections),
        replaced=_named(_REPLACED, account.replaced),
        examples=[row for row in rationales.to_pylist() if row["teacher"]][:_EXAMPLES],
    )


def _tiles(account: Account) -> Iterator[tuple[str, str]]:
    rate = account.rejection_rate
    yield f"{account.accepted:,} of {account.images:,}", "images with the teacher's reasons"
    yield f"{account.unlike_offline:,}", "of them not what the offline teacher would have written"
    yield "-" if rate is None else percent(rate), "of answers rejected"
    yield f"{account.tokens_in:,} + {account.tokens_out:,}", "tokens in and out"
    yield f"{account.money:.4f}", "in money, at the prices given"
    yield f"{account.paid:.4f}", f"of it paid by this run ({account.kept:,} answers were kept)"


def _named(
    names: dict[Fault, str] | dict[Replaced, str], counts: dict[str, int]
) -> list[tuple[str, str, str]]:
    return [
        (kind.value, words, f"{counts[kind]:,}") for kind, words in names.items() if counts[kind]
    ]
