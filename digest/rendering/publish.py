"""The output folder as a projection of the store: writes what differs, removes what is gone, safe to repeat.

May import links, models, protocols, text and this package. What renders is imported when there is something to
render: a run with nothing new reads one row, asks for the size of each file, and is done.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import digest
from digest import latex, links, text
from digest.protocols import Store
from digest.rendering.folder import OutputFolder
from digest.rendering.ledger import Ledger, digest_of
from digest.rendering.publication import Publication

_HERE = Path(__file__).parent
_PACKAGE = _HERE.parent


class SitePublisher(Publication):
    """Publishes all newsletters into one folder."""

    def publish(self, store: Store) -> Sequence[str]:
        """Make the folder hold what the store says; return the paths written or removed, in their order.

        A killed publish leaves whole files only, and the next one goes on from there. Files that were not written by
        a publish are left alone.

        Raises:
            RenderError: a template cannot be rendered; what was written before stays, and is valid.
        """
        name = os.path.abspath(self.output)
        ledger = Ledger.unpack(store.output_state(name))
        folder = OutputFolder(self.output)
        now = self._standing(store, ledger)
        commit, touched = store.touched(ledger.commit)
        if not touched and ledger == replace(now, commit=ledger.commit) and _complete(folder, ledger):
            return ()
        from digest.rendering.publishing import Publishing

        return Publishing(self, store, folder, name).run(ledger, replace(now, commit=commit), set(touched))

    def _standing(self, store: Store, ledger: Ledger) -> Ledger:
        """Return the ledger as it is if nothing but what the store says has to be done."""
        newest = {state.id: state.last.number for state in store.newsletters() if state.last}
        return replace(ledger, fingerprint=self.fingerprint(), newest=newest, pending=(), unclean=False)

    def fingerprint(self) -> str:
        """Return a hash of all that decides how the store's values become files: code, templates, settings."""
        settings = [digest.__version__, str(self.base_url), *(one.model_dump_json() for one in self.newsletters)]
        settings += [f"{id} {one.id} {one.names!r}" for id, one in sorted(self.taxonomies.items())]
        content = hashlib.sha256()
        for path in _sources(self.templates):
            content.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
        return digest_of([*settings, content.hexdigest()])


def _sources(templates: Path | None) -> Iterator[Path]:
    """Yield the files whose text decides how pages, mails and feeds look."""
    for folder in (_PACKAGE / "templates", _PACKAGE.parent / "templates", templates):
        if folder is not None:
            yield from sorted(path for path in folder.rglob("*") if path.is_file())
    for folder in (_HERE, _PACKAGE / "edition"):
        yield from sorted(folder.glob("*.py"))
    for module in (latex, links, text):
        yield Path(str(module.__file__))


def _complete(folder: OutputFolder, ledger: Ledger) -> bool:
    return all(folder.size(path) == size for path, size in ledger.files.items())
