"""`digest serve` in a time that runs fast: days pass in seconds.

    python days.py ORIGIN SPEED CONFIG

The clock shows `BEGIN` at ORIGIN, seconds since 1970 of real time, and runs SPEED times as fast.
"""

from __future__ import annotations

import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from digest import config, logs
from digest.scheduler import Pace, Scheduler

#: Friday
BEGIN = datetime(2026, 11, 20, tzinfo=UTC)


def instant(origin: float, speed: float) -> datetime:
    """Return what the clock shows now."""
    return BEGIN + timedelta(seconds=(time.time() - origin) * speed)


def main() -> None:
    origin, speed, file = float(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    logs.configure("info")
    pace = Pace(speed=speed, stand_by=0.1, heartbeat=0.5, settle=0.05, again=0.5 * speed, deliver=0.3 * speed)
    scheduler = Scheduler(lambda: config.load(file), clock=lambda: instant(origin, speed), pace=pace)
    signal.signal(signal.SIGTERM, lambda *_: scheduler.stop())
    signal.signal(signal.SIGHUP, lambda *_: scheduler.reload())
    scheduler.run()


if __name__ == "__main__":
    main()
