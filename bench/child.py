"""Runs a command and writes wall, CPU and the kernel's CPU seconds and peak MiB to a file: `child.py FILE COMMAND...`.

A process of its own, because a child's peak memory is never less than that of the process it was forked from.
Imports the standard library only.
"""

import json
import os
import sys
import time


def main() -> int:
    """Run the command; return its exit status."""
    begin = time.perf_counter()
    pid = os.spawnvp(os.P_NOWAIT, sys.argv[2], sys.argv[2:])  # noqa: S606 - a shell would be measured too
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - begin
    with open(sys.argv[1], "w") as told:
        json.dump([wall, usage.ru_utime + usage.ru_stime, usage.ru_stime, usage.ru_maxrss / 1024], told)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
