"""The artifact extension's requests, read as GoCD sends them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from schemas.artifact import FetchRequest, PublishRequest
from schemas.artifact_configuration import FetchConfiguration, PublishConfiguration, StoreConfiguration
from schemas.secrets import CarriesSecrets

SECRET = "dist1nctive-secret"
STORE: dict[str, Any] = {"RegistryType": "other", "RegistryURL": "https://r.example.com", "Password": SECRET}
PUBLISH: dict[str, Any] = {
    "artifact_store": {"id": "s", "configuration": STORE},
    "artifact_plan": {"id": "a", "storeId": "s", "configuration": {"Image": "team/app"}},
    "agent_working_directory": "/job",
    "environment_variables": {"A": "1", "B": None},
}
FETCH: dict[str, Any] = {
    "store_configuration": STORE,
    "fetch_artifact_configuration": {},
    "artifact_metadata": None,
    "agent_working_directory": "/job",
}


def test_nulls_are_empty_and_blanks_are_dropped_but_not_from_secrets() -> None:
    store = StoreConfiguration.model_validate({"RegistryURL": " https://r ", "Username": None, "Password": " p "})
    assert (store.registry_url, store.username, store.password.get_secret_value()) == ("https://r", "", " p ")


def test_keys_of_other_versions_are_passed_over() -> None:
    assert PublishConfiguration.model_validate({"Image": "a", "New": {"x": 1}}).image == "a"


@pytest.mark.parametrize("model", [StoreConfiguration, PublishConfiguration, FetchConfiguration])
@pytest.mark.parametrize("value", [1, 1.5, True, ["a"], {"a": "b"}])
def test_values_that_are_no_text_are_refused_without_being_repeated(model: type[BaseModel], value: Any) -> None:
    for field in model.model_fields.values():
        with pytest.raises(ValidationError) as caught:
            model.model_validate_json(json.dumps({str(field.alias): value}))
        assert caught.value.errors()[0]["loc"] == (field.alias,)


@pytest.mark.parametrize("text", ["null", "[]", '"x"', "1", "{", ""])
@pytest.mark.parametrize("model", [StoreConfiguration, PublishRequest, FetchRequest])
def test_bodies_of_another_shape_are_refused(model: type[BaseModel], text: str) -> None:
    with pytest.raises(ValidationError):
        model.model_validate_json(text)


@pytest.mark.parametrize("part", ["artifact_store", "artifact_plan", "agent_working_directory"])
def test_a_publish_request_needs_its_parts(part: str) -> None:
    with pytest.raises(ValidationError, match=part):
        PublishRequest.model_validate({key: value for key, value in PUBLISH.items() if key != part})


def test_a_fetch_request_may_lack_metadata_and_configuration() -> None:
    request = FetchRequest.model_validate(
        {key: FETCH[key] for key in ("store_configuration", "agent_working_directory")}
    )
    assert request.artifact_metadata is None
    assert request.fetch_artifact_configuration == FetchConfiguration()


def test_metadata_may_hold_more_than_text() -> None:
    """GoCD keeps it as JSON, and turns numbers into doubles on the way."""
    assert FetchRequest.model_validate({**FETCH, "artifact_metadata": {"image": "a", "n": 1.0}}).artifact_metadata


@pytest.mark.parametrize(
    "request_",
    [
        StoreConfiguration.model_validate(STORE),
        PublishRequest.model_validate(PUBLISH),
        FetchRequest.model_validate(FETCH),
    ],
)
def test_secrets_are_known_and_never_shown(request_: BaseModel) -> None:
    assert isinstance(request_, CarriesSecrets)
    assert request_.secret_values() == {SECRET}
    assert SECRET not in f"{request_!r} {request_} {request_.model_dump_json()}"


def test_a_secret_of_the_wrong_type_is_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        StoreConfiguration.model_validate({"Password": [SECRET]})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "model", [StoreConfiguration, PublishConfiguration, FetchConfiguration, PublishRequest, FetchRequest]
)
def test_examples_are_valid(model: type[BaseModel]) -> None:
    for example in model.model_json_schema()["examples"]:
        model.model_validate(example)
