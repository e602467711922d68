"""`[alerts]`: whom a run tells that something is wrong, and when. May import reading, mail's addresses, errors.

A condition is a word or two, like `broken`, or one that has to last: `partial for 3 days`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator

from digest.config.mail import Address
from digest.config.reading import Settings, is_secret
from digest.wishes import did_you_mean

Trouble = Literal["broken", "partial", "stale", "shrunken", "held", "quiet", "failed mails", "unknown mails"]
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)
_LASTING = re.compile(r"(.+?)\s+for\s+(\d{1,3})\s+days?")


@dataclass(frozen=True)
class Condition:
    """When an alert goes out."""

    trouble: Trouble
    #: on how many days in a row, the first included
    days: int = 1

    def __str__(self) -> str:
        """Return it as it is written."""
        return self.trouble if self.days == 1 else f"{self.trouble} for {self.days} days"


def condition(text: str) -> Condition:
    """Read a condition.

    Raises:
        ValueError: it is none; the message names those there are.
    """
    words = " ".join(text.casefold().split())
    found = _LASTING.fullmatch(words)
    name, days = (found[1], int(found[2])) if found else (words, 1)
    for trouble in TROUBLES:
        if name == trouble and days:
            return Condition(trouble, days)
    near = did_you_mean(name, TROUBLES) or ";"
    raise ValueError(f"{text!r} is no condition{near} there are {', '.join(TROUBLES)}, each also 'for 3 days'")


def _conditions(value: Any) -> Any:
    told: Iterable[Any] = [value] if isinstance(value, str) else value
    if not isinstance(told, list | tuple) or not all(isinstance(one, str | Condition) for one in told):
        raise ValueError('write a list, like ["broken", "partial for 3 days"]')
    return tuple(condition(one) if isinstance(one, str) else one for one in told)


class AlertSettings(Settings):
    """The `[alerts]` table."""

    #: whom a mail goes to, by the transport of `[mail]`
    to: Address | None = None
    #: `env:NAME` or `file:PATH` of an address that is posted to: who knows it can write there
    webhook: str | None = Field(default=None, repr=False)
    when: Annotated[tuple[Condition, ...], BeforeValidator(_conditions), Field(min_length=1)] = (
        Condition("broken"),
        Condition("stale"),
        Condition("partial", 3),
        Condition("failed mails"),
    )

    @field_validator("webhook")
    @classmethod
    def _elsewhere(cls, value: str | None) -> str | None:
        if value is not None and not is_secret(value):
            raise ValueError(
                'the address is a secret: write webhook = "env:DIGEST_ALERT_URL" and set that variable, or "file:/path"'
            )
        return value

    @model_validator(mode="after")
    def _tells_somebody(self) -> Self:
        if self.to is None and self.webhook is None:
            raise ValueError('tells nobody: say to = "it@example.org", or webhook = "env:DIGEST_ALERT_URL"')
        return self
