from __future__ import annotations

import pytest

from registry.endpoint import Endpoint
from registry.errors import InvalidName


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("registry.example.com", "https://registry.example.com"),
        ("https://registry.example.com:5000/", "https://registry.example.com:5000"),
        ("http://registry.example.com/v2/", "http://registry.example.com"),
        ("https://index.docker.io/v1/", "https://registry-1.docker.io"),
        ("docker.io", "https://registry-1.docker.io"),
        ("localhost:5000", "http://localhost:5000"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_an_address_is_read_with_what_people_leave_out(address: str, url: str) -> None:
    assert Endpoint.parse(address).url == url


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "no host"),
        ("https://", "no host"),
        ("ftp://registry.example.com", "scheme is ftp"),
        ("https://registry.example.com/team/app", "the path /team/app"),
        ("https://registry.example.com?x=1", "path"),
        ("not a host", "not a host name"),
    ],
)
def test_an_address_that_is_none_says_why(address: str, words: str) -> None:
    with pytest.raises(InvalidName, match=words):
        Endpoint.parse(address)


@pytest.mark.parametrize("address", ["https://ci:s3cret@host", "https://ci:s3cret/x@host", "ci:s3cret@host", "s3cret@"])
def test_credentials_in_an_address_are_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(InvalidName, match="user name or password inside") as caught:
        Endpoint.parse(address)
    assert "s3cret" not in str(caught.value)
