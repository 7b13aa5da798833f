from __future__ import annotations

import asyncio
import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from plugin.redaction import MASK, Secrets, masked, masking

SECRET = 'p@ss "w/rd"+ü&%'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
    ],
)
def test_a_secret_is_masked_in_every_spelling(form: str) -> None:
    assert MASK in Secrets([SECRET]).mask(f"tried {form} twice")
    assert form.strip("\"'") not in Secrets([SECRET]).mask(f"tried {form} twice")


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "robot$ci"])
@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_masked_inside_a_basic_header(user: str, alphabet: object) -> None:
    assert callable(alphabet)
    secret = "correct>>>horse???battery"
    encoded = alphabet(f"{user}:{secret}".encode()).decode()
    left = Secrets([secret]).mask(encoded)
    assert MASK in left
    assert len(left.replace(MASK, "")) < len(user) * 2 + 10


def test_lines_of_a_multi_line_secret_are_masked_by_themselves() -> None:
    key = '{\n  "private_key": "MIIEvQIBADANBgkqhkiG9w0BAQ"\n}'
    assert "MIIEvQ" not in Secrets([key]).mask('  at "private_key": "MIIEvQIBADANBgkqhkiG9w0BAQ" of the body')


@pytest.mark.parametrize(
    ("secret", "text", "expected"),
    [
        ("e", "Could not reach the registry.", "Could not reach the registry."),
        ("e", "password «e» refused", f"password «{MASK}» refused"),
        ("team", "teammates", f"{MASK}mates"),
        ("", "nothing", "nothing"),
        ("  ", "two  spaces", "two  spaces"),
    ],
)
def test_short_secrets_leave_the_words_readable(secret: str, text: str, expected: str) -> None:
    assert Secrets([secret]).mask(text) == expected


def test_the_longer_of_two_overlapping_secrets_leaves_no_tail() -> None:
    assert Secrets(["hunter", "hunter-and-gatherer"]).mask("hunter-and-gatherer") == MASK


async def test_masking_reaches_tasks_and_threads_and_ends_with_the_block() -> None:
    async def inner() -> str:
        return masked("in a task: topsecret")

    with masking(["topsecret"]):
        assert await asyncio.create_task(inner()) == f"in a task: {MASK}"
        assert await asyncio.to_thread(masked, "topsecret") == MASK
    assert masked("topsecret") == "topsecret"


@pytest.mark.parametrize(
    ("line", "left_out"),
    [
        ("Authorization: Bearer eyJhbGciOi.J9.abc-_", "eyJhbGciOi"),
        ("I know Bearer granted-T0K3N-x7q9.", "granted"),
        ("authorization: basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("GET https://bob:sesame@registry.example.com/v2/", "sesame"),
        ("{'Authorization': 'Bearer abcdefgh'}", "abcdefgh"),
        ("GET https://cdn.example.com/blob?X-Amz-Signature=0123456789abcdef&x=1", "0123456789abcdef"),
    ],
)
def test_what_looks_like_a_credential_is_masked_whosever_it_is(line: str, left_out: str) -> None:
    assert left_out in line
    assert left_out not in masked(line)


@pytest.mark.parametrize(
    "line",
    [
        "The registry wants Basic authentication for https://registry.example.com:5000/v2/.",
        "It offers Bearer authentication; add a bearer tokenization.",
        "Send a bearer token to https://registry.example.com/team@work.",
        "registry.example.com:5000/app@sha256:0123",
    ],
)
def test_ordinary_addresses_are_left_alone(line: str) -> None:
    assert masked(line) == line
