"""What the foot of a mail says to its reader: that she gets it, why, since when, and how to leave. Pure.

May import links, models and text.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from digest import links
from digest.models import Edition
from digest.text import clean, count_noun, shorten

#: a recorded consent is told in so many characters
_CONSENT = 160
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()

#: origin of a subscription -> why somebody gets a mail; `{}` is the day
_WHY = {
    "web": "because you signed up for it on {}",
    "import": "because you were on a list of readers that was imported on {}",
    "command": "because you were added to its readers on {}",
}
_ON_THE_LIST = "because you have been on its list of readers since {}"


def for_owner(address: str) -> str:
    """Return the sentence for who runs the program."""
    return f"Your own digest, sent by digest to {address}."


def for_test(edition: Edition, address: str) -> str:
    """Return the sentence of a test."""
    told = f"A test of {clean(edition.title)}, sent to {address} alone."
    return f"{told} Readers see here why they get it, and how to leave."


def for_reader(title: str, address: str, why: str, newsletter: str, token: str, by_mail: str | None) -> str:
    """Return the sentence for a reader.

    Args:
        title: of the newsletter.
        address: hers.
        why: of `because`.
        newsletter: its id.
        token: by which she leaves.
        by_mail: to whom she writes in order to leave; None: a link does it.
    """
    sentence = f"You get {title} at {address} {why}."
    if by_mail is None:
        return sentence
    subject = links.unsubscribe_subject(newsletter, token)
    return f"{sentence} To leave, write to {by_mail} with the subject “{subject}”."


@lru_cache(maxsize=1024)
def because(origin: str, confirmed_by: str | None, since: datetime, timezone: str) -> str:
    """Return why a reader gets a mail: `because you signed up for it on 3 Nov 2026 (consent: ...)`.

    Args:
        origin: of Origin.
        confirmed_by: the recorded consent.
        since: when the subscription began.
        timezone: IANA name of the zone in which that was a day.
    """
    day = since.astimezone(ZoneInfo(timezone))
    why = _WHY.get(origin, _ON_THE_LIST).format(f"{day.day} {_MONTHS[day.month - 1]} {day.year}")
    consent = shorten(clean(confirmed_by or ""), _CONSENT)
    return f"{why} (consent: {consent})" if consent else why


def imprint(title: str, sender: str | None, postal_address: str | None) -> str:
    """Return who is behind a mail, in one line; "" where nothing is told."""
    place = ", ".join(filter(None, (clean(line) for line in (postal_address or "").splitlines())))
    who = clean(sender or "")
    told = ", ".join(part for part in (f"{clean(title)} is sent by {who}" if who else "", place) if part)
    return f"{told}." if told and not told.endswith(".") else told


def nothing(edition: Edition, what: str) -> str:
    """Return the sentence of a mail that has no paper to show: an empty mail without a word is taken for a mistake.

    Args:
        edition: with papers, all the same.
        what: `your interests`
    """
    count = len(edition.entries)
    none = f"None of the {count:,} papers here matches" if count != 1 else "The one paper here does not match"
    where = "" if not edition.base_url else " You find it on the web." if count == 1 else " All are on the web."
    return f"{none} {what}.{where}"


def nothing_subject(edition: Edition) -> str:
    """Return the subject of such a mail."""
    day = f"{edition.date.day} {_MONTHS[edition.date.month - 1]}"
    return f"{edition.title}, {day}: nothing for you among {count_noun(len(edition.entries), 'paper')}"
