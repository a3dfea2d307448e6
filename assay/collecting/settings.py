"""Which collectors run, and how what they find is handed in."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError, field_validator

from assay import collectors, plugins
from assay.collectors import Collector
from assay.collectors.api import ApiSettings
from assay.downloading import DownloadSettings
from assay.errors import ConfigError
from assay.settings import Settings, first_mistake


class Chosen(Settings):
    """One collector and its options."""

    collector: str
    options: dict[str, Any] = Field(default_factory=dict)

    def build(self) -> Collector:
        """The collector; raises `ConfigError` for a wrong name or option."""
        kind = plugins.find(collectors.__name__, Collector, self.collector)
        try:
            return kind(**self.options)
        except ValidationError as error:
            raise ConfigError(first_mistake(error, kind, ("options",))) from error


class CollectSettings(Settings):
    """A run over some collectors, one after the other."""

    collectors: dict[str, Chosen] = Field(min_length=1)
    """By a name of your own, under which its cursor is kept."""
    service: str = "http://127.0.0.1:3000"
    """The Assay that captures and scores; its key stands in ASSAY_API_KEY."""
    clients: int = Field(2, ge=1, le=64)
    """Images under way to the service at the same time."""
    longest_wait_seconds: float = Field(300.0, ge=0)
    """Seconds to wait for a service that is busy, for one image."""
    most_posts: int = Field(1000, ge=1)
    """Of one collector in one run; the next one goes on behind them."""
    min_side: int = Field(64, ge=1)
    """Pixels; smaller images are ornaments."""
    give_up_hours: float = Field(48.0, ge=0)
    """How long later runs ask again for an image whose server fails."""
    keep_days: float = Field(7.0, ge=0)
    """How long images stay here that were handed in: as long they are not fetched again."""
    api: ApiSettings = ApiSettings()
    downloads: DownloadSettings = DownloadSettings(workers=1)

    @field_validator("collectors")
    @classmethod
    def _known(cls, chosen: dict[str, Chosen]) -> dict[str, Chosen]:
        for name, one in chosen.items():
            try:
                one.build()
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from error
        return chosen
