"""What is kept between requests and between processes: facts and layers, apart for each identity that saw them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from functools import partial
from pathlib import Path

from registry.errors import MachineMisconfigured
from registry.facts import FactStore
from registry.layer_cache import LayerCache
from registry.single_flight import SingleFlight

_SALT_SIZE = 16
_SCRYPT_COST = 2**14


class Cache:
    """Facts in a file or in memory; layers in a folder or not at all."""

    def __init__(self, facts: FactStore, layers: LayerCache | None, salt: bytes) -> None:
        self.facts = facts
        self.layers = layers
        self._salt = salt
        self._owners: dict[str, str] = {}
        self._deriving: SingleFlight[str, str] = SingleFlight()

    @classmethod
    def in_memory(cls) -> Cache:
        """Facts only, until the process ends."""
        return cls(FactStore(), None, secrets.token_bytes(_SALT_SIZE))

    @classmethod
    def in_folder(cls, folder: Path, layer_bytes: int) -> Cache:
        """A cache that lasts; no layers when there is no room for any. Blocks. Raises MachineMisconfigured."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            salt = _read_salt(folder / "salt")
        except OSError as error:
            raise MachineMisconfigured(
                f"use the cache in {folder}", error.strerror or str(error), "Name a folder that this service may write."
            ) from error
        key = hmac.digest(salt, b"checks of layers", "sha256")
        layers = LayerCache(folder / "layers", layer_bytes, key) if layer_bytes else None
        return cls(FactStore(folder / "facts.sqlite"), layers, salt)

    async def owner(self, identity: str) -> str:
        """What stands for an identity on disk. It is slow to compute on purpose: guesses at a password stay slow."""
        if identity not in self._owners:
            self._owners[identity] = await self._deriving.do(
                identity, lambda: asyncio.to_thread(_derived, identity, self._salt)
            )
        return self._owners[identity]

    def close(self) -> None:
        """Close the files."""
        self.facts.close()


def _derived(identity: str, salt: bytes) -> str:
    return hashlib.scrypt(identity.encode(), salt=salt, n=_SCRYPT_COST, r=8, p=1, dklen=16).hex()


def _read_salt(path: Path) -> bytes:
    with suppress(FileNotFoundError):
        if len(salt := path.read_bytes()) == _SALT_SIZE:
            return salt
        # What a machine left that lost its power: a key that anybody can guess is none.
        path.unlink(missing_ok=True)
    # Linked into place whole: of several processes that begin at once, all go by the first one's.
    fresh = path.with_name(f"salt-{secrets.token_hex(8)}")
    with open(fresh, "xb", opener=partial(os.open, mode=0o600)) as file:
        file.write(secrets.token_bytes(_SALT_SIZE))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()
    return path.read_bytes()
