"""From a package's configuration to the registry and the repository in it that are meant."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.errors import ConfigurationInvalid
from handlers.image_name import repository_in
from handlers.store_access import static_keychain
from registry.client import RegistryClient
from registry.endpoint import Access, Endpoint
from registry.names import Reference, Repository
from registry.remote import Remote
from registry.versions import newest
from schemas.package import PackageConfiguration, PackageRequest, RepositoryConfiguration


@dataclass(frozen=True, slots=True)
class PackageTarget:
    """What is polled."""

    remote: Remote
    repository: Repository
    tag_filter: str
    tag: str
    """The one tag to watch, or empty."""
    tracks_digest: bool
    """Whether a revision carries the digest."""

    @classmethod
    def of(cls, request: PackageRequest, client: RegistryClient) -> PackageTarget:
        """Read the configuration. Raises InvalidName or ConfigurationInvalid."""
        remote = client.remote(repository_access(request.repository))
        package = request.package
        if not package.image:
            raise ConfigurationInvalid("poll the package", "it has no DOCKER_IMAGE", "Give the image's name.")
        return cls(
            remote=remote,
            repository=repository_in(remote.registry, package.image, "DOCKER_IMAGE"),
            tag_filter=package.tag_filter,
            tag=package.tag,
            tracks_digest=_tracks_digest(package),
        )

    def reference(self, tag: str) -> Reference:
        """A tag of the repository."""
        return self.repository.tag(tag)


def repository_access(repository: RepositoryConfiguration) -> Access:
    """Address and keychain of a package repository. Raises InvalidName."""
    endpoint = Endpoint.parse(repository.registry_url)
    return Access(endpoint, static_keychain(repository.username, repository.password.get_secret_value()))


def _tracks_digest(package: PackageConfiguration) -> bool:
    return bool(package.tag) or package.track_digest.lower() == "true"


def newest_or_fail(target: PackageTarget, matching: list[str], count: int) -> str:
    """The newest of the matching tags. Raises ConfigurationInvalid that says why there is none."""
    tag = newest(matching)
    if tag is None:
        raise ConfigurationInvalid(f"find a tag of {target.repository}", *why_no_tag(target, count))
    return tag


def why_no_tag(target: PackageTarget, count: int) -> tuple[str, str]:
    """Why no tag counts, and what to do."""
    if count == 0:
        return "the repository has no tags", "Push an image to it first."
    if target.tag_filter:
        return (
            f"none of its {count} tags matches the filter «{target.tag_filter[:200]}»",
            "Change DOCKER_TAG_FILTER: it is a regular expression, found anywhere in the tag.",
        )
    return f"its {count} tags are those of signatures and attestations only", "Push an image to it first."
