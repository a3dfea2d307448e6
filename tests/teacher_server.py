"""A teacher behind HTTP, in the chat form of OpenAI: answers as well, or as badly, as a test wants.

`python -m tests.teacher_server PORT` serves one that is honest but now and then makes a mistake.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Chat = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What is sent back: a completion with this text, or a status of its own."""

    text: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    pause: float = 0.0
    """Seconds between two bytes."""


Behaviour = Callable[[Chat, int], Answer]
"""From the request and its number, counted from 1."""


class TeacherServer(ThreadingHTTPServer):
    """Counts what it was asked, and the tokens that it would send a bill for."""

    daemon_threads = True

    def __init__(self, behaviour: Behaviour, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.behaviour = behaviour
        self.chats: list[Chat] = []
        self.keys: list[str] = []
        self.times: list[float] = []
        self.answered = 0
        self.tokens_in = self.tokens_out = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def completion(self, chat: Chat, text: str) -> bytes:
        """Words are tokens here."""
        asked, written = len(told(chat).split()), len(text.split())
        with self.lock:
            self.answered += 1
            self.tokens_in += asked
            self.tokens_out += written
        usage = {"prompt_tokens": asked, "completion_tokens": written}
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        made = {"id": "1", "object": "chat.completion", "created": 0, "model": chat["model"]}
        return json.dumps({**made, "choices": [choice], "usage": usage}).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: TeacherServer

    def do_POST(self) -> None:
        chat = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.chats.append(chat)
            self.server.keys.append(self.headers.get("Authorization", ""))
            self.server.times.append(time.monotonic())
            number = len(self.server.chats)
        answer = self.server.behaviour(chat, number)
        body = answer.raw if answer.raw is not None else b"{}"
        if answer.raw is None and answer.status == 200:
            body = self.server.completion(chat, answer.text)
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # who asks may have heard enough
            for part in (body[n : n + 1] for n in range(len(body))) if answer.pause else (body,):
                self.wfile.write(part)
                time.sleep(answer.pause)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[TeacherServer]:
    """A server on loopback for as long as the context lasts."""
    with TeacherServer(behaviour) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def told(chat: Chat) -> str:
    """The words of a request."""
    parts = chat["messages"][1]["content"]
    return " ".join(part["text"] for part in parts if part["type"] == "text")


def picture(chat: Chat) -> str:
    """A short name of the image in a request."""
    url = next(p["image_url"]["url"] for p in chat["messages"][1]["content"] if "image_url" in p)
    return hashlib.sha256(url.encode()).hexdigest()[:8]


def honest(chat: Chat, number: int = 0) -> Answer:
    """An answer that follows from what was told; the words differ from image to image."""
    text = told(chat)
    label = re.search(r"^Label: (\w+)", text, re.MULTILINE)
    if label is None:
        return Answer(json.dumps({"kinds": [], "why": "look at the edges"}))
    return Answer(json.dumps(fields(text, label[1], picture(chat))))


def fields(text: str, label: str, name: str) -> dict[str, Any]:
    """Verdict, type, areas and findings as ``text`` has them."""
    done = re.search(r"^Done to it: (\w+)", text, re.MULTILINE)
    part = re.search(r"^Altered part: (.+)$", text, re.MULTILINE)
    areas = part[1].split(", ")[:1] if part and part[1] != "unknown" else []
    kind = {"authentic": "none", "synthesized": "generated"}.get(label)
    cited = re.findall(r"^- (\w+) is (?:extreme|severe|strong|marked) ", text, re.MULTILINE)
    return {
        "verdict": label,
        "type": kind or (done[1] if done and done[1] != "unknown" else "other"),
        "areas": areas,
        "findings": cited[-2:],
        "content": f"A scene that begins with {name}.",
        "inconsistencies": f"Light and grain of {name} were compared.",
    }


def careless(chat: Chat, number: int = 0) -> Answer:
    """As `honest`, but one image in four is first answered with a mistake of some kind."""
    good, name = honest(chat), picture(chat)
    if "was rejected" in told(chat) or int(name, 16) % 4:
        return good
    made = json.loads(good.text)
    mistakes = (
        {"verdict": "authentic" if made.get("verdict") != "authentic" else "manipulated"},
        {"findings": ["gut_feeling"]},
        {"content": "word " * 120},
        {"content": 7},
    )
    return Answer(json.dumps({**made, **mistakes[int(name, 16) // 4 % len(mistakes)]}))


def main() -> None:
    server = TeacherServer(careless, int(sys.argv[1]))
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        counts = f"{server.answered} answers, {server.tokens_in} + {server.tokens_out} tokens"
        sys.stderr.write(f"{counts}\n")


if __name__ == "__main__":
    main()
