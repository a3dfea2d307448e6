from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assay.dataset import Dataset
from assay.errors import ConfigError, SourceUnavailable
from assay.progress import silent
from assay.rationales import reasons, writing
from assay.rationales.account import Account
from assay.rationales.gate import Fault
from assay.rationales.settings import TeacherSettings
from assay.records import Split
from assay.teachers.openai_compatible import OpenAICompatible
from tests import datasets, teacher_server, training_runs
from tests.teacher_server import Answer, Chat, TeacherServer, serving

Data = tuple[Dataset, pa.Table]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """Twelve training, six validation and six test images, measured."""
    return training_runs.dataset_and_measurements(tmp_path_factory.mktemp("data"))


def settings(server: TeacherServer, **told: Any) -> TeacherSettings:
    options = {"base_url": server.url, "model": "vlm", "attempts": 1, "at_once": 3}
    given = {"name": "openai_compatible", "options": options, "judged": 0, **told}
    return TeacherSettings(**given)


def written(data: Data, folder: Path, told: TeacherSettings) -> tuple[pa.Table, Account]:
    table = writing.write(*data, told, folder, silent, 1)
    return table, reasons.account_of(table)


def saying(**changed: Any) -> teacher_server.Behaviour:
    """An honest teacher but for some fields."""

    def behaviour(chat: Chat, number: int) -> Answer:
        good = json.loads(teacher_server.honest(chat).text)
        return Answer(json.dumps(good | changed))

    return behaviour


def test_the_offline_teacher_asks_nobody(data: Data, tmp_path: Path) -> None:
    table, account = written(data, tmp_path / "none", TeacherSettings())
    assert table.num_rows == 0
    assert reasons.learned(table) == {}
    assert account.figures() == {}
    assert not (tmp_path / "none").exists()


def test_every_image_gets_reasons_that_differ_in_words_alone(data: Data, tmp_path: Path) -> None:
    with serving(teacher_server.honest) as server:
        table, account = written(data, tmp_path, settings(server, judged=2))
    splits = Counter(table["split"].to_pylist())
    assert splits == {Split.TRAIN: 12, Split.VALIDATION: 6, Split.TEST: 2}
    assert len(reasons.learned(table)) == account.accepted == server.answered == 20
    assert len(set(table["prose"].to_pylist())) == 20
    assert (account.tokens_in, account.tokens_out) == (server.tokens_in, server.tokens_out)


def test_images_that_came_with_reasons_are_not_asked_about(data: Data, tmp_path: Path) -> None:
    made = [replace(one, rationale="Mine.") for one in training_runs.samples()]
    known = datasets.stored(tmp_path / "known", made)
    with serving(teacher_server.honest) as server:
        table, _ = written((known, data[1]), tmp_path, settings(server, judged=3))
    assert server.chats == []
    assert table.num_rows == 0


def test_an_answer_is_paid_for_once(data: Data, tmp_path: Path) -> None:
    with serving(teacher_server.careless) as server:
        told = settings(server, price={"input": 2, "output": 10})
        first, before = written(data, tmp_path, told)
        again, after = written(data, tmp_path, told)
        asked = server.answered
        written(data, tmp_path, settings(server, options=told.options | {"model": "another"}))
    assert again.equals(first)
    assert (before.paid, after.paid) == (before.money, 0)
    assert before.money == pytest.approx((2 * before.tokens_in + 10 * before.tokens_out) / 1e6)
    assert (before.answers, after.kept) == (asked, asked)
    assert server.answered == 2 * asked


def test_a_picture_of_another_size_is_asked_about_anew(data: Data, tmp_path: Path) -> None:
    with serving(teacher_server.honest) as server:
        written(data, tmp_path, settings(server, image_side=64))
        asked = server.answered
        _, account = written(data, tmp_path, settings(server, image_side=32))
    assert account.kept == 0
    assert server.answered == 2 * asked


def test_a_rejected_answer_is_asked_for_again_with_its_fault(data: Data, tmp_path: Path) -> None:
    with serving(teacher_server.careless) as server:
        _, account = written(data, tmp_path, settings(server))
    again = [teacher_server.told(chat) for chat in server.chats]
    again = [words for words in again if "was rejected" in words]
    assert len(again) == account.rejections.total() > 0
    assert account.accepted == 18
    assert account.rejection_rate == len(again) / (18 + len(again))


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"verdict": "unsure"}, Fault.UNREADABLE),
        ({"content": "word " * 200}, Fault.TOO_LONG),
        ({"findings": ["gut_feeling"]}, Fault.UNKNOWN_FINDING),
        ({"content": "Genuine, synthetic and forged."}, Fault.CONTRADICTS_LABEL),
    ],
)
def test_a_stubborn_teacher_is_replaced_and_counted_by_reason(
    data: Data, tmp_path: Path, changed: dict[str, Any], fault: Fault
) -> None:
    with serving(saying(**changed)) as server:
        table, account = written(data, tmp_path, settings(server, retries=1))
    assert reasons.learned(table) == {}
    assert account.rejections == {fault: 36}
    assert account.replaced == {"rejected": 18}
    assert server.answered == 36


def test_a_template_is_stopped(data: Data, tmp_path: Path) -> None:
    with serving(saying(content="Something is off.", inconsistencies="Look.")) as server:
        _, account = written(data, tmp_path, settings(server, retries=0))
    assert account.accepted == 3
    assert account.rejections == {Fault.TEMPLATE: 15}


