from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.challenge import Challenge
from registry.credentials import Credentials
from registry.errors import CredentialsUnavailable
from registry.names import Repository
from registry.scope import Scope
from registry.token import Token, TokenStore, key_for, read_token, token_request

CHALLENGE = Challenge("bearer", {"realm": "https://auth.example.com/token?x=1", "service": "s"})
SCOPES = (Scope.pull(Repository.parse("r.io/b")), Scope.push(Repository.parse("r.io/a")))
KEY = key_for(CHALLENGE, SCOPES, None)


def test_a_password_is_asked_with_get_and_every_scope_is_named() -> None:
    request = token_request(KEY, Credentials("ci", "s3cret"))
    assert request.method == "GET"
    assert request.url.params.multi_items() == [
        ("x", "1"),
        ("service", "s"),
        ("scope", "repository:a:pull,push"),
        ("scope", "repository:b:pull"),
        ("account", "ci"),
    ]
    assert "s3cret" not in str(request.url)
    assert request.headers["Authorization"].startswith("Basic ")


def test_an_identity_token_is_posted_and_stands_in_no_address() -> None:
    request = token_request(KEY, Credentials("ci", identity_token="1dentity"))
    assert request.method == "POST"
    assert b"refresh_token=1dentity" in request.content
    assert "1dentity" not in str(request.url)


def test_the_identity_is_part_of_the_key_but_not_readable_in_it() -> None:
    keys = {key_for(CHALLENGE, SCOPES, Credentials("ci", password)) for password in ("one-word", "other-word")}
    assert len(keys) == 2
    assert "one-word" not in repr(keys)


async def test_one_request_serves_all_who_wait_and_failures_are_not_kept() -> None:
    store, asked = TokenStore(clock=lambda: 0.0), 0

    async def ask() -> Token:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        if asked == 1:
            raise CredentialsUnavailable("log in", "the first time fails")
        return Token("t", 10.0)

    first = await asyncio.gather(*(store.get(KEY, ask) for _ in range(5)), return_exceptions=True)
    assert {type(result) for result in first} == {CredentialsUnavailable}
    assert await asyncio.gather(*(store.get(KEY, ask) for _ in range(5))) == ["t"] * 5
    assert asked == 2


async def test_who_goes_away_does_not_stop_the_others() -> None:
    store = TokenStore(clock=lambda: 0.0)

    async def ask() -> Token:
        await asyncio.sleep(0.02)
        return Token("t", 10.0)

    impatient = asyncio.create_task(store.get(KEY, ask))
    patient = asyncio.create_task(store.get(KEY, ask))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "t"


async def test_a_refused_token_is_forgotten_but_not_its_successor() -> None:
    store = TokenStore(clock=lambda: 0.0)
    tokens = iter(["one", "two", "three"])

    async def ask() -> Token:
        return Token(next(tokens), 10.0)

    assert await store.get(KEY, ask) == "one"
    store.forget(KEY, "one")
    assert await store.get(KEY, ask) == "two"
    store.forget(KEY, "one")
    assert await store.get(KEY, ask) == "two"


@pytest.mark.parametrize(
    ("body", "value", "renew_at"),
    [
        (b'{"token": "a", "expires_in": 300}', "a", 240.0),
        (b'{"access_token": "b"}', "b", 48.0),
        (b'{"token": "", "access_token": "c", "expires_in": 0}', "c", 48.0),
        (b'{"token": null, "access_token": "d", "expires_in": null}', "d", 48.0),
        (b'{"token": "e", "expires_in": "300"}', "e", 240.0),
        (b'{"token": "f", "expires_in": -5}', "f", 48.0),
        (b'{"token": "g", "expires_in": 0.001}', "g", 0.8),
        (b'{"token": "h", "expires_in": NaN}', "h", 48.0),
        (b'{"token": "i", "expires_in": 1e999}', "i", 48.0),
        (b'{"token": "j", "expires_in": "soon"}', "j", 48.0),
        (b'{"token": "k", "expires_in": {"a": [1]}}', "k", 48.0),
    ],
)
def test_a_token_is_renewed_at_four_fifths_of_its_life(body: bytes, value: str, renew_at: float) -> None:
    assert read_token(body, "r.io", 0.0) == Token(value, renew_at)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"[" * 100_000,
        b'{"token": 5}',
        b"{}",
        b'{"token": "a\\r\\nX: y"}',
        b'{"token": "a\\u0000b"}',
        b'{"token": "a b"}',
        b'{"token": "\xc3\xa4"}',
        b'{"token": "\\ud800"}',
    ],
)
def test_an_answer_without_a_usable_token_is_an_error(body: bytes) -> None:
    with pytest.raises(CredentialsUnavailable, match="without a token"):
        read_token(body, "r.io", 0.0)


@given(
    st.binary(max_size=100)
    | st.fixed_dictionaries(
        {},
        optional={
            name: st.none() | st.text() | st.integers() | st.floats() | st.lists(st.integers(), max_size=2)
            for name in ("token", "access_token", "expires_in")
        },
    ).map(lambda answer: json.dumps(answer).encode())
)
def test_any_answer_is_a_token_that_fits_a_header_or_an_error(body: bytes) -> None:
    try:
        token = read_token(body, "r.io", 0.0)
    except CredentialsUnavailable:
        return
    assert token.value.isascii()
    assert token.value.isprintable()
    assert 0.0 < token.renew_at < float("inf")
