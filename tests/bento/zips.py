"""Archives and jobs as platforms send them."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Mapping
from typing import Any

import httpx

from tests.bento.services import Service


def packed(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def begin(service: Service, archive: bytes, **fields: Any) -> httpx.Response:
    """The answer to an archive."""
    files = {"file": ("images.zip", archive)}
    return service.client.post("/v1/jobs", files=files, data=fields)


def ended(service: Service, job_id: str) -> dict[str, Any]:
    """The job once it has ended and nobody works on it any more."""
    kept = service.runtime.store.folder / "jobs" / job_id
    end = time.monotonic() + 60
    while True:
        job: dict[str, Any] = service.client.get(f"/v1/jobs/{job_id}").json()
        if job["state"] != "pending" and not kept.exists():
            return job
        assert time.monotonic() < end, job
        time.sleep(0.05)
