"""The one table of requests: what GoCD may ask, and who answers it."""

from __future__ import annotations

from handlers import (
    artifact_capabilities,
    artifact_forms,
    artifact_validation,
    fetch,
    package_connection,
    package_forms,
    package_revisions,
    package_validation,
    plugin_settings,
    publish,
)
from plugin import examples
from plugin.operation import Operation, Table
from schemas.answers import Empty, FieldError, Icon, View
from schemas.artifact import (
    Capabilities,
    EnvironmentVariable,
    FetchRequest,
    MetadataField,
    PublishAnswer,
    PublishRequest,
)
from schemas.artifact_configuration import FetchConfiguration, PublishConfiguration, StoreConfiguration
from schemas.package import (
    CheckResult,
    NoChange,
    PackageRequest,
    PackageRevision,
    PackageSinceRequest,
    Property,
    RepositoryRequest,
)
from schemas.plugin_settings import NoSettings

_ARTIFACT = (
    Operation(
        "cd.go.artifact.get-capabilities",
        Empty,
        artifact_capabilities.get_capabilities,
        Capabilities,
        "What the extension can do beyond the required",
        example={},
    ),
    Operation(
        "cd.go.artifact.get-icon", Empty, artifact_capabilities.get_icon, Icon, "The plugin's picture", examples.ICON
    ),
    Operation(
        "cd.go.artifact.store.get-metadata",
        Empty,
        artifact_forms.store_metadata,
        list[MetadataField],
        "The keys of an artifact store",
        examples.STORE_METADATA,
    ),
    Operation(
        "cd.go.artifact.store.get-view",
        Empty,
        artifact_forms.store_view,
        View,
        "The form of an artifact store",
        examples.VIEW,
    ),
    Operation(
        "cd.go.artifact.store.validate",
        StoreConfiguration,
        artifact_validation.validate_store,
        list[FieldError],
        "Check an artifact store before it is saved",
        examples.STORE_ERRORS,
    ),
    Operation(
        "cd.go.artifact.publish.get-metadata",
        Empty,
        artifact_forms.publish_metadata,
        list[MetadataField],
        "The keys of a published artifact",
        examples.PUBLISH_METADATA,
    ),
    Operation(
        "cd.go.artifact.publish.get-view",
        Empty,
        artifact_forms.publish_view,
        View,
        "The form of a published artifact",
        examples.VIEW,
    ),
    Operation(
        "cd.go.artifact.publish.validate",
        PublishConfiguration,
        artifact_validation.validate_publish,
        list[FieldError],
        "Check a published artifact before it is saved",
        examples.PUBLISH_ERRORS,
    ),
    Operation(
        "cd.go.artifact.fetch.get-metadata",
        Empty,
        artifact_forms.fetch_metadata,
        list[MetadataField],
        "The keys of a fetched artifact",
        examples.FETCH_METADATA,
    ),
    Operation(
        "cd.go.artifact.fetch.get-view",
        Empty,
        artifact_forms.fetch_view,
        View,
        "The form of a fetched artifact",
        examples.VIEW,
    ),
    Operation(
        "cd.go.artifact.fetch.validate",
        FetchConfiguration,
        artifact_validation.validate_fetch,
        list[FieldError],
        "Check a fetched artifact before it is saved",
        examples.FETCH_ERRORS,
    ),
    Operation(
        "cd.go.artifact.publish-artifact",
        PublishRequest,
        publish.publish_artifact,
        PublishAnswer,
        "Publish an image: upload it, or record one that is in the registry",
        examples.PUBLISHED,
    ),
    Operation(
        "cd.go.artifact.fetch-artifact",
        FetchRequest,
        fetch.fetch_artifact,
        list[EnvironmentVariable],
        "Fetch a published image by its digest",
        examples.FETCHED,
    ),
)

_PACKAGE_REPOSITORY = (
    Operation(
        "repository-configuration",
        Empty,
        package_forms.repository_configuration,
        dict[str, Property],
        "The keys of a package repository, which is a registry",
        examples.REPOSITORY_PROPERTIES,
    ),
    Operation(
        "package-configuration",
        Empty,
        package_forms.package_configuration,
        dict[str, Property],
        "The keys of a package, which is a repository in a registry",
        examples.PACKAGE_PROPERTIES,
    ),
    Operation(
        "validate-repository-configuration",
        RepositoryRequest,
        package_validation.validate_repository,
        list[FieldError],
        "Check a package repository before it is saved",
        examples.REPOSITORY_ERRORS,
    ),
    Operation(
        "validate-package-configuration",
        PackageRequest,
        package_validation.validate_package,
        list[FieldError],
        "Check a package before it is saved",
        examples.PACKAGE_ERRORS,
    ),
    Operation(
        "check-repository-connection",
        RepositoryRequest,
        package_connection.check_repository_connection,
        CheckResult,
        "Ask the registry whether it is one, and lets us in",
        examples.REGISTRY_FOUND,
    ),
    Operation(
        "check-package-connection",
        PackageRequest,
        package_connection.check_package_connection,
        CheckResult,
        "Ask the registry for the package",
        examples.IMAGE_FOUND,
    ),
    Operation(
        "latest-revision",
        PackageRequest,
        package_revisions.latest_revision,
        PackageRevision,
        "The newest revision of a package",
        examples.REVISION,
    ),
    Operation(
        "latest-revision-since",
        PackageSinceRequest,
        package_revisions.latest_revision_since,
        PackageRevision | NoChange,
        "The newest revision, if it is newer than the one that GoCD knows",
        examples.REVISION,
    ),
)

_PLUGIN_SETTINGS = (
    Operation(
        "go.plugin-settings.get-configuration",
        Empty,
        plugin_settings.settings_configuration,
        NoSettings,
        "The keys of the plugin's settings: none",
        example={},
    ),
    Operation(
        "go.plugin-settings.get-view",
        Empty,
        plugin_settings.settings_view,
        View,
        "The form of the plugin's settings",
        examples.VIEW,
    ),
    Operation(
        "go.plugin-settings.validate-configuration",
        Empty,
        plugin_settings.validate_settings,
        list[FieldError],
        "Check the plugin's settings",
        example=[],
    ),
)

OPERATIONS = Table.of(
    ("artifact", ("1.0", "2.0"), (*_ARTIFACT, *_PLUGIN_SETTINGS)),
    ("package-repository", ("1.0",), (*_PACKAGE_REPOSITORY, *_PLUGIN_SETTINGS)),
)
