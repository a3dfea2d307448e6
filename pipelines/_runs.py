"""Run a pipeline on ZenML and read back what came of it; the only file that asks ZenML for runs."""

import contextlib
import importlib
from collections.abc import Mapping
from typing import Any

from zenml import add_tags
from zenml.client import Client
from zenml.config.schedule import Schedule
from zenml.enums import ExecutionStatus
from zenml.exceptions import RunInterruptedException
from zenml.integrations.registry import integration_registry
from zenml.models import PipelineRunResponse
from zenml.orchestrators import publish_utils
from zenml.utils import source_utils

from assay import home, processes
from assay.errors import ConfigError
from steps.run_stages import stages as stages

INTERRUPTED = "interrupted"
_PROCESS = "process"


def launch(pipeline: str, run_name: str, arguments: Mapping[str, Any], schedule: str = "") -> None:
    """Run ``pipeline`` here, to its end; what a stage raises is raised.

    A request to end (SIGTERM), which ZenML turns into an error of its own, is a KeyboardInterrupt.
    With a ``schedule`` (cron) the orchestrator runs it then; one that keeps none is a
    `ConfigError`.
    """
    source_utils.set_custom_source_root(str(home.REPOSITORY))
    # Every step names its materializers, so nothing needs those of ZenML's integrations, for which
    # it would import torch, scikit-learn and scipy even where all is cached (decision 0040).
    integration_registry.activate_integrations = _nothing
    function = getattr(importlib.import_module(f"pipelines.{pipeline}"), pipeline)
    identified = {_PROCESS: processes.identity()}
    options = {"run_name": run_name, "extra": identified} | _scheduled(pipeline, schedule)
    try:
        function.with_options(**options)(**arguments)
    except RunInterruptedException as error:
        raise KeyboardInterrupt from error


def find(run_name: str) -> PipelineRunResponse | None:
    """The run called ``run_name``, or None if it never began."""
    with contextlib.suppress(KeyError):
        return Client().get_pipeline_run(run_name, allow_name_prefix_match=False)
    return None


def results(run: PipelineRunResponse) -> dict[str, Any]:
    """What a reader wants to see at the end, by artifact name."""
    wanted = {
        "backtest",
        "collection",
        "comparison",
        "evaluation",
        "experts",
        "decision",
        "loop",
        "deployment",
        "window",
        "retrain_decision",
        "model_version",
        "robustness",
        "scores",
        "serving_plan",
        "simulation",
        "verdict",
        "dataset",
        "validation",
    }
    return {
        name: artifact.load()
        for step in run.steps.values()
        for name, artifacts in step.outputs.items()
        for artifact in artifacts
        if name in wanted
    }


def stop(run: PipelineRunResponse) -> None:
    """Mark a run that was interrupted, and its unfinished steps, as stopped.

    An interruption inside a step has been published by ZenML as its failure, which is final; the
    tag then tells it from a real one.
    """
    add_tags([INTERRUPTED], run=run.id)
    if not run.status.is_finished:
        _end(run, ExecutionStatus.STOPPED, "interrupted")


def close_orphans() -> list[str]:
    """Mark runs whose process has died as failed; returns their names."""
    orphans = []
    for status in (ExecutionStatus.INITIALIZING, ExecutionStatus.RUNNING):
        for run in Client().list_pipeline_runs(status=status, hydrate=True, size=100).items:
            if processes.is_dead(str(run.config.extra.get(_PROCESS, ""))):
                _end(run, ExecutionStatus.FAILED, "its process died")
                orphans.append(run.name)
    return orphans


def _scheduled(pipeline: str, schedule: str) -> dict[str, Any]:
    """The options of a run that is repeated; its names differ, so none is given."""
    if not schedule:
        return {}
    orchestrator = Client().active_stack.orchestrator
    if not orchestrator.config.is_schedulable:
        raise ConfigError(
            f"--schedule: the orchestrator {orchestrator.name!r} ({orchestrator.flavor}) keeps no "
            "schedules; use cron, a systemd timer or a CronJob, as docs/operations.md shows"
        )
    return {"run_name": None, "schedule": Schedule(name=pipeline, cron_expression=schedule)}


def _nothing() -> None:
    pass


def _end(run: PipelineRunResponse, status: ExecutionStatus, reason: str) -> None:
    for step in run.steps.values():
        if not step.status.is_finished:
            publish_utils.publish_step_run_status_update(step.id, status, end_time=None)
    publish_utils.publish_pipeline_run_status_update(run.id, status, status_reason=reason)
