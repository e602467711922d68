"""How far a line reads like an abstract rather than a title. Imports nothing of `digest`."""

from __future__ import annotations

import re
from math import log, pi, sqrt

#: characters at each end of a line that are looked at: style shows early, and a line may be of any length
_ENOUGH = 400
_SENTENCE_END = re.compile(r"[a-z0-9)\]%][.!?] +[A-Z]")
_LONG_WORD = re.compile(r"(?<![\w-])[A-Za-z][\w’'-]{3,}")
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|can|could|may|we|our|us|it|its|they|their|these|those|this|that|which"
    r"|such|however|often|propose|present|introduce|show|demonstrate|achieve|remains?|requires?)\b"
)
_LOWER_WORD = re.compile(r"[a-z]+[ ,]")
#: openings of a later paragraph, hardly ever of an abstract
_GOES_ON = re.compile(
    r"(?:However|Moreover|Furthermore|Additionally|In addition|Besides|Specifically|Therefore|Thus|Hence|Consequently"
    r"|As a result|Finally|Extensive|Experiment|Experimental|Empirical|Our|Results|The results|Notably|Importantly"
    r"|To (?:address|tackle|overcome|solve|bridge|this end|fill|mitigate)|Also|Then|Second|Third|Further|Code|The code"
    r"|These|Such|They|It|Unlike|Instead|For (?:example|instance)|Compared|Based on|Building on|Through|By|Using"
    r"|On (?:the other hand|top)|In particular|In contrast|Across)\b"
)
#: the parts of a structured abstract after the first
_PART = re.compile(
    r"(?:METHODS?|RESULTS?|CONCLUSIONS?|OBJECTIVES?|DISCUSSION|Methods?|Results?|Conclusions?)\b[^.]{0,30}:"
)


def prose(line: str) -> float:
    """Return the log odds that a line is a paragraph of an abstract, not a title.

    Logistic regression over length, full stops, verbs and pronouns, lower case, a colon early on, a link. On 6,000
    titles, in title case and in sentence case, and on whole, cut and split abstracts and single sentences of them it
    errs in 2 of 1,000: enough for one line, as the whole page decides.
    """
    head = line if len(line) <= _ENOUGH else line[:_ENOUGH]
    words = head.count(" ") + 1
    long: list[str] = _LONG_WORD.findall(head)
    lower: float = sum(word[0].islower() for word in long[1:]) / max(len(long) - 1, 1)
    return (
        -7.8
        + 1.3 * log(min(len(line), _ENOUGH) + 1)
        + 3.0 * max(-2.0, min((len(line) - 150) / 50, 1.5))
        + 5.0 * line.rstrip("\"'”’)]").endswith(".")
        + 0.8 * min(len(_SENTENCE_END.findall(head)), 3)
        + 2.5 * lower
        + 16.0 * min(len(_VERB.findall(head)) / words, 0.2)
        - 3.0 * (":" in head[:60])
        + 6.0 * ("https://" in head)
        + 3.0 * (_LOWER_WORD.match(head) is not None)
    )


def goes_on(before: str, line: str) -> float:
    """Return the log odds that `line` is a later paragraph of the abstract of `before`, not another abstract.

    By length: one abstract cut anywhere, against two whole ones; lengths of abstracts are about normal
    (mean 1,370 and deviation 300 characters over a year of Daily Papers). By opening and end: how sentences go on.
    """
    if line[0].islower() or _PART.match(line):
        return 8.0
    one, two = len(before), len(line)
    odds = _whole(one + two) - log(one + two + 1) - _whole(one) - _whole(two)
    ends = before.rstrip("\"'”’)]").endswith((".", "!", "?"))
    return max(-6.0, min(odds, 6.0)) + (2.0 if _GOES_ON.match(line) else -0.5) + (0.0 if ends else 1.0)


def _whole(length: int) -> float:
    """Return the log density of the length of an abstract."""
    return -0.5 * ((length - 1370) / 300) ** 2 - log(300 * sqrt(2 * pi))
