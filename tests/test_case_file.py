"""A case file: the same bytes for the same case, and no change that goes unnoticed."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from assay import __main__ as command
from assay import case_file
from assay.case_records import Case
from assay.case_verification import verify
from assay.errors import DataError, UnreadableCase, UnsafeArchive
from assay.fusion import Fusion
from assay.records import Label
from assay.rederivation import Rederivation, Verification, rederive
from tests import cases

PUBLIC = case_file.public_key(cases.KEY)


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def checked(folder: Path, data: bytes, key: bytes | None = PUBLIC) -> Verification:
    path = folder / "case.zip"
    path.write_bytes(data)
    return verify(path, key)


def resigned(case: Case, folder: Path) -> Verification:
    return checked(folder, case_file.write(case, cases.KEY))


def test_case_file_is_intact_and_its_verdict_follows(tmp_path: Path):
    found = checked(tmp_path, case_file.write(cases.case(), cases.KEY, cases.IMAGE))
    assert found.differences == ()
    assert found.is_intact
    assert found.is_key_known
    assert found.rederivation.derived == (
        "log-odds from the findings by the stored fusion",
        "probabilities, label and review from log-odds by the stored calibration",
    )
    assert len(found.rederivation.not_derived) == 2


def test_same_case_gives_the_same_bytes():
    first, second = (case_file.write(cases.case(), cases.KEY, cases.IMAGE) for _ in range(2))
    assert first == second
    assert set(unpacked(first)) == {
        "case.html", "case.json", "image.png", "manifest.json", "signature.json",
    }  # fmt: skip


def test_image_is_enclosed_only_where_wanted_and_only_the_right_one():
    assert "image.png" not in unpacked(case_file.write(cases.case(), cases.KEY))
    with pytest.raises(DataError, match="not the one"):
        case_file.write(cases.case(), cases.KEY, b"another")


def test_case_reads_back_as_it_was():
    assert Case.from_json(cases.case().as_json()) == cases.case()


def test_page_is_self_contained_and_escaped():
    html = case_file.page(cases.case())
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 2
    assert not any(word in html for word in ("http:", "https:", "url(", "src=", "@import"))
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport"' in html


CHANGES: dict[str, tuple[Callable[[dict[str, bytes]], object], str]] = {
    "verdict": (
        lambda f: f.update({"case.json": f["case.json"].replace(b"moderator 7", b"moderator 8")}),
        "case.json was changed",
    ),
    "page": (lambda f: f.update({"case.html": b"<p>Innocent"}), "case.html was changed"),
    "image": (lambda f: f.update({"image.png": cases.IMAGE + b"x"}), "image.png was changed"),
    "taken": (lambda f: f.pop("image.png"), "image.png is missing"),
    "added": (lambda f: f.update({"note.txt": b"x"}), "note.txt was added"),
    "manifest": (
        lambda f: f.update({"manifest.json": f["manifest.json"] + b" "}), "signature does not hold"
    ),
    "manifest gone": (lambda f: f.update({"manifest.json": b"[1]"}), "manifest.json cannot be"),
    "signature": (lambda f: f.update({"signature.json": b"{}"}), "signature.json cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)
def test_every_change_is_noticed(
    change: Callable[[dict[str, bytes]], object], words: str, tmp_path: Path
):
    files = unpacked(case_file.write(cases.case(), cases.KEY, cases.IMAGE))
    change(files)
    found = checked(tmp_path, case_file._packed(files))
    assert not found.is_intact
    assert any(words in difference for difference in found.differences)
    assert found.rederivation.derived == ()


@pytest.mark.parametrize("key", [None, PUBLIC], ids=["enclosed", "given"])
def test_signature_of_somebody_else_shows_where_a_key_is_given(key: bytes | None, tmp_path: Path):
    found = checked(tmp_path, case_file.write(cases.case(), b"e" * 32), key)
    assert found.is_intact == (key is None)
    assert not (found.is_intact and found.is_key_known)


@pytest.mark.parametrize("name", ["case.json", "manifest.json", "signature.json"])
def test_file_without_its_parts_is_no_case(name: str, tmp_path: Path):
    files = unpacked(case_file.write(cases.case(), cases.KEY))
    del files[name]
    with pytest.raises(UnreadableCase, match=f"holds no {name}"):
        checked(tmp_path, case_file._packed(files))


@pytest.mark.parametrize("data", [b"", b"{}", b'{"format": 2}', b"[]", b'{"format": 1}', b"\xff"])
def test_case_of_another_form_is_refused(data: bytes):
    with pytest.raises(UnreadableCase, match="verify it with the version"):
        Case.from_json(data)


def test_what_is_no_zip_is_refused(tmp_path: Path):
    with pytest.raises(UnsafeArchive):
        checked(tmp_path, b"nothing")


def test_signed_verdict_that_does_not_follow_is_a_difference(tmp_path: Path):
    case = cases.case()
    wrong = replace(case.verdict, label=Label.SYNTHESIZED, log_odds=2.0)
    found = resigned(replace(case, verdict=wrong), tmp_path)
    assert not found.is_intact
    assert [one.partition(" ")[0].strip(":") for one in found.differences] == ["log-odds", "label"]


def test_label_is_that_of_the_stratum():
    case = cases.case()
    strict = replace(case.calibration, strata={"x": case.verdict.score + 1e-3})
    other = replace(case, calibration=strict, stratum="x")
    lenient = replace(case.calibration, strata={"x": case.verdict.score - 1e-3})
    assert rederive(other).differences != rederive(replace(other, calibration=lenient)).differences


def test_case_in_which_the_model_was_heard_needs_its_logits():
    case = replace(cases.case(), fusion=Fusion(model=1.0))
    assert any("own word counted" in reason for reason in rederive(case).not_derived)
    assert rederive(case).derived == ()
    found = rederive(replace(case, logits=(0.0, -1.0, -1.0)))
    assert found.derived[0] == "log-odds from the stored logits"
    assert found.differences


@pytest.mark.parametrize("band", [(0.0, 1.0), (0.0, 0.0)], ids=["in the band", "outside"])
@pytest.mark.parametrize("is_reviewed", [True, False])
def test_people_may_look_at_more_than_the_band_and_not_at_less(
    band: tuple[float, float], is_reviewed: bool
):
    case = cases.case()
    calibration = replace(case.calibration, review_low=band[0], review_high=band[1])
    verdict = replace(case.verdict, needs_review=is_reviewed)
    found = rederive(replace(case, calibration=calibration, verdict=verdict))
    is_missed = band[1] == 1.0 and not is_reviewed
    assert any(one.startswith("review") for one in found.differences) == is_missed


@pytest.mark.parametrize("missing", ["fusion", "calibration"])
def test_step_without_its_means_is_named(missing: str):
    found = rederive(cases.case(**{missing: None}))
    assert any(missing in reason for reason in found.not_derived)
    assert found.differences == ()


def test_derivation_of_ones_own_is_asked(tmp_path: Path):
    (tmp_path / "case.zip").write_bytes(case_file.write(cases.case(), cases.KEY))
    own = Rederivation(("all of it",), (), ("nothing fits",))
    found = verify(tmp_path / "case.zip", PUBLIC, lambda case: own)
    assert found.differences == ("nothing fits",)


def test_command_says_what_was_found_and_leaves_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "case.zip"
    path.write_bytes(case_file.write(cases.case(), cases.KEY))
    key = base64.b64encode(PUBLIC).decode()
    assert command.main(["verify", str(path), "--key", key]) == 0
    assert "case 'c-42': intact" in capsys.readouterr().out
    assert command.main(["verify", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["is_key_known"] is False
    other = base64.b64encode(case_file.public_key(b"e" * 32)).decode()
    assert command.main(["verify", str(path), "--key", other]) == command.FAILED
    assert "not intact" in capsys.readouterr().out
    assert command.main(["verify", str(path), "--key", "x"]) == command.WRONG_NAME
    assert command.main(["verify", str(tmp_path / "none.zip")]) == command.FAILED


def test_image_that_was_not_kept_has_no_size(tmp_path: Path):
    case = cases.case()
    found = resigned(replace(case, image=replace(case.image, size=None)), tmp_path)
    assert found.is_intact
    assert "was not kept" in case_file.page(replace(case, image=replace(case.image, size=None)))


def test_image_without_evidence_is_for_people_whatever_its_score():
    case = cases.case()
    nothing = tuple(replace(one, value=None, null_rate=None) for one in case.findings)
    calibration = replace(case.calibration, review_low=0.5, review_high=0.5)
    bare = replace(case, findings=nothing, calibration=calibration)
    handed, kept = (
        rederive(replace(bare, verdict=replace(bare.verdict, needs_review=asked))).differences
        for asked in (True, False)
    )
    assert [one for one in kept if one not in handed] == [
        "review: none is stated, and the band says otherwise"
    ]
