"""From an artifact store's configuration to the registry that it means."""

from __future__ import annotations

from registry.credentials import Credentials, Keychain, StaticKeychain
from registry.endpoint import Access, Endpoint
from registry.keychains.ecr import EcrKeychain, ecr_host
from schemas.artifact_configuration import StoreConfiguration

ECR = "ecr"
OTHER = "other"


def store_access(store: StoreConfiguration) -> Access:
    """Address and keychain of a store. Raises InvalidName for an address that can't be read."""
    if store.registry_type.lower() == ECR:
        return Access(_ecr_endpoint(store), _ecr_keychain(store))
    return Access(
        Endpoint.parse(store.registry_url), static_keychain(store.username, store.password.get_secret_value())
    )


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
