"""Addresses of mail, checked before anything is done with them. Pure; may import errors.

A plain address is known by its form; all others are judged by email-validator, which is imported for them only.
"""

from __future__ import annotations

import re

#: letters, digits and what people use between them, below names of hosts that are no special ones: surely good
_PLAIN = re.compile(
    r"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9_]+)*"
    r"@(?:[A-Za-z0-9]{1,30}(?:-[A-Za-z0-9]{1,30})?\.)+(?:com|org|net|edu|gov|io|eu|de|fr|uk|ch|at|nl|it|es|se|pl)"
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: special-use names (RFC 6761, RFC 6762) below which there may be a server all the same
_OWN = re.compile(r"[@.](?:localhost|test|local)$")
_STAND_IN = ".example.org"
#: RFC 5321, 4.5.3.1: octets of the local part, and of the whole (without the brackets of a path)
_LOCAL, _WHOLE = 64, 254


def checked(text: str) -> str:
    """Return an address in the form in which a server is told it: ASCII, its domain in small letters.

    Names of hosts may be international (they are told as punycode, RFC 5891), the part before the @ may not: most
    servers know no SMTPUTF8 (RFC 6531). `localhost` and hosts of the own network may be named; nothing is asked.

    Raises:
        ValueError: it is not one address; the message says why, and what to do.
    """
    text = text.strip(" \t")
    if _CONTROLS.search(text):
        raise ValueError("an address is one line, without control characters")
    if not text:
        raise ValueError("there is no address; write one like ada@example.org")
    local, _, domain = text.rpartition("@")
    if len(local) <= _LOCAL and len(text) <= _WHOLE and _PLAIN.fullmatch(text):
        return f"{local}@{domain.lower()}"
    return _judged(text)


def _judged(text: str) -> str:
    """Ask email-validator."""
    from email_validator import EmailNotValidError, validate_email

    if text.count("@") > 1 and re.search(r"[,;\s]", text):
        raise ValueError(f"{text!r} is more than one address; write one")
    # names that email-validator refuses whole: they mean something on the own machine or network only
    stand_in = _STAND_IN if _OWN.search(text.lower()) else ""
    try:
        found = validate_email(text + stand_in, check_deliverability=False, globally_deliverable=False, strict=True)
    except EmailNotValidError as error:
        raise ValueError(f"{text!r} is no address: {error}") from error
    if found.ascii_email is None:
        raise ValueError(
            f"{text!r} has letters before the @ that many servers cannot take (SMTPUTF8); ask for an address in ASCII"
        )
    domain = found.ascii_domain.removesuffix(stand_in)
    if domain != "localhost" and not re.search(r"\.[a-z][a-z0-9-]*[a-z0-9]$", domain):
        raise ValueError(f"{text!r} is no address: {domain!r} is no whole name of a host, like example.org")
    return found.ascii_email.removesuffix(stand_in)


def key(address: str) -> str:
    """Return what two spellings of one address share: nobody runs a server on which case decides."""
    return address.lower()
