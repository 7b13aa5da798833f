"""Which registry a store means, and whose credentials it is asked with."""

from __future__ import annotations

import pytest

from handlers.errors import ConfigurationInvalid
from handlers.store_access import store_access
from registry.credentials import Credentials
from registry.keychains.ecr import EcrKeychain
from schemas.artifact_configuration import StoreConfiguration

ECR = {"RegistryType": "ecr", "RegistryID": "123456789012", "AWSRegion": "eu-central-1"}


def configuration(**form: str) -> StoreConfiguration:
    return StoreConfiguration.model_validate(form)


@pytest.mark.parametrize(
    ("address", "url", "host"),
    [
        ("registry.example.com", "https://registry.example.com", "registry.example.com"),
        ("http://registry.example.com:5000/v2/", "http://registry.example.com:5000", "registry.example.com:5000"),
        ("https://index.docker.io/v1/", "https://registry-1.docker.io", "docker.io"),
        ("docker.io", "https://registry-1.docker.io", "docker.io"),
    ],
)
async def test_any_other_registry_is_reached_at_its_address(address: str, url: str, host: str) -> None:
    access = store_access(configuration(RegistryType="other", RegistryURL=address))
    assert (access.endpoint.url, access.registry.host) == (url, host)
    assert await access.keychain.resolve(None, host) is None


async def test_user_and_password_are_those_of_the_store() -> None:
    store = configuration(RegistryType="Other", RegistryURL="r.example.com", Username="ci", Password=" p:w ")
    assert await store_access(store).keychain.resolve(None, "r.example.com") == Credentials("ci", " p:w ")


def test_ecr_follows_from_account_and_region() -> None:
    access = store_access(configuration(**ECR, AWSAccessKeyId="AKIA1", AWSSecretAccessKey="s"))
    assert access.endpoint.url == "https://123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    assert access.keychain == EcrKeychain("123456789012", "eu-central-1", "AKIA1", "s")


def test_ecr_at_another_address_is_asked_with_the_same_identity() -> None:
    access = store_access(configuration(**ECR, RegistryURL="https://vpce-1.dkr.ecr.eu-central-1.vpce.amazonaws.com"))
    assert access.registry.host == "vpce-1.dkr.ecr.eu-central-1.vpce.amazonaws.com"
    assert access.keychain == EcrKeychain("123456789012", "eu-central-1")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "RegistryType: Choose"),
        ({"RegistryType": "other"}, "RegistryURL: Give the registry's address"),
        ({"RegistryType": "ecr"}, "RegistryID: .*; AWSRegion: "),
        ({**ECR, "AWSAccessKeyId": "AKIA1"}, "AWSSecretAccessKey: "),
    ],
)
def test_a_store_that_validation_would_refuse_names_its_fields(form: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=words):
        store_access(configuration(**form))
