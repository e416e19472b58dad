"""The reference pages say what the code says."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from docs.docs_markdown import ROOT


def generator() -> ModuleType:
    """tools/ is no package."""
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_pages_are_what_the_code_says() -> None:
    reference = generator()

    wanted = reference.generate()
    found = {path.name: path.read_text(encoding="utf-8") for path in reference.FOLDER.glob("*.md")}

    stale = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
    assert stale == [], f"run `{reference.COMMAND}`"
