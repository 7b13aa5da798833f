"""`gocd-registry request`: the same answers without a server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from handlers.context import Console
from plugin.command import run_until_stopped
from plugin.dispatch import Response
from tests.plugin.processes import COMMAND, environment, run


def response(output: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(output.splitlines()[-1])["response"]
    return answer


@pytest.mark.parametrize(
    ("extension", "name", "body", "code"),
    [
        ("artifact", "cd.go.artifact.store.get-metadata", b"", 200),
        ("artifact", "cd.go.artifact.store.validate", b'{"RegistryType": "other"}', 200),
        ("package-repository", "package-configuration", b"", 200),
        ("artifact", "cd.go.artifact.store.validate", b"{", 400),
        ("artifact", "cd.go.artifact.store.validate", b"x" * 3 * 1024 * 1024, 400),
        ("artifact", "cd.go.artifact.publish-artifact", b"{}", 400),
        ("artifact", "latest-revision", b"{}", 404),
        ("scm", "latest-revision", b"{}", 404),
    ],
)
def test_every_request_is_answered_with_one_response_and_exit_code_0(
    extension: str, name: str, body: bytes, code: int
) -> None:
    ended = run("request", extension, name, body=body)
    assert response(ended.stdout)["code"] == code
    assert len(ended.stdout.splitlines()) == 1
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_the_extension_version_is_checked() -> None:
    ended = run("request", "artifact", "cd.go.artifact.get-icon", "--extension-version", "7.0")
    assert response(ended.stdout)["code"] == 404


def test_wrong_usage_is_exit_code_2() -> None:
    assert run("request", "artifact").returncode == 2
    assert run("request", "artifact", "x", "--nope").returncode == 2


def test_a_wrong_setting_is_exit_code_1() -> None:
    ended = run("request", "artifact", "cd.go.artifact.get-icon", variables={"GOCD_REGISTRY_LOG_LEVEL": "loud"})
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert b"GOCD_REGISTRY_LOG_LEVEL" in ended.stderr


SLEEPER = """
import asyncio, sys
from plugin.command import run_until_stopped
from plugin.logs import configure_logs
configure_logs("warning", "human")
async def sleep(console):
    console.info("asleep")
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.05)
        open(sys.argv[1], "w").close()
sys.exit(asyncio.run(run_until_stopped(sleep, sys.stdout.fileno())))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_cancels_cleans_up_and_is_the_response(tmp_path: Path, number: signal.Signals) -> None:
    with sleeper(tmp_path / "cleaned-up") as process:
        process.send_signal(number)
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert response(output)["code"] == 500
    assert "stopped before this was finished" in response(output)["body"]
    assert (tmp_path / "cleaned-up").exists()


def test_a_reader_that_goes_away_cancels_at_once(tmp_path: Path) -> None:
    with sleeper(tmp_path / "cleaned-up") as process:
        assert process.stdout
        process.stdout.close()
        assert process.wait(20) == 128 + signal.SIGPIPE
    assert (tmp_path / "cleaned-up").exists()


def sleeper(mark: Path) -> subprocess.Popen[bytes]:
    """A process whose request has begun, and sleeps."""
    root = Path(COMMAND).parent.parent.parent
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, str(mark)], stdout=subprocess.PIPE, env=environment(), cwd=root
    )
    assert process.stdout
    assert b"asleep" in process.stdout.readline()
    return process


async def test_lines_reach_a_pipe_as_they_happen_from_threads_too(tmp_path: Path) -> None:
    read, write = os.pipe()
    seen: list[dict[str, Any]] = []
    arrived = threading.Event()

    def reader() -> None:
        with open(read, "rb") as lines:  # noqa: PTH123 -- a descriptor
            for line in lines:
                seen.append(json.loads(line))
                arrived.set()

    async def talk(console: Console) -> Response:
        await asyncio.to_thread(console.error, "from a thread")
        assert await asyncio.to_thread(arrived.wait, 10)
        return Response(200, b"{}")

    thread = threading.Thread(target=reader)
    thread.start()
    assert await run_until_stopped(talk, write) == 0
    os.close(write)
    thread.join(10)
    assert seen == [
        {"console_log": {"logLevel": "ERROR", "message": "from a thread"}},
        {"response": {"code": 200, "headers": {}, "body": "{}"}},
    ]


@pytest.mark.parametrize("command", [["--help"], ["serve", "--help"], ["request", "--help"], ["registry", "--help"]])
def test_help_imports_nothing_that_takes_time(command: list[str]) -> None:
    heavy = {"fastapi", "uvicorn", "httpx", "pydantic", "boto3", "structlog", "prometheus_client"}
    script = f"""
import sys
from plugin.cli import main
main({command}, standalone_mode=False)
print("\\nLOADED", *({heavy!r} & sys.modules.keys()))
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment(), check=True
    )
    assert ended.stdout.splitlines()[-1] == "LOADED"


def test_a_request_imports_no_web_server() -> None:
    heavy = {"fastapi", "uvicorn", "starlette", "boto3", "botocore"}
    script = f"import sys, plugin.command; print(*({heavy!r} & sys.modules.keys()))"
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment(), check=True
    )
    assert not ended.stdout.strip()
