from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from digest.models import Density
from digest.rendering.environment import make_environment, render
from digest.rendering.letter import make_letter, public_links
from tests.rendering.mail_editions import make_edition, make_entry, make_view


@pytest.mark.tools
def test_the_reference_mjml_finds_no_mistake_in_our_source(tmp_path: Path):
    """mjml-python drops what it does not know without a word; the reference says so."""
    tool = shutil.which("mjml")
    assert tool, "needs the command mjml: npm install --global mjml"
    entries = [make_entry(0, title='"<>&\\alpha\u200b{{ }} 日本'), *(make_entry(n) for n in range(1, 20))]
    edition = make_edition(entries=entries, notes=("arxiv could not be read.",))
    densities: tuple[Density, ...] = ("abstract", "title")
    for number, density in enumerate(densities):
        letter = make_letter(
            make_view(edition, density), subject="<s>", preheader="p", minutes=5, to=public_links(edition)
        )
        source = tmp_path / f"{number}.mjml"
        source.write_text(render(make_environment(None), "mail/mail.mjml", letter=letter))
        done = subprocess.run(
            [tool, "--config.validationLevel", "strict", str(source), "-o", str(tmp_path / f"{number}.html")],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert "Paper 7" in (tmp_path / f"{number}.html").read_text()
        source.write_text(source.read_text().replace("</mj-body>", "<mj-nothing></mj-nothing></mj-body>"))
        wrong = subprocess.run(
            [tool, "--config.validationLevel", "strict", str(source), "-o", str(tmp_path / "w.html")],
            capture_output=True,
            timeout=60,
        )
        assert wrong.returncode != 0
