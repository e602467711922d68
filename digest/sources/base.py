"""What sources on the web have in common. May import the registry's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from digest.sources import SourceSettings

if TYPE_CHECKING:
    from digest.sources.http import Http

Settings = TypeVar("Settings", bound=SourceSettings)


class WebSource(Generic[Settings]):
    """A source that asks servers."""

    def __init__(self, settings: Settings, http: Http | None = None) -> None:
        """Prepare; nothing is asked for yet.

        Args:
            settings: name, and what to read.
            http: the way to the web; None: the one that all sources share.
        """
        self._settings = settings
        self._http = http

    @property
    def name(self) -> str:
        """The name in the configuration."""
        return self._settings.name

    @property
    def daily(self) -> bool:
        """Whether an edition waits for its batch of the day."""
        return self._settings.daily
