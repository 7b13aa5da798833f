"""Holds the rules of docs/architecture.md: who may import whom, no cycles, no long files."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "plugin": {"plugin", "handlers", "schemas", "registry"},
    "handlers": {"handlers", "schemas", "registry"},
    "schemas": {"schemas"},
    "registry": {"registry"},
}
ALL = {*MAY_IMPORT, "tests", "deploy", "benchmarks"}
MOST_LINES = 400


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for package in MAY_IMPORT for path in files(package)}


def imports(path: Path, *, at_import_time: bool = False) -> set[str]:
    """Our own modules that a file imports; at import time: not within functions, nor for type checkers only."""
    found: set[str] = set()
    pending: list[ast.AST] = [ast.parse(path.read_text())]
    while pending:
        node = pending.pop()
        if at_import_time and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_for_type_checkers(node)):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            source = node.module or ""
            found |= {
                f"{source}.{alias.name}" if f"{source}.{alias.name}" in MODULES else source for alias in node.names
            }
        pending.extend(ast.iter_child_nodes(node))
    return {name for name in found if name.split(".")[0] in ALL}


def _is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_one_way(package: str) -> None:
    wrong = [
        f"{module_name(path)} imports {name}"
        for path in files(package)
        for name in imports(path)
        if name.split(".")[0] not in MAY_IMPORT[package]
    ]
    assert not wrong


def test_no_module_is_part_of_a_cycle() -> None:
    graph = {name: imports(path, at_import_time=True) & MODULES.keys() - {name} for name, path in MODULES.items()}
    _assert_no_cycle(graph)


def test_no_folder_is_part_of_a_cycle() -> None:
    """Folders below a package: a module within one may import its siblings, never round a circle of folders."""
    graph: dict[str, set[str]] = {}
    for path in MODULES.values():
        folder = path.parent.relative_to(ROOT).as_posix()
        others = {MODULES[other].parent.relative_to(ROOT).as_posix() for other in imports(path) & MODULES.keys()}
        graph.setdefault(folder, set()).update(others - {folder})
    _assert_no_cycle(graph)


def _assert_no_cycle(graph: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))


@pytest.mark.parametrize("package", sorted(ALL))
def test_files_are_short(package: str) -> None:
    long = {str(path.relative_to(ROOT)): lines for path in files(package) if (lines := _lines(path)) > MOST_LINES}
    assert not long


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_file_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "tools"}
    assert not [name for name in MODULES if drawers & set(name.split("."))]
