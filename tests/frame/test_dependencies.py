"""What is installed: named once, locked with hashes, and from no address in particular."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest

from frame.project import LOCKS, REPOSITORY, locked, names, plain, pyproject

_HASHED = re.compile(
    r"(?P<name>[a-z0-9][\w.\[\],-]*)==\S+(?: ; [^\\]+)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+"
)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_names_versions_and_hashes_and_nothing_else(lock: str) -> None:
    text = (REPOSITORY / lock).read_text()

    assert _HASHED.sub("", text) == ""
    assert locked(lock)


def test_all_locks_agree_on_versions() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, found in locked(lock).items():
            versions.setdefault(name, set()).update(found)

    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = pyproject()
    asked = names(project["project"]["dependencies"])
    extras = project["project"]["optional-dependencies"]
    groups = project["dependency-groups"]

    servers = names(extras["postgresql"]) | names(extras["mariadb"])
    assert asked | servers <= locked("requirements.lock").keys()
    assert names(groups["build"]) <= locked("requirements-build.lock").keys()
    assert asked | names(extras["local"]) <= locked("requirements-local.lock").keys()
    assert names(groups["dev"]) <= locked("requirements-dev.lock").keys()
    run = locked("requirements.lock").keys() | locked("requirements-build.lock").keys()
    assert run <= locked("requirements-dev.lock").keys()


def test_what_is_no_test_tool_is_not_installed_with_the_image() -> None:
    image = locked("requirements.lock").keys()

    assert (
        image & {"pip", "setuptools", "hatchling", "editables", "pytest", "ruff", "mypy"} == set()
    )


def imported(folder: str) -> dict[str, str]:
    """Distributions that a folder's modules import, with one module each."""
    homes = packages_distributions()
    found: dict[str, str] = {}
    for path in sorted((REPOSITORY / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules = [node.module]
            else:
                continue
            for top in {module.partition(".")[0] for module in modules} - sys.stdlib_module_names:
                for home in homes.get(top, []):
                    found[plain(home)] = str(path.relative_to(REPOSITORY))
    return found


def test_what_the_source_imports_is_declared() -> None:
    project = pyproject()["project"]
    declared = names(project["dependencies"]) | {"drawbar"}
    for extra in project["optional-dependencies"].values():
        declared |= names(extra)

    found = imported("src")

    assert "fastapi" in found
    assert {name: place for name, place in found.items() if name not in declared} == {}


def test_what_the_tests_and_tools_import_is_declared() -> None:
    project = pyproject()
    declared = names(project["project"]["dependencies"]) | {"drawbar"}
    for extra, brought in project["project"]["optional-dependencies"].items():
        if extra != "local":  # a language model
            declared |= names(brought)
    for group in project["dependency-groups"].values():
        declared |= names(group)

    found = imported("tests") | imported("tools")

    assert "pytest" in found
    assert {name: place for name, place in found.items() if name not in declared} == {}
