"""`make bench`: how fast the product is, beside peers and limits in the same run. Prints, asserts nothing.

    bench/run.py                       everything (a quarter of an hour, most of it the store of a million papers)
    bench/run.py --quick               small sizes
    bench/run.py parsing catalogue     some parts
    bench/run.py --known 100000        another size of the large store
    bench/run.py mailing --readers 1000000   a mailing of that size too (half an hour, 2 GB of disk)
    bench/run.py kills                 senders killed until 100 kills hit a message in flight (half an hour)
    bench/run.py --scratch DIR         keep what is made; the large store is used again

The machine is taken as it is, busy or not: contenders take turns, and the ratio is the median over the rounds. `x wall`
and `x cpu` say how many times as long as the row named last took. DIGEST_TEST_DATA adds parts with real data.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.settings import Settings

#: each is a module with `measure(settings)`, which returns tables
PARTS = ("parsing", "tagging", "catalogue", "intake", "whole", "startup", "mailing")
#: run where they are asked for only: they take long
LONG = ("kills",)


def main(args: list[str] | None = None) -> None:
    """Run the parts that were asked for, and print their tables."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    asked = _asked(args)
    with _scratch(asked.scratch) as folder:
        settings = _settings(asked, folder)
        print(_machine(), flush=True)
        for part in asked.parts or PARTS:
            for table in import_module(f"bench.{part}").measure(settings):
                print(f"\n{table}", end="", flush=True)


def _asked(args: list[str] | None) -> argparse.Namespace:
    about, _, _ = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(prog="bench/run.py", description=about)
    parser.add_argument("parts", nargs="*", metavar="PART", help=_help())
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--known", type=int, metavar="N", help="papers in the large store")
    parser.add_argument("--readers", type=int, metavar="N", help="readers of one more mailing")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often contenders take turns")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="where to write; kept (else temporary)")
    parser.add_argument("--no-peers", action="store_true", help="compare with limits only, install nothing")
    asked = parser.parse_args(args)
    unknown = set(asked.parts) - {*PARTS, *LONG}
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join((*PARTS, *LONG))}")
    return asked


def _help() -> str:
    return f"of {', '.join(PARTS)}: all unless given; or {', '.join(LONG)}, which takes long"


@contextmanager
def _scratch(told: Path | None) -> Iterator[Path]:
    if told is not None:
        told.mkdir(parents=True, exist_ok=True)
        yield told.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="digest-bench-") as folder:
        yield Path(folder)


def _settings(asked: argparse.Namespace, folder: Path) -> Settings:
    from bench.settings import Settings, quick

    settings = quick(folder) if asked.quick else Settings(folder)
    settings = replace(settings, known=asked.known or settings.known, rounds=asked.rounds or settings.rounds)
    settings = replace(settings, many=asked.readers)
    data = os.environ.get("DIGEST_TEST_DATA")
    if data and Path(data).is_dir():
        settings = replace(settings, data=Path(data).resolve())
    return replace(settings, peers=None) if asked.no_peers else settings


def _machine() -> str:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    version = sys.version.partition(" ")[0]
    return f"Python {version}, {os.cpu_count()} CPUs, load {load} (figures of a busy machine are high; compare ratios)"


if __name__ == "__main__":
    main()
