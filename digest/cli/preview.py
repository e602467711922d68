"""`digest preview`: the newest edition with today's configuration."""

from __future__ import annotations

import tempfile
import webbrowser
from datetime import timedelta
from pathlib import Path

import click

from digest import pipeline
from digest.bootstrap import System, publisher
from digest.cli.common import Asked, find_edition, options
from digest.errors import UsageError
from digest.models import Edition
from digest.text import count_noun, shorten

_FILES = {"html": "mail.html", "text": "mail.txt", "eml": "mail.eml"}


@click.command()
@click.argument("name", default="last")
@click.option("--days", type=click.IntRange(1), help="Compose the papers of the last N days anew, as one.")
@click.option("--format", "form", type=click.Choice(list(_FILES)), default="html", show_default=True)
@click.option("--open", "show", is_flag=True, help="Open it in a browser.")
@options
def command(asked: Asked, name: str, days: int | None, form: str, show: bool) -> None:
    """Compose the newest edition anew, with today's configuration, and say what moved.

    NAME is an edition: daily/128, daily/2026-11-20 or last. Nothing is written to the store or the output folder.
    """
    with asked.system() as system:
        newsletter_id, number = find_edition(system, name)
        was = system.store.edition(newsletter_id, number)
        editions = _of_days(system, was, days)
        newsletter = next(one for one in system.parts.newsletters if one.id == newsletter_id)
        edition = pipeline.recompose(system.parts, newsletter, editions)
        edition = edition.model_copy(update={"title": f"{edition.title} (preview)"})
        moved = _moved(was, edition) if days is None else [f"{count_noun(len(editions), 'edition')} as one"]
        content = dict(zip(_FILES, publisher(system.config, system.parts.taggers).mails(edition), strict=True))[form]
    folder = Path(tempfile.mkdtemp(prefix="digest-preview-"))
    path = folder / _FILES[form]
    path.write_bytes(content)
    asked.tell({"edition": f"{newsletter_id}/{number}", "file": str(path), "moved": moved})
    if form == "text" and not show:
        asked.say(content.decode("utf-8"))
    asked.say(f"Preview of {newsletter_id}/{number} with today's configuration: {'; '.join(moved)}.\n  open  {path}")
    if show:
        webbrowser.open(path.as_uri())


def _of_days(system: System, last: Edition, days: int | None) -> list[Edition]:
    """Return the edition, or all of the last days up to it, oldest first."""
    if days is None:
        return [last]
    since = last.date - timedelta(days=days - 1)
    refs = [one.ref for one in system.store.editions(last.newsletter) if since <= one.ref.date <= last.date]
    if not refs:
        raise UsageError(f"--days {days}: no edition in these days")
    return [system.store.edition(last.newsletter, ref.number) for ref in refs]


def _moved(was: Edition, now: Edition) -> list[str]:
    """Say what is different from the edition as it came out."""
    moved = []
    headings = [key for key, entry in now.by_key.items() if entry.heading != was.by_key[key].heading]
    if headings:
        example = now.by_key[headings[0]]
        name = now.tag_names.get(example.heading or "", "Also new")
        moved.append(
            f"{count_noun(len(headings), 'paper')} under another heading (“{shorten(example.paper.title, 40)}” "
            f"is under {name})"
        )
    places = {entry.paper.key: number for number, entry in enumerate(was.entries)}
    shifts = [(abs(places[entry.paper.key] - number), entry) for number, entry in enumerate(now.entries)]
    if any(shift for shift, _ in shifts):
        far, entry = max(shifts, key=lambda one: one[0])
        title = shorten(entry.paper.title, 40)
        moved.append(f"{sum(bool(shift) for shift, _ in shifts)} papers in another place, “{title}” by {far}")
    if was.top.keys != now.top.keys:
        new = [shorten(now.entry(key).paper.title, 40) for key in now.top.keys if key not in was.top.keys]
        moved.append(f"at the top now: {', '.join(f'“{title}”' for title in new)}" if new else "the top is reordered")
    if was.show != now.show:
        moved.append(f"the mail shows {now.show} instead of {was.show}")
    return moved or ["nothing moved"]
