"""What the local registry keeps: blobs by digest, tags and uploads as files. All methods block."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Any

REPOSITORY = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
DIGEST = r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}"
_SESSION = re.compile(r"[0-9a-f]{32}")
_COPY_SIZE = 1024 * 1024


class Storage:
    """A folder with everything in it. Names reach it only after they were matched with the patterns above."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("blobs", "repositories", "uploads"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    # Blobs belong to repositories: a link file says which has which.

    def blob(self, repository: str, digest: str) -> Path | None:
        """The file of a blob that the repository has."""
        path = self._blob_file(digest)
        return path if self._link(repository, "blobs", digest).exists() and path.exists() else None

    def mount(self, repository: str, digest: str, source: str) -> bool:
        """Give a repository a blob of another."""
        if self.blob(source, digest) is None:
            return False
        self._write(self._link(repository, "blobs", digest), b"")
        return True

    def start_upload(self) -> str:
        """A new session's id."""
        session = secrets.token_hex(16)
        (self._folder / "uploads" / session).touch()
        return session

    def upload(self, session: str) -> Path | None:
        """The file of a session's bytes so far."""
        path = self._folder / "uploads" / session
        return path if _SESSION.fullmatch(session) and path.exists() else None

    def finish_upload(self, repository: str, session: Path, digest: str) -> bool:
        """Make a session's bytes a blob; False when they have another digest (then they are dropped)."""
        hasher = hashlib.new(digest.partition(":")[0])
        with session.open("rb") as file:
            while chunk := file.read(_COPY_SIZE):
                hasher.update(chunk)
        if hasher.hexdigest() != digest.partition(":")[2]:
            session.unlink()
            return False
        target = self._blob_file(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        session.replace(target)
        self._write(self._link(repository, "blobs", digest), b"")
        return True

    # Manifests

    def manifest(self, repository: str, reference: str) -> tuple[str, str, bytes] | None:
        """Digest, media type and bytes of what a tag or digest names."""
        digest = reference
        if ":" not in reference:
            tag = self._link(repository, "tags", reference)
            if not tag.exists():
                return None
            digest = tag.read_text()
        link = self._link(repository, "manifests", digest)
        return (digest, link.read_text(), self._blob_file(digest).read_bytes()) if link.exists() else None

    def put_manifest(self, repository: str, digest: str, media_type: str, raw: bytes, tag: str | None) -> None:
        """Store a manifest, and let a tag name it."""
        self._write(self._blob_file(digest), raw)
        self._write(self._link(repository, "manifests", digest), media_type.encode())
        if tag:
            self._write(self._link(repository, "tags", tag), digest.encode())

    def delete_manifest(self, repository: str, reference: str) -> bool:
        """Remove a tag, or a manifest; whether it was there."""
        kind = "manifests" if ":" in reference else "tags"
        link = self._link(repository, kind, reference)
        existed = link.exists()
        link.unlink(missing_ok=True)
        return existed

    def tags(self, repository: str) -> list[str] | None:
        """A repository's tags in order; None when there is no such repository."""
        folder = self._folder / "repositories" / repository / "_tags"
        if not (folder.parent / "_manifests").is_dir() and not folder.is_dir():
            return None
        return sorted(entry.name for entry in os.scandir(folder)) if folder.is_dir() else []

    def repositories(self) -> list[str]:
        """Every repository with a manifest."""
        root = self._folder / "repositories"
        return sorted(str(path.parent.relative_to(root)) for path in root.rglob("_manifests"))

    def referrers(self, repository: str, subject: str) -> list[dict[str, Any]]:
        """Descriptors of the manifests whose subject has this digest."""
        folder = self._folder / "repositories" / repository / "_manifests"
        found = []
        for link in sorted(folder.iterdir()) if folder.is_dir() else []:
            digest = link.name.replace("-", ":", 1)
            raw = self._blob_file(digest).read_bytes()
            body = json.loads(raw)
            if (body.get("subject") or {}).get("digest") == subject:
                found.append(
                    {
                        "mediaType": link.read_text(),
                        "digest": digest,
                        "size": len(raw),
                        "artifactType": body.get("artifactType") or (body.get("config") or {}).get("mediaType", ""),
                        "annotations": body.get("annotations") or {},
                    }
                )
        return found

    def _blob_file(self, digest: str) -> Path:
        algorithm, _, encoded = digest.partition(":")
        return self._folder / "blobs" / algorithm / encoded[:2] / encoded

    def _link(self, repository: str, kind: str, name: str) -> Path:
        return self._folder / "repositories" / repository / f"_{kind}" / name.replace(":", "-", 1)

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder / "uploads")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
