"""A mail as plain text: the same words in the same order as its HTML, wrapped at 72. May import letter, environment."""

from __future__ import annotations

import jinja2

from digest.rendering.environment import render
from digest.rendering.letter import Letter


def render_text(letter: Letter, environment: jinja2.Environment) -> str:
    """Return the plain text of a mail, lines ending in LF.

    Raises:
        RenderError: the template `mail/mail.txt` has a mistake.
    """
    return render(environment, "mail/mail.txt", letter=letter)
