"""Whether mail would be taken: the relay, or what else takes messages. May import config, delivery and below."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime

from digest import pipeline
from digest.addresses import checked
from digest.bootstrap import System, post
from digest.config import CommandSettings, Mail, PathSettings
from digest.delivery.once import submit
from digest.delivery.probe import Announced
from digest.doctor.findings import Finding, fail, fine, from_error, warn
from digest.errors import DigestError
from digest.text import count_noun

AREA = "relay"
#: days before the end of a certificate at which somebody should renew it
_RENEWED = 14
_OLD_TLS = frozenset({"TLSv1", "TLSv1.1"})


def announced(relay: Announced, now: datetime) -> Iterator[Finding]:
    """Yield what a relay said of itself."""
    where = f"{relay.host}:{relay.port}"
    extras = [f"takes messages up to {relay.size / 1_000_000:,.0f} MB" if relay.size else "tells no largest size"]
    extras += ["pipelining" if relay.pipelining else "no pipelining: one answer at a time"]
    login = "logged in" if relay.login else "no login"
    yield fine(AREA, f"{where} answers: {relay.tls or 'not encrypted'}, {login}, {', '.join(extras)}")
    if relay.tls in _OLD_TLS:
        yield warn(AREA, f"{where} speaks {relay.tls}, which is no longer safe", "ask who runs it for TLS 1.2 or newer")
    if relay.expires is None:
        return
    days = (relay.expires - now).days
    until = f"its certificate is valid until {relay.expires:%Y-%m-%d}, {count_noun(days, 'day')}"
    yield warn(AREA, until, "have who runs the relay renew it") if days < _RENEWED else fine(AREA, until)


def local(settings: PathSettings | CommandSettings) -> Finding:
    """Return whether a folder or a program can take messages."""
    if isinstance(settings, CommandSettings):
        program = settings.command[0]
        if shutil.which(program) is None:
            return fail(AREA, f"there is no program {program}", "install it, or name another: command = [...]")
        return fine(AREA, f"messages are handed to {program}")
    there = next(one for one in (settings.path, *settings.path.parents) if one.exists())
    if not os.access(there, os.W_OK) or not there.is_dir():
        return fail(AREA, f"{settings.path} cannot be written to", f"make {there} a folder that this user may write to")
    return fine(AREA, f"messages are put into {settings.path}")


def send_test(system: System, mail: Mail, address: str) -> Finding:
    """Submit the next edition as a test, as `digest send --test` does."""
    try:
        to = checked(address)
    except ValueError as error:
        return fail(AREA, f"{address}: {error}", "name one address: digest doctor --send-test me@example.org")
    wired, first = post(system, mail), system.parts.newsletters[0]
    edition = pipeline.upcoming(system.parts, first)
    if edition is None:
        what = f"no test was sent: {first.id} has no edition yet, and nothing waits for one"
        return fail(AREA, what, "digest run --no-deliver, then try again")
    try:
        outcome = submit(wired.transport, wired.test(edition, to))
    except DigestError as error:
        return from_error(AREA, error, "mend that, then try again")
    if outcome.state != "submitted":
        return fail(AREA, f"{wired.transport.name} did not take the test for {to}: {outcome.text}", "do what it says")
    look = "look for it, also among spam: Authentication-Results says how SPF, DKIM and DMARC went"
    what = f"a test of {first.id}/{edition.number} was submitted to {wired.transport.name} for {to}"
    return Finding(AREA, "ok", what, look)
