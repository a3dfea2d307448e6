"""A real checkpoint behind vLLM's protocol answers as the same model in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scipy.special import softmax

from assay import fingerprints, images, model_export
from assay.detector import Detector, Rationale
from assay.errors import CheckpointMismatch, ConfigError, UnparseableAnswer, WorkerLost
from assay.questions import Question
from assay.records import Label
from assay.remote_model import KEY_VARIABLE, RemoteModel, served_name
from assay.serving_strategies import recipe_of
from assay.serving_strategies.vllm import URL_VARIABLE
from tests.scenes import scene
from tests.vllm_server import Checkpoint, serving

KEY = "made-up"  # pragma: allowlist secret


@pytest.fixture(scope="module")
def detector(small_model: Path) -> Detector:
    return Detector.load(small_model)


@pytest.fixture(scope="module")
def questions(detector: Detector) -> list[Question]:
    photos = [images.decode(images.encode_png(scene(n, 96, 64 + 32 * n))) for n in range(3)]
    return [detector.preparer.prepare(photo) for photo in photos]


@pytest.fixture(scope="module")
def checkpoint(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """The exported model, loaded by transformers alone."""
    folder = tmp_path_factory.mktemp("export") / "checkpoint"
    made = model_export.export(small_model, folder)
    return Checkpoint(folder, made.name)


@pytest.fixture
def content(small_model: Path) -> str:
    return fingerprints.content_hash(small_model)


@pytest.fixture
def address(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with serving(checkpoint, KEY) as url:
        monkeypatch.setenv(URL_VARIABLE, url)
        monkeypatch.setenv(KEY_VARIABLE, KEY)
        yield url


@pytest.fixture
def remote(address: str, content: str, detector: Detector) -> Iterator[RemoteModel]:
    with RemoteModel.connect(content, detector.preparer.processor) as model:
        yield model


def test_verdicts_are_those_of_the_loaded_model(
    remote: RemoteModel, detector: Detector, questions: list[Question]
) -> None:
    asked, known = remote.verdict_logits(questions), detector.words(questions)
    assert softmax(asked, axis=1) == pytest.approx(softmax(known, axis=1), abs=1e-4)


def test_reasons_are_those_of_the_loaded_model(
    remote: RemoteModel, detector: Detector, questions: list[Question]
) -> None:
    labels = list(Label)
    known = detector.backend.read(questions).rationales(labels)
    assert remote.read(questions).rationales(labels) == known


def test_a_verdict_costs_one_token(
    remote: RemoteModel, checkpoint: Checkpoint, questions: list[Question]
) -> None:
    checkpoint.chats.clear()
    remote.verdict_logits(questions)
    assert [chat["max_tokens"] for chat in checkpoint.chats] == [1] * len(questions)


def test_no_questions_are_no_requests(remote: RemoteModel) -> None:
    assert remote.verdict_logits([]).shape == (0, 3)


def test_what_the_model_sees_is_not_told(remote: RemoteModel, questions: list[Question]) -> None:
    pixels = [question.pixels for question in questions]
    assert remote.features(pixels).shape == (len(questions), 0)


def test_another_model_is_refused(address: str, detector: Detector) -> None:
    with pytest.raises(CheckpointMismatch, match="not assay-000000000000: export"):
        RemoteModel.connect("0" * 64, detector.preparer.processor)


def test_a_wrong_key_is_told(
    address: str, content: str, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "another")
    with pytest.raises(WorkerLost, match="answers 401"):
        RemoteModel.connect(content, detector.preparer.processor)


def test_no_server_is_told(
    content: str, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL_VARIABLE, "http://127.0.0.1:9")
    with pytest.raises(WorkerLost, match=r"127\.0\.0\.1:9 does not answer"):
        RemoteModel.connect(content, detector.preparer.processor)


def test_no_address_is_told(
    content: str, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    with pytest.raises(ConfigError, match=URL_VARIABLE):
        RemoteModel.connect(content, detector.preparer.processor)


def test_a_model_that_answers_something_else_is_told(
    checkpoint: Checkpoint, detector: Detector, questions: list[Question]
) -> None:
    class Chatty(Checkpoint):
        def complete(self, chat: dict[str, object]) -> dict[str, object]:
            told = [{"token": "token_id:0", "logprob": -0.1}]
            return {"message": {"content": ""}, "logprobs": {"content": [{"top_logprobs": told}]}}

    chatty = Chatty.__new__(Chatty)
    chatty.name = checkpoint.name
    processor = detector.preparer.processor
    with (
        serving(chatty) as url,
        RemoteModel(url, chatty.name, processor) as model,
        pytest.raises(UnparseableAnswer, match="none of the verdict"),
    ):
        model.verdict_logits(questions[:1])


@pytest.mark.parametrize("logprobs", [None, {}, {"content": []}, {"content": [{}]}])
def test_a_server_without_log_probabilities_is_told(
    checkpoint: Checkpoint, detector: Detector, questions: list[Question], logprobs: object
) -> None:
    class Silent(Checkpoint):
        def complete(self, chat: dict[str, object]) -> dict[str, object]:
            return {"message": {"content": ""}, "logprobs": logprobs}

    silent = Silent.__new__(Silent)
    silent.name = checkpoint.name
    with (
        serving(silent) as url,
        RemoteModel(url, silent.name, detector.preparer.processor) as model,
        pytest.raises(UnparseableAnswer, match="without log-probabilities"),
    ):
        model.verdict_logits(questions[:1])


def test_export_overwrites_nothing(small_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is there already"):
        model_export.export(small_model, tmp_path)


def test_export_holds_safetensors_only_and_its_name(small_model: Path, tmp_path: Path) -> None:
    made = model_export.export(small_model, tmp_path / "new")
    kinds = {file.suffix for file in (tmp_path / "new").rglob("*") if file.is_file()}
    assert kinds <= {".safetensors", ".json", ".jinja"}
    assert made.name == served_name(fingerprints.content_hash(small_model)) in made.command


def test_a_detector_answers_through_the_server(
    address: str, small_model: Path, detector: Detector, questions: list[Question]
) -> None:
    remote = Detector.load(small_model, recipe_of(["vllm"]))
    assert isinstance(remote.backend, RemoteModel)
    told, known = (one.answer(questions, Rationale.ALWAYS) for one in (remote, detector))
    assert [one.score for one in told] == pytest.approx([one.score for one in known], abs=1e-4)
    assert [one.rationale for one in told] == [one.rationale for one in known]
    remote.backend.close()
