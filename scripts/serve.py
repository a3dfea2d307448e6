"""Serve over HTTP: `make serve`, or `make serve AUTH=1`, so that all need a key.

What answers is the model folder in ``ASSAY_MODEL``, else the release that was rolled out last, else
the champion. Where nginx is installed, others can be rolled out while this runs.

Listens on 127.0.0.1:3000; ``PORT`` and ``HOST`` move it (other hosts than loopback need AUTH=1).
Prints the console's address, a one-time link that signs an administrator in, and a curl command.
Ctrl-C or SIGTERM ends it after what was accepted is answered. Exit status: 0 ended on request, 1
it could not start, with the reason.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import secrets
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from assay import dashboards, home, locks, model_registry, policy, signing_keys
from assay.errors import AssayError, ConfigError, NoChampion, StorageError, StoreUnavailable
from assay.rollout.assembly import supervising
from assay.rollout.launch import Active, Launch
from assay.store import Role, Store, StoreSettings

ROOT = Path(__file__).resolve().parent.parent
SERVICE = "bento.service:Assay"
EXAMPLE = "docs/pictures/example.jpg"
MODEL_VARIABLE, PLAN_VARIABLE = "ASSAY_MODEL", "ASSAY_SERVING_PLAN"


def main() -> int:
    """Serve until told to end; returns the exit status."""
    try:
        state = home.prepare_environment()
        host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "3000"))
        with ExitStack() as stack:
            stack.enter_context(locks.exclusive(state / "serve.lock", _taken(state)))
            return _serve(host, port)
    except (AssayError, ValueError) as error:
        sys.stderr.write(f"serve: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 0


def _taken(state: Path) -> str:
    return (
        f"{state} is served already; end that `make serve`, or set ASSAY_HOME to another state "
        "folder"
    )


def _serve(host: str, port: int) -> int:
    environment = _environment(host, port)
    launch, before = _what(), _before()
    link = _admin_link(environment["ASSAY_PUBLIC_URL"])
    with supervising(host, port, {**os.environ, **environment}) as supervisor:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(supervisor, "is_leaving", True))
        _say("loading the model ...")
        if supervisor.serve(launch, before):
            _say(_welcome(launch.name, environment, link))
        return supervisor.run()


def _what() -> Launch:
    """What is to answer: the model that the user names, the active release, or the champion."""
    if named := os.environ.get(MODEL_VARIABLE):
        return _of_model(Path(named).resolve())
    return Active.read().current or _champion()


def _before() -> Callable[[], Launch] | None:
    """What was active before, where there is a way back to it."""
    active = Active.read()
    if not active.can_go_back or os.environ.get(MODEL_VARIABLE):
        return None
    return lambda: active.previous or _champion()


def _of_model(model: Path, plan: Path | None = None) -> Launch:
    environment = {MODEL_VARIABLE: str(model)}
    if followed := os.environ.get(PLAN_VARIABLE) or plan:
        environment[PLAN_VARIABLE] = str(followed)
    return Launch(name=model.name, service=SERVICE, folder=ROOT, environment=environment)


def _environment(host: str, port: int) -> dict[str, str]:
    """The variables that the service reads; the user's own values win."""
    auth = os.environ.get("ASSAY_AUTH", os.environ.get("AUTH", "")) not in ("", "0", "false")
    if not auth and not ipaddress.ip_address(host).is_loopback:
        raise ConfigError(f"{host} is reachable from elsewhere; start with AUTH=1")
    if not dashboards.is_free(port):
        raise StorageError(f"port {port} is taken; end what listens there, or set PORT")
    return {
        "ASSAY_AUTH": str(auth).lower(),
        "ASSAY_PUBLIC_URL": os.environ.get("ASSAY_PUBLIC_URL") or f"http://{host}:{port}",
        "BENTOML_DO_NOT_TRACK": "True",
        **_policy(),
        **_signing_keys(auth),
    }


def _policy() -> dict[str, str]:
    """The file that is followed, from wherever a release runs; raises `ConfigError` here."""
    if not (named := os.environ.get(policy.VARIABLE)):
        return {}
    policy.Policy.of_environment()
    return {policy.VARIABLE: str(Path(named).expanduser().resolve())}


def _champion() -> Launch:
    """The champion, by its serving plan if it has one."""
    try:
        model = model_registry.fetch(model_registry.Alias.CHAMPION.value)
    except NoChampion as error:
        raise NoChampion("there is no champion to serve; `make train` makes one") from error
    version = model_registry.version_of(model_registry.Alias.CHAMPION)
    return _of_model(model, model_registry.fetch_plan(version) if version else None)


def _signing_keys(auth: bool) -> dict[str, str]:
    """The keys of the environment; without AUTH=1, where one lacks, a fresh one for this run."""
    names = signing_keys.URLS, signing_keys.CASES
    if auth:
        for name in names:
            signing_keys.read(name)  # an error now, with the remedy, rather than in a worker's log
    fresh = {name: base64.b64encode(secrets.token_bytes(signing_keys.KEY_BYTES)) for name in names}
    return {name: os.environ.get(name) or key.decode() for name, key in fresh.items()}


def _admin_link(public_url: str) -> str:
    """A link that signs an administrator in, once; empty while the database does not answer."""
    try:
        with Store.open(StoreSettings.from_environment(), drain=False) as store:
            account = store.accounts.ensure("admin", Role.ADMIN, by="serve")
            return f"{public_url}/sign-in/{store.accounts.new_link(account.id, by='serve')}"
    except StoreUnavailable as error:
        _say(f"serve: {error}; captures are kept on this machine until it answers")
        return ""


def _welcome(name: str, environment: Mapping[str, str], link: str) -> str:
    url = environment["ASSAY_PUBLIC_URL"]
    key = " -H 'Authorization: Bearer KEY'" if environment["ASSAY_AUTH"] == "true" else ""
    lines = [
        f"model {name} answers; Ctrl-C ends it",
        f"  console     {url}/",
        f"  sign in     {link or 'python -m assay accounts link admin'}",
        f"  contract    {url}/openapi.json",
        f"  try it      curl{key} -F file=@{EXAMPLE} {url}/v1/detect",
    ]
    if key:
        lines.append("  a key       python -m assay keys create NAME")
    return "\n".join(lines)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
