"""Takes a folder of dumps into a store: `python -m bench.take_in FOLDER STORE`; prints wall, CPU and how many."""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from pathlib import Path

from bench.given import take_in
from digest.sources.folder import FolderSettings, FolderSource
from digest.store import open_store
from digest.tagging import load_taxonomy


def main(folder: str, path: str) -> None:
    """Take in the folder."""
    source = FolderSource(FolderSettings(name="bench", path=folder, year=None), Path())
    with closing(open_store(path)) as store:
        taggers = {"all": load_taxonomy()}
        wall, cpu = time.perf_counter(), time.process_time()
        receipt = take_in(store, [source], taggers)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps([wall, cpu, sum(one.listed for one in receipt.sources)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
