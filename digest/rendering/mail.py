"""A view as a mail: MJML by jinja2, HTML by mrml, styles written into the elements, never over the budget.

May import letter, budget, plain and environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import css_inline
import jinja2
import mjml

from digest.errors import RenderError
from digest.models import View
from digest.rendering.budget import fit
from digest.rendering.environment import render
from digest.rendering.letter import Letter, MailLinks, make_letter, public_links
from digest.rendering.plain import render_text

__all__ = ["LIMIT", "Mail", "MailLinks", "public_links", "render_mail"]

#: bytes of HTML at which a mail is cut: Gmail clips at about 102 KB, and the footer goes with it
LIMIT: Final = 100 * 1024


@dataclass(frozen=True)
class Mail:
    """A mail, rendered."""

    html: str
    text: str
    #: what it shows, after the budget
    view: View


def render_mail(
    view: View,
    *,
    subject: str,
    preheader: str,
    minutes: int,
    environment: jinja2.Environment,
    to: MailLinks | None = None,
    recipient: str = "",
    personal: bool = False,
    limit: int = LIMIT,
) -> Mail:
    """Render a view as HTML and plain text that say the same; equal arguments give equal bytes.

    Where the HTML would be over `limit`, entries are told shorter from the lowest score up: the abstract becomes two
    sentences, two become one, one the title alone; then they are left out and counted as more on the web.

    Args:
        view: what to show.
        subject: of the message.
        preheader: what a list of mails shows after the subject.
        minutes: how long it takes to read.
        environment: of `make_environment`.
        to: where it links to; None: where everybody's mail does.
        recipient: a sentence for the footer: who gets it, since when, how to change that; "": everybody.
        personal: whether to show reasons that tell of a reader's interests though the edition keeps them.
        limit: bytes of UTF-8 that the HTML may have.

    Raises:
        RenderError: a template has a mistake.
    """
    to = public_links(view.edition) if to is None else to

    def letter(shown: View) -> Letter:
        return make_letter(
            shown,
            subject=subject,
            preheader=preheader,
            minutes=minutes,
            to=to,
            recipient=recipient,
            personal=personal,
        )

    shown, html = fit(view, lambda one: _html(letter(one), environment), limit)
    return Mail(html=html, text=render_text(letter(shown), environment), view=shown)


def _html(letter: Letter, environment: jinja2.Environment) -> str:
    source = render(environment, "mail/mail.mjml", letter=letter)
    try:
        # Without `fonts` it would link web fonts.
        page = mjml.mjml2html(source, fonts={})
    except ValueError as error:
        raise RenderError(f"template mail/mail.mjml: MJML cannot be read: {error}") from error
    return _inliner(render(environment, "mail/inline.css")).inline(page)


@lru_cache(maxsize=4)
def _inliner(css: str) -> css_inline.CSSInliner:
    # The style elements stay, and are not written into elements: they speak of dark and narrow screens, and MJML's own
    # would cost 90 bytes a cell.
    return css_inline.CSSInliner(
        inline_style_tags=False, keep_style_tags=True, extra_css=css, load_remote_stylesheets=False
    )
