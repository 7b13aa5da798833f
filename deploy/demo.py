"""The demo: a registry, the plugin server, and the requests that GoCD would send, answered one after another."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import click
import httpx

from deploy.sample_image import write_layout

COMMAND = Path(sys.executable).with_name("gocd-registry")
FOLDER = Path(__file__).resolve().parent.parent / ".demo"
IMAGE = "team/app"
SECONDS_TO_START = 20


async def main() -> None:
    """Start both servers, take the tour, stop both servers."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    job = FOLDER / "job"
    job.mkdir(parents=True)
    async with AsyncExitStack() as stack:
        registry = f"127.0.0.1:{free_port()}"
        say(f"Starting a registry on {registry}, its files in {FOLDER.name}/registry")
        directory = str(FOLDER / "registry")
        await stack.enter_async_context(
            running(registry, "/v2/", "registry", "--directory", directory, "--port", registry.split(":")[1])
        )
        server = f"127.0.0.1:{free_port()}"
        say(f"Starting the plugin server on {server}")
        await stack.enter_async_context(
            running(server, "/health/ready", "serve", "--port", server.split(":")[1], "--log-level", "warning")
        )
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://{server}/v1", timeout=60))
        await tour(Tour(client), registry, job)
    say("That is the main job: published, polled and fetched, without a Docker daemon. Both servers are stopped.")


async def tour(plugin: Tour, registry: str, job: Path) -> None:
    """Validate → check connection → publish → poll → publish a newer image → poll again → fetch."""
    store = {"RegistryType": "other", "RegistryURL": f"http://{registry}"}
    material: dict[str, Any] = {
        "repository-configuration": {
            "DOCKER_REGISTRY_URL": {"value": f"http://{registry}/v2/"},
            "DOCKER_REGISTRY_NAME": {"value": "demo"},
        },
        "package-configuration": {"DOCKER_IMAGE": {"value": IMAGE}, "DOCKER_TAG_FILTER": {"value": r"^1\."}},
    }

    await plugin.ask(
        "A store with a mistake is told so, field by field",
        "artifact/cd.go.artifact.store.validate",
        {"RegistryType": "other", "RegistryURL": f"http://{registry}/team/app"},
    )
    await plugin.ask("The store as it should be", "artifact/cd.go.artifact.store.validate", store)
    await plugin.ask("Is the registry there?", "package-repository/check-repository-connection", material)

    await publish(plugin, store, job, "1.9")
    first = await plugin.ask("Which is the newest revision?", "package-repository/latest-revision", material)
    published = await publish(plugin, store, job, "1.10")
    since = {**material, "previous-revision": {key: first[key] for key in ("revision", "timestamp", "data")}}
    await plugin.ask(
        "Anything newer than 1.9? (1.10 is, though it sorts before it as text)",
        "package-repository/latest-revision-since",
        since,
    )

    answer = await plugin.ask(
        "Fetch it in a later job, as an OCI layout, every byte verified",
        "artifact/cd.go.artifact.fetch-artifact",
        {
            "store_configuration": store,
            "fetch_artifact_configuration": {
                "Format": "oci-layout",
                "Destination": "fetched",
                "Platform": "linux/amd64",
            },
            "artifact_metadata": published["metadata"],
            "agent_working_directory": str(job),
        },
        stream=True,
    )
    files = [path for path in (job / "fetched").rglob("*") if path.is_file()]
    say(f"{len(answer)} variables for the job, and {len(files)} files in {FOLDER.name}/job/fetched")


async def publish(plugin: Tour, store: dict[str, str], job: Path, version: str) -> Any:
    """Make a sample image of this version and publish it."""
    layout = job / "image"
    if not (layout / version).exists():
        write_layout(layout / version, content=f"version {version}\n")
    return await plugin.ask(
        f"The build made an image: publish it as {version}",
        "artifact/cd.go.artifact.publish-artifact",
        {
            "artifact_store": {"id": "demo", "configuration": store},
            "artifact_plan": {
                "id": "app",
                "storeId": "demo",
                "configuration": {"Image": IMAGE, "Tag": "${VERSION}", "ImagePath": "image/${VERSION}"},
            },
            "agent_working_directory": str(job),
            "environment_variables": {"VERSION": version},
        },
        stream=True,
    )


class Tour:
    """Asks the plugin server, and prints question and answer for a person."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._step = 0

    async def ask(self, why: str, path: str, body: dict[str, Any], *, stream: bool = False) -> Any:
        """Send one request as GoCD would; print both sides; give the answer. Ends the demo on a failure."""
        self._step += 1
        click.echo()
        click.secho(f"{self._step}. {why}", bold=True)
        click.echo(f"   POST /v1/{path}")
        click.secho(indented(body), dim=True)
        code, text = await (self._streamed(path, body) if stream else self._plain(path, body))
        answer = json.loads(text) if code == httpx.codes.OK else text
        click.secho(f"   {code}", fg="green" if code == httpx.codes.OK else "red")
        click.secho(indented(answer), fg="cyan")
        if code != httpx.codes.OK:
            raise SystemExit(1)
        return answer

    async def _plain(self, path: str, body: dict[str, Any]) -> tuple[int, str]:
        response = await self._client.post(path, json=body)
        return response.status_code, response.text

    async def _streamed(self, path: str, body: dict[str, Any]) -> tuple[int, str]:
        headers = {"Accept": "application/x-ndjson"}
        async with self._client.stream("POST", path, json=body, headers=headers) as response:
            async for line in response.aiter_lines():
                item = json.loads(line)
                if "response" in item:
                    return item["response"]["code"], item["response"]["body"]
                click.echo(f"   │ {item['console_log']['message']}")
        raise SystemExit("The stream ended without an answer.")


@asynccontextmanager
async def running(address: str, ready: str, *arguments: str) -> AsyncIterator[None]:
    """Run one of our own commands until the block ends."""
    process = await asyncio.create_subprocess_exec(COMMAND, *arguments, stdout=asyncio.subprocess.DEVNULL)
    try:
        await wait_until_ready(f"http://{address}{ready}", process)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def wait_until_ready(url: str, process: asyncio.subprocess.Process) -> None:
    """Ask until the address answers. Ends the demo when the process does or time is up."""
    async with httpx.AsyncClient(timeout=2) as client:
        for _ in range(SECONDS_TO_START * 10):
            if process.returncode is not None:
                raise SystemExit(f"{url} did not start (exit code {process.returncode}).")
            try:
                if (await client.get(url)).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise SystemExit(f"{url} did not answer within {SECONDS_TO_START} seconds.")


def free_port() -> int:
    """A port on loopback that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def indented(value: Any) -> str:
    """JSON (or a message) as a block of its own."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return textwrap.indent(text, "   ")


def say(sentence: str) -> None:
    """One line of the tour's own."""
    click.secho(sentence, fg="yellow")


if __name__ == "__main__":
    asyncio.run(main())
