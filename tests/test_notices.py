"""What users are told: never more than is known, in every language alike."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import images, notices
from assay.errors import ConfigError
from assay.evidence import examined
from assay.notices import HumanDecision, Level, Notice, notice
from assay.records import Finding, Label, Measurement, Verdict
from tests import signing
from tests.scenes import scene

AI = "c2pa.created by Dreamer 3: trainedAlgorithmicMedia (made by generative AI)"
TRUSTED = "valid, signer on a trust list"
UNKNOWN = "signature valid, signer not on a trust list"


def verdict(
    label: Label = Label.AUTHENTIC,
    score: float = 0.1,
    needs_review: bool = False,
    facts: tuple[tuple[str, str], ...] = (),
) -> Verdict:
    found = (Finding(Measurement("provenance", facts=facts), None, "said"),) if facts else ()
    return Verdict(label, score, dict.fromkeys(Label, 0.0), needs_review, findings=found)


def credentials(state: str, *claims: str) -> tuple[tuple[str, str], ...]:
    return ("content credentials", state), *(("claimed action", claim) for claim in claims)


def told(found: Notice) -> tuple[Level, str]:
    return found.level, found.reason


@pytest.mark.parametrize(
    ("label", "score", "needs_review", "expected"),
    [
        (Label.AUTHENTIC, 0.1, False, (Level.NONE, "none")),
        (Label.AUTHENTIC, 0.6, True, (Level.NONE, "none")),
        (Label.MANIPULATED, 0.9, False, (Level.CAUTION, "checked_manipulated")),
        (Label.SYNTHESIZED, 0.99, False, (Level.CAUTION, "checked_synthesized")),
        (Label.MANIPULATED, 0.5, True, (Level.CAUTION, "in_review")),
        (Label.MANIPULATED, 0.49, True, (Level.NONE, "none")),
    ],
)
def test_automatic_verdict_follows_the_stated_rule(
    label: Label, score: float, needs_review: bool, expected: tuple[Level, str]
):
    assert told(notice(verdict(label, score, needs_review))) == expected


@given(st.sampled_from(Label), st.floats(0, 1), st.booleans(), st.booleans())
def test_automatic_verdict_never_warns(
    label: Label, score: float, needs_review: bool, is_benign: bool
):
    found = notice(verdict(label, score, needs_review), is_benign=is_benign)
    assert found.level is not Level.WARNING
    assert found.level is Level.NONE or (label is not Label.AUTHENTIC and not is_benign)


@pytest.mark.parametrize("label", list(Label))
@pytest.mark.parametrize("is_benign", [True, False])
def test_person_has_the_last_word(label: Label, is_benign: bool):
    loud = verdict(Label.SYNTHESIZED, 1.0, facts=credentials(TRUSTED, AI))
    found = notice(loud, HumanDecision(label, is_benign))
    harmless = label is Label.AUTHENTIC or is_benign
    reason = "none" if harmless else f"decided_{label.value}"
    assert told(found) == (Level.NONE if harmless else Level.WARNING, reason)


@pytest.mark.parametrize(
    ("state", "claim", "expected"),
    [
        (TRUSTED, AI, (Level.WARNING, "signed_generated")),
        (TRUSTED, "c2pa.edited", (Level.WARNING, "signed_edited")),
        (TRUSTED, "c2pa.removed by Retoucher 2", (Level.WARNING, "signed_edited")),
        (TRUSTED, "c2pa.edited: compositeSynthetic", (Level.WARNING, "signed_generated")),
        (UNKNOWN, AI, (Level.CAUTION, "claimed_generated")),
        (UNKNOWN, "c2pa.edited", (Level.CAUTION, "claimed_edited")),
        ("invalid: the file was changed after signing", AI, (Level.NONE, "none")),
        ("unreadable", AI, (Level.NONE, "none")),
        ("absent, which proves nothing", AI, (Level.NONE, "none")),
        (TRUSTED, "c2pa.created by Camera: digitalCapture (captured)", (Level.NONE, "none")),
        (TRUSTED, "c2pa.cropped", (Level.NONE, "none")),
        (TRUSTED, "c2pa.color_adjustments", (Level.NONE, "none")),
        (TRUSTED, "c2pa.edited.metadata", (Level.NONE, "none")),
        (TRUSTED, "c2pa.opened by trainedAlgorithmicMedia viewer", (Level.NONE, "none")),
    ],
)  # fmt: skip
def test_signed_claims_count_as_much_as_their_signer(
    state: str, claim: str, expected: tuple[Level, str]
):
    assert told(notice(verdict(facts=credentials(state, claim)))) == expected


def test_facts_that_anyone_can_write_do_not_count():
    facts = (("EXIF Software", AI), ("XMP claimed action", AI), ("content credentials", UNKNOWN))
    assert notice(verdict(facts=facts)).level is Level.NONE


def test_really_signed_file_gives_what_its_claims_say():
    data = signing.signed(images.encode_jpeg(scene(), 90), "image/jpeg")
    measured = examined(images.decode(data), "provenance")
    seen = Verdict(Label.AUTHENTIC, 0.1, {}, False, findings=(Finding(measured, None, ""),))
    assert told(notice(seen)) == (Level.CAUTION, "claimed_generated")


def test_benign_edit_raises_nothing():
    assert notice(verdict(Label.MANIPULATED, 1.0), is_benign=True).level is Level.NONE


def test_every_language_says_the_same_things_in_one_sentence():
    keys = {name: set(words) for name, words in notices._translations().items()}
    assert set(keys) == {"de", "en"}
    assert keys["de"] == keys["en"]
    for name in keys:
        for key in keys[name] - {"none"}:
            found = notices.in_language(Level.CAUTION, key, name).sentence
            assert key in ("caution", "warning") or re.fullmatch(r"[A-ZÄÖÜ][^.!?]+\.", found)


@pytest.mark.parametrize(
    "word", ["fake", "true", "false", "real", "proof", "falsch", "wahr", "echt"]
)
def test_no_sentence_overclaims(word: str):
    said = " ".join(text for words in notices._translations().values() for text in words.values())
    assert not re.search(rf"\b{word}\b", said, re.IGNORECASE)


def test_notice_in_german():
    found = notice(verdict(Label.MANIPULATED, 0.9), language="de")
    assert (found.title, found.language) == ("Vorsicht", "de")
    assert found.sentence.startswith("Eine automatische Prüfung")


def test_unknown_language_is_refused():
    with pytest.raises(ConfigError, match="known: de, en"):
        notice(verdict(), language="dee")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr, en;q=0.5, de;q=0.7", "de"),
        ("de;q=0, en;q=0.1", "en"),
        ("de;q=nonsense", "en"),
        ("*", "en"),
    ],
)
def test_preferred_language_is_the_best_liked_of_ours(accepted: str, language: str):
    assert notices.preferred(accepted) == language
