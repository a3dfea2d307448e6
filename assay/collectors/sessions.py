"""Client libraries over requests, made to ask through an `Api`: its limits, checks and token."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from assay.collectors.api import Answer, Api

if TYPE_CHECKING:
    import requests

PLACEHOLDER = "kept-by-assay"
"""What libraries get for a token: one of them writes its headers to the log."""

_PASSED_ON = ("content-type", "link", "date")
"""Headers that a library may see; limits are not its business."""


def session(api: Api, *, accept: tuple[int, ...] = (200,)) -> requests.Session:
    """A session whose every request, whatever host it names, goes to ``api``.

    The errors of `Api.get` come out of it. Cookies, proxies and redirects there are none.
    """
    import requests
    from requests.adapters import BaseAdapter

    class Adapter(BaseAdapter):
        def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
            return _response(request, api.get(request.path_url, accept=accept))

        def close(self) -> None:
            pass

    made = requests.Session()
    made.trust_env = False
    for scheme in ("http://", "https://"):
        made.mount(scheme, Adapter())
    return made


def _response(request: requests.PreparedRequest, answer: Answer) -> requests.Response:
    import requests

    made = requests.Response()
    made.status_code, made.request, made.url = answer.status, request, answer.url
    for name in _PASSED_ON:
        if name in answer.headers:
            made.headers[name] = answer.headers[name]
    made.raw = io.BytesIO(answer.body)
    made.encoding = "utf-8"
    return made
