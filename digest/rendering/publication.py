"""What is published, where, and how it looks. May import models; what renders is imported when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from digest.models import Edition, Newsletter, Taxonomy, View

if TYPE_CHECKING:
    import jinja2


@dataclass(frozen=True)
class Publication:
    """All newsletters of one folder.

    The functions come from above: rendering does not know how an edition is composed.
    """

    #: the folder that a static host serves
    output: Path
    #: as configured, in their order; others that the store has editions of are published after them
    newsletters: Sequence[Newsletter]
    #: base of absolute links; None: pages are relative anyway, feeds link to the works themselves
    base_url: str | None
    mail_view: Callable[[Edition], View]
    page_view: Callable[[Edition], View]
    subject: Callable[[Edition], str]
    preheader: Callable[[Edition], str]
    #: reading time of a view
    minutes: Callable[[View], int]
    #: the user's folder of templates, which stand before the bundled ones
    templates: Path | None = None
    #: newsletter -> its taxonomy: where there is one, a paper stands under the parents of its tags too
    taxonomies: Mapping[str, Taxonomy] = field(default_factory=dict)

    def mails(self, edition: Edition, environment: jinja2.Environment | None = None) -> tuple[bytes, bytes, bytes]:
        """Return everybody's mail of an edition as HTML, as text and as message (RFC 5322), from the snapshot alone.

        Args:
            edition: the snapshot.
            environment: where the templates are loaded already.

        Raises:
            RenderError: a template cannot be rendered.
        """
        from digest.rendering.environment import make_environment
        from digest.rendering.mail import render_mail
        from digest.rendering.mime import build_message

        view, subject = self.mail_view(edition), self.subject(edition)
        mail = render_mail(
            view,
            subject=subject,
            preheader=self.preheader(edition),
            minutes=self.minutes(view),
            environment=environment or make_environment(self.templates),
        )
        return mail.html.encode(), mail.text.encode(), build_message(mail, edition, subject=subject)
