"""Whether what comes back is read: bounces, complaints, letters of readers. May import returns and findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from digest.config import Config
from digest.delivery.returned_files import Maildir
from digest.delivery.returned_imap import ImapBox
from digest.doctor.findings import Finding, fine, from_error, warn
from digest.errors import ConfigError, TransportError
from digest.returns import inbox
from digest.text import count_noun

AREA = "inbox"
#: unread messages of a Maildir that are looked at
_MANY = 1000


def unread(bounces: str) -> Finding:
    """Return that nobody reads the address that bounces go to."""
    what = f"bounces go to {bounces}, and there is no [mail.inbox] to read them from"
    return warn(AREA, what, "add one, or have the server that gets them call digest bounces - for each")


def reached(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield whether the mailbox of `[mail.inbox]` can be read; nothing in it is marked."""
    try:
        box = inbox(config, mark=False, environ=environ)
    except ConfigError:
        yield warn(AREA, "not asked: [mail.inbox] lacks something", "set what configuration says is missing")
        return
    if box is None:
        return
    if isinstance(box, Maildir) and not box.path.exists():
        what = f"{box.name} is not there: right only if nothing came back so far"
        yield warn(AREA, what, "check path in [mail.inbox], or make it: mkdir -p PATH/new PATH/cur PATH/tmp")
        return
    try:
        if isinstance(box, ImapBox):
            told = count_noun(box.count(), "message")
        else:
            told = f"{sum(1 for _ in islice(box.messages(), _MANY)):,} unread"
        yield fine(AREA, f"{box.name} can be read: {told}")
    except TransportError as error:
        yield from_error(AREA, error, "mend [mail.inbox]")
    finally:
        box.close()
