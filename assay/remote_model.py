"""A model that a server of its own answers for, in the protocol of OpenAI as vLLM speaks it.

The verdict is one token: ``max_tokens=1`` with log-probabilities, one prefill as in this process.
Questions of a batch are sent at once, so that the server batches them with those of others.
Protocol: https://docs.vllm.ai/en/stable/serving/openai_compatible_server.html
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any, Self

import httpcore2 as httpcore
import numpy as np
import numpy.typing as npt

from assay import images, ledger, models, prompts, teachers
from assay.asking import MAX_NEW_TOKENS
from assay.embedding import Features
from assay.errors import CheckpointMismatch, ConfigError, UnparseableAnswer, WorkerLost
from assay.evidence import Role
from assay.questions import Question
from assay.records import Label, Pixels
from assay.serving_strategies.vllm import URL_VARIABLE

KEY_VARIABLE = "ASSAY_VLLM_API_KEY"
LISTED = 20
"""Most likely tokens that are asked for: vLLM's own limit, where nobody raises it."""
_PATIENCE = {"connect": 5.0, "read": 60.0, "write": 60.0, "pool": 60.0}
_AT_ONCE = 64


def served_name(content: str) -> str:
    """What the server calls the model whose files have this hash: ``assay-`` and 12 hex digits."""
    return f"assay-{content[:12]}"


