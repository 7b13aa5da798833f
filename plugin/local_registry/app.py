"""The local registry's endpoints (OCI distribution-spec 1.1)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plugin.local_registry.storage import DIGEST, REPOSITORY, TAG, Storage
from plugin.local_registry.transfers import receive, send

_INDEX = "application/vnd.oci.image.index.v1+json"
_LARGEST_MANIFEST = 8 * 1024 * 1024
_MOST_TAGS_PER_PAGE = 1000
_UPLOADS = re.compile(rf"({REPOSITORY})/blobs/uploads/([0-9a-f]*)")
_BLOBS = re.compile(rf"({REPOSITORY})/blobs/({DIGEST})")
_MANIFESTS = re.compile(rf"({REPOSITORY})/manifests/({DIGEST}|{TAG})")
_TAGS = re.compile(rf"({REPOSITORY})/tags/list")
_REFERRERS = re.compile(rf"({REPOSITORY})/referrers/({DIGEST})")


def create_local_registry(folder: Path, *, immutable_tags: bool = False) -> Starlette:
    """The registry as an ASGI application; what it stores stays in the folder."""
    registry = LocalRegistry(Storage(folder), immutable_tags)
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(routes=[Route("/v2/{rest:path}", registry.answer, methods=methods)])


class LocalRegistry:
    """Finds out what a request is about, and answers it."""

    def __init__(self, storage: Storage, immutable_tags: bool) -> None:
        self._storage = storage
        self._immutable_tags = immutable_tags
        self._routes = (
            (_UPLOADS, self._upload),
            (_BLOBS, self._blob),
            (_MANIFESTS, self._manifest),
            (_TAGS, self._tags),
            (_REFERRERS, self._referrers),
        )

    async def answer(self, request: Request) -> Response:
        """Every request below `/v2/`."""
        rest = request.path_params["rest"]
        if not rest:
            return JSONResponse({}, headers={"Docker-Distribution-Api-Version": "registry/2.0"})
        if rest == "_catalog":
            return JSONResponse({"repositories": await asyncio.to_thread(self._storage.repositories)})
        for pattern, handler in self._routes:
            if match := pattern.fullmatch(rest):
                return await handler(request, *match.groups())
        return refuse(404, "NAME_INVALID", "no such endpoint, or a name that is not valid")

    async def _tags(self, request: Request, repository: str) -> Response:
        tags = await asyncio.to_thread(self._storage.tags, repository)
        if tags is None:
            return refuse(404, "NAME_UNKNOWN", "repository name not known to registry")
        last, asked = request.query_params.get("last", ""), request.query_params.get("n", "")
        rest = [tag for tag in tags if tag > last] if last else tags
        size = min(int(asked), _MOST_TAGS_PER_PAGE) if asked.isdecimal() else len(rest)
        page = rest[:size]
        headers = {}
        if page and len(rest) > size:
            headers["Link"] = f'</v2/{repository}/tags/list?n={size}&last={page[-1]}>; rel="next"'
        return JSONResponse({"name": repository, "tags": page}, headers=headers)

    async def _referrers(self, request: Request, repository: str, digest: str) -> Response:
        found = await asyncio.to_thread(self._storage.referrers, repository, digest)
        headers = {}
        if wanted := request.query_params.get("artifactType"):
            found = [item for item in found if item["artifactType"] == wanted]
            headers["OCI-Filters-Applied"] = "artifactType"
        body = json.dumps({"schemaVersion": 2, "mediaType": _INDEX, "manifests": found})
        return Response(body, media_type=_INDEX, headers=headers)

    async def _manifest(self, request: Request, repository: str, reference: str) -> Response:
        if request.method == "PUT":
            return await self._put_manifest(request, repository, reference)
        if request.method == "DELETE":
            existed = await asyncio.to_thread(self._storage.delete_manifest, repository, reference)
            return Response(status_code=202) if existed else _unknown_manifest()
        found = await asyncio.to_thread(self._storage.manifest, repository, reference)
        if found is None:
            return _unknown_manifest()
        digest, media_type, raw = found
        return Response(raw, headers={"Docker-Content-Digest": digest, "Content-Type": media_type})

    async def _put_manifest(self, request: Request, repository: str, reference: str) -> Response:
        raw = await _body(request)
        problem = await asyncio.to_thread(self._problem, repository, raw) if raw else ("MANIFEST_INVALID", "too large")
        if problem:
            return refuse(400, *problem)
        assert raw is not None  # noqa: S101
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        tag = None if ":" in reference else reference
        if tag is None and reference.startswith("sha256:") and reference != digest:
            return refuse(400, "DIGEST_INVALID", f"the manifest has the digest {digest}")
        if tag and self._immutable_tags and await self._names_another(repository, tag, digest):
            return refuse(409, "TAG_INVALID", f"the tag {tag} is immutable")
        media_type = request.headers.get("Content-Type", "")
        await asyncio.to_thread(self._storage.put_manifest, repository, digest, media_type, raw, tag)
        headers = {"Docker-Content-Digest": digest, "Location": f"/v2/{repository}/manifests/{digest}"}
        if subject := (json.loads(raw).get("subject") or {}).get("digest"):
            headers["OCI-Subject"] = subject
        return Response(status_code=201, headers=headers)

    async def _names_another(self, repository: str, tag: str, digest: str) -> bool:
        present = await asyncio.to_thread(self._storage.manifest, repository, tag)
        return present is not None and present[0] != digest

    def _problem(self, repository: str, raw: bytes) -> tuple[str, str] | None:
        try:
            body: dict[str, Any] = json.loads(raw)
            blobs = [item["digest"] for item in [body.get("config"), *(body.get("layers") or [])] if item]
            children = [item["digest"] for item in body.get("manifests") or []]
        except (ValueError, TypeError, KeyError, AttributeError):
            return "MANIFEST_INVALID", "the manifest can't be read"
        for digest in blobs:
            if not re.fullmatch(DIGEST, digest) or self._storage.blob(repository, digest) is None:
                return "MANIFEST_BLOB_UNKNOWN", f"blob {digest} unknown to registry"
        for digest in children:
            if not re.fullmatch(DIGEST, digest) or self._storage.manifest(repository, digest) is None:
                return "MANIFEST_BLOB_UNKNOWN", f"manifest {digest} unknown to registry"
        return None

    async def _blob(self, request: Request, repository: str, digest: str) -> Response:
        path = await asyncio.to_thread(self._storage.blob, repository, digest)
        if path is None:
            return refuse(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return await send(request, path, digest)

    async def _upload(self, request: Request, repository: str, session: str) -> Response:
        if request.method == "POST" and not session:
            return await self._start(request, repository)
        path = await asyncio.to_thread(self._storage.upload, session)
        if path is None:
            return refuse(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        return await self._continue(request, repository, path)

    async def _start(self, request: Request, repository: str) -> Response:
        mount, source = request.query_params.get("mount", ""), request.query_params.get("from", "")
        if await asyncio.to_thread(self._mount, repository, mount, source):
            return _created(repository, mount)
        session = await asyncio.to_thread(self._storage.start_upload)
        path = await asyncio.to_thread(self._storage.upload, session)
        assert path is not None  # noqa: S101
        if request.query_params.get("digest"):
            return await self._finish(request, repository, path)
        return _progress(repository, path, 202, 0)

    def _mount(self, repository: str, digest: str, source: str) -> bool:
        if not re.fullmatch(DIGEST, digest) or not re.fullmatch(REPOSITORY, source):
            return False
        return self._storage.mount(repository, digest, source)

    async def _continue(self, request: Request, repository: str, path: Path) -> Response:
        if request.method == "PUT":
            return await self._finish(request, repository, path)
        if request.method == "DELETE":
            await asyncio.to_thread(path.unlink)
            return Response(status_code=204)
        size = (await asyncio.to_thread(path.stat)).st_size
        if request.method == "GET":
            return _progress(repository, path, 204, size)
        expected = request.headers.get("Content-Range", f"{size}-").partition("-")[0]
        if expected != str(size):
            return _progress(repository, path, 416, size)
        return _progress(repository, path, 202, await receive(request, path))

    async def _finish(self, request: Request, repository: str, path: Path) -> Response:
        digest = request.query_params.get("digest", "")
        if not re.fullmatch(DIGEST, digest):
            return refuse(400, "DIGEST_INVALID", "the digest is missing or not valid")
        await receive(request, path)
        if not await asyncio.to_thread(self._storage.finish_upload, repository, path, digest):
            return refuse(400, "DIGEST_INVALID", "the content has another digest")
        return _created(repository, digest)


def refuse(status: int, code: str, message: str) -> Response:
    """An error in the registry's form."""
    return JSONResponse({"errors": [{"code": code, "message": message}]}, status)


def _unknown_manifest() -> Response:
    return refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")


def _created(repository: str, digest: str) -> Response:
    headers = {"Location": f"/v2/{repository}/blobs/{digest}", "Docker-Content-Digest": digest}
    return Response(status_code=201, headers=headers)


def _progress(repository: str, session: Path, status: int, size: int) -> Response:
    location = f"/v2/{repository}/blobs/uploads/{session.name}"
    headers = {"Location": location, "Range": f"0-{max(0, size - 1)}", "Docker-Upload-UUID": session.name}
    return Response(status_code=status, headers=headers)


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_MANIFEST:
            return None
    return bytes(body)
