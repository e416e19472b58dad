"""The routes of the chat page, and what can be checked without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from drawbar.surfaces.console.assets import FOLDER, load_assets

from .conftest import SCRIPT
from .gateway import Gateway, open_gateway


@pytest.fixture
def http(gateway: Gateway) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=gateway.url) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("", "text/html; charset=utf-8"),
        ("console.css", "text/css; charset=utf-8"),
        ("main.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_each_file_has_its_type_a_tag_and_the_policy(
    http: httpx2.Client, path: str, content_type: str
) -> None:
    answer = http.get(path)
    again = http.get(path, headers={"If-None-Match": f'"other", W/{answer.headers["etag"]}'})

    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
    assert answer.headers["content-security-policy"].startswith("default-src 'self'; ")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (again.status_code, again.content) == (304, b"")


def test_the_address_without_a_slash_leads_to_the_page(
    http: httpx2.Client, gateway: Gateway
) -> None:
    answer = http.get(gateway.url.removesuffix("/"))
    root = http.get(gateway.url.removesuffix("console/"))

    assert (answer.status_code, answer.headers["location"]) == (307, "console/")
    assert (root.status_code, root.headers["location"]) == (307, "console/")


@pytest.mark.parametrize("path", ["nothing.js", "../gateway.py", "%2e%2e/routes.py", "a/b"])
def test_there_is_nothing_but_the_files_of_the_page(http: httpx2.Client, path: str) -> None:
    answer = http.get(path)

    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_the_configuration_names_one_assistant_and_its_functions(http: httpx2.Client) -> None:
    first, second = http.get("config").json(), http.get("config").json()

    assert first == second
    assert first["model"] == {"label": "scripted by script.yaml, not a model", "is_model": False}
    assert first["caller"] == "duty-manager"
    assert {
        "name": "pier_open_barrier",
        "description": "Open the barrier.",
        "effect": "write",
        "adapter": "pier",
        "callable": True,
        "problem": None,
    } in first["functions"]


def test_the_configuration_needs_a_key_where_the_api_does(tmp_path: Path) -> None:
    with (
        open_gateway(tmp_path, SCRIPT, anonymous=False) as guarded,
        httpx2.Client(base_url=guarded.url) as http,
    ):
        page, refused = http.get(""), http.get("config")
        headers = {"Authorization": f"Bearer {guarded.make_key('anna')}"}
        allowed = http.get("config", headers=headers)

    assert (page.status_code, refused.status_code, allowed.status_code) == (200, 401, 200)
    assert allowed.json()["caller"] == "anna"


def test_the_page_has_no_inline_script_or_style_and_asks_nobody_else() -> None:
    for name, asset in load_assets().items():
        text = asset.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text), name
        assert not re.search(
            r"innerHTML|insertAdjacentHTML|outerHTML|document\.write|\beval\(", text
        ), name
        addresses = set(re.findall(r"https?://[^\s\"')]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}, name


def test_every_module_that_is_imported_is_there() -> None:
    names = set(load_assets())
    for path in FOLDER.glob("*.js"):
        for imported in re.findall(r'from "\./([\w.]+)"', path.read_text()):
            assert imported in names, f"{path.name} imports {imported}"


TEXT_PAIRS = [
    ("ink", "sheet"),
    ("ink", "desk"),
    ("ink", "card"),
    ("ink-soft", "sheet"),
    ("ink-soft", "desk"),
    ("ink-soft", "card"),
    ("accent-ink", "accent"),
    ("brass", "card"),
    *((state, f"{state}-soft") for state in ("ok", "refused", "failed", "unknown")),
    *(
        (ink, f"{state}-soft")
        for state in ("refused", "failed", "unknown", "accent")
        for ink in ("ink", "ink-soft")
    ),
]


@pytest.mark.parametrize("theme", [":root {", ':root[data-theme="dark"] {\n  --desk'])
def test_every_text_has_a_contrast_of_at_least_4_5(theme: str) -> None:
    css = (FOLDER / "console.css").read_text()
    block = css[css.index(theme) :].split("}")[0]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))

    poor = {
        pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2)
        for pair in TEXT_PAIRS
        if contrast(colours[pair[0]], colours[pair[1]]) < 4.5
    }

    assert poor == {}


def test_the_two_ways_to_the_dark_theme_have_the_same_colours() -> None:
    css = (FOLDER / "console.css").read_text()
    blocks = [part.split("}")[0] for part in css.split("--desk: ")[1:]]
    [_, chosen, preferred] = [re.findall(r"--([\w-]+): ([^;]+);", block) for block in blocks]

    assert chosen == preferred


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
