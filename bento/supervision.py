"""BentoML's supervisor takes the model's socket away last, when all of its processes have ended.

BentoML 1.4.39 removes the folder of its local sockets as soon as it is told to end, before it tells
its processes. What the public one has accepted then reaches the model only over a connection that
happens to be open.
"""

from __future__ import annotations

from typing import Any


def install() -> None:
    """Have a supervisor in this process tidy up at its end instead."""
    from bentoml._internal.utils.circus import Arbiter

    kind: Any = Arbiter
    start = kind.start

    def start_and_tidy(self: Arbiter, cb: Any = None) -> None:
        try:
            start(self, cb)  # returns when all has ended
        finally:
            self.exit_stack.close()

    kind.start = start_and_tidy
    kind.stop = Arbiter.__base__.stop  # circus' own