def test_a_spent_budget_stops_asking(data: Data, tmp_path: Path) -> None:
    with serving(teacher_server.honest) as server:
        table, account = written(data, tmp_path, settings(server, budget={"tokens": 500}))
        again, _ = written(data, tmp_path, settings(server, budget={"tokens": 500}))
    assert again.equals(table)
    assert account.tokens >= 500
    assert account.tokens < 500 + 4 * account.tokens / account.answers
    assert account.replaced == {"budget": 18 - account.accepted}
    assert server.answered == account.accepted < 18


def test_no_money_means_no_question(data: Data, tmp_path: Path) -> None:
    with serving(teacher_server.honest) as server:
        _, account = written(data, tmp_path, settings(server, budget={"money": 0}))
    assert server.chats == []
    assert account.replaced == {"budget": 18}


def test_a_question_without_an_answer_is_asked_anew_next_time(data: Data, tmp_path: Path) -> None:
    def behaviour(chat: Chat, number: int) -> Answer:
        return Answer(status=500) if number <= 4 else teacher_server.honest(chat)

    with serving(behaviour) as server:
        _, account = written(data, tmp_path, settings(server))
        _, after = written(data, tmp_path, settings(server))
    assert account.replaced == {"unanswered": 4}
    assert (after.accepted, after.kept) == (18, 14)


def test_a_teacher_that_went_away_ends_the_run(data: Data, tmp_path: Path) -> None:
    def behaviour(chat: Chat, number: int) -> Answer:
        return teacher_server.honest(chat) if number <= 6 else Answer(status=503)

    with serving(behaviour) as server:
        told = settings(server, most_unanswered=5)
        with pytest.raises(SourceUnavailable, match="what it has answered is kept"):
            written(data, tmp_path, told)
        server.behaviour = teacher_server.honest
        _, account = written(data, tmp_path, told)
    assert (account.accepted, account.kept) == (18, 6)


def test_a_wrong_key_ends_the_run_at_once(data: Data, tmp_path: Path) -> None:
    with (
        serving(lambda *_: Answer(status=401)) as server,
        pytest.raises(ConfigError, match="ASSAY_TEACHER_KEY"),
    ):
        written(data, tmp_path, settings(server))
    assert len(server.chats) <= 6


def test_hints_are_asked_for_without_the_label_and_told_again(data: Data, tmp_path: Path) -> None:
    with serving(teacher_server.honest) as server:
        table, _ = written(data, tmp_path, settings(server, hints=True))
    texts = [teacher_server.told(chat) for chat in server.chats]
    without = [words for words in texts if "Label:" not in words]
    told = [words for words in texts if "Seen at first sight: nothing; look at the edges" in words]
    assert (len(without), len(told)) == (18, 18)
    assert not any("manipulated" in words for words in without)
    assert set(table["hints"].to_pylist()) == {"nothing; look at the edges"}


def test_a_killed_run_goes_on_without_paying_twice(data: Data, tmp_path: Path) -> None:
    reached, killed = threading.Event(), threading.Event()

    def behaviour(chat: Chat, number: int) -> Answer:
        if number == 8:
            reached.set()
            killed.wait(60)
        return teacher_server.careless(chat)

    with serving(behaviour) as server:
        told = settings(server)
        told = settings(server, options=told.options | {"at_once": 1, "timeout": 60})
        child = _writing_process(data, tmp_path, told)
        try:
            assert reached.wait(60)
        finally:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        # What was on its way is never received, so it is on no bill either.
        server.answered = server.tokens_in = server.tokens_out = 0
        killed.set()
        _, account = written(data, tmp_path, told)
    repeated = Counter(json.dumps(chat, sort_keys=True) for chat in server.chats)
    assert sorted(repeated.values()) == [1] * (account.answers - 1) + [2]
    assert (account.accepted, account.kept) == (18, 7)


def _writing_process(data: Data, folder: Path, told: TeacherSettings) -> subprocess.Popen[bytes]:
    """Another process that writes the same."""
    import pyarrow.parquet as pq

    pq.write_table(data[1], folder / "measurements.parquet")
    code = (
        "import sys; from pathlib import Path; import pyarrow.parquet as pq\n"
        "from assay.dataset import Dataset; from assay.progress import silent\n"
        "from assay.rationales import writing\n"
        "from assay.rationales.settings import TeacherSettings\n"
        "place, folder, told = sys.argv[1:]\n"
        "measured = pq.read_table(f'{folder}/measurements.parquet')\n"
        "told = TeacherSettings.model_validate_json(told)\n"
        "writing.write(Dataset(Path(place)), measured, told, Path(folder), silent, 1)\n"
    )
    given = [str(data[0].path), str(folder), told.model_dump_json()]
    return subprocess.Popen([sys.executable, "-c", code, *given])


def test_what_was_written_is_found_by_dataset(data: Data, tmp_path: Path) -> None:
    with serving(teacher_server.honest) as server:
        table, _ = written(data, tmp_path, settings(server))
    found = reasons.stored(tmp_path, data[0])
    assert found is not None
    assert found.equals(table)
    assert reasons.stored(tmp_path / "elsewhere", data[0]) is None


def test_settings_name_the_nearest_teacher_and_check_its_options() -> None:
    with pytest.raises(ValueError, match="did you mean 'openai_compatible'"):
        TeacherSettings(name="openai")
    with pytest.raises(ValueError, match="base_url"):
        TeacherSettings(name=OpenAICompatible.name).open()
