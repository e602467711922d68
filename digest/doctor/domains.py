"""Whether receivers can tell that the mail is the sender's: SPF, DKIM, DMARC, as far as DNS says.

    lookups -> Published -> findings

Receivers compare the domain of From with the ones that SPF (RFC 7208) proves for the envelope and DKIM (RFC 6376) for
the signature: one of them has to be of the same organisation (DMARC, RFC 7489 section 3.1). May import findings;
dnspython is imported when it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from digest.doctor.findings import Finding, fail, fine, warn

AREA = "from"
#: seconds for each question
TIMEOUT = 3.0
#: domain of a mailbox provider -> what ends the names of the hosts that may send for it
_MAILBOXES = {
    "gmail.com": ("gmail.com", "google.com"),
    "googlemail.com": ("gmail.com", "google.com"),
    "outlook.com": ("outlook.com", "office365.com"),
    "hotmail.com": ("outlook.com", "office365.com"),
    "live.com": ("outlook.com", "office365.com"),
    "yahoo.com": ("yahoo.com",),
    "aol.com": ("aol.com", "yahoo.com"),
    "icloud.com": ("me.com",),
    "me.com": ("me.com",),
    "gmx.net": ("gmx.net", "gmx.com"),
    "gmx.de": ("gmx.net", "gmx.com"),
    "web.de": ("web.de",),
    "proton.me": ("proton.me", "protonmail.ch"),
}
#: a name that there is wherever there is DNS
_CONTROL = "com"
#: names that belong to nobody (RFC 2606, RFC 6761)
_RESERVED = re.compile(r"(^|\.)(example\.(com|net|org)|example|invalid|test|localhost|local)$", re.IGNORECASE)
_SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "gov", "net", "org"})

#: a name -> its TXT records; (): the name exists without any; None: there is no such name
Lookup = Callable[[str], tuple[str, ...] | None]


class NoDns(Exception):
    """Nothing answers questions here."""


@dataclass(frozen=True)
class Published:
    """What DNS says of a domain that mail is from."""

    #: whether there is such a domain
    exists: bool
    #: the SPF record of the envelope's domain; None: it has none
    spf: str | None
    #: the DMARC record that counts; None: there is none
    dmarc: str | None
    #: whether there is any DKIM key; None: that cannot be told without its selector
    dkim: bool | None


def lookup(name: str) -> tuple[str, ...] | None:
    """Ask DNS for the TXT records of a name.

    Raises:
        NoDns: nothing answers in time.
    """
    import dns.exception
    import dns.resolver

    try:
        answer = dns.resolver.resolve(name, "TXT", lifetime=TIMEOUT)
    except dns.resolver.NXDOMAIN:
        return None
    except dns.resolver.NoAnswer:
        return ()
    except (dns.exception.DNSException, OSError) as error:
        raise NoDns from error
    return tuple(b"".join(record.strings).decode("utf-8", "replace") for record in answer)


def published(domain: str, envelope: str, ask: Lookup = lookup) -> Published | None:
    """Return what is published of the domains of From and envelope; None: DNS has to say nothing of them.

    Raises:
        NoDns: nothing answers.
    """
    if is_reserved(domain) or domain.lower() in _MAILBOXES:
        return None
    if ask(domain) is None:
        if ask(_CONTROL) is None:
            # A resolver that knows no name at all is none.
            raise NoDns
        return Published(exists=False, spf=None, dmarc=None, dkim=None)
    dmarc = _record(ask(f"_dmarc.{domain}"), "v=DMARC1") or _record(ask(f"_dmarc.{organisation(domain)}"), "v=DMARC1")
    # A name that only others stand below exists (RFC 8020): then there is a selector.
    keys = ask(f"_domainkey.{domain}")
    return Published(True, _record(ask(envelope), "v=spf1"), dmarc, True if keys is not None else None)


def is_reserved(domain: str) -> bool:
    """Whether a name is one for examples and tests, which nobody has."""
    return _RESERVED.search(domain) is not None


def _record(texts: tuple[str, ...] | None, version: str) -> str | None:
    return next((one for one in texts or () if one.casefold().startswith(version.casefold())), None)


def organisation(domain: str) -> str:
    """Return the part of a name that somebody registered: two labels, three below names like `co.uk`.

    That is an estimate: the list of public suffixes, which changes, is not shipped.
    """
    labels = domain.rstrip(".").lower().split(".")
    short = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3 if short else -2 :])


def judged(domain: str, envelope: str, relay: str, found: Published | None) -> Iterator[Finding]:
    """Yield whether receivers will believe the sender.

    Args:
        domain: of From.
        envelope: of the address that mail comes back to.
        relay: the host that mail is handed to.
        found: what DNS says; None: it was not asked, or does not answer here.
    """
    if is_reserved(domain):
        what = f"{domain} is a name for examples: receivers refuse mail from it, and answers go nowhere"
        yield warn(AREA, what, "say from = an address of yours")
        return
    hosts = _MAILBOXES.get(domain.lower())
    if hosts and not relay.lower().endswith(hosts):
        what = f"From is at {domain}, but {relay} is none of its servers: receivers refuse that, or call it spam"
        yield fail(AREA, what, f"mail through the provider of {domain}, or say from = an address of a domain of yours")
        return
    if hosts:
        yield fine(AREA, f"{domain} through {relay}: the provider signs for it")
        return
    if found is None:
        yield fine(AREA, f"{domain}: SPF, DKIM and DMARC not checked: no DNS here")
        return
    if not found.exists:
        yield fail(AREA, f"DNS knows no domain {domain}: receivers refuse mail from it", "check the spelling of from")
        return
    yield from _spf(domain, envelope, relay, found.spf)
    yield _dkim(domain, relay, found.dkim)
    yield _dmarc(domain, found)


def _spf(domain: str, envelope: str, relay: str, record: str | None) -> Iterator[Finding]:
    if organisation(domain) != organisation(envelope):
        what = f"mail comes back to {envelope}, From is at {domain}: SPF speaks for the first, so DKIM has to for From"
        yield warn(AREA, what, f"have {relay} sign with d={domain}, or say bounces = an address at {domain}")
    if record is None:
        what = f"{envelope} has no SPF record (TXT, v=spf1): who may send for it is not told"
        yield warn(AREA, what, f"publish the one that the provider of {relay} tells")
    elif record.rstrip().endswith("+all"):
        yield warn(AREA, f"{envelope}: SPF lets everybody send (+all)", "end it with ~all or -all")
    else:
        yield fine(AREA, f"{envelope}: {record}; it has to name {relay}")


def _dkim(domain: str, relay: str, keys: bool | None) -> Finding:
    if keys:
        return fine(AREA, f"{domain} has DKIM keys; that {relay} signs with one, a mail that arrived shows")
    remedy = f"turn it on at {relay}, then digest doctor --send-test ADDRESS and look for dkim=pass in what arrives"
    return warn(AREA, f"{domain}: no DKIM key is found; without the selector that is no proof", remedy)


def _dmarc(domain: str, found: Published) -> Finding:
    if found.dmarc is None:
        what = f"{domain} has no DMARC record: the large providers want one from who mails to many"
        return warn(AREA, what, f'publish TXT at _dmarc.{domain}: "v=DMARC1; p=none; rua=mailto:..."')
    strict = "reject" in found.dmarc or "quarantine" in found.dmarc
    if strict and found.spf is None and found.dkim is None:
        what = f"{domain}: {found.dmarc}: mail that neither SPF nor DKIM proves is refused, and neither is found"
        return fail(AREA, what, "publish SPF and DKIM first")
    return fine(AREA, f"{domain}: {found.dmarc}")
