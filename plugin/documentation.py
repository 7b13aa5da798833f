"""`GET /docs`: the OpenAPI description as one page that needs no script and no other host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from plugin.openapi import JSON

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c28; }
h1, h2 { line-height: 1.2; } code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { background: #f3f3f7; padding: .75rem 1rem; border-radius: .4rem; overflow-x: auto; }
details { border: 1px solid #d8d8e2; border-radius: .4rem; margin: .5rem 0; padding: .5rem 1rem; }
summary { cursor: pointer; } summary small { color: #5a5a6e; margin-left: .5rem; }
td { text-align: left; padding-right: 1.5rem; }
@media (prefers-color-scheme: dark) { body { background: #16161d; color: #e6e6ef; } pre { background: #22222c; }
details { border-color: #3a3a48; } summary small { color: #a5a5b8; } }
"""


def page(description: dict[str, Any]) -> str:
    """The whole page."""
    title = escape(f"{description['info']['title']} {description['info']['version']}")
    body = "".join(_sections(description))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1><p>{escape(description['info'].get('summary', ''))}. "
        f'The same for programs: <a href="/openapi.json">openapi.json</a>.</p>{body}</body></html>'
    )


def _sections(description: dict[str, Any]) -> Iterator[str]:
    section = None
    for path, methods in sorted(description["paths"].items(), key=lambda item: _tag(item[1])):
        if _tag(methods) != section:
            section = _tag(methods)
            yield f"<h2>{escape(section or 'Server')}</h2>"
        for method, operation in methods.items():
            yield _operation(method, path, operation, description["components"]["schemas"])


def _tag(methods: dict[str, Any]) -> str:
    return next((operation["tags"][0] for operation in methods.values() if operation.get("tags")), "")


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    request = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
    answer = operation["responses"]["200"]["content"].get(JSON, {})
    return (
        f"<details><summary><code>{method.upper()} {escape(path)}</code><small>{escape(operation['summary'])}</small>"
        f"</summary>{_part('Request', request, schemas)}{_part('Answer', answer, schemas)}</details>"
    )


def _part(title: str, content: dict[str, Any], schemas: dict[str, Any]) -> str:
    if "example" not in content:
        return ""
    example = json.dumps(content["example"], indent=2, ensure_ascii=False)
    return f"<h3>{title}</h3>{_fields(content['schema'], schemas)}<pre>{escape(example)}</pre>"


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    model = _model(schema, schemas)
    if not model.get("properties"):
        return ""
    required = model.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(_type(field))}</td>"
        f"<td>{'required' if name in required else ''}</td></tr>"
        for name, field in model["properties"].items()
    )
    return f"<p>{escape(model.get('description', ''))}</p><table>{rows}</table>"


def _model(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = schemas.get(schema["$ref"].rsplit("/", 1)[1], {})
        return found
    inner = schema.get("items") or schema.get("additionalProperties") or next(iter(schema.get("anyOf", [])), None)
    return _model(inner, schemas) if isinstance(inner, dict) else schema


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in field:
        return " or ".join(_type(option) for option in field["anyOf"])
    return f"{field.get('type', 'any')}{' (secret)' if field.get('format') == 'password' else ''}"