class RemoteModel:
    """Asks a server about questions; may be shared by threads."""

    def __init__(self, url: str, name: str, processor: models.Processor, key: str = "") -> None:
        self._url, self._name, self._processor = url.rstrip("/"), name, processor
        self._headers: dict[str | bytes, str | bytes] = {"Content-Type": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._pool = httpcore.ConnectionPool(max_connections=_AT_ONCE)
        self._threads = ThreadPoolExecutor(_AT_ONCE, "remote-model")

    @classmethod
    def connect(cls, content: str, processor: models.Processor) -> RemoteModel:
        """The server that the environment names, if it serves the model with the hash ``content``.

        Raises `ConfigError` where none is named, `WorkerLost` where it does not answer, and
        `CheckpointMismatch` where it serves another model.
        """
        if not (url := os.environ.get(URL_VARIABLE)):
            raise ConfigError(f"{URL_VARIABLE} names no server; see docs/vllm.md")
        model = cls(url, served_name(content), processor, os.environ.get(KEY_VARIABLE, ""))
        try:
            model._require_served()
        except BaseException:
            model.close()
            raise
        return model

    def close(self) -> None:
        """Let go of connections and threads."""
        self._threads.shutdown()
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _require_served(self) -> None:
        served = [str(one.get("id")) for one in self._get("/v1/models").get("data", [])]
        if self._name not in served:
            names = ", ".join(served) or "nothing"
            raise CheckpointMismatch(
                f"{self._url} serves {names}, not {self._name}: export the model with "
                f"`python -m assay models export` and start the server on it"
            )

    def verdict_logits(self, questions: Sequence[Question]) -> npt.NDArray[np.float32]:
        """Log-probabilities ``[n, 3]`` of the verdict words' first tokens, one question a row.

        They differ from logits by a constant of the row, which a softmax does not see. A word that
        is not among the likeliest tokens counts as likely as the last of these, which is an upper
        bound. Raises `WorkerLost` and `UnparseableAnswer`.
        """
        rows = list(self._threads.map(self._verdict, questions))
        return np.asarray(rows, dtype=np.float32).reshape(len(rows), len(Label))

    def read(self, questions: Sequence[Question]) -> RemoteReading:
        """The verdicts, with the possibility to ask for reasons."""
        return RemoteReading(self, questions)

    def features(self, pixels: Sequence[Pixels]) -> Features:
        """Nothing, ``[n, 0]``: the protocol has no way to ask what the model sees."""
        return np.zeros((len(pixels), 0), np.float32)

    def rationales(self, questions: Sequence[Question], labels: Sequence[Label]) -> list[str]:
        """The reasons after verdicts that were decided meanwhile, one a question."""
        return list(self._threads.map(self._rationale, questions, labels))

    def _verdict(self, question: Question) -> list[float]:
        answer = self._chat(
            [self._turn(question)],
            max_tokens=1,
            logprobs=True,
            top_logprobs=LISTED,
            return_tokens_as_token_ids=True,
        )
        try:
            likeliest = answer["logprobs"]["content"][0]["top_logprobs"]
            listed = {one["token"]: float(one["logprob"]) for one in likeliest}
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise UnparseableAnswer(f"{self._url} answered without log-probabilities") from error
        return _of_words(listed, self._processor)

    def _rationale(self, question: Question, label: Label) -> str:
        opening = {"role": "assistant", "content": prompts.render(prompts.Answer(label))}
        answer = self._chat(
            [self._turn(question), opening],
            max_tokens=MAX_NEW_TOKENS,
            add_generation_prompt=False,
            continue_final_message=True,
        )
        return str(answer["message"]["content"] or "").strip()

    def _turn(self, question: Question) -> dict[str, Any]:
        asked = teachers.question(ledger.in_role(question.findings, Role.FUSED))
        part = partial(_part, image=_data_url(question))
        return {"role": "user", "content": list(map(part, self._processor.content(asked)))}

    def _chat(self, messages: Sequence[Mapping[str, Any]], **options: Any) -> dict[str, Any]:
        """The one choice of a completion that is chosen greedily."""
        body = {"model": self._name, "messages": messages, "temperature": 0.0, **options}
        answer = self._send("POST", "/v1/chat/completions", json.dumps(body).encode())
        try:
            choice: dict[str, Any] = answer["choices"][0]
        except (KeyError, IndexError) as error:
            raise UnparseableAnswer(f"{self._url} answered without a choice") from error
        return choice

    def _get(self, path: str) -> dict[str, Any]:
        return self._send("GET", path)

    def _send(self, method: str, path: str, content: bytes | None = None) -> dict[str, Any]:
        try:
            response = self._pool.request(
                method,
                self._url + path,
                headers=self._headers,
                content=content,
                extensions={"timeout": _PATIENCE},
            )
            answer: dict[str, Any] = json.loads(response.content)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise WorkerLost(f"the model's server {self._url} does not answer: {error}") from error
        except ValueError as error:
            raise WorkerLost(f"{self._url}{path} answers no JSON; is it a vLLM server?") from error
        if response.status != HTTPStatus.OK:
            raise WorkerLost(f"{self._url}{path} answers {response.status}: {str(answer)[:200]}")
        return answer


class RemoteReading:
    """Questions that the server was asked, see `assay.asking.Answered`."""

    def __init__(self, model: RemoteModel, questions: Sequence[Question]) -> None:
        self._model, self._questions = model, questions
        self.verdict_logits = model.verdict_logits(questions)
        """``[n, 3]``."""

    def rationales(self, labels: Sequence[Label]) -> list[str]:
        """The reasons after verdicts that were decided meanwhile, one a question."""
        return self._model.rationales(self._questions, labels)


def _of_words(listed: Mapping[str, float], processor: models.Processor) -> list[float]:
    """Log-probabilities of the verdict words among the ``listed`` tokens (``token_id:17``)."""
    names = [f"token_id:{number}" for number in processor.verdict_ids()]
    if not set(names) & listed.keys():
        raise UnparseableAnswer(
            f"none of the verdict words is among the {len(listed)} likeliest tokens: the server "
            f"does not run the model that was exported, or not as a chat"
        )
    least = min(listed.values())
    return [listed.get(name, least) for name in names]


def _part(part: Mapping[str, str], image: str) -> dict[str, Any]:
    """A part of the user turn, with the image in its place."""
    is_image = part["type"] == "image"
    return {"type": "image_url", "image_url": {"url": image}} if is_image else dict(part)


def _data_url(question: Question) -> str:
    """The pixels that the model sees, without loss; the server has nothing left to scale."""
    return "data:image/png;base64," + base64.b64encode(images.encode_png(question.pixels)).decode()
