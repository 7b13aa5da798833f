"""From an artifact store's configuration to the registry that it means."""

from __future__ import annotations

from handlers.errors import ConfigurationInvalid
from handlers.store_fields import ECR, store_problems
from registry.credentials import Credentials, Keychain, StaticKeychain
from registry.endpoint import Access, Endpoint
from registry.keychains.ecr import EcrKeychain, ecr_host
from schemas.artifact_configuration import StoreConfiguration


def store_access(store: StoreConfiguration) -> Access:
    """Address and keychain of a store. Raises ConfigurationInvalid that names the fields to mend."""
    if problems := store_problems(store):
        told = "; ".join(f"{problem.key}: {problem.message}" for problem in problems)
        raise ConfigurationInvalid("use the artifact store", told, "Change the artifact store's configuration.")
    if store.registry_type.lower() == ECR:
        return Access(_ecr_endpoint(store), _ecr_keychain(store))
    password = store.password.get_secret_value()
    return Access(Endpoint.parse(store.registry_url), static_keychain(store.username, password))


def static_keychain(username: str, password: str) -> Keychain:
    """The keychain of a user name and a password, or of nobody."""
    return StaticKeychain(Credentials(username, password) if username else None)


def _ecr_endpoint(store: StoreConfiguration) -> Endpoint:
    # An address beside the account's own is that of a VPC endpoint or of a proxy.
    return Endpoint.parse(store.registry_url or ecr_host(store.registry_id, store.aws_region))


def _ecr_keychain(store: StoreConfiguration) -> Keychain:
    return EcrKeychain(
        store.registry_id,
        store.aws_region,
        store.aws_access_key_id.get_secret_value(),
        store.aws_secret_access_key.get_secret_value(),
    )
