from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drawbar.kernel.errors import OperatorError
from drawbar.llm.open import open_model, warm_up
from drawbar.settings import ModelSettings

from .company import FUNCTIONS


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        ({}, "rules, not a model"),
        ({"provider": "rules"}, "rules, not a model"),
        (
            {"provider": "openai", "base_url": "http://llm.internal/v1", "name": "qwen"},
            "qwen at http://llm.internal/v1",
        ),
        (
            {"provider": "scripted", "script": "s.yaml"},
            "scripted by s.yaml, not a model",
        ),
    ],
)
async def test_the_provider_of_the_settings_is_opened(
    tmp_path: Path, settings: dict[str, Any], label: str
) -> None:
    (tmp_path / "s.yaml").write_text("turns: [{say: hello}]")

    model = open_model(ModelSettings(**settings), tmp_path)
    await warm_up(model, FUNCTIONS)
    await model.close()

    assert model.label == label


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"provider": "openai"}, r"settings\.model\.base_url must say where"),
        ({"provider": "openai", "base_url": "llm:8000"}, "'llm:8000' is no address"),
        ({"provider": "scripted"}, r"settings\.model\.script must name a file"),
        ({"provider": "scripted", "script": "none.yaml"}, "cannot be read"),
    ],
)
def test_settings_that_cannot_work_are_told(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(OperatorError, match=message):
        open_model(ModelSettings(**settings), tmp_path)


def test_the_libraries_of_other_providers_are_not_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from drawbar.llm.open import open_model; "
        "from drawbar.settings import ModelSettings; open_model(ModelSettings(), Path()); "
        "open_model(ModelSettings(provider='openai', base_url='http://x/v1'), Path()); "
        "print({'openai', 'httpx2', 'xllamacpp', 'aiohttp'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
