"""What a release has to do over HTTP, one function a check; each gives a sentence, or refuses.

A check takes what is known of the running release and returns what it found; it raises `Refused`
with the sentence that says what is wrong.
"""

from __future__ import annotations

import http.client
import io
import json
import re
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from assay.golden import Golden, GoldenImage, picture
from assay.images import MAX_PIXELS
from assay.settings import Settings

Json = dict[str, Any]

DETECT = "/v1/detect"
_TIMEOUT = 120.0


class Limits(Settings):
    """What a release has to keep."""

    ready: float = 60.0
    """Seconds from its start until it answers; an idle machine takes under 10."""
    latency: float = 2000.0
    """Milliseconds from an upload of 256 x 256 to its answer, the median, asked one at a time."""
    score: float = 0.02
    """How far a score may be from the one of the build: processors round differently."""
    requests: int = 8
    """Images that latency is measured on."""


class Refused(Exception):
    """A check failed; the message is the sentence that is reported."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer over HTTP."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Json:
        """The body, which has to be a JSON object."""
        parsed = json.loads(self.body)
        if not isinstance(parsed, dict):
            raise Refused(f"an answer is no JSON object: {self.body[:80]!r}")
        return parsed


@dataclass
class Running:
    """A release that answers, and what it should answer."""

    host: str
    port: int
    golden: Golden
    contract: Json
    plan: str
    """Name of the serving plan that it has to follow; empty for the default."""
    limits: Limits
    verdicts: int = field(default=0)
    """Given so far."""

    def ask(self, path: str) -> Answer:
        """The answer to a GET."""
        return self._exchange("GET", path, b"", {})

    def detect(self, data: bytes) -> Answer:
        """The answer to an upload."""
        boundary = secrets.token_hex(16)
        head = 'Content-Disposition: form-data; name="file"; filename="image"'
        body = (
            f"--{boundary}\r\n{head}\r\n\r\n".encode() + data + f"\r\n--{boundary}--\r\n".encode()
        )
        kind = f"multipart/form-data; boundary={boundary}"
        answer = self._exchange("POST", DETECT, body, {"Content-Type": kind})
        self.verdicts += answer.status == HTTPStatus.OK
        return answer

    def detected(self, data: bytes) -> Json:
        """The detection of an image; raises `Refused` where it is refused."""
        answer = self.detect(data)
        if answer.status != HTTPStatus.OK:
            raise Refused(f"an image was answered with {answer.status}: {answer.body[:200]!r}")
        return answer.json

    def _exchange(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_TIMEOUT)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), dict(answer.getheaders()))
        finally:
            connection.close()


Check = Callable[[Running], str]


def plan(of: Running) -> str:
    """The model answers as the packaged serving plan says."""
    followed = of.ask("/v1/model").json.get("serving_plan")
    told = followed["name"] if followed else ""
    if told != of.plan:
        raise Refused(f"it serves by {told or 'the default plan'}, not by {of.plan or 'default'}")
    return f"it serves by {of.plan or 'the default plan'}"


def contract(of: Running) -> str:
    """/openapi.json is the one of the packaged code."""
    served = of.ask("/openapi.json").json
    if served != of.contract:
        paths = served.get("paths", {}).keys() ^ of.contract["paths"].keys()
        raise Refused(
            f"/openapi.json differs from the code's: {', '.join(sorted(paths)) or 'shapes'}"
        )
    return f"{len(of.contract['paths'])} paths as the code documents them"


def fields(of: Running) -> str:
    """A detection has every field that is documented, and no other."""
    operation = of.contract["paths"][DETECT]["post"]["responses"]["200"]
    schema = operation["content"]["application/json"]["schema"]
    found = of.detected(of.golden.images[0].data)
    if wrong := sorted(set(_differing(found, schema, of.contract, "detection"))):
        raise Refused(f"the answer and its documentation differ in {', '.join(wrong)}")
    return f"{len(found)} documented fields are answered"


def verdicts(of: Running) -> str:
    """The golden images get the verdicts that they got at the build."""
    wrong = [text for image in of.golden.images if (text := _wrong(image, of))]
    if wrong:
        raise Refused("; ".join(wrong))
    return f"{len(of.golden.images)} golden images have the verdicts of the build"


def bad_input(of: Running) -> str:
    """What is no image is refused with the documented status and the one body of errors."""
    documented = of.contract["paths"][DETECT]["post"]["responses"]
    wrong = []
    for name, (data, status) in _bad(of.golden.images[0].data).items():
        answer = of.detect(data)
        is_right = answer.status == status and str(status) in documented
        if not is_right or answer.json.keys() != {"error", "code", "request_id"}:
            wrong.append(f"{name} got {answer.status}, not {status}: {answer.body[:80]!r}")
    if wrong:
        raise Refused("; ".join(wrong))
    return "text, half an image, none and a huge one are refused as documented"


def latency(of: Running) -> str:
    """Images that were never seen are answered in time."""
    taken = []
    for seed in range(of.limits.requests):
        data = picture(seed)
        begun = time.perf_counter()
        of.detected(data)
        taken.append(1000 * (time.perf_counter() - begun))
    found = f"{statistics.median(taken):.0f} ms in the median, {max(taken):.0f} ms at most"
    if statistics.median(taken) > of.limits.latency:
        raise Refused(f"{found}; the limit is {of.limits.latency:g} ms")
    return found


def metrics(of: Running) -> str:
    """/metrics counts the verdicts that were given."""
    answer = of.ask("/metrics")
    counted = sum(samples(answer.body, "assay_verdicts_total"))
    if answer.status != HTTPStatus.OK or counted != of.verdicts:
        raise Refused(f"/metrics ({answer.status}) counts {counted:g} of {of.verdicts} verdicts")
    return f"{counted:g} verdicts are counted"


CHECKS: tuple[Check, ...] = plan, contract, fields, verdicts, bad_input, latency, metrics
"""Those that ask and leave the service running, in this order."""


def samples(exposition: bytes, metric: str) -> list[float]:
    """The values of ``metric`` in Prometheus' text format."""
    found = re.findall(rf"^{metric}(?:{{.*}})? (\S+)", exposition.decode(), re.MULTILINE)
    return [float(value) for value in found]


