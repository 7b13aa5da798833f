"""The artifact store's form: what is right passes, what is wrong is said at its field."""

from __future__ import annotations

import re

import pytest

from tests.handlers.artifact.forms import Form, store_errors

OTHER = {"RegistryType": "other", "RegistryURL": "https://registry.example.com"}
ECR = {"RegistryType": "ecr", "RegistryID": "123456789012", "AWSRegion": "eu-central-1"}
SECRET = "AKLSDFJ+very/secret"


@pytest.mark.parametrize(
    "form",
    [
        OTHER,
        {**OTHER, "Username": "ci", "Password": SECRET},
        {**OTHER, "Username": None, "Password": None, "AWSRegion": None},
        {**OTHER, "RegistryURL": " registry.example.com:5000 "},
        {**OTHER, "RegistryURL": "http://localhost:5000/v2/"},
        {**OTHER, "RegistryURL": "https://index.docker.io/v1/"},
        {**OTHER, "RegistryURL": "docker.io"},
        {**OTHER, "RegistryURL": "https://[::1]:5000"},
        {**OTHER, "RegistryID": "left over from another type"},
        ECR,
        {**ECR, "AWSAccessKeyId": "AKIAIOSFODNN7EXAMPLE", "AWSSecretAccessKey": SECRET},
        {**ECR, "AWSRegion": "us-gov-west-1"},
        {**ECR, "AWSRegion": "cn-north-1"},
        {**ECR, "AWSRegion": "us-isob-east-1"},
        {**ECR, "AWSRegion": "ap-southeast-2"},
        {**ECR, "RegistryURL": "https://vpce-1.dkr.ecr.eu-central-1.vpce.amazonaws.com"},
        {**ECR, "Username": "left over from another type"},
        {"RegistryType": "ECR", **{key: value for key, value in ECR.items() if key != "RegistryType"}},
        {**OTHER, "SomeKeyOfAnotherVersion": "x"},
    ],
)
async def test_what_is_right_passes(form: Form) -> None:
    assert await store_errors(form) == {}


@pytest.mark.parametrize(
    ("form", "key", "words"),
    [
        ({}, "RegistryType", "Choose ecr .* or other"),
        ({"RegistryType": "gcr"}, "RegistryType", "Choose ecr .* or other"),
        ({"RegistryType": "other"}, "RegistryURL", "like https://registry.example.com"),
        ({**OTHER, "RegistryURL": "https://"}, "RegistryURL", "no host"),
        ({**OTHER, "RegistryURL": "https:///v2/"}, "RegistryURL", "no host"),
        ({**OTHER, "RegistryURL": "https://gcr.io/my-project"}, "RegistryURL", "path /my-project"),
        ({**OTHER, "RegistryURL": "registry.example.com/team/app:1.2"}, "RegistryURL", "path /team/app:1.2"),
        ({**OTHER, "RegistryURL": "https://registry.example.com?x=1"}, "RegistryURL", "behind the host"),
        ({**OTHER, "RegistryURL": "ftp://registry.example.com"}, "RegistryURL", "ftp, not http or https"),
        ({**OTHER, "RegistryURL": "https://reg istry"}, "RegistryURL", "not a host name"),
        ({**OTHER, "RegistryURL": "{{SECRET:[file][url]}}"}, "RegistryURL", "did not resolve"),
        ({**OTHER, "Username": "ci"}, "Password", "the password of ci, or leave both"),
        ({**OTHER, "Password": SECRET}, "Username", "user name for this password, or leave both"),
        ({**OTHER, "Username": "ci", "Password": "{{SECRET:[file][key]}}"}, "Password", "did not resolve"),
        ({**ECR, "RegistryID": ""}, "RegistryID", "12 digits"),
        ({**ECR, "RegistryID": "1234"}, "RegistryID", "12 digits"),
        ({**ECR, "RegistryID": "1234-5678-9012"}, "RegistryID", "12 digits"),
        ({**ECR, "AWSRegion": ""}, "AWSRegion", "like eu-central-1"),
        ({**ECR, "AWSRegion": "Frankfurt"}, "AWSRegion", "like eu-central-1"),
        ({**ECR, "AWSRegion": "eu-central-1a"}, "AWSRegion", "like eu-central-1"),
        ({**ECR, "RegistryURL": "https://x.example.com/path"}, "RegistryURL", "path"),
        ({**ECR, "AWSAccessKeyId": "AKIAIOSFODNN7EXAMPLE"}, "AWSSecretAccessKey", "too, or leave both empty"),
        ({**ECR, "AWSSecretAccessKey": SECRET}, "AWSAccessKeyId", "too, or leave both empty"),
        ({**ECR, "AWSAccessKeyId": SECRET, "AWSSecretAccessKey": "x"}, "AWSAccessKeyId", "Perhaps it is the secret"),
        (
            {**ECR, "AWSAccessKeyId": "AKIAIOSFODNN7EXAMPLE", "AWSSecretAccessKey": "{{SECRET:[a][b]}}"},
            "AWSSecretAccessKey",
            "did not resolve",
        ),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(form: Form, key: str, words: str) -> None:
    errors = await store_errors(form)
    assert list(errors) == [key]
    assert re.search(words, errors[key])
    assert SECRET not in errors[key]


async def test_credentials_inside_the_address_are_refused_and_not_repeated() -> None:
    errors = await store_errors({**OTHER, "RegistryURL": f"https://ci:{SECRET}@registry.example.com"})
    assert "user name or password inside" in errors["RegistryURL"]
    assert "very/secret" not in str(errors)


async def test_every_wrong_field_is_told_at_once() -> None:
    errors = await store_errors({"RegistryType": "ecr", "AWSAccessKeyId": "AKIA"})
    assert set(errors) == {"RegistryID", "AWSRegion", "AWSSecretAccessKey"}
