"""Streams as they travel: order, flushing, clients that go away, a server that stops."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from plugin.settings import Settings
from tests.plugin.serving import Running, Stage, running

NDJSON = {"Accept": "application/x-ndjson"}
WAIT = "/v1/artifact/wait"


@pytest.fixture
def server(stage: Stage) -> Iterator[Running]:
    with running(Settings(shutdown_grace_seconds=20), stage.table()) as under_test:
        yield under_test


def test_console_lines_come_in_order_then_exactly_one_response(server: Running) -> None:
    words = [f"line {number}" for number in range(500)]
    answer = server.client.post("/v1/artifact/speak", json={"say": words}, headers=NDJSON)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [line["console_log"] for line in lines[:-1]] == [{"logLevel": "INFO", "message": word} for word in words]
    assert lines[-1] == {
        "response": {"code": 200, "headers": {}, "body": json.dumps({"words": words}, separators=(",", ":"))}
    }


def test_an_error_line_and_a_failure_are_part_of_the_stream(server: Running) -> None:
    answer = server.client.post("/v1/artifact/speak", json={"fail": "no voice"}, headers=NDJSON)
    assert [json.loads(line) for line in answer.text.splitlines()] == [
        {"console_log": {"logLevel": "ERROR", "message": "no voice"}},
        {"response": {"code": 500, "headers": {}, "body": "Could not speak: no voice. Speak up."}},
    ]


def test_a_line_break_in_a_message_breaks_no_line(server: Running) -> None:
    answer = server.client.post("/v1/artifact/speak", json={"say": ["one\ntwo\u2028three"]}, headers=NDJSON)
    assert answer.content.count(b"\n") == 2


def test_lines_are_sent_when_they_happen(server: Running, stage: Stage) -> None:
    with server.client.stream("POST", WAIT, json={"say": ["now"]}, headers=NDJSON) as answer:
        lines = answer.iter_lines()
        assert json.loads(next(lines))["console_log"]["message"] == "now"
        assert not stage.released.is_set()
        stage.released.set()
        assert json.loads(next(lines))["response"]["code"] == 200


@pytest.mark.parametrize("headers", [NDJSON, {}])
def test_a_client_that_goes_away_cancels_the_work_which_cleans_up(
    server: Running, stage: Stage, headers: dict[str, str]
) -> None:
    body = b'{"say": ["x"]}'
    head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "x", **headers}.items())
    address = httpx.URL(server.url)
    with socket.create_connection((address.host, address.port or 0)) as client:
        client.sendall(f"POST {WAIT} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert stage.started.wait(10)
    assert stage.cleaned_up.wait(10)
    assert 'code="cancelled",extension="artifact",request="wait"' in server.client.get("/metrics").text


def test_a_client_that_goes_away_within_its_body_leaves_nothing_behind(server: Running, stage: Stage) -> None:
    address = httpx.URL(server.url)
    with socket.create_connection((address.host, address.port or 0)) as client:
        client.sendall(f"POST {WAIT} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf".encode())
    assert server.client.post("/v1/artifact/speak", json={}).status_code == 200
    assert not stage.started.is_set()


def test_a_connection_serves_many_requests_after_a_stream(server: Running) -> None:
    for _ in range(3):
        assert server.client.post("/v1/artifact/speak", json={"say": ["x"]}, headers=NDJSON).status_code == 200
        assert server.client.post("/v1/artifact/speak", json={}).status_code == 200


def test_at_the_signal_running_work_finishes_and_new_work_is_refused(stage: Stage) -> None:
    with (
        running(Settings(shutdown_grace_seconds=20), stage.table()) as server,
        server.client.stream("POST", WAIT, json={}, headers=NDJSON) as answer,
    ):
        assert stage.started.wait(10)
        server.signal()
        _until(lambda: server.client.get("/health/ready").status_code == 503)
        assert server.client.get("/health/live").status_code == 200
        refused = server.client.post("/v1/artifact/speak", json={})
        assert refused.status_code == 500
        assert "stopping" in refused.text
        stage.released.set()
        assert json.loads(answer.read())["response"]["code"] == 200
    assert not stage.cleaned_up.is_set()


@pytest.mark.parametrize("headers", [NDJSON, {}])
def test_work_that_outlasts_the_grace_is_cancelled_cleans_up_and_says_so(stage: Stage, headers: dict[str, str]) -> None:
    answers: list[httpx.Response] = []
    with running(Settings(shutdown_grace_seconds=0.2), stage.table()) as server:
        caller = threading.Thread(
            target=lambda: answers.append(httpx.post(server.url + WAIT, json={}, headers=headers, timeout=20))
        )
        caller.start()
        assert stage.started.wait(10)
        server.signal()
        caller.join(10)
    text = json.loads(answers[0].text)["response"]["body"] if headers else answers[0].text
    assert "stopped before this was finished" in text
    assert stage.cleaned_up.is_set()


def test_a_second_signal_cuts_the_grace_short(stage: Stage) -> None:
    with running(Settings(shutdown_grace_seconds=300), stage.table()) as server:
        with server.client.stream("POST", WAIT, json={}, headers=NDJSON) as answer:
            assert stage.started.wait(10)
            server.signal()
            server.signal()
            assert json.loads(answer.read())["response"]["code"] == 500
        assert stage.cleaned_up.is_set()


def _until(happened: object, seconds: float = 10) -> None:
    assert callable(happened)
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)
