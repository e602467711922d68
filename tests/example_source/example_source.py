"""A kind of source that a third party adds: a file with a paper a line, `arXiv id, tab, title, tab, abstract`."""

import re
from pathlib import Path

from digest.errors import SourceError
from digest.models import Alias, Dump, Listing, Parsed, Rejected, Span
from digest.sources import Kind, SourceSettings
from digest.sources.dates import Clues, decide
from digest.text import clean

LINE = re.compile(r"(\d{4}\.\d{4,5})\t(.*\w.*)\t(.*)")


class Settings(SourceSettings):
    path: str


class TabSource:
    def __init__(self, settings: Settings, root: Path):
        self.name, self.daily, self._path = settings.name, settings.daily, root / settings.path

    def fetch(self, memory):
        if not self._path.is_file():
            raise SourceError(f"{self._path} is no file; correct `path`")
        yield Dump(source=self.name, name=self._path.name, content=self._path.read_bytes())

    def parse(self, dump, received):
        listings, rejected = [], []
        for number, line in enumerate(dump.content.decode("utf-8", "replace").splitlines(), 1):
            span = Span(first=number, last=number)
            if found := LINE.fullmatch(line.strip()):
                ids = (Alias(scheme="arxiv", value=found[1]),)
                listings.append(Listing(span=span, title=clean(found[2]), abstract=clean(found[3]), ids=ids))
            elif line.strip():
                rejected.append(Rejected(span=span, reason="no id, title and abstract", text=line))
        return Parsed(dating=decide(dump, received, Clues()), listings=tuple(listings), rejected=tuple(rejected))


KIND = Kind(Settings, TabSource)
