"""A teacher behind any endpoint of the OpenAI chat form: vLLM, Ollama, llama.cpp or hosted.

The key comes from the environment alone. Answers are asked for as JSON by a schema; a server that
refuses that is asked for plain text from then on. Retries, back-off and ``Retry-After`` are the
client library's. Protocol: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import base64
import os
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import Field, HttpUrl, field_validator

from assay.errors import ConfigError, SourceUnavailable
from assay.settings import Settings
from assay.teachers import bounded
from assay.teachers.asked import AskedTeacher, Reply, Request, Unanswered

KEY_VARIABLE = "ASSAY_TEACHER_KEY"
_CHARACTERS_A_TOKEN = 4
_NO_KEY = "none"
"""What servers without keys are sent: the library wants one."""
_MOST_BYTES = 8 * 2**20
"""Of an answer: some hundred times what any has."""
_MOST_TOKENS = 10**9
"""Of an answer; a server that counts more is not believed."""
_NEVER = {
    HTTPStatus.UNAUTHORIZED: f"refuses the key; set {KEY_VARIABLE}",
    HTTPStatus.FORBIDDEN: f"does not let this key ask; set another {KEY_VARIABLE}",
    HTTPStatus.NOT_FOUND: "has no such model or no such path; correct model or base_url",
}
"""What no further question can change."""
_REFUSES_SCHEMA = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


class OpenAIOptions(Settings):
    """Where the teacher is, and how it is asked."""

    base_url: HttpUrl
    """Of the API, with its version: ``http://localhost:11434/v1``."""
    model: str = Field(min_length=1)
    at_once: int = Field(4, ge=1, le=256)
    """Questions that are on their way at the same time."""
    timeout: float = Field(60.0, gt=0)
    """Seconds that one attempt may wait, and that its answer may then take to arrive."""
    attempts: int = Field(4, ge=1, le=20)
    """Tries of one question where the server is busy, fails or cannot be reached."""
    max_tokens: int = Field(400, ge=1)
    temperature: float = Field(0.0, ge=0, le=2)
    structured: bool = True
    """Ask for JSON by a schema; a server that refuses it is asked for plain text instead."""

    @field_validator("base_url")
    @classmethod
    def _holds_no_secret(cls, url: HttpUrl) -> HttpUrl:
        if url.username or url.password:
            raise ValueError(
                f"names a user or a password, and settings are kept; set {KEY_VARIABLE}"
            )
        return url


class OpenAICompatible(AskedTeacher):
    """Asks over HTTP; redirects are not followed, as the key would go with them."""

    name: ClassVar[str] = "openai_compatible"
    settings: ClassVar[type[Settings]] = OpenAIOptions

    def __init__(self, options: OpenAIOptions) -> None:
        from openai import DefaultHttpxClient, OpenAI

        self._options = options
        self._structured = options.structured
        self._client = OpenAI(
            base_url=str(options.base_url),
            api_key=_key(),
            timeout=options.timeout,
            max_retries=options.attempts - 1,
            http_client=DefaultHttpxClient(
                follow_redirects=False,
                headers={"Accept-Encoding": "identity"},
                transport=bounded.transport(options.timeout, _MOST_BYTES),
            ),
        )

    @property
    def identity(self) -> str:
        """Model and how it writes; not where it runs, so that a server can move."""
        told = self._options
        return f"{self.name} {told.model} t={told.temperature:g} n={told.max_tokens}"

    @property
    def at_once(self) -> int:
        """As the options say."""
        return self._options.at_once

    def ask(self, request: Request) -> Reply | Unanswered:
        """Ask, and again where the server is busy."""
        import openai

        structured = self._structured
        try:
            return _reply(self._create(request, structured), request)
        except openai.APIStatusError as error:
            if structured and error.status_code in _REFUSES_SCHEMA:
                self._structured = False
                return self.ask(request)
            return self._refusal(error)
        except openai.APIConnectionError as error:
            return Unanswered(f"{self._options.base_url}: {error.__cause__ or error}")
        except (openai.APIResponseValidationError, RecursionError, ValueError) as error:
            return Unanswered(f"{self._options.base_url} answers with something else: {error}")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _create(self, request: Request, structured: bool) -> Any:
        told = self._options
        more: dict[str, Any] = {}
        if structured and request.schema:
            schema = {"name": "answer", "strict": True, "schema": request.schema}
            more["response_format"] = {"type": "json_schema", "json_schema": schema}
        return self._client.chat.completions.create(
            model=told.model,
            messages=_messages(request),
            temperature=told.temperature,
            max_tokens=told.max_tokens,
            **more,
        )

    def _refusal(self, error: Any) -> Unanswered:
        if (why := _NEVER.get(error.status_code)) is not None:
            kind = SourceUnavailable if error.status_code == HTTPStatus.FORBIDDEN else ConfigError
            raise kind(f"{self._options.base_url} {why} ({error.status_code})") from error
        return Unanswered(f"{self._options.base_url} answers {error.status_code}")


def _key() -> str:
    """The key; one that cannot be sent is refused here, as the library's error would quote it."""
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"the key in {KEY_VARIABLE} holds odd characters; copy it anew")
    return key or _NO_KEY


def _messages(request: Request) -> Any:
    url = f"data:image/jpeg;base64,{base64.b64encode(request.image).decode('ascii')}"
    picture = {"type": "image_url", "image_url": {"url": url}}
    return [
        {"role": "system", "content": request.instructions},
        {"role": "user", "content": [picture, {"type": "text", "text": request.text}]},
    ]


def _reply(completion: Any, request: Request) -> Reply | Unanswered:
    """Servers send what they like: nothing in the answer is taken for granted.

    Where one does not say what it counted, tokens are estimated, or no budget would ever end.
    """
    choices = getattr(completion, "choices", None)
    first = choices[0] if isinstance(choices, list) and choices else None
    message = getattr(first, "message", None)
    text = getattr(message, "content", None)
    usage = getattr(completion, "usage", None)
    spent = [getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")]
    known = [n if isinstance(n, int) and 0 < n <= _MOST_TOKENS else None for n in spent]
    if not isinstance(text, str) and not any(known):
        return Unanswered("the answer has no choices")
    # Half a character, which JSON may name, can be neither kept nor hashed.
    written = text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""
    asked = request.instructions + request.text
    counted = (
        _estimate(t) if n is None else n for t, n in zip((asked, written), known, strict=True)
    )
    return Reply(written, *counted)


def _estimate(text: str) -> int:
    return -(-len(text) // _CHARACTERS_A_TOKEN)
