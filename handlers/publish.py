"""Publish: a job's image gets its tags in the store's registry."""

from __future__ import annotations

import asyncio

from handlers.context import Context
from handlers.file_errors import files_in_words
from handlers.image_publisher import ImagePublisher
from handlers.publication import Publication, read_publication
from handlers.store_access import store_access
from handlers.variables import resolve
from handlers.working_directory import WorkingDirectory
from registry.names import Digest
from schemas.artifact import PublishAnswer, PublishRequest


async def publish_artifact(request: PublishRequest, context: Context) -> PublishAnswer:
    """`cd.go.artifact.publish-artifact`. Raises OperationFailed or another RegistryError."""
    directory = await asyncio.to_thread(WorkingDirectory.open, request.agent_working_directory, context.allowed_roots)
    access = store_access(request.artifact_store.configuration)
    configuration = request.artifact_plan.configuration
    publication = await read_publication(configuration, access.registry, directory, request.environment_variables)
    image_path = resolve(configuration.image_path, "ImagePath", request.environment_variables)
    publisher = ImagePublisher(context, context.client.remote(access), publication, directory, image_path)
    with files_in_words(f"publish {publication.main_reference}"):
        digest = await publisher.publish(configuration.source or "auto")
    context.console.info(f"Published {publication.repository.at(digest)} as {', '.join(publication.tags)}")
    return _answer(publication, digest)


def _answer(publication: Publication, digest: Digest) -> PublishAnswer:
    return PublishAnswer(
        metadata={
            "image": str(publication.main_reference),
            "digest": str(digest),
            "repository": str(publication.repository),
            "tag": publication.tag,
            "tags": ",".join(publication.tags),
        }
    )
