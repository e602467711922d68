"""Whether what is rendered can be: templates, the size of the next mail. May import bootstrap, pipeline and below."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from digest import pipeline
from digest.bootstrap import System, bundled, opened, publisher
from digest.config import Config, parse
from digest.doctor.findings import Finding, fail, fine, from_error, warn
from digest.edition.view import mail_view
from digest.errors import RenderError
from digest.models import Edition, View
from digest.sources import open_source
from digest.wishes import did_you_mean

TEMPLATES, MAIL = "templates", "mail"
#: year of the bundled dumps, which do not say it
_YEAR = 2026
#: what in a folder of templates is one
_SUFFIXES = frozenset({".mjml", ".html", ".txt", ".xml", ".css", ".j2", ".json", ".opml"})


def templates(config: Config) -> Iterator[Finding]:
    """Yield whether the user's templates can be rendered: all of them, with a sample of real papers."""
    if config.templates is None:
        yield fine(TEMPLATES, "the bundled ones")
        return
    folder = config.path(config.templates)
    where = f"mend it in {folder}, or take the file away: then the bundled one stands"
    shipped = {path.relative_to(bundled("templates")).as_posix() for path in bundled("templates").rglob("*")}
    own = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in _SUFFIXES)
    for name in own:
        if name not in shipped:
            meant = did_you_mean(name, shipped)
            yield warn(TEMPLATES, f"{name} replaces no bundled template", f"mend its name{meant or ', or remove it'}")
    try:
        _syntax(folder, own)
        _rehearsed(config)
    except RenderError as error:
        yield from_error(TEMPLATES, error, where)
        return
    yield fine(TEMPLATES, f"{len(own)} of your own in {folder}, rendered with a sample")


def _syntax(folder: Path, names: list[str]) -> None:
    """Read every template, used or not.

    Raises:
        RenderError: one has a mistake.
    """
    import jinja2

    from digest.rendering.environment import make_environment

    environment = make_environment(folder)
    for name in names:
        try:
            environment.get_template(name)
        except jinja2.TemplateSyntaxError as error:
            raise RenderError(f"template {error.name or name}, line {error.lineno}: {error.message}") from error


def _rehearsed(config: Config) -> None:
    """Publish a bundled dump with the user's templates, in a store in memory and a folder that does not stay.

    Raises:
        RenderError: a template cannot be rendered.
    """
    sample = min(bundled("seeds").glob("*.txt"), key=lambda path: path.stat().st_size)
    with tempfile.TemporaryDirectory(prefix="digest-doctor-") as folder:
        data = {
            "store": "sqlite:///:memory:",
            "newsletters": {"sample": {"title": "Sample"}},
            "sources": [{"name": "sample", "kind": "folder", "path": str(sample), "year": _YEAR}],
            "templates": str(config.path(config.templates or "")),
            # of the process, not of a system: sources are asked by the same way to the web
            "allow_hosts": list(config.allow_hosts),
            **{name: told for name in ("base_url", "contact") if (told := getattr(config, name))},
        }
        rehearsal = parse(data, root=Path(folder), where="doctor", environ={})
        with opened(rehearsal) as system:
            for _ in pipeline.replay(system.parts, [open_source(rehearsal.sources[0], Path(folder))]):
                pass


@dataclass(frozen=True)
class NextMail:
    """The next mail of a newsletter, as everybody would get it."""

    newsletter: str
    #: entries of the edition, how many of them were to be shown, and how many are
    entries: int
    wanted: int
    shown: int
    #: entries that are told in fewer words than they were to be
    shorter: int
    #: bytes of HTML, and of the message
    html: int
    message: int


def next_mails(system: System) -> Iterator[NextMail]:
    """Yield the next mail of every newsletter that has something for one."""
    for newsletter in system.parts.newsletters:
        edition = pipeline.upcoming(system.parts, newsletter)
        if edition is not None:
            yield rendered(system, edition)


def rendered(system: System, edition: Edition) -> NextMail:
    """Return an edition as a mail to everybody; that of a reader with interests of her own may be another."""
    from digest.rendering.environment import make_environment
    from digest.rendering.mail import render_mail
    from digest.rendering.mime import build_message

    one, view = publisher(system.config, system.parts.taggers), mail_view(edition)
    subject = one.subject(edition)
    mail = render_mail(
        view,
        subject=subject,
        preheader=one.preheader(edition),
        minutes=one.minutes(view),
        environment=make_environment(one.templates),
    )
    message = len(build_message(mail, edition, subject=subject))
    html = len(mail.html.encode())
    asked, told = _densities(view), _densities(mail.view)
    shorter = sum(told[key] != asked[key] for key in told)
    return NextMail(edition.newsletter, len(edition.entries), view.shown, mail.view.shown, shorter, html, message)


def _densities(view: View) -> dict[str, str]:
    """Return how much of each paper a view tells."""
    entries = [*view.top, *(entry for section in view.sections for entry in section.entries)]
    return {one.entry.paper.key: one.density for one in entries}


def sized(mail: NextMail, largest: int | None, relay: str = "the relay") -> Iterator[Finding]:
    """Yield whether a mail is of a good size.

    Args:
        mail: the next one.
        largest: bytes that the relay takes; None: it does not say.
        relay: its name.
    """
    told = (
        f"{mail.newsletter}: the next one has {mail.shown} of {mail.entries} papers, {mail.html / 1024:.0f} KiB of 100"
    )
    if mail.shown < mail.wanted:
        what = f"{told}: {mail.wanted - mail.shown} of the {mail.wanted} that `show` asks for do not fit"
        yield warn(MAIL, what, f"say show = {max(mail.shown, 1)} or less: Gmail cuts mails at about 102 KB")
    elif mail.shorter:
        what = f"{told}: so that they fit, {mail.shorter} of them are told in fewer words, down to the title alone"
        yield warn(MAIL, what, "say a smaller show, if sentences are wanted: Gmail cuts mails at about 102 KB")
    else:
        yield fine(MAIL, told)
    if largest is not None and mail.message > largest:
        what = f"{mail.newsletter}: the message has {mail.message:,} bytes, {relay} takes {largest:,} (SIZE)"
        yield fail(MAIL, what, "say a smaller show, or ask who runs the relay for more")
