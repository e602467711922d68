"""The mail of a delivery: rendered once per kind of reader, spliced per reader.

    claimed -> edition(s) -> view -> mail -> form        once for all readers whose mail is alike
    form x reader -> message with its envelope           each

May import links, models, protocols, logs, text and this package; how editions are joined and viewed is handed in.
"""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from digest import links
from digest.errors import ConfigError
from digest.logs import logger
from digest.models import Edition, Interests
from digest.protocols import Claimed, Outgoing, Store
from digest.rendering import footing
from digest.rendering.headers import From, To
from digest.rendering.personal import Kind, PersonalView, Told, known_groups, tell, union
from digest.rendering.publication import Publication
from digest.rendering.splice import Form, Reader, compile_message, make_markers
from digest.text import clean

if TYPE_CHECKING:
    import jinja2

    from digest.rendering.letter import MailLinks

#: RFC 8058 wants https; a server on this machine is somebody's trial
_ONE_CLICK = re.compile(r"https://|http://(localhost|127\.[0-9.]+|\[::1\])[:/]")
#: forms kept; readers come in the order of their ids, and most are of few kinds
_FORMS = 64
#: characters before the @ of the address that mail comes back to: with `+` and a token there may be 64 (RFC 5321,
#: 4.5.3.1.1)
_LOCAL = 34
#: bytes of HTML that a reader's sentence may have; a link at each end comes on top
_SENTENCE = 3 * 1024


@dataclass(frozen=True)
class Stationery:
    """What is the same in all mails: who sends them, and where answers go."""

    from_addr: str
    #: None: the title of the newsletter
    from_name: str | None = None
    #: None: answers go to `from_addr`
    reply_to: str | None = None
    #: where mail that comes back goes: `local+TOKEN@domain`, a token for each delivery; None: to `from_addr`
    bounces: str | None = None
    #: who sends it, for the footer
    sender: str | None = None
    #: a postal address, for the footer: the law asks for it in many places
    postal_address: str | None = None
    #: an https URL with `{token}` in it, a one-click endpoint (RFC 8058); None: readers leave by mail
    unsubscribe_url: str | None = None

    def __post_init__(self) -> None:
        """Refuse a link that could not end anybody's subscription, and a return address with no room for a token."""
        url = self.unsubscribe_url
        if url is not None and not (_ONE_CLICK.match(url) and "{token}" in url):
            raise ConfigError(f"unsubscribe_url: found {url!r}: it is an https address with {{token}} in it (RFC 8058)")
        if self.bounces is not None and len(self.bounces.rpartition("@")[0]) > _LOCAL:
            raise ConfigError(f"bounces: found {self.bounces!r}: before the @ it has {_LOCAL} characters at most")

    @property
    def answers(self) -> str:
        """The address that reads what readers write."""
        return self.reply_to or self.from_addr


class Prepared(NamedTuple):
    """A form, with what its readers' values depend on."""

    form: Form
    edition: Edition
    #: host of its Message-IDs
    host: str
    #: links by which a reader leaves, the best first; `{token}` stands for hers
    ways: tuple[str, ...]
    #: tells the newest edition from others of its number, in Message-IDs
    seal: str


