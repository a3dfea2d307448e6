"""Signals that reach our code first, and the server's own handlers when it says so."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_HANDLED = (signal.SIGTERM, signal.SIGINT)

OnSignal = Callable[[int, Callable[[], None]], None]
"""Called on the event loop with the signal and what passes it on to whoever handled it before."""


@contextmanager
def handled(on_signal: OnSignal) -> Iterator[None]:
    """Handle signals by ``on_signal`` within, and as before afterwards."""
    before = install(on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, handler)


def install(on_signal: OnSignal) -> dict[int, Any]:
    """Handle signals by ``on_signal`` in this event loop; the handlers that there were.

    Nothing happens outside a main thread, which gets no signals, and for ignored signals.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _HANDLED}
    for number, handler in before.items():
        if callable(handler):
            loop.add_signal_handler(number, on_signal, number, _passing_on(handler, number))
    return {number: handler for number, handler in before.items() if callable(handler)}


def _passing_on(handler: Callable[[int, Any], Any], number: int) -> Callable[[], None]:
    return lambda: handler(number, None)
