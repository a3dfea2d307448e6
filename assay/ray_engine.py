"""Ray Data behind `assay.engines`: started, or asked whether it fits; results in order."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from assay.errors import SourceUnavailable, StorageError, WorkerLost
from assay.parallel import cores, on_one_thread

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
R = TypeVar("R")

ADDRESS_VARIABLE = "RAY_ADDRESS"
"""Of a Ray cluster; without it Ray is started on this machine."""
OBJECT_STORE = 384 * 2**20
"""Bytes of shared memory for items and results on their way, where Ray is started here."""
RETRIES = 3
"""How often the task of a worker that died is given to another."""

_IN_FLIGHT = 3
"""Items of a worker, one of them in work: it need not wait until its result is known here."""
_PATIENCE = 10.0
"""Seconds that a cluster's address may take to accept a connection."""
_ONE_ITEM = 1
"""Bytes of a block: less than any item, so that each travels alone and is a task of its own."""


@contextmanager
def started(workers: int | None) -> Iterator[None]:
    """Ray, started here if it was not."""
    import ray

    if ray.is_initialized():
        yield
        return
    with ExitStack() as ending:
        where: dict[str, Any] = {}
        if not os.environ.get(ADDRESS_VARIABLE):
            temporary = ending.enter_context(
                tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
            )
            where = {
                "num_cpus": workers or cores(),
                "object_store_memory": OBJECT_STORE,
                "include_dashboard": False,
                "_temp_dir": temporary,
                # Ray would let every other program of the machine go first.
                "_system_config": {"worker_niceness": 0},
            }
        ending.callback(ray.shutdown)
        try:
            with _calm():
                ray.init(logging_level=logging.ERROR, log_to_driver=False, **where)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise SourceUnavailable(
                f"Ray does not start ({' '.join(str(error).split())}); correct or unset "
                f"{ADDRESS_VARIABLE}, or --set data.engine=processes"
            ) from error
        yield


def check_answers(address: str) -> None:
    """Raise `SourceUnavailable` where nobody listens at ``address``: Ray tries for minutes."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdigit()):
        return  # "auto", which Ray looks up
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except OSError as error:
        raise SourceUnavailable(
            f"no Ray cluster at {address} ({error}); correct or unset {ADDRESS_VARIABLE}"
        ) from error


def check_machines(folder: Path) -> None:
    """Raise `StorageError` where a machine of the cluster cannot work on ``folder`` as this one."""
    import ray

    look = ray.remote(_seen)
    here = _seen(str(folder))
    machines = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    asked = [
        look.options(num_cpus=0, label_selector={"ray.io/node-id": node["NodeID"]}).remote(
            str(folder)
        )
        for node in machines
    ]
    for node, (is_there, code) in zip(machines, ray.get(asked), strict=True):
        name = node["NodeManagerAddress"]
        if not is_there:
            raise StorageError(
                f"{name} does not see {folder}; let every machine of the cluster mount one folder "
                "under one path, and name it in ASSAY_HOME"
            )
        if code != here[1]:
            raise StorageError(f"{name} runs other code of Assay; install the same release there")


def _seen(folder: str) -> tuple[bool, str]:
    from assay.fingerprints import code_fingerprint

    return Path(folder).is_dir(), code_fingerprint()


def mapped(workers: int | None, function: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
    """`assay.engines.Each` on Ray Data: one task draws the items, a worker does one at a time."""
    import ray
    from ray import exceptions

    with _calm():
        import ray.data

        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        _configure(ray.data.DataContext.get_current())
        room = int(ray.cluster_resources().get("CPU", 1))
        drawn = ray.data.read_datasource(
            _source(items),
            override_num_blocks=1,
            num_cpus=0,  # it mostly waits for room
            label_selector={"ray.io/node-id": ray.get_runtime_context().get_node_id()},
        )
        made = drawn.map(
            _worker(function),
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(
                size=max(1, min(workers or room, room)),
                max_tasks_in_flight_per_actor=_IN_FLIGHT,
            ),
            max_restarts=RETRIES,
            max_task_retries=RETRIES,
        )
    try:
        with _calm():
            rows = iter(made.iter_rows())
        for row in rows:
            yield ray.cloudpickle.loads(row["result"])
    except exceptions.RayTaskError as error:
        raise error.cause from error
    except exceptions.RayError as error:
        raise WorkerLost(
            "a Ray worker was killed again and again, most likely for want of memory; "
            "try again with fewer workers or smaller images"
        ) from error


def _configure(context: Any) -> None:
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.raise_original_map_exception = True
    context.target_max_block_size = _ONE_ITEM


def _source(items: Iterable[Any]) -> Any:
    """A Ray data source of one read task, which draws ``items`` as there is room for them."""
    import ray
    from ray.data import Datasource, ReadTask
    from ray.data.block import BlockMetadata

    kept = ray.put(items)  # a task is small, what it works on need not be

    def drawn() -> Iterator[pa.Table]:
        import pyarrow as pa

        for item in ray.get(kept):
            yield pa.table({"item": [ray.cloudpickle.dumps(item)]})

    class Items(Datasource):
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]

        def estimate_inmemory_data_size(self) -> int | None:
            return None

        def get_read_tasks(self, *_given: Any, **_named: Any) -> list[ReadTask]:
            unknown = dict.fromkeys(("num_rows", "size_bytes", "input_files", "exec_stats"))
            return [ReadTask(drawn, BlockMetadata(**unknown))]

    return Items()


def _worker(function: Callable[[Any], Any]) -> type[Any]:
    """What stays in its process and does one item after the other."""

    class Worker:
        def __call__(self, row: dict[str, bytes]) -> dict[str, bytes]:
            return _applied(function, row)

    return Worker


def _applied(function: Callable[[T], R], row: dict[str, bytes]) -> dict[str, bytes]:
    import ray

    item: T = ray.cloudpickle.loads(row["item"])
    return {"result": ray.cloudpickle.dumps(on_one_thread(function, item))}


@contextmanager
def _calm() -> Iterator[None]:
    """Ray warns of its own deprecations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