class Postroom:
    """Makes messages; may be used by several threads."""

    def __init__(
        self,
        publication: Publication,
        store: Store,
        stationery: Stationery,
        *,
        groups: Mapping[str, Interests],
        interests: Interests,
        personal_view: PersonalView,
        join: Callable[[Sequence[Edition]], Edition],
        clock: Callable[[], datetime],
        secret: bytes,
    ) -> None:
        """Open the room; nothing is read or rendered yet.

        Args:
            publication: how mails look.
            store: has the editions.
            stationery: who sends.
            groups: name -> what its readers want.
            interests: the newsletters' own, which an owner in a group keeps.
            personal_view: chooses what a reader's mail shows.
            join: several editions of a newsletter as one.
            clock: now.
            secret: keys tokens and ids.
        """
        self._publication = publication
        self._store = store
        self._stationery = stationery
        self._groups = groups
        self._interests = interests
        self._personal_view = personal_view
        self._join = join
        self._clock = clock
        self._secret = secret
        self._host = stationery.from_addr.rpartition("@")[2]
        self._unknown: set[str] = set()
        # Bounded: a million readers in a thousand kinds must not grow memory.
        self._prepared = lru_cache(maxsize=_FORMS)(self._prepare)
        self._known = lru_cache(maxsize=1024)(self._known_groups)

    def make(self, claimed: Claimed) -> Outgoing:
        """Return the message of a delivery; at each try the same, but for a Date where it was never tried.

        Raises:
            RenderError: a template has a mistake, or the address is not one plain address.
            StoreError: an edition is not there.
        """
        kind = Kind(
            claimed.newsletter,
            claimed.after,
            claimed.upto,
            claimed.format == "text",
            self._known(claimed.groups),
            claimed.origin == "owner",
        )
        form, edition, host, ways, seal = self._prepared(kind)
        token = links.token(self._secret, "unsubscribe", claimed.subscription)
        own = tuple([way.replace("{token}", token) for way in ways])
        to = To(
            address=claimed.address,
            name=claimed.name,
            message_id=links.delivery_message_id(
                host, claimed.newsletter, claimed.subscription, claimed.upto, seal, self._secret
            ),
            date=claimed.first_try or self._clock(),
            unsubscribe=own,
            one_click=len(own) > 1,
        )
        pieces = form.fill(Reader(to, self._sentence(edition, claimed, token), own[0]))
        return Outgoing(claimed, self._reverse_path(claimed), claimed.address, pieces)

    def test(self, edition: Edition, address: str) -> Outgoing:
        """Return the mail of an edition as a test: what its readers get, without a token of anybody.

        Raises:
            RenderError: a template has a mistake, or the address is not one plain address.
        """
        claimed = _nobody(edition, address, self._clock())
        host = _message_host(edition, self._host)
        message_id = f"<{edition.newsletter}.test.{secrets.token_hex(16)}@{host}>"
        told = self._told(edition, Kind(edition.newsletter, edition.number - 1, edition.number))
        told = replace(told, subject=f"[Test] {told.subject}")
        form = self._compile(edition, told, unsubscribe=False)
        to = To(address, "", message_id, self._clock())
        pieces = form.fill(Reader(to, footing.for_test(edition, address), ""))
        return Outgoing(claimed, self._stationery.from_addr, address, pieces)

    # What depends on the reader

    def _sentence(self, edition: Edition, claimed: Claimed, token: str) -> str:
        if claimed.origin == "owner":
            return footing.for_owner(claimed.address)
        why = footing.because(claimed.origin, claimed.confirmed_by, claimed.since, edition.timezone)
        by_mail = None if self._stationery.unsubscribe_url else self._stationery.answers
        return footing.for_reader(clean(edition.title), claimed.address, why, edition.newsletter, token, by_mail)

    def _reverse_path(self, claimed: Claimed) -> str:
        """Return where a message that cannot be delivered comes back to, with a name of the delivery in it (VERP)."""
        if self._stationery.bounces is None:
            return self._stationery.from_addr
        local, _, domain = self._stationery.bounces.rpartition("@")
        return f"{local}+{links.token(self._secret, 'bounce', claimed.id)}@{domain}"

    # What its readers share

    def _known_groups(self, names: str) -> tuple[str, ...]:
        """Return the groups that are configured among those that a subscription names; say of the others once."""
        known, unknown = known_groups(names, self._groups)
        for name in unknown:
            if name not in self._unknown:
                self._unknown.add(name)
                logger().warning("no such group; its readers get the mail without it", group=name)
        return known

    def _prepare(self, kind: Kind) -> Prepared:
        """Read the editions of a kind of reader, and compile its form."""
        numbers = range(kind.after + 1, kind.upto + 1)
        editions = [self._store.edition(kind.newsletter, number) for number in numbers]
        edition = self._join(editions)
        told = self._told(edition, kind)
        form = self._compile(
            edition,
            told,
            plain=kind.plain,
            personal=kind.personal,
            several=len(numbers) > 1,
            unsubscribe=not kind.owner,
        )
        host, ways = _message_host(edition, self._host), self._ways(edition.newsletter)
        return Prepared(form, edition, host, ways, links.seal(editions[-1]))

    def _ways(self, newsletter: str) -> tuple[str, ...]:
        """Return the links by which readers leave a newsletter, the best first, with `{token}` for theirs."""
        by_mail = links.unsubscribe_mailto(self._stationery.answers, newsletter, "") + "{token}"
        url = self._stationery.unsubscribe_url
        return (by_mail,) if url is None else (url, by_mail)

    def _told(self, edition: Edition, kind: Kind) -> Told:
        wanted = [self._groups[name] for name in kind.groups]
        wanted += [self._interests] if wanted and kind.owner else []
        return tell(
            edition,
            kind,
            union(wanted) if wanted else None,
            view=self._personal_view,
            subject=self._publication.subject,
            taxonomy=self._publication.taxonomies.get(edition.newsletter),
        )

    def _compile(
        self,
        edition: Edition,
        told: Told,
        *,
        plain: bool = False,
        personal: bool = False,
        several: bool = False,
        unsubscribe: bool = True,
    ) -> Form:
        """Render a mail with markers for what is a reader's own, and encode the rest."""
        stationery = self._stationery
        imprint = footing.imprint(edition.title, stationery.sender, stationery.postal_address)
        markers = make_markers(edition.canonical_json().decode(), told.subject, imprint)
        room = _SENTENCE + 2 * len(html.escape(self._ways(edition.newsletter)[0] + 32 * "x"))
        text, page = self._bodies(
            told,
            _links(edition, markers.link if unsubscribe else None, several=several),
            "\n".join(filter(None, (markers.sentence, imprint))),
            personal=personal,
            plain=plain,
            room=room,
        )
        sender = From(stationery.from_addr, stationery.from_name, stationery.reply_to)
        return compile_message(text, page, markers, edition, subject=told.subject, sender=sender)

    def _bodies(
        self, told: Told, to: MailLinks, recipient: str, *, personal: bool, plain: bool, room: int
    ) -> tuple[str, str | None]:
        """Return text and HTML; no HTML where the mail is plain text alone, which is never too large."""
        from digest.rendering.letter import make_letter
        from digest.rendering.mail import LIMIT, render_mail
        from digest.rendering.plain import render_text

        view, chosen = told.view, self._publication
        preheader, minutes = chosen.preheader(view.edition), chosen.minutes(view)
        if plain:
            letter = make_letter(
                view,
                subject=told.subject,
                preheader=preheader,
                minutes=minutes,
                to=to,
                recipient=recipient,
                personal=personal,
            )
            return render_text(letter, self._environment), None
        mail = render_mail(
            view,
            subject=told.subject,
            preheader=preheader,
            minutes=minutes,
            environment=self._environment,
            to=to,
            recipient=recipient,
            personal=personal,
            limit=LIMIT - room,
        )
        return mail.text, mail.html

    @cached_property
    def _environment(self) -> jinja2.Environment:
        from digest.rendering.environment import make_environment

        return make_environment(self._publication.templates)


def _links(edition: Edition, unsubscribe: str | None, *, several: bool) -> MailLinks:
    """Return where a reader's mail leads; several editions are on no page of the web together, but in the archive."""
    from digest.rendering.letter import public_links

    found = replace(public_links(edition), unsubscribe=unsubscribe)
    return replace(found, web=None, rest=found.archive) if several else found


def _message_host(edition: Edition, own: str) -> str:
    """Return the host of Message-IDs: the newsletter's, or where that is no real one, the sender's."""
    host = links.feed_host(edition)
    return own if host.endswith(".invalid") else host


def _nobody(edition: Edition, address: str, now: datetime) -> Claimed:
    """Return the delivery of a test: no row of the ledger."""
    return Claimed(
        id=0,
        subscription=0,
        newsletter=edition.newsletter,
        after=edition.number - 1,
        upto=edition.number,
        tries=0,
        address=address,
        name="",
        format="html",
        groups="",
        origin="command",
        since=now,
        confirmed_by=None,
        first_try=None,
    )
