"""The bytes of an answer: decoded step by step, so that what unpacks to gigabytes stops at the limit.

May import the words of the HTTP client; brotli is imported where an answer has it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from digest.sources.http_words import Failure, size

#: what is asked for; anything else a server chooses is refused
ENCODINGS = "gzip, deflate, br"
_STEP = 1 << 16
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class _Decoder(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what comes out, in pieces of about `_STEP` bytes."""

    def finish(self) -> None:
        """Raise Failure where the end is missing."""


def read(chunks: Iterable[bytes], encoding: str, limit: int) -> bytes:
    """Return the decoded body.

    Args:
        chunks: the bytes as they come.
        encoding: the Content-Encoding header; codings in the order they were applied.
        limit: bytes that neither what comes nor what comes out may exceed.

    Raises:
        Failure: it is longer, or not what its header says.
    """
    names = [name for name in (part.strip().lower() for part in encoding.split(",")) if name not in ("", "identity")]
    decoders = [_decoder(name) for name in reversed(names)]
    flow: Iterable[bytes] = _limited(chunks, limit)
    for decoder in decoders:
        flow = _limited(_decoded(flow, decoder), limit)
    return b"".join(flow)


def _limited(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limit:
            raise too_long(limit)
        yield chunk


def too_long(limit: int) -> Failure:
    """Return the failure of an answer over the limit."""
    return Failure(f"over {size(limit)}, no feed is that long", "check the address in digest.toml")


def _decoded(chunks: Iterable[bytes], decoder: _Decoder) -> Iterator[bytes]:
    for chunk in chunks:
        yield from decoder.feed(chunk)
    decoder.finish()


def _decoder(name: str) -> _Decoder:
    if name in ("gzip", "x-gzip"):
        return _Zlib("gzip", _GZIP)
    if name == "deflate":
        return _Zlib("deflate", _ZLIB)
    if name == "br":
        return _Brotli()
    raise Failure(f"the answer is encoded as {name[:20]!r}, which was not asked for")


class _Zlib:
    """gzip, one member after the other (RFC 1952), and deflate, with its header or as some servers send it without."""

    def __init__(self, name: str, bits: int) -> None:
        self._name = name
        self._bits = bits
        self._engine = zlib.decompressobj(bits)
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._engine.eof:
                if self._bits != _GZIP or data[:1] != b"\x1f":
                    return  # padding behind the last member
                self._engine = zlib.decompressobj(self._bits)
            yield self._step(data)
            data = self._engine.unused_data if self._engine.eof else self._engine.unconsumed_tail

    def _step(self, data: bytes) -> bytes:
        try:
            out = self._engine.decompress(data, _STEP)
        except zlib.error as error:
            if self._bits == _ZLIB and not self._begun:
                self._bits, self._engine = _RAW, zlib.decompressobj(_RAW)
                return self._step(data)
            raise _garbled(self._name) from error
        self._begun = True
        return out

    def finish(self) -> None:
        if self._begun and not self._engine.eof:
            raise _cut(self._name)


class _Brotli:
    """Brotli (RFC 7932)."""

    def __init__(self) -> None:
        import brotli

        self._error = brotli.error
        self._engine = brotli.Decompressor()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._begun = True
        yield self._step(data)
        while not self._engine.can_accept_more_data():
            yield self._step(b"")

    def _step(self, data: bytes) -> bytes:
        try:
            out: bytes = self._engine.process(data, output_buffer_limit=_STEP)
        except self._error as error:
            raise _garbled("br") from error
        return out

    def finish(self) -> None:
        if self._begun and not self._engine.is_finished():
            raise _cut("br")


def _garbled(name: str) -> Failure:
    return Failure(f"the answer says that it is {name}, and is not")


def _cut(name: str) -> Failure:
    return Failure(f"the answer ended in the middle of its {name} data", again=True)
