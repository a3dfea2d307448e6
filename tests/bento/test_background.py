"""What a service does beside answering."""

from pathlib import Path

import pytest

from bento.job_runner import JobRunner
from tests.bento import services


@pytest.mark.parametrize("jobs", [True, False])
def test_only_a_service_for_jobs_looks_for_them(
    served_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: bool
) -> None:
    looked: list[str] = []

    async def look(runner: JobRunner) -> None:
        looked.append(runner._worker)

    monkeypatch.setattr(JobRunner, "work", look)
    with services.running(served_model, tmp_path, jobs=jobs):
        assert bool(looked) == jobs, "the first look comes before the service is warm"
