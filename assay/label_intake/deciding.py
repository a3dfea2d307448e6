"""What people's votes on an image come to: one label, a conflict, or nothing to learn from yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from assay.duplicates import PerceptualHash, merge_groups
from assay.label_intake.grouping import picture_of
from assay.label_intake.ledger import LeftOut, Reason
from assay.label_intake.quarantine import Said
from assay.records import Label
from assay.store.capture import Selection

if TYPE_CHECKING:
    from assay.store import LabelledCapture, LabelledImage, StandingVote


@dataclass(frozen=True, slots=True)
class Seen:
    """A labelled image, with the group of pictures in the span that look like it."""

    image: LabelledImage
    picture: PerceptualHash
    group: str

    @property
    def shown(self) -> LabelledCapture:
        """The capture that stands for all: the first one whose image was kept, if any was."""
        captures = self.image.captures
        return next((one for one in captures if one.is_kept), captures[0])

    def weight(self, largest: float) -> float | None:
        """Images of the traffic that this one stands for (Horvitz and Thompson 1952).

        The inverse of the chance that any of its captures was put before people by design; None
        where none was, as then only a report or an appeal brought it there.
        """
        if all(one.selection_reason is Selection.NONE for one in self.image.captures):
            return None
        missed = prod(1 - one.selection_probability for one in self.image.captures)
        return min(1 / (1 - missed), largest)


@dataclass(frozen=True, slots=True)
class Judged:
    """A labelled image whose votes agree."""

    seen: Seen
    votes: tuple[StandingVote, ...]
    """The newest of each labeller, oldest first; all say the same."""

    @property
    def label(self) -> Label:
        """What they say."""
        return self.votes[-1].label

    @property
    def labeller(self) -> str:
        """Whose vote counts."""
        return self.votes[-1].who

    @property
    def client(self) -> str:
        """Who sent the image first."""
        return self.seen.shown.client

    @property
    def name(self) -> str:
        """Of the capture that stands for all."""
        return self.seen.shown.id


def grouped(images: Sequence[LabelledImage]) -> list[Seen]:
    """``images`` with their groups: the same pixels, or hashes as near as those of one picture."""
    pictures = [picture_of(one.pixel_digest, _pdq(one)) for one in images]
    groups = merge_groups(pictures, [f"captures/{one.pixel_digest[:16]}" for one in images])
    return [Seen(*parts) for parts in zip(images, pictures, groups, strict=True)]


def said(seen: Sequence[Seen]) -> Iterator[Said]:
    """Each labeller's word on each group of pictures: a burst of copies is one word.

    What most copies were called counts, or one honest word would hide that the other copies were
    called the opposite; where as many were called either, there are two words.
    """
    words: dict[tuple[str, str], list[Said]] = defaultdict(list)
    for one in seen:
        votes = _newest(one.image.votes)
        for vote in votes:
            words[vote.who, one.group].append(_word(vote, votes, one.shown.score))
    for own in words.values():
        for side in (False, True):
            alike = [word for word in own if word.is_positive is side]
            if alike and 2 * len(alike) >= len(own):
                yield min(alike, key=lambda word: word.at)


def judge(seen: Seen, set_aside: Collection[str]) -> Judged | LeftOut | dict[str, str]:
    """What the votes come to without those of labellers who are ``set_aside``.

    Labels by labeller where they differ: a conflict. After an appeal or a conflict only later
    votes count, as they settled it.
    """
    image, name = seen.image, seen.shown.id
    if image.is_open:
        return LeftOut(capture_id=name, reason=Reason.OPEN)
    again = image.opened_again_at
    counting = _newest([v for v in image.votes if again is None or v.created_at > again])
    votes = tuple(vote for vote in counting if vote.who not in set_aside)
    if not votes:
        reason = Reason.QUARANTINED if counting else Reason.OPEN
        return LeftOut(capture_id=name, reason=reason, detail=_names(counting))
    if len({vote.label for vote in votes}) > 1:
        return {vote.who: vote.label.value for vote in votes}
    if not seen.shown.is_kept:
        return LeftOut(capture_id=name, reason=Reason.NOT_KEPT)
    return Judged(seen, votes)


def _word(vote: StandingVote, votes: Sequence[StandingVote], score: float) -> Said:
    """One vote beside the other ``votes`` on the same pixels and the model's ``score``."""
    others = [_is_positive(other) for other in votes if other.who != vote.who]
    share = sum(others) / len(others) if others else None
    return Said(vote.who, vote.created_at, _is_positive(vote), score, share)


def _pdq(image: LabelledImage) -> str:
    return next((one.pdq for one in image.captures if one.pdq), "")


def _newest(votes: Sequence[StandingVote]) -> list[StandingVote]:
    """The newest vote of each labeller, oldest first."""
    by_labeller = {vote.who: vote for vote in votes}
    return [vote for vote in votes if by_labeller[vote.who] is vote]


def _is_positive(vote: StandingVote) -> bool:
    return vote.label is not Label.AUTHENTIC


def _names(votes: Sequence[StandingVote]) -> str:
    return ", ".join(sorted({vote.who for vote in votes}))
