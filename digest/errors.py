"""Every error that `digest` raises on purpose. Imports nothing.

    DigestError
    ├── UsageError              wrong usage: exit status 2
    │   └── ConfigError         a mistake in digest.toml or the environment
    │       └── TaxonomyError   a mistake in a taxonomy file
    ├── SourceError             a source cannot be fetched
    │   ├── PartlyReadError     parts of a source cannot be fetched; the others were
    │   └── ParseError          a dump as a whole cannot be read
    ├── StoreError              the database refused
    │   ├── StoreVersionError   a newer store in an older program
    │   ├── BytesGoneError      a dump cannot be read again: its bytes were let go of
    │   └── LockHeldError       another run holds the run lock
    ├── RenderError             a template cannot be rendered
    ├── TransportError          the relay cannot be reached, or refuses us
    ├── CheckpointError         what is to be kept elsewhere was not
    └── StoppedError            told to stop: what was under way is left to the next run

A message says what was wrong, where (file, line, key), and what to do. Drivers' exceptions are wrapped once, at
the adapter that talks to the driver.
"""

from __future__ import annotations


class DigestError(Exception):
    """Something went wrong that a person can mend; the message says how."""


class UsageError(DigestError):
    """A command was called in a way that cannot work."""


class ConfigError(UsageError):
    """The configuration has a mistake; the message names file, key, what was found and what is allowed."""


class SourceError(DigestError):
    """A source cannot be fetched now; other sources are not affected."""


class PartlyReadError(SourceError):
    """Parts of a source cannot be fetched now; all the others were, and what they gave was yielded before."""


class ParseError(SourceError):
    """A dump as a whole cannot be read (no known form); it is kept, and counted as one rejected listing."""


class StoreError(DigestError):
    """The store cannot do what was asked."""


class StoreVersionError(StoreError):
    """The store was written by a newer release than this program."""


class BytesGoneError(StoreError):
    """The raw bytes of a dump were let go of after the time that `[keep]` says; what was read from it is there."""

    #: what each message ends with
    WHY = "its bytes were let go of"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: {self.WHY}")
        #: of the dump
        self.name = name


class LockHeldError(StoreError):
    """Another run holds the run lock; the message says who, and until when."""


class TaxonomyError(ConfigError):
    """A taxonomy file has a mistake; the message names file and key."""


class RenderError(DigestError):
    """A template cannot be rendered; the message names template and line."""


class CheckpointError(DigestError):
    """The command that keeps the state elsewhere failed; what depends on it does not happen."""


class StoppedError(DigestError):
    """This process was told to stop; what was under way is left as it is, and the next run goes on from there."""


class TransportError(DigestError):
    """A transport cannot take messages now; what was to go stays pending. The message says what to do."""
