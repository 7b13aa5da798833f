"""What one request of an extension is: its name, its types, its handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, TypeAdapter

from handlers.context import Context
from schemas.answers import Empty
from schemas.secrets import CarriesSecrets

RequestT = TypeVar("RequestT", bound=BaseModel)
AnswerT = TypeVar("AnswerT")


_LONGEST_ECHO = 80
"""Characters of an unknown name that are repeated in the answer."""


class UnknownRequest(Exception):
    """No such extension, version or request; `str()` says which there are."""


@dataclass(frozen=True)
class Operation(Generic[RequestT, AnswerT]):
    """One request of an extension, as GoCD names it."""

    name: str
    request: type[RequestT]
    handler: Callable[[RequestT, Context], Awaitable[AnswerT]]
    answer: Any
    summary: str
    example: Any
    """An answer, as JSON."""

    @cached_property
    def _answers(self) -> TypeAdapter[AnswerT]:
        return TypeAdapter(self.answer)

    @cached_property
    def _carries_secrets(self) -> bool:
        return issubclass(self.request, CarriesSecrets)

    def secrets_of(self, request: RequestT) -> frozenset[str]:
        """The plain values in a request that must not come to light."""
        return cast("CarriesSecrets", request).secret_values() if self._carries_secrets else frozenset()

    @property
    def has_body(self) -> bool:
        """Whether the request says anything beside its name."""
        return not issubclass(self.request, Empty)

    @property
    def request_example(self) -> Any:
        """A request's body, as JSON."""
        return self.request.model_json_schema().get("examples", [{}])[0]

    def read(self, body: bytes) -> RequestT:
        """Parse a request's body. Raises pydantic's ValidationError."""
        if not self.has_body and body.strip() in {b"", b"null"}:
            body = b"{}"
        return self.request.model_validate_json(body)

    def write(self, answer: AnswerT) -> bytes:
        """An answer as the JSON that GoCD parses; absent values are left out, since GoCD refuses nulls."""
        return self._answers.dump_json(answer, by_alias=True, exclude_none=True)


@dataclass(frozen=True)
class Extension:
    """One of GoCD's extensions: the versions that are spoken, and the requests."""

    name: str
    versions: tuple[str, ...]
    operations: Mapping[str, Operation[Any, Any]]


@dataclass(frozen=True)
class Table:
    """Every request that is answered."""

    extensions: Mapping[str, Extension] = field(default_factory=dict)

    @classmethod
    def of(cls, *extensions: tuple[str, tuple[str, ...], Iterable[Operation[Any, Any]]]) -> Table:
        """A table of extensions: name, versions, operations."""
        return cls(
            {
                name: Extension(name, versions, {operation.name: operation for operation in operations})
                for name, versions, operations in extensions
            }
        )

    def find(self, extension: str, name: str, version: str = "") -> Operation[Any, Any]:
        """The operation of that name; an empty version means any. Raises UnknownRequest."""
        found = self.extensions.get(extension)
        if found is None:
            raise UnknownRequest(f"There is no extension «{_short(extension)}»; there are {_listed(self.extensions)}.")
        if version and version not in found.versions:
            raise UnknownRequest(
                f"Version «{_short(version)}» of the {extension} extension is not spoken here; "
                f"spoken are {_listed(found.versions)}."
            )
        if name not in found.operations:
            raise UnknownRequest(
                f"The {extension} extension has no request «{_short(name)}»; GET /v1 lists those that there are."
            )
        return found.operations[name]


def _listed(names: Iterable[str]) -> str:
    return " and ".join(names)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}…"
