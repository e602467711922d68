"""What is wrong with a set-up, and what to do about it.

    findings   what a check tells
    setup      the configuration, its secrets            stores     the store, its disk, its lock
    feeds      the sources                               pages      templates, the size of the next mail
    relays     what takes mail                           domains    SPF, DKIM, DMARC
    leaving    how readers leave                         comebacks  what reads bounces
    crowd      readers, deliveries
    hours      the next edition, the clock               actions    workflows of GitHub
    outputs    the output folder                         rounds     all of them, side by side

Each check decides on facts alone; `rounds` has most of the I/O. Nothing is changed, kept or mailed. May import
everything below the entry points.
"""

from __future__ import annotations

from digest.doctor.findings import Finding
from digest.doctor.rounds import examine

__all__ = ["Finding", "examine"]
