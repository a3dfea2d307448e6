"""Rows that a dataset had to leave out: counts and shares by kind, a picture, the whole list."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterable, Iterator, Sequence

from assay.exports import as_csv
from assay.records import Rejected
from assay.rejections import Rejection, kinds
from assay.reports.page import percent
from assay.reports.pictures import FAINT, figure, shortened, svg

COLUMNS = ("kind", "image_id", "reason")
LARGEST_DOWNLOAD = 2 * 2**20
"""Bytes of the list inside a page; a longer one is only a file beside it."""

_BAR = "#b42318"
_KINDS_DRAWN = 20


def table(rejected: Sequence[Rejected], stored: int) -> list[tuple[str, str, str]]:
    """Kind, rows, and their share of all rows, ``stored`` ones included; most frequent first."""
    total = len(rejected) + stored
    return [
        (kind.reason, f"{kind.count:,}", percent(kind.count / total)) for kind in kinds(rejected)
    ]


def listing(rejected: Iterable[Rejected]) -> Iterator[bytes]:
    """Every row as CSV with `COLUMNS`, ordered by kind, most frequent first."""
    by_kind = kinds(rejected, every=True)
    rows = (
        {"kind": kind.reason, "image_id": row.image_id, "reason": row.reason}
        for kind in by_kind
        for row in kind.examples
    )
    return as_csv(rows, COLUMNS)


def download(rejected: Sequence[Rejected]) -> str:
    """`listing`, packed, as a data URI; empty where it would make the page slow to open."""
    packed = gzip.compress(b"".join(listing(rejected)), mtime=0)
    if not rejected or len(packed) > LARGEST_DOWNLOAD:
        return ""
    return f"data:application/gzip;base64,{base64.b64encode(packed).decode()}"


def picture(rejected: Sequence[Rejected], stored: int) -> str:
    """Bars: the rows of each kind."""
    found = kinds(rejected)[:_KINDS_DRAWN]
    drawn = figure(9.5, 0.7 + 0.3 * len(found))
    axes = drawn.subplots()
    places = range(len(found))
    axes.barh(places, [kind.count for kind in found], color=_BAR, height=0.65)
    for place, kind in zip(places, found, strict=True):
        axes.text(kind.count, place, f"  {_counted(kind, len(rejected) + stored)}", va="center")
    axes.set_yticks(places, [shortened(kind.reason, 32) for kind in found])
    axes.set_xlim(0, 1.3 * found[0].count)
    axes.set_xlabel("rows of the source that were left out", color=FAINT)
    axes.invert_yaxis()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return svg(drawn)


def _counted(kind: Rejection, total: int) -> str:
    return f"{kind.count:,} ({percent(kind.count / total)})"
