"""Composing editions: headings, sections, the edition itself. Pure; may import models."""
