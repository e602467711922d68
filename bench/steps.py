"""A run with nothing new, step by step: `python -m bench.steps FOLDER`; prints CPU seconds by step."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

_BEGIN = time.process_time()


def main(folder: str) -> None:
    """Run in `folder`, and tell what each step took."""
    took = {"the interpreter": _BEGIN}
    last = time.process_time()

    def done(step: str) -> None:
        nonlocal last
        took[step], last = time.process_time() - last, time.process_time()

    os.chdir(folder)
    import digest.cli.run

    done("import digest.cli.run")
    from digest import config as configuration
    from digest import pipeline
    from digest.bootstrap import opened, tagger

    config = configuration.load(Path("digest.toml"))
    done("read the configuration")
    tagger(config, config.newsletters[0])
    done("load the taxonomy, build the tagger")
    import digest.store.store  # noqa: F401 - to take its time

    done("import SQLAlchemy and the store")
    with opened(config) as wired:
        done("open the store, wire")
        with wired.store.lock("bench", timeout=1):
            done("take the lock")
            sources = wired.sources()
            done("open the sources")
            pipeline.run(wired.parts, sources)
            done("run")
        done("let go of the lock")
    done("close the store")
    print(json.dumps(took))


if __name__ == "__main__":
    main(sys.argv[1])
