"""Config -> wired objects. May import everything below it; heavy parts are imported when they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from digest.clock import Clock, system
from digest.config import Config
from digest.edition import view
from digest.errors import ConfigError
from digest.models import Newsletter
from digest.pipeline import Parts
from digest.protocols import Claimed, Outcome, Progress, Source, Store, Transport
from digest.rendering.publish import SitePublisher
from digest.sources import http, open_source
from digest.sources.prefetch import prefetched
from digest.tagging import Tagger, load_taxonomy

if TYPE_CHECKING:
    from digest.config import Mail
    from digest.outbox import Post


@dataclass(frozen=True)
class System:
    """A configuration, wired: what entry points work with."""

    config: Config
    parts: Parts

    @property
    def store(self) -> Store:
        """The store of all."""
        return self.parts.store

    def sources(self) -> Sequence[Source]:
        """Open the configured sources, in their order."""
        return [open_source(settings, self.config.root) for settings in self.config.sources]


@contextmanager
def opened(config: Config, clock: Clock | None = None, *, rehearse: bool = False) -> Iterator[System]:
    """Open the store and wire what a run works with; the store is closed at the end of the block.

    Args:
        config: what to wire.
        clock: the one clock; default: the process's.
        rehearse: nothing that is written to the store stays.
    """
    from digest.store import open_store

    http.configure(contact=config.contact, allow_hosts=config.allow_hosts)
    clock = clock or system()
    taggers = {newsletter.id: tagger(config, newsletter) for newsletter in config.newsletters}
    store = open_store(store_address(config), clock=clock, rehearse=rehearse)
    try:
        yield System(
            config=config,
            parts=Parts(
                store=store,
                publisher=publisher(config, taggers),
                newsletters=config.newsletters,
                taggers=taggers,
                interests=config.interests,
                clock=clock,
                base_url=config.base_url,
                fetching=prefetched,
            ),
        )
    finally:
        store.close()


def tagger(config: Config, newsletter: Newsletter) -> Tagger:
    """Load the taxonomy that tags a newsletter's papers; `headings` may print the sources' categories instead.

    Raises:
        ConfigError: `headings` names no file.
        TaxonomyError: the file has a mistake.
    """
    if newsletter.headings in ("auto", "ml", "arxiv"):
        return load_taxonomy()
    where = f"newsletters.{newsletter.id}.headings"
    path = config.path(newsletter.headings)
    if not path.is_file():
        raise ConfigError(f"{where}: found {newsletter.headings!r}: use 'auto', 'ml', 'arxiv' or the path of a file")
    return load_taxonomy(path)


def publisher(config: Config, taggers: Mapping[str, Tagger]) -> SitePublisher:
    """Wire the output folder; templates are read only when something is rendered."""
    return SitePublisher(
        output=config.path(config.output),
        newsletters=config.newsletters,
        base_url=config.base_url,
        templates=config.path(config.templates) if config.templates else None,
        mail_view=view.mail_view,
        page_view=view.page_view,
        subject=view.subject,
        preheader=view.preheader,
        minutes=view.reading_minutes,
        taxonomies={id: one.taxonomy for id, one in taggers.items()},
    )


def post(system: System, mail: Mail, progress: Progress | None = None) -> Post:
    """Wire what delivering works with; nothing is connected yet.

    Args:
        system: the rest.
        mail: `[mail]` with its secrets.
        progress: shows it to a person.
    """
    from digest.delivery.sender import Sender
    from digest.edition.join import join
    from digest.outbox import Post
    from digest.rendering.postroom import Postroom, Stationery

    config, parts = system.config, system.parts
    subscribers = parts.store.subscribers
    room = Postroom(
        publisher(config, parts.taggers),
        parts.store,
        Stationery(
            from_addr=mail.from_addr,
            from_name=mail.name,
            reply_to=mail.reply_to,
            bounces=mail.bounces,
            sender=mail.sender,
            postal_address=mail.postal_address,
            unsubscribe_url=mail.unsubscribe_url,
        ),
        groups=config.groups,
        interests=config.interests,
        personal_view=view.mail_view,
        join=join,
        clock=parts.clock,
        secret=subscribers.secret(),
    )

    def suppress(delivery: Claimed, outcome: Outcome) -> None:
        subscribers.suppress(delivery.address, at=parts.clock(), reason="bounced", evidence=outcome.text)

    sender = Sender(
        parts.store.ledger,
        transport(mail),
        room.make,
        clock=parts.clock,
        pace=mail.pace,
        policies={one.id: one.unknown for one in parts.newsletters},
        suppress=suppress,
        progress=progress,
    )
    return Post(store=parts.store, sender=sender, newsletters=parts.newsletters, clock=parts.clock, test=room.test)


def transport(mail: Mail) -> Transport:
    """Return what `[mail]` hands messages to; opened when there is something to hand over."""
    from digest.config import CommandSettings, PathSettings
    from digest.delivery.folders import EmlFolder, Maildir
    from digest.delivery.sendmail import Sendmail
    from digest.delivery.smtp import SmtpTransport

    match mail.transport:
        case PathSettings(kind="maildir", path=path):
            return Maildir(path)
        case PathSettings(path=path):
            return EmlFolder(path)
        case CommandSettings(command=command):
            return Sendmail(command)
        case settings:
            return SmtpTransport(settings)


def store_address(config: Config) -> str:
    """Return the store's URL, or the path of its file seen from the folder of digest.toml."""
    return config.store if "://" in config.store else str(config.path(config.store))


def bundled(folder: str) -> Path:
    """Return a folder of data that ships with the program: `digest/<folder>` of the wheel, else the checkout's."""
    package = Path(__file__).parent
    inside = package / folder
    return inside if inside.is_dir() else package.parent / folder
