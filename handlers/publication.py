"""What a publish request asks for, once variables are resolved and files are read: a repository and its tags."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from handlers.errors import ConfigurationInvalid
from handlers.image_name import repository_in
from handlers.tags import problem_with_tag, split_tags
from handlers.variables import resolve
from handlers.working_directory import WorkingDirectory
from registry.names import Reference, Registry, Repository
from schemas.artifact_configuration import PublishConfiguration

_LARGEST_FILE = 1024 * 1024
_DEFAULT_TAG = "latest"


class BuildFile(BaseModel):
    """What a build wrote of its image: `{"image": "team/app", "tag": "1.4.2"}`."""

    model_config = ConfigDict(extra="ignore")

    image: str
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """Where an image goes."""

    image: str
    """The name as it was given, which is also the daemon's name for it."""
    repository: Repository
    tags: tuple[str, ...]
    """The main tag first; none twice."""

    @property
    def tag(self) -> str:
        """The main tag."""
        return self.tags[0]

    @property
    def main_reference(self) -> Reference:
        """The repository under the main tag."""
        return self.repository.tag(self.tag)


async def read_publication(
    configuration: PublishConfiguration,
    registry: Registry,
    directory: WorkingDirectory,
    environment: Mapping[str, str | None],
) -> Publication:
    """Resolve names and tags. Raises ConfigurationInvalid or OutsideWorkingDirectory."""
    if bool(configuration.image) == bool(configuration.build_file):
        raise ConfigurationInvalid(
            "publish", "either Image or BuildFile must be given, and not both", "Change the artifact's configuration."
        )
    if configuration.build_file:
        built = await asyncio.to_thread(_read_build_file, directory, configuration.build_file)
        image, key = built.image.strip(), f"the image in BuildFile «{configuration.build_file}»"
        tag = (built.tag or "").strip()
    else:
        image, key, tag = resolve(configuration.image, "Image", environment).strip(), "Image", ""
    # The old plugin's forms could hold a Tag beside a BuildFile; it serves where the file has none.
    tag = tag or resolve(configuration.tag, "Tag", environment).strip() or _DEFAULT_TAG
    more = split_tags(resolve(configuration.additional_tags, "AdditionalTags", environment))
    if configuration.tags_file:
        more += await asyncio.to_thread(_read_tags_file, directory, configuration.tags_file)
    tags = tuple(dict.fromkeys(_checked(tag) for tag in [tag, *more]))
    return Publication(image, repository_in(registry, image, key), tags)


def _checked(tag: str) -> str:
    if problem := problem_with_tag(tag):
        raise ConfigurationInvalid(f"publish under the tag «{tag[:100]}»", problem)
    return tag


def _read_build_file(directory: WorkingDirectory, name: str) -> BuildFile:
    content = directory.read(name, "BuildFile", _LARGEST_FILE)
    try:
        return BuildFile.model_validate_json(content)
    except ValidationError as error:
        details = "; ".join(_in_words(item["loc"], item["msg"]) for item in error.errors(include_input=False))
        raise ConfigurationInvalid(
            f"read BuildFile «{name}»", details, 'Let the build write {"image": "team/app", "tag": "1.4.2"} there.'
        ) from error


def _in_words(location: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, location))}: {message}" if location else message


def _read_tags_file(directory: WorkingDirectory, name: str) -> list[str]:
    lines = directory.read(name, "TagsFile", _LARGEST_FILE).splitlines()
    return [tag for line in lines for tag in split_tags(line.partition("#")[0])]
