"""What votes come to, and how much of the traffic an image stands for."""

from datetime import timedelta
from typing import Any

import pytest

from assay.label_intake.deciding import Judged, grouped, judge, said
from assay.label_intake.ledger import Reason
from assay.records import Label
from assay.store import LabelledCapture, LabelledImage, Selection, StandingVote
from tests.captures import START, pixels

FAKE, REAL = Label.MANIPULATED, Label.AUTHENTIC
PDQ = "f0" * 32


def seen_by(reason: Selection, probability: float) -> LabelledCapture:
    return LabelledCapture(
        f"c-{reason}-{probability}", START, "platform", "d1", "", True, FAKE, 0.7, "7", reason,
        probability,
    )  # fmt: skip


def image(name: str, *votes: StandingVote, pdq: str = "", **changes: Any) -> LabelledImage:
    captures = (seen_by(Selection.NEEDS_REVIEW, 1.0),)
    values = {"is_open": False, "opened_again_at": None, "captures": captures, "votes": votes}
    if pdq:
        first = captures[0]
        values["captures"] = (LabelledCapture(*(
            pdq if field == "pdq" else getattr(first, field)
            for field in LabelledCapture.__dataclass_fields__
        )),)  # fmt: skip
    return LabelledImage(pixel_digest=pixels(name), **(values | changes))


def vote(who: str, label: Label = FAKE, minutes: int = 0) -> StandingVote:
    return StandingVote(who, label, START + timedelta(minutes=minutes), False)


@pytest.mark.parametrize(
    ("selections", "weight"),
    [
        (((Selection.NEEDS_REVIEW, 1.0),), 1.0),
        (((Selection.AUDIT, 0.1),), 10.0),
        (((Selection.AUDIT, 0.1), (Selection.NONE, 0.1)), 1 / 0.19),
        (((Selection.AUDIT, 0.001),), 50.0),
        (((Selection.NONE, 0.1),), None),
    ],
    ids=["uncertain", "audit", "audit of two", "rare audit", "report"],
)
def test_weight_is_the_inverse_of_the_chance_to_be_seen(
    selections: tuple[tuple[Selection, float], ...], weight: float | None
) -> None:
    captures = tuple(seen_by(*one) for one in selections)
    (one,) = grouped([image("harbour", captures=captures)])
    found = one.weight(50.0)
    assert found is None if weight is None else found == pytest.approx(weight)


def test_votes_of_one_voice_are_a_label() -> None:
    (one,) = grouped([image("harbour", vote("ada"), vote("bob", minutes=1))])
    judged = judge(one, set())
    assert isinstance(judged, Judged)
    assert (judged.label, judged.labeller) == (FAKE, "bob")


def test_votes_that_differ_are_a_conflict() -> None:
    (one,) = grouped([image("harbour", vote("ada"), vote("bob", REAL))])
    assert judge(one, set()) == {"ada": "manipulated", "bob": "authentic"}


def test_kinds_of_alteration_conflict_too() -> None:
    (one,) = grouped([image("harbour", vote("ada"), vote("bob", Label.SYNTHESIZED))])
    assert judge(one, set()) == {"ada": "manipulated", "bob": "synthesized"}


def test_who_is_set_aside_is_not_heard() -> None:
    (one,) = grouped([image("harbour", vote("ada"), vote("eve", REAL))])
    judged = judge(one, {"eve"})
    assert isinstance(judged, Judged)
    assert judged.label is FAKE


def test_image_that_only_they_labelled_is_left_out() -> None:
    (one,) = grouped([image("harbour", vote("eve", REAL))])
    assert judge(one, {"eve"}).reason is Reason.QUARANTINED


def test_copies_of_one_picture_are_one_word() -> None:
    copies = [image(f"copy {n}", vote("eve", REAL), pdq=PDQ) for n in range(30)]
    assert len(list(said(grouped(copies)))) == 1


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ((REAL, FAKE, FAKE), [True]),
        ((FAKE, REAL, REAL), [False]),
        ((FAKE, REAL, FAKE, REAL), [False, True]),
    ],
    ids=["one honest word", "one slip", "as many of either"],
)
def test_what_most_copies_are_called_is_the_word(
    labels: tuple[Label, ...], words: list[bool]
) -> None:
    names = sorted((f"copy {n}" for n in range(len(labels))), key=pixels)
    votes = [vote("eve", label, minutes=n) for n, label in enumerate(labels)]
    copies = [image(name, one, pdq=PDQ) for name, one in zip(names, votes, strict=True)]
    assert [word.is_positive for word in said(grouped(copies))] == words


def test_others_are_those_who_saw_the_same_pixels() -> None:
    one = image("harbour", vote("ada"), vote("bob"), vote("eve", REAL))
    words = {word.who: word.others for word in said(grouped([one]))}
    assert words == {"ada": 0.5, "bob": 0.5, "eve": 1.0}
