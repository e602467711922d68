"""The key that addresses are hashed with in a state: the same at every run, in no file. May import nothing."""

from __future__ import annotations

import hashlib

#: stands where no newsletter's own name is known
SALT = "papers-digest"
#: about a third of a second and 128 MiB for each guess (RFC 7914; the strength that OWASP recommends)
_COST, _BLOCK = 2**17, 8


def derive(user: str, salt: str) -> bytes:
    """Return a key that follows from the login of a mail account (scrypt, RFC 7914).

    Whoever can guess the login can try it, slowly; a secret of its own cannot be guessed.

    Args:
        user: the login; known to the owner.
        salt: fixed for a newsletter, so that one guess serves for none but it.
    """
    told = f"{SALT}\0{salt}".encode()
    memory = 2 * 128 * _BLOCK * _COST
    return hashlib.scrypt(user.casefold().encode(), salt=told, n=_COST, r=_BLOCK, p=1, maxmem=memory, dklen=32)


def of_secret(secret: str) -> bytes:
    """Return the key that a secret of the configuration stands for."""
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"papers-digest").digest()
