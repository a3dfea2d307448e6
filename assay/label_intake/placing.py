"""Which labelled images may enter beside the older dataset, and into which of its splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from assay.label_intake.caps import split_by_cap
from assay.label_intake.deciding import Judged
from assay.label_intake.grouping import Dated, OlderImages, drawn_split, newest_groups
from assay.label_intake.ledger import Conflict, Dropped, IntakeSettings, LeftOut, Reason
from assay.records import Label, Split

DATASET = "dataset"
"""Who labelled a row of the older dataset, in a conflict with it."""
_HELD_OUT = {Split.TEST, Split.ONLINE_TEST, Split.PRODUCTION}
"""Splits that stay as they are."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A labelled image with its group and split; no split while nothing near it decides."""

    judged: Judged
    group: str
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Parties:
    """Who sent and who labelled what is learned from already, as numbers of images."""

    clients: Mapping[str, int]
    labellers: Mapping[str, int]


@dataclass(slots=True)
class Notes:
    """What was left out so far, and what is in conflict or must not be learned from again."""

    left_out: list[LeftOut] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)

    def leave_out(self, name: str, reason: Reason, detail: str = "") -> None:
        """List an image that does not enter."""
        self.left_out.append(LeftOut(capture_id=name, reason=reason, detail=detail))

    def disagree(self, name: str, labels: Mapping[str, str]) -> None:
        """List an image that has two labels."""
        self.leave_out(name, Reason.CONFLICT, ", ".join(sorted(set(labels.values()))))
        conflict = Conflict(capture_id=name, labels=dict(labels), is_reopened=False)
        self.conflicts.append(conflict)


def without_known(
    judged: Sequence[Judged], older: OlderImages, source: str, notes: Notes
) -> list[Judged]:
    """Those that the older dataset does not hold.

    Under another label it is a conflict, unless the older row is of ``source`` and so only the
    older word of people: then that row is dropped, and the newer word enters.
    """
    kept: list[Judged] = []
    for one in judged:
        equal = older.equal(one.seen.picture)
        other = [row for row in equal if row.label is not one.label]
        if equal and not other:
            notes.leave_out(one.name, Reason.KNOWN, equal[0].image_id)
        elif any(row.source != source for row in other):
            labels = {DATASET: other[0].label.value, one.labeller: one.label.value}
            notes.disagree(one.name, labels)
        else:
            notes.dropped += [
                Dropped(image_id=row.image_id, reason=f"people now say {one.label}")
                for row in other
            ]
            kept.append(one)
    return kept


def placed(judged: Sequence[Judged], older: OlderImages, notes: Notes) -> list[Placed]:
    """Each beside its near-duplicates of the older dataset; a group goes as a whole."""
    members: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        members[one.seen.group].append(one)
    return [one for group, own in members.items() for one in _placed(group, own, older, notes)]


def _placed(
    group: str, members: Sequence[Judged], older: OlderImages, notes: Notes
) -> Iterator[Placed]:
    near = {row.image_id: row for one in members for row in older.near(one.seen.picture)}
    splits = {row.split for row in near.values()}
    if not splits:
        yield from (Placed(one, group) for one in members)
    elif len(splits) == 1 and not splits & _HELD_OUT:
        name = min(row.group for row in near.values())
        yield from (Placed(one, name, *splits) for one in members)
    else:
        reason = Reason.NEAR_TEST if splits & _HELD_OUT else Reason.BETWEEN_SPLITS
        for one in members:
            notes.leave_out(one.name, reason, min(near))


def held_to_shares(
    found: Sequence[Placed], older: OlderImages, parties: Parties, settings: IntakeSettings,
    notes: Notes,
) -> list[Placed]:  # fmt: skip
    """``found`` in their splits, no party beyond its share of what is learned from.

    Capped before, so that a flood does not fill the newest window, and after, as what is held out
    there is not learned from and makes the whole smaller.
    """
    split = in_splits(capped(found, older, parties, settings, notes), settings)
    newest = [one for one in split if one.split is Split.NEWEST]
    learned = [one for one in split if one.split is not Split.NEWEST]
    return [*capped(learned, older, parties, settings, notes), *newest]


def capped(
    found: Sequence[Placed], older: OlderImages, parties: Parties, settings: IntakeSettings,
    notes: Notes,
) -> list[Placed]:  # fmt: skip
    """What the caps leave; cutting one party makes the whole smaller, so they are asked again."""
    base = sum(row.split not in _HELD_OUT for row in older.rows.values())
    caps: tuple[tuple[Reason, Callable[[Placed], str], Mapping[str, int], float], ...] = (
        (Reason.CLIENT_CAP, lambda one: one.judged.client, parties.clients, settings.client_share),
        (
            Reason.LABELLER_CAP,
            lambda one: one.judged.labeller,
            parties.labellers,
            settings.labeller_share,
        ),
    )
    kept, before = list(found), len(found) + 1
    while len(kept) < before:
        before = len(kept)
        for reason, party, already, share in caps:
            kept, cut = split_by_cap(kept, party, _name, already, base, share)
            for one in cut:
                notes.leave_out(one.judged.name, reason, party(one))
    return kept


def in_splits(found: Sequence[Placed], settings: IntakeSettings) -> list[Placed]:
    """Each with a split: the newest groups held out, the others drawn."""
    free = [
        Dated(
            one.group,
            one.judged.seen.image.captures[0].created_at,
            one.judged.label is Label.AUTHENTIC,
        )
        for one in found
        if one.split is None
    ]
    newest = newest_groups(free, settings.newest_share)
    return [
        one if one.split else replace(one, split=_split(one.group, newest, settings))
        for one in found
    ]


def _split(group: str, newest: set[str], settings: IntakeSettings) -> Split:
    return Split.NEWEST if group in newest else drawn_split(group, settings.validation_share)


def _name(one: Placed) -> str:
    return one.judged.name