def _wrong(image: GoldenImage, of: Running) -> str:
    """How the answer differs from what was expected; empty where it does not."""
    found = of.detected(image.data)
    said, score = found["label"], float(found["score"])
    if abs(score - image.score) > of.limits.score:
        return f"{image.name} has the score {score:.3f}, not {image.score:.3f}"
    if image.is_clear and (said, found["needs_review"]) != (image.label, image.needs_review):
        expected = f"{image.label}{', for review' if image.needs_review else ''}"
        return f"{image.name} is called {said}, not {expected}"
    return ""


def _bad(image: bytes) -> dict[str, tuple[bytes, int]]:
    """Uploads that are no good, and the status of each."""
    from PIL import Image

    huge = io.BytesIO()
    Image.new("1", (MAX_PIXELS // 4000 + 1, 4000)).save(huge, "PNG")
    return {
        "a text": (b"this is no image", HTTPStatus.UNPROCESSABLE_ENTITY),
        "half an image": (image[: len(image) // 2], HTTPStatus.UNPROCESSABLE_ENTITY),
        "an empty file": (b"", HTTPStatus.UNPROCESSABLE_ENTITY),
        "a huge image": (huge.getvalue(), HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    }


def _differing(value: Any, schema: Json, contract: Json, where: str) -> Iterator[str]:
    """Names of fields that are documented and not answered, or answered and not documented."""
    if "$ref" in schema:
        schema = contract["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    options = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    if options and value is not None:
        yield from _differing(value, options[0], contract, where)
    elif isinstance(value, list):
        for one in value:
            yield from _differing(one, schema.get("items") or {}, contract, where)
    elif isinstance(value, dict) and "properties" in schema:
        yield from (f"{where}.{name}" for name in value.keys() ^ schema["properties"].keys())
        for name in value.keys() & schema["properties"].keys():
            yield from _differing(value[name], schema["properties"][name], contract, name)
