"""A kind of source that a third party adds: a file with a paper a line, `arXiv id, tab, title, tab, abstract`."""

import re

from digest.errors import SourceError
from digest.models import Dump
from digest.sources import Kind, SourceSettings
from digest.sources.base import read_lines

PAPER = re.compile(r"(?P<arxiv>\d{4}\.\d{4,5})\t(?P<title>.*\w.*)\t(?P<abstract>.*)")


class Settings(SourceSettings):
    path: str


class TabSource:
    def __init__(self, settings, root):
        self.name, self.daily, self._path = settings.name, settings.daily, root / settings.path

    def fetch(self, memory):
        if not self._path.is_file():
            raise SourceError(f"{self._path} is no file; correct `path`")
        yield Dump(source=self.name, name=self._path.name, content=self._path.read_bytes())

    def parse(self, dump, received):
        return read_lines(dump, received, PAPER, otherwise="no id, title and abstract")


KIND = Kind(Settings, TabSource)
