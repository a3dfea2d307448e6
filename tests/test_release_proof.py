"""The built bento as it really runs, and what a proof says of one that is not as it should be."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from assay import home, release_proof
from assay.golden import GOLDEN_FILE, Golden
from assay.records import Label
from assay.release import CONTRACT_FILE, Release
from assay.release_checks import Limits
from assay.release_proof import Proof
from assay.remote_model import KEY_VARIABLE, URL_VARIABLE
from assay.reports import release as page
from assay.serving_plan import PLAN_FILE
from tests import pipeline_runs

LENIENT = Limits(ready=150, latency=60_000, requests=2)
"""For machines that do other things meanwhile."""
PLAN = "plan-0123456789ab"


@pytest.fixture(scope="module", autouse=True)
def state(built_release: Release) -> Iterator[Path]:
    """The state folder of the release."""
    with pipeline_runs.environment(built_release.bento.parents[3]):
        yield home.root()


@pytest.fixture(scope="module")
def proof(built_release: Release) -> Proof:
    return release_proof.prove(built_release, LENIENT)


@pytest.fixture(scope="module")
def spoiled(built_release: Release, tmp_path_factory: pytest.TempPathFactory) -> Proof:
    """The proof of a release of which much was changed after the build, against tight limits."""
    bento = shutil.copytree(built_release.bento, tmp_path_factory.mktemp("spoiled") / "bento")
    release = built_release.model_copy(update={"bento": bento, "plan": PLAN})
    spoil_golden(release.source / GOLDEN_FILE)
    spoil_contract(release.source / CONTRACT_FILE)
    (release.source / PLAN_FILE).write_text("{")  # which the service cannot follow
    return release_proof.prove(release, LENIENT.model_copy(update={"latency": 0.1}))


def test_service_is_told_nothing_of_ours_but_who_answers_for_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {URL_VARIABLE: "http://127.0.0.1:8000", KEY_VARIABLE: "key"}
    for name, value in {**kept, "ASSAY_DATABASE_URL": "postgresql://ours"}.items():
        monkeypatch.setenv(name, value)
    given = release_proof._environment(tmp_path)
    assert kept.items() <= given.items()
    assert "ASSAY_DATABASE_URL" not in given


def spoil_golden(path: Path) -> None:
    """Expect another verdict of the first image, and another score of the second."""
    first, second, *rest = Golden.load(path).images
    wrong = next(label for label in Label if label != first.label)
    first = first.model_copy(update={"label": wrong, "is_clear": True})
    second = second.model_copy(update={"score": second.score - 0.5})
    path.write_text(Golden(images=(first, second, *rest)).model_dump_json())


def spoil_contract(path: Path) -> None:
    """Document a route and a field that there are not."""
    contract = json.loads(path.read_bytes())
    contract["paths"]["/v1/horoscope"] = {}
    contract["components"]["schemas"]["Detection"]["properties"]["mood"] = {"type": "string"}
    path.write_text(json.dumps(contract))


def sentence(proof: Proof, name: str) -> str:
    """Why the check ``name`` failed."""
    finding = next(one for one in proof.findings if one.name == name)
    assert not finding.passed, finding
    return finding.sentence


def test_built_release_passes_every_check(proof: Proof) -> None:
    assert proof.refusals == ()
    assert proof.passed
    assert proof.cold_start is not None
    assert [finding.name for finding in proof.findings] == [
        *("ready", "plan", "contract", "fields", "verdicts"),
        *("bad_input", "latency", "metrics", "drain"),
    ]


def test_proof_leaves_no_process(proof: Proof, built_release: Release) -> None:
    lines = (
        " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])
    )
    assert not [line for line in lines if str(built_release.bento) in line]


def test_wrong_verdicts_are_named(spoiled: Proof) -> None:
    assert not spoiled.passed
    found = sentence(spoiled, "verdicts")
    assert "photograph 1 is called" in found
    assert "photograph 2 has the score" in found


def test_broken_plan_is_not_served_by(spoiled: Proof) -> None:
    assert sentence(spoiled, "plan") == f"it serves by the default plan, not by {PLAN}"


def test_slow_answers_are_refused(spoiled: Proof) -> None:
    assert sentence(spoiled, "latency").endswith("the limit is 0.1 ms")


def test_contract_that_is_not_served_is_refused(spoiled: Proof) -> None:
    assert "/v1/horoscope" in sentence(spoiled, "contract")
    assert "detection.mood" in sentence(spoiled, "fields")


def test_the_rest_of_a_spoiled_release_still_passes(spoiled: Proof) -> None:
    assert [finding.name for finding in spoiled.findings if finding.passed] == [
        *("ready", "bad_input", "metrics", "drain"),
    ]


def test_release_that_ends_at_once_gives_its_last_words(
    built_release: Release, tmp_path: Path
) -> None:
    release = built_release.model_copy(update={"bento": tmp_path / "nothing"})
    found = release_proof.prove(release, LENIENT)
    assert found.cold_start is None
    assert "ended with status" in sentence(found, "ready")


def test_release_that_takes_too_long_is_refused(built_release: Release) -> None:
    found = release_proof.prove(built_release, LENIENT.model_copy(update={"ready": 0.0}))
    assert "not ready after 0 s" in sentence(found, "ready")


def test_page_shows_what_failed(spoiled: Proof, built_release: Release) -> None:
    html = page.page(built_release, spoiled).html
    assert "it is not rolled out" in html
    assert "the limit is 0.1 ms" in html
    assert "4 of 9" in html


def test_page_of_a_proven_release(proof: Proof, built_release: Release) -> None:
    html = page.page(built_release, proof).html
    assert "it may be rolled out" in html
    assert built_release.name in html
