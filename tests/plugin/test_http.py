"""The HTTP contract, on a real server over real sockets."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from plugin.settings import Settings
from tests.plugin.serving import Running, Stage, running

SPEAK = "/v1/artifact/speak"
NDJSON = {"Accept": "application/x-ndjson"}


def test_an_answer_is_the_json_that_gocd_parses(server: Running) -> None:
    answer = server.client.post(SPEAK, json={"say": ["höllo"]})
    assert (answer.status_code, answer.json()) == (200, {"words": ["höllo"]})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b" \n"])
def test_requests_without_a_body_take_an_empty_one(server: Running, body: bytes) -> None:
    assert server.client.post("/v1/artifact/nothing", content=body).text == "{}"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v1/artefact/speak", "no extension «artefact»; there are artifact"),
        ("/v1/artifact/shout", "no request «shout»"),
        ("/v1/artifact/" + "x" * 500, "…"),
        ("/v1/artifact/%F0%9F%90%B3", "🐳"),
        ("/v1/artifact/speak/up", "Not Found"),
        ("/", "Not Found"),
    ],
)
def test_what_there_is_not_is_404_in_words(server: Running, path: str, words: str) -> None:
    answer = server.client.post(path, json={})
    assert answer.status_code == 404
    assert words in answer.text
    assert len(answer.text) < 400


@pytest.mark.parametrize(("version", "code"), [("1.0", 200), ("2.0", 200), ("", 200), ("3.0", 404), ("one", 404)])
def test_only_versions_that_are_spoken_are_answered(server: Running, version: str, code: int) -> None:
    answer = server.client.post(SPEAK, json={}, headers={"X-GoCD-Extension-Version": version})
    assert answer.status_code == code
    assert code == 200 or "spoken are 1.0 and 2.0" in answer.text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "The body of speak is empty"),
        (b"{", "can't be read as speak: Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b"null", "Input should be an object"),
        (b"[]", "Input should be an object"),
        (b'"text"', "Input should be an object"),
        (b'{"say": 5}', "say: Input should be a valid array"),
        (b'{"say": ["a", 5, {}]}', "say.1: Input should be a valid string; say.2: Input should be"),
        (b'{"say": ' + b"[" * 10_000, "Invalid JSON"),
        (json.dumps({"say": [5] * 20}).encode(), "(and 15 more)"),
        (b'{"say": ["' + b"x" * 100_000 + b'"]}', "larger than 100000 bytes"),
        (b"x" * 10 * 1024 * 1024, "larger than 100000 bytes, which is the limit"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_body_that_cant_be_read_is_400_and_names_the_field(
    server: Running, body: bytes, words: str, streamed: bool
) -> None:
    answer = server.client.post(SPEAK, content=body, headers=NDJSON if streamed else {})
    code, text = only_response(answer) if streamed else (answer.status_code, answer.text)
    assert code == 400
    assert words in text
    assert "pydantic" not in text


def test_a_body_is_never_repeated_in_the_answer(server: Running) -> None:
    answer = server.client.post(SPEAK, json={"password": 5, "say": {"hidden-value": "hidden-value"}})
    assert answer.status_code == 400
    assert "hidden-value" not in answer.text


def test_a_failure_is_500_with_what_was_tried_and_what_to_do(server: Running) -> None:
    answer = server.client.post(SPEAK, json={"fail": "nobody listens"})
    assert (answer.status_code, answer.text) == (500, "Could not speak: nobody listens. Speak up.")


def test_an_unforeseen_error_says_where_to_look_and_shows_no_traceback(server: Running) -> None:
    answer = server.client.post(SPEAK, json={"crash": "inner workings"}, headers={"X-Request-Id": "abc-1"})
    assert answer.status_code == 500
    assert "request id abc-1" in answer.text
    assert "inner workings" not in answer.text
    assert "Traceback" not in answer.text


def test_secrets_are_masked_in_failures_and_console_lines(server: Running) -> None:
    body = {"password": "s3cr3t-word", "fail": "refused s3cr3t-word", "say": ["as s3cr3t-word"]}
    assert server.client.post(SPEAK, json=body).text == "Could not speak: refused ******. Speak up."
    assert "s3cr3t-word" not in server.client.post(SPEAK, json=body, headers=NDJSON).text


@pytest.mark.parametrize(("sent", "kept"), [("abc-1.2_3", True), ("a b", False), ("x" * 100, False)])
def test_the_request_id_comes_back(server: Running, sent: str, kept: bool) -> None:
    answer = server.client.post(SPEAK, json={}, headers={"X-Request-Id": sent})
    assert (answer.headers["x-request-id"] == sent) is kept
    assert answer.headers["x-request-id"]


def test_a_web_page_can_not_use_a_server_without_token(server: Running) -> None:
    answer = server.client.post(SPEAK, json={}, headers={"Origin": "https://evil.example.com"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", "Basic t0ken", "t0ken", "Bearer t0ken2", "Bearer t0ke"]
)
@pytest.mark.parametrize(("method", "path"), [("POST", SPEAK), ("GET", "/v1"), ("POST", "/v1/artifact/unknown")])
def test_every_call_below_v1_takes_the_token(
    guarded_server: Running, header: str | None, method: str, path: str
) -> None:
    headers = {} if header is None else {"Authorization": header}
    refused = guarded_server.client.request(method, path, headers={**headers, **NDJSON})
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer" in refused.text or "not this server's" in refused.text
    assert "t0ken" not in refused.text


@pytest.mark.parametrize("header", ["Bearer t0ken", "bearer t0ken"])
def test_the_token_opens_everything(guarded_server: Running, header: str) -> None:
    headers = {"Authorization": header}
    assert guarded_server.client.post(SPEAK, json={}, headers=headers).status_code == 200
    assert guarded_server.client.get("/v1", headers=headers).status_code == 200
    assert guarded_server.client.get("/health/ready").status_code == 200


def test_more_requests_than_the_limit_are_refused_in_words(stage: Stage) -> None:
    with running(Settings(max_requests=1), stage.table()) as server:
        with server.client.stream("POST", "/v1/artifact/wait", json={}, headers=NDJSON):
            assert stage.started.wait(10)
            refused = server.client.post(SPEAK, json={})
            assert refused.status_code == 500
            assert "raise GOCD_REGISTRY_MAX_REQUESTS" in refused.text
        assert stage.cleaned_up.wait(10)
        assert server.client.post(SPEAK, json={}).status_code == 200


def test_health(server: Running) -> None:
    assert server.client.get("/health/live").status_code == 200
    assert server.client.get("/health/ready").text == "ready\n"


def test_metrics_count_by_request_and_code_and_never_by_what_a_caller_invents(server: Running) -> None:
    server.client.post(SPEAK, json={})
    server.client.post(SPEAK, json={"fail": "x"})
    server.client.post("/v1/artifact/invented-name", json={})
    text = server.client.get("/metrics").text
    assert 'gocd_registry_requests_total{code="200",extension="artifact",request="speak"}' in text
    assert 'gocd_registry_requests_total{code="500",extension="artifact",request="speak"}' in text
    assert 'gocd_registry_request_seconds_count{extension="artifact",request="speak"}' in text
    assert 'gocd_registry_requests_in_flight{extension="artifact",request="speak"} 0.0' in text
    assert "gocd_registry_client_requests" in text
    assert "invented-name" not in text


def only_response(answer: httpx.Response) -> tuple[int, str]:
    lines: list[dict[str, Any]] = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.status_code == 200
    assert [list(line) for line in lines[-1:]] == [["response"]]
    assert sum("response" in line for line in lines) == 1
    return lines[-1]["response"]["code"], lines[-1]["response"]["body"]
