"""`python -m assay datasets conflicts --send` against the service as it really runs."""

from __future__ import annotations

from contextlib import closing

import httpx
import pytest

from assay import __main__ as command
from assay import conflict_reviews
from assay.dataset import Dataset
from assay.load.client import Deployment
from tests.bento.servers import Server
from tests.conflicting import built


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return built(tmp_path_factory.mktemp("conflicts"))


def claimed(url: str) -> list[str]:
    """All cases as JSON, the most urgent first."""
    cases = []
    while (answer := httpx.get(f"{url}/v1/review")).status_code == 200:
        cases.append(answer.text)
    return cases


def test_sent_conflicts_stand_in_the_review_once(dataset: Dataset, open_server: Server) -> None:
    words = ["datasets", "conflicts", str(dataset.path), "--send", open_server.url]
    assert [command.main(words), command.main(words)] == [0, 0]
    cases = [case for case in claimed(open_server.url) if f"conflict/{dataset.version}/" in case]
    assert len(cases) == 2
    assert any("manipulated/100.webp is labelled manipulated" in case for case in cases)


def test_sending_twice_gives_the_same_captures(dataset: Dataset, open_server: Server) -> None:
    with closing(Deployment(open_server.url)) as service:
        first, second = (list(conflict_reviews.send(dataset, service)) for _ in range(2))
    assert first == second
    assert len({one.capture_id for one in first}) == 2
