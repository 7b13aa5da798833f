"""What says whether a cached layer still has the bytes that were verified: a GMAC by a key of the cache's own.

GMAC (NIST SP 800-38D) takes a fifteenth of SHA-256's time where the processor multiplies without carry, and nobody can
give other bytes the same tag without the key. No key and nonce may ever serve for two messages: each digest has a key
of its own and one content only, and the tag of what was not verified is never shown.
"""

from __future__ import annotations

import hmac
import os

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

from registry.names import Digest

_NONCE = bytes(12)


class LayerCheck:
    """The tag of one layer's bytes; without the global interpreter lock while they are worked through."""

    def __init__(self, key: bytes, digest: Digest) -> None:
        """`key` is the cache's."""
        own = hmac.digest(key, str(digest).encode(), "sha256")
        self._mac = Cipher(AES(own), GCM(_NONCE)).encryptor()

    def update(self, piece: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._mac.authenticate_additional_data(piece)

    def tag(self) -> str:
        """The tag of all that came, 32 hexadecimal digits; to be asked for once."""
        self._mac.finalize()
        return self._mac.tag.hex()

    def is_tag(self, said: str) -> bool:
        """Whether this is the tag of all that came; to be asked once."""
        return hmac.compare_digest(self.tag().encode(), os.fsencode(said))
