"""The layers of an image: looked for at once, fetched by one at a time, and found by whoever comes second."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from registry.cache import Cache
from registry.descriptor import Descriptor
from registry.layers import ImageLayers, Layers
from registry.names import Digest
from registry.turns import Turns

KIB = 1024


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    return Layers(Cache.in_folder(tmp_path / "cache", 1024 * KIB), "somebody")


def new_layer(folder: Path) -> tuple[Descriptor, Path]:
    content = os.urandom(KIB)
    digest = Digest.of(content)
    path = folder / digest.hex
    path.write_bytes(content)
    return Descriptor("application/vnd.oci.image.layer.v1.tar+gzip", digest, len(content)), path


def keep(image: ImageLayers, layer: Descriptor, path: Path) -> None:
    check = image.new_check(layer)
    assert check
    check.update(path.read_bytes())
    image.keep(layer, path, 0, check)


async def test_what_is_here_is_taken_and_the_rest_is_not(layers: Layers, tmp_path: Path) -> None:
    (one, path), (other, _) = new_layer(tmp_path), new_layer(tmp_path)
    keep(await layers.of_image([one]), one, path)
    image = await layers.of_image([one, other])
    assert await image.take(one, tmp_path / "taken", 0)
    assert (tmp_path / "taken").read_bytes() == path.read_bytes()
    assert not await image.take(other, tmp_path / "not-taken", 0)
    assert not (tmp_path / "not-taken").exists()


async def test_a_layer_that_was_fetched_since_the_look_is_found(layers: Layers, tmp_path: Path) -> None:
    layer, path = new_layer(tmp_path)
    first, second = await layers.of_image([layer]), await layers.of_image([layer])
    async with first.turn(layer):
        keep(first, layer, path)
    async with second.turn(layer):
        assert await second.take(layer, tmp_path / "taken", 0)


async def test_a_layer_that_was_removed_since_the_look_is_not_here(layers: Layers, tmp_path: Path) -> None:
    layer, path = new_layer(tmp_path)
    keep(await layers.of_image([layer]), layer, path)
    image = await layers.of_image([layer])
    for kept in (tmp_path / "cache").rglob(f"{layer.digest.hex}-*"):
        kept.unlink()
    assert not await image.take(layer, tmp_path / "taken", 0)


async def test_without_a_cache_nothing_is_here_and_nothing_is_kept(tmp_path: Path) -> None:
    layer, _ = new_layer(tmp_path)
    image = await Layers(Cache.in_memory(), "somebody").of_image([layer])
    async with image.turn(layer), image.turn(layer):
        assert not await image.take(layer, tmp_path / "taken", 0)
    assert image.new_check(layer) is None


async def test_one_turn_at_a_time_for_each_thing() -> None:
    turns, inside, most = Turns(), list[str](), 0

    async def enter(thing: str) -> None:
        nonlocal most
        async with turns.of(thing):
            inside.append(thing)
            most = max(most, inside.count(thing))
            await asyncio.sleep(0)
            inside.remove(thing)

    late = asyncio.create_task(enter("a"))
    await asyncio.gather(*(enter(thing) for thing in "aabba"))
    await asyncio.gather(late, *(enter("a") for _ in range(5)))
    assert most == 1


async def test_a_turn_that_failed_leaves_the_next_one_free() -> None:
    turns = Turns()
    turn = turns.of("a")
    with pytest.raises(ValueError, match="broken"):
        async with turns.of("a"):
            raise ValueError("broken")
    assert turn.has_ended
    async with turn:
        assert turns.of("a") is turn
