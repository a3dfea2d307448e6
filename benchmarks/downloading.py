"""Downloads against what network, decoder and disk allow alone, and their memory by length.

Each stage is measured in the same run with the code, threads and processes that the whole uses:
requests alone, decoding alone, hashing and writing alone. The server is a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

from assay import addresses
from assay.downloading import Downloaded, Downloads, DownloadSettings, Wanted
from assay.downloading.asking import NO_VALIDATORS, Body, ask
from assay.downloading.verification import Verifier
from assay.outbound import OutboundSettings
from assay.storage import Storage
from benchmarks import image_site
from benchmarks.figures import Figure, in_turns, report, seconds

HOSTS, SIDE, LATENCY = 32, 512, 0.1
"""Of the throughput runs; seconds from a request to its answer."""
IMAGES, ROUNDS = 1500, 5
SMALL = 48
SIZES = (1_000, 10_000, 100_000)
GROWTH = 1.25
"""The longest list may need this much more memory than the shortest."""


def measure() -> list[Figure]:
    """Images a second of each stage and of all together, and peak memory by number of rows."""
    figures = _throughput(LATENCY, f"at {1000 * LATENCY:g} ms latency", at_least=0.9)
    figures += _throughput(0.0, "on loopback without latency", at_least=None)
    peaks = [_peak(size) for size in SIZES]
    figures += [
        Figure(f"downloads, peak memory, {size:,} rows", peak, "MiB")
        for size, peak in zip(SIZES, peaks, strict=True)
    ]
    growth = f"downloads, peak memory, {SIZES[-1]:,} rows against {SIZES[0]:,}"
    return [*figures, Figure(growth, peaks[-1] / peaks[0], "x", at_most=GROWTH)]


def _throughput(latency: float, where: str, at_least: float | None) -> list[Figure]:
    made = image_site.bodies(SIDE)
    numbered = [image_site.body(made, b"/%d.jpg" % n, True) for n in range(IMAGES)]
    with image_site.running(HOSTS, latency, SIDE, True) as site:
        settings = _settings(site)
        network, decoding, disk, whole = in_turns(
            ROUNDS,
            lambda: IMAGES / seconds(lambda: _request(site, settings)),
            lambda: _decoded(numbered, settings),
            lambda: IMAGES / seconds(lambda: _write(numbered, settings)),
            lambda: _downloaded(site, settings),
        )
    return [
        Figure(f"requests alone {where}", network, "images/s"),
        Figure("decoding alone", decoding, "images/s"),
        Figure("hashing and writing alone", disk, "images/s"),
        Figure(f"downloads {where}", whole, "images/s"),
        Figure(
            f"downloads {where} against the slowest stage",
            whole / min(network, decoding, disk), "x", at_least,
        ),
    ]  # fmt: skip


def _settings(site: image_site.Site) -> DownloadSettings:
    """Without pauses, which would be the slowest stage by far."""
    loopback = OutboundSettings(ports=(site.port,), allowed_networks=(ip_network("127.8.0.0/16"),))
    return DownloadSettings(pause_seconds=0.0, outbound=loopback)


def _request(site: image_site.Site, settings: DownloadSettings) -> None:
    def one(number: int) -> None:
        target = addresses.parse(site.url(number), settings.outbound.ports)
        _demand(isinstance(ask(target, NO_VALIDATORS, settings), Body))

    _over(settings.connections, one, range(IMAGES))


def _decoded(made: Sequence[bytes], settings: DownloadSettings) -> float:
    verifier = Verifier(settings.workers)
    _over(settings.writers, verifier.verify, made[: settings.writers])  # starts the processes
    rate = len(made) / seconds(lambda: _over(settings.writers, verifier.verify, made))
    verifier.close()
    return rate


def _write(made: Sequence[bytes], settings: DownloadSettings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _over(settings.writers, Storage(folder).add, made)


def _downloaded(site: image_site.Site, settings: DownloadSettings) -> float:
    """Images a second of all stages together, the start of the processes included."""
    with tempfile.TemporaryDirectory() as folder:
        downloads = Downloads(Path(folder), Storage(f"{folder}/images"))
        outcomes = downloads.fetch((Wanted(site.url(n)) for n in range(IMAGES)), settings)
        took = seconds(lambda: _demand(all(isinstance(one, Downloaded) for one in outcomes)))
        downloads.close()
    return IMAGES / took


def _demand(is_so: bool) -> None:
    if not is_so:
        sys.exit("not every image arrived: the figures would say nothing")


def _over(threads: int, work: Callable[..., object], items: Sequence[object]) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, items):
            pass


def _peak(size: int) -> float:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.downloading", "peak", str(size)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def _print_peak(size: int) -> None:
    """Of this process, after so many downloads of small images."""
    with (
        tempfile.TemporaryDirectory() as folder,
        image_site.running(HOSTS, 0.0, SMALL, False) as site,
    ):
        downloads = Downloads(Path(folder), Storage(f"{folder}/images"))
        wanted = (Wanted(site.url(number)) for number in range(size))
        good = sum(isinstance(one, Downloaded) for one in downloads.fetch(wanted, _settings(site)))
        _demand(good == size)
    # Unlike ru_maxrss, this begins anew with the program: it does not know its parent's peak.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(int(status.partition("VmHWM:")[2].split()[0]) / 2**10)


if __name__ == "__main__":
    if sys.argv[1:2] == ["peak"]:
        _print_peak(int(sys.argv[2]))
    else:
        sys.exit(report(measure))
