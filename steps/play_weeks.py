"""Step: weeks of traffic, moderators and the loop, in a state folder of their own."""

from typing import Annotated, Any

from zenml import log_metadata, step

from assay import home
from assay.progress import bar
from assay.reports.page import Page
from assay.simulation import page, playing
from assay.simulation.settings import SimulationSettings
from materializers.page import PageMaterializer


@step(enable_cache=False, output_materializers={"simulation_report": PageMaterializer})
def play_weeks(
    settings: SimulationSettings,
) -> tuple[Annotated[dict[str, Any], "simulation"], Annotated[Page, "simulation_report"]]:
    """What happened, and the page; never cached, as what is played already is on disk."""
    folder = home.folder("simulations") / settings.name
    with bar() as progress:
        played = playing.play(settings, folder, progress)
    shown = page.page(played)
    (folder / "page.html").write_text(shown.html, encoding="utf-8")
    log_metadata({"folder": str(folder)})
    return page.summary(played), shown
