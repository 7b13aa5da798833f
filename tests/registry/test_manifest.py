from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import InvalidManifest
from registry.manifest import LARGEST_MANIFEST, Index, Manifest, parse_manifest
from registry.media_types import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from registry.names import Digest

DIGEST = "sha256:" + "b" * 64
BLOB = {"mediaType": "x", "digest": DIGEST, "size": 1}


def test_raw_bytes_are_kept_and_the_digest_is_theirs() -> None:
    raw = json.dumps({"config": BLOB, "layers": [BLOB], "mediaType": OCI_MANIFEST}, indent=7).encode()
    manifest = parse_manifest(raw)
    assert isinstance(manifest, Manifest)
    assert (manifest.raw, manifest.digest) == (raw, Digest.of(raw))
    assert len(manifest.blobs) == 1


def test_the_bodys_media_type_wins_over_the_header() -> None:
    raw = json.dumps({"mediaType": OCI_INDEX, "manifests": []}).encode()
    assert isinstance(parse_manifest(raw, DOCKER_MANIFEST), Index)


def test_a_body_without_media_type_is_known_by_its_fields() -> None:
    assert isinstance(parse_manifest(b'{"manifests": []}'), Index)
    assert isinstance(parse_manifest(json.dumps({"config": BLOB}).encode()), Manifest)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"<html>", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "media type"),
        (b"[" * 100_000, "not JSON"),
        (json.dumps({"schemaVersion": 1}).encode(), "schema 1"),
        (json.dumps({"mediaType": OCI_MANIFEST}).encode(), "no config"),
        (json.dumps({"config": {**BLOB, "size": -1}}).encode(), "wrong type"),
        (json.dumps({"config": {**BLOB, "size": True}}).encode(), "wrong type"),
        (json.dumps({"config": {**BLOB, "digest": "sha256:x"}}).encode(), "digest"),
        (json.dumps({"config": BLOB, "layers": {}}).encode(), "wrong type"),
        (json.dumps({"config": "x"}).encode(), "wrong type"),
        (b" " * (LARGEST_MANIFEST + 1), "more than the limit"),
    ],
)
def test_a_manifest_that_lies_is_refused_in_words(body: bytes, cause: str) -> None:
    with pytest.raises(InvalidManifest, match=cause):
        parse_manifest(body)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "config",
                    "layers",
                    "manifests",
                    "digest",
                    "size",
                    "mediaType",
                    "platform",
                    "annotations",
                    "subject",
                    "os",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_a_manifest_or_an_error_in_words(body: Any) -> None:
    try:
        parse_manifest(json.dumps(body).encode(), OCI_MANIFEST)
    except InvalidManifest as error:
        assert str(error)
