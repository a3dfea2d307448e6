"""Open ZenML's and MLflow's dashboards on the state folder: `make dashboard`.

Both answer on loopback ports that the state folder keeps, so that links in run descriptions stay
good. Ctrl-C or SIGTERM ends both servers, and so does the end of either. Exit status: 0 ended on
request or open already, 1 a server failed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from assay import dashboards, home, locks, servers
from assay.dashboards import MLFLOW, ZENML
from assay.errors import AssayError, StorageError
from assay.servers import LOOPBACK

if TYPE_CHECKING:
    from zenml.client import Client

TITLES = {ZENML: "ZenML", MLFLOW: "MLflow"}
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Open both dashboards until told to end; returns the exit status."""
    for number in ENDINGS:
        signal.signal(number, _interrupt)
    try:
        state = home.prepare_environment()
        with ExitStack() as stack:
            if not _is_first(stack, state):
                _say(f"the dashboards of {state} are open already")
                _say(_overview())
                return 0
            _serve(stack)
    except (AssayError, OSError) as error:
        _say(f"dashboard: {error}")
        return 1
    except KeyboardInterrupt:
        _say("dashboards ended")
    return 0


def _interrupt(*_: object) -> None:
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)  # an impatient second Ctrl-C would leave orphans
    raise KeyboardInterrupt


def _is_first(stack: ExitStack, state: Path) -> bool:
    try:
        stack.enter_context(locks.exclusive(state / "dashboards.lock", "open already"))
    except StorageError:
        return False
    return True


def _serve(stack: ExitStack) -> None:
    """Start what is not remote, say where it is, and wait for the first to end."""
    servers.end_leftovers()
    _say("starting the dashboards ...")
    commands = {MLFLOW: _mlflow, ZENML: _zenml}
    local = [name for name in commands if dashboards.remote(name) is None]
    for name in local:
        _keep_port(name)
    started = [
        stack.enter_context(servers.running(TITLES[name], dashboards.port(name), *commands[name]()))
        for name in local
    ]
    servers.wait_for_answers(started)
    _say(_overview())
    if started:
        _say("Ctrl-C ends both" if len(started) > 1 else "Ctrl-C ends it")
        servers.watch(started)


def _keep_port(name: str) -> None:
    port = dashboards.port(name)
    if not dashboards.is_free(port):
        _say(
            f"port {port} of {TITLES[name]} is taken by another program; it is "
            f"{dashboards.move(name)} from now on, and links written so far lead nowhere"
        )


def _mlflow() -> tuple[list[str], dict[str, str]]:
    """The command, and its environment: `home.environment` has the database and the artifacts."""
    from assay import tracking

    tracking.prepare_database()  # Ctrl-C while the server makes it would leave half of one
    words = ["ui", "--host", LOOPBACK, "--port", str(dashboards.port(MLFLOW))]
    return [sys.executable, "-m", "mlflow", *words], dict(os.environ)


def _zenml() -> tuple[list[str], dict[str, str]]:
    """As `zenml login --local` starts it, on our port, asking for no account."""
    from zenml.client import Client
    from zenml.config.global_config import GlobalConfiguration

    _onboard(Client())  # makes the database too, which the server is told to leave as it is
    port = str(dashboards.port(ZENML))
    words = ["zenml.zen_server.zen_server_api:app", "--host", LOOPBACK, "--port", port]
    own = {
        "ZENML_CONFIG_PATH": str(home.folder("zenml") / "dashboard"),
        "ZENML_DISABLE_DATABASE_MIGRATION": "true",
        "ZENML_LOCAL_STORES_PATH": GlobalConfiguration().local_stores_path,
        "ZENML_SERVER": "true",
        "ZENML_SERVER_ALLOW_LOCAL_FILE_ACCESS": "true",  # visualisations lie in local files
        "ZENML_SERVER_AUTH_SCHEME": "NO_AUTH",
        "ZENML_SERVER_AUTO_ACTIVATE": "true",
        # There is no password, so no other site may ask this server for anything.
        "ZENML_SERVER_CORS_ALLOW_ORIGINS": dashboards.address(ZENML),
        "ZENML_SERVER_DEPLOYMENT_TYPE": "local",
    }
    return [sys.executable, "-m", "uvicorn", *words], {**os.environ, **own}


def _onboard(client: Client) -> None:
    """Mark the user as onboarded: a finished survey, an answer about e-mail, no steps left."""
    from zenml.enums import OnboardingStep

    user = client.active_user
    if not user.user_metadata.get("finished_onboarding_survey"):
        done = {"finished_onboarding_survey": True, "overview_tour_done": True}
        client.update_user(
            user.id, updated_email="", updated_email_opt_in=False, updated_metadata=done
        )
        client.update_server_settings(  # all of them: what is left out would become NULL
            updated_name=client.get_settings().server_name,
            updated_enable_analytics=False,
            updated_enable_announcements=False,  # these two are fetched from elsewhere
            updated_enable_updates=False,
        )
        client.zen_store.update_onboarding_state(set(OnboardingStep))


def _overview() -> str:
    """Both addresses and the newest things to look at."""
    zenml, mlflow = _zenml_links(), _mlflow_links()
    at = dashboards.addresses()
    lines = [f"ZenML   {at.zenml}", *zenml, f"MLflow  {at.mlflow}", *mlflow]
    if not zenml and not mlflow:
        lines.append("nothing has run here yet: `make train` fills both (reload the page then)")
    return "\n".join(lines)


def _zenml_links() -> list[str]:
    from zenml.client import Client

    newest = Client().list_pipeline_runs(sort_by="desc:created", size=3).items
    link = dashboards.addresses().zenml_run
    pages = (link(str(run.id), run.project.name) for run in newest)
    return [f"        {r.name} ({r.status}): {p}" for r, p in zip(newest, pages, strict=True)]


def _mlflow_links() -> list[str]:
    from assay import model_registry, model_versions, tracking

    store, at = tracking.client(), dashboards.addresses()
    experiment = store.get_experiment_by_name(tracking.EXPERIMENT)
    if experiment is None:
        return []
    number = str(experiment.experiment_id)
    lines = [f"        all runs: {at.mlflow_experiment(number)}"]
    newest = store.search_runs([number], max_results=1)
    lines += [f"        {r.info.run_name}: {at.mlflow_run(number, r.info.run_id)}" for r in newest]
    for alias in model_registry.Alias:
        if version := model_registry.version_of(alias):
            page = at.mlflow_model_version(model_versions.MODEL, version)
            lines.append(f"        {alias}, version {version}: {page}")
    return lines


def _say(message: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever read this has gone
        sys.stdout.write(f"{message}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
