"""A digest of papers: one work, one line, one time."""

__version__ = "0.1.0"
