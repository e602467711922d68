"""The jinja2 environment that mails, pages and feeds share: where templates lie, how their values are written.

May import links, models, text, latex and errors.
"""

from __future__ import annotations

import hashlib
import html
import re
import textwrap
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

import jinja2
from jinja2.bccache import Bucket
from markupsafe import Markup

import digest
from digest import latex, links
from digest.errors import RenderError
from digest.text import count_noun, shorten

#: columns of plain text (RFC 3676 asks for at most 78, and leaves room for quoting)
WIDTH = 72

_PACKAGE = Path(digest.__file__).parent
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

#: what XML 1.0 (section 2.2) forbids and HTML calls a parse error, but not tab and newline
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_UNSAFE_IN_ATTRIBUTE = re.compile(r"[^A-Za-z0-9 .,:;/?=#@()!*+_%~-]")
_XML_SPECIAL = {"&": "&#x26;", "<": "&#x3C;", ">": "&#x3E;"}


class _Compiled(jinja2.BytecodeCache):
    """The templates that this process has compiled, for all its environments; one that changed is another one."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in what is there."""
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._code[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


def make_environment(user_folder: Path | None) -> jinja2.Environment:
    """Return the environment: everything is escaped, a name that is not there is an error.

    Args:
        user_folder: a folder with templates that stand before the bundled ones, file by file. One of them can build
            on the one it replaces: `{% extends "bundled/mail/mail.mjml" %}`.

    Raises:
        RenderError: `user_folder` is no folder.
    """
    if user_folder is not None and not user_folder.is_dir():
        raise RenderError(f"templates: there is no folder {user_folder}")
    bundled = jinja2.FileSystemLoader(bundled_folder())
    first = [jinja2.FileSystemLoader(user_folder)] if user_folder else []
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([*first, bundled, jinja2.PrefixLoader({"bundled": bundled})]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=_COMPILED,
    )
    environment.filters.update(
        attr=attr,
        xml=xml,
        math=latex.to_unicode,
        long_date=long_date,
        day_month=day_month,
        short_date=short_date,
        count_noun=count_noun,
        paragraphs=paragraphs,
        shorten=shorten,
        wrap=wrap,
        dots=dots,
    )
    environment.globals["links"] = links
    return environment


def bundled_folder() -> Path:
    """Return the folder of the templates that come with the program: in an installed wheel, else in the checkout.

    Raises:
        RenderError: there is none.
    """
    for folder in (_PACKAGE / "templates", _PACKAGE.parent / "templates"):
        if folder.is_dir():
            return folder
    raise RenderError(f"the templates are missing beside {_PACKAGE}; install the program again")


def render(environment: jinja2.Environment, name: str, /, **context: Any) -> str:
    """Render the template `name`; characters that no HTML or XML document may hold are dropped.

    Raises:
        RenderError: the template is missing or has a mistake; the message names template and line.
    """
    try:
        return _FORBIDDEN.sub("", environment.get_template(name).render(context))
    except jinja2.TemplateNotFound as error:
        needed = "" if error.name == name else f", which {name} needs"
        raise RenderError(f"there is no template {error.name}{needed}") from error
    except jinja2.TemplateSyntaxError as error:
        raise RenderError(f"template {error.name or name}, line {error.lineno}: {error.message}") from error
    except RenderError:
        raise
    except Exception as error:  # a template is a program: whatever it raises is its mistake, and needs its line
        where = _place(error.__traceback__) or f"template {name}"
        raise RenderError(f"{where}: {type(error).__name__}: {error}") from error


def _place(trace: TracebackType | None) -> str | None:
    """Return template and line of the innermost template frame; jinja2 gives such frames the template's own lines."""
    found = None
    while trace is not None:
        if "__jinja_exception__" in trace.tb_frame.f_globals:
            found = f"template {trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return found


def templates_fingerprint(user_folder: Path | None) -> str:
    """Return the sha256 of all that decides how a view is written: templates, this package's code, its version."""
    seen = hashlib.sha256(digest.__version__.encode())
    for folder in (user_folder, bundled_folder(), Path(__file__).parent):
        for path in _files(folder) if folder else ():
            name, content = str(path.relative_to(folder or path)).encode(), path.read_bytes()
            seen.update(b"%d %s %d\n" % (len(name), name, len(content)) + content)
    seen.update(Path(latex.__file__).read_bytes())
    return seen.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return (
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    )


def attr(value: object) -> Markup:
    """Write a value for an attribute in MJML: all but safe ASCII becomes `&#N;`.

    mrml writes attributes with Rust's debug escaping, which doubles backslashes and breaks at quotes; character
    references pass it untouched.
    """
    text = html.unescape(value) if isinstance(value, Markup) else str(value)
    safe = _UNSAFE_IN_ATTRIBUTE.sub(lambda m: f"&#{ord(m.group())};", _FORBIDDEN.sub("", text))
    return Markup(safe)  # noqa: S704  nothing is left that could end an attribute


def xml(value: object) -> Markup:
    """Write a value for a plain-text element of RSS: `& < >` as hexadecimal references, forbidden characters dropped.

    Readers differ in whether they decode such an element once or twice; these references survive both.
    """
    text = html.unescape(value) if isinstance(value, Markup) else str(value)
    safe = re.sub("[&<>]", lambda m: _XML_SPECIAL[m.group()], _FORBIDDEN.sub("", text))
    return Markup(safe)  # noqa: S704  no markup is left in it


def long_date(day: date) -> str:
    """Return `Tuesday, 16 June 2026`, in every locale."""
    return f"{_WEEKDAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}"


def day_month(day: date) -> str:
    """Return `16 June`."""
    return f"{day.day} {_MONTHS[day.month - 1]}"


def short_date(day: date) -> str:
    """Return `26 Feb 2021`."""
    return f"{day.day} {_MONTHS[day.month - 1][:3]} {day.year}"


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of `text`, which blank lines part."""
    return [paragraph for paragraph in text.split("\n\n") if paragraph.strip()]


def wrap(text: str, first: str = "", rest: str = "") -> str:
    """Wrap a paragraph at 72 columns; words, and so links, are never broken.

    Args:
        text: the paragraph.
        first: what its first line begins with.
        rest: what its other lines begin with.
    """
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def dots(name: str, value: str) -> str:
    """Return name and value at the ends of a dotted line."""
    name = shorten(name, 48)
    return f"{name} {'.' * (56 - len(name) - len(value))} {value}"
