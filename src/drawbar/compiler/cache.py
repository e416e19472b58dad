"""Compiled adapters on disk, so that a start need not compile what has not changed.

An entry holds functions, schemas and plans, never the `backend:` section, which is read anew at each start with its
secrets. It is used only if all that went into it is the same: the text of the adapter, the variables and files that
it refers to, the options of its backend, the code of Drawbar and of the kind, the versions of all libraries, Python.
Whatever is wrong with an entry or its folder means compiling, and a note; nothing here stops a start.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from pydantic_core import PydanticSerializationError

from drawbar.compiler.entries import Entries, Unusable
from drawbar.compiler.kind import Kinds, StorableKind, SurveyingKind
from drawbar.compiler.maker import maker_of
from drawbar.compiler.packing import Unpackable
from drawbar.compiler.stored import Packed, StoredFunctions, StoredPlans, pack_functions, packing_of
from drawbar.compiler.toolset import CompiledAdapter, compile_adapter
from drawbar.kernel.errors import Place
from drawbar.kernel.values import JsonValue
from drawbar.spec.cut import Cut, cut_of
from drawbar.spec.load import LoadedAdapter, load_adapter, parse_adapter, read_text
from drawbar.spec.model import Adapter
from drawbar.spec.references import FILE
from drawbar.spec.secrets import mask, secrets_of, sounds_secret

_LATER = ("functions", "tests")
"""Sections that are not read when there is an entry."""
_LENGTH = 8
_SUFFIX = ".compiled"
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


class _NotKept(Exception):
    """Why an adapter has no entry."""


class Cache:
    """Compiles adapters, or reads what was compiled before. Nothing is written before `keep`."""

    def __init__(self, folder: Path) -> None:
        self._entries = Entries(folder)
        self._new: list[tuple[str, bytes]] = []
        self._asked: set[str] = set()
        self.notes: list[str] = []
        """What an operator may want to know: why something was compiled again, or is not kept."""

    def compiled(self, path: Path, kinds: Kinds, environ: Mapping[str, str]) -> CompiledAdapter:
        """As `compile_adapter(load_adapter(...))`, but for `tests`, which only `drawbar test` asks for."""
        file = str(path)
        text, problem = read_text(path, file)
        if problem is not None:
            return compile_adapter(load_adapter(path, kinds, environ), kinds)
        name = _name_of(path, file)
        self._asked.add(name)
        try:
            content = self._entries.read(name)
            found = None if content is None else _read(content, text, path, kinds, environ)
        except Unusable as error:
            self.notes.append(str(error))
            found = None
        return found or self._anew(name, text, path, kinds, environ)

    def _anew(
        self, name: str, text: str, path: Path, kinds: Kinds, environ: Mapping[str, str]
    ) -> CompiledAdapter:
        begun = time.time_ns()
        loaded = parse_adapter(text, str(path), path.parent, kinds, environ)
        compiled = compile_adapter(loaded, kinds)
        try:
            content, found = _write(text, loaded, compiled, kinds, environ, begun)
        except _NotKept as reason:
            self.notes.append(f"{path} is compiled at each start: {reason}")
            return compiled
        self._new.append((name, content))
        return found

    def keep(self) -> None:
        """Write what was compiled anew, and remove what is left of adapters that are gone; what fails is noted."""
        for name, content in self._new:
            try:
                self._entries.write(name, content)
            except Unusable as error:
                self.notes.append(f"nothing is kept for the next start: {error}")
                break
        else:
            self._clean()
        self._new.clear()

    def _clean(self) -> None:
        """Other deployments may share the folder: only entries go whose adapter file does not exist."""
        try:
            for name in self._entries.names():
                if name not in self._asked and name.endswith(_SUFFIX) and self._is_orphan(name):
                    self._entries.remove(name)
        except Unusable as error:
            self.notes.append(f"entries of adapters that are gone stay: {error}")

    def _is_orphan(self, name: str) -> bool:
        """Also if nobody can tell what it was made of: who still has the adapter will compile it again."""
        try:
            content = self._entries.read(name)
            file = None if content is None else _head(content)[0].get("file")
        except Unusable:
            return True
        return file is None or not Path(file).exists()


def _name_of(path: Path, file: str) -> str:
    """One entry for each file and each way of writing its path, which stands in its problems."""
    where = f"{path.parent.resolve()}\0{file}"
    digest = hashlib.sha256(where.encode(errors="surrogateescape")).hexdigest()[:24]
    return f"{_UNSAFE.sub('_', path.stem)[:40]}-{digest}{_SUFFIX}"


# -- reading --------------------------------------------------------------------------------------


def _read(
    content: bytes, text: str, path: Path, kinds: Kinds, environ: Mapping[str, str]
) -> CompiledAdapter | None:
    """What an entry holds; None when it was made of anything else than what there is now."""
    head, end = _head(content)
    if (
        head["text"] != _digest(text)
        or {name: environ.get(name) for name in head["variables"]} != head["variables"]
        or {file: _file_digest(Path(file)) for file in head["files"]} != head["files"]
    ):
        return None
    rest = Cut(head["cut"]).apply(text)
    loaded = parse_adapter(rest, str(path), path.parent, kinds, environ)
    adapter = loaded.adapter
    if adapter is None or loaded.problems:
        return None
    kind = kinds.find(adapter.kind)
    if not isinstance(kind, StorableKind) or head["maker"] != maker_of(kind):
        return None
    try:
        if head["options"] != _options_of(adapter, kind):
            return None
    except _NotKept:
        return None
    packed = Packed.from_head(head["functions"], content[end:])
    return _compiled(packed, adapter, kind, head)


def _head(content: bytes) -> tuple[Any, int]:  # JSON that `_write` made
    """What stands before the records, and where they begin."""
    end = _LENGTH + int.from_bytes(content[:_LENGTH], "big")
    return orjson.loads(content[_LENGTH:end]), end


def _compiled(packed: Packed, adapter: Adapter, kind: StorableKind, head: Any) -> CompiledAdapter:
    packing = packing_of(kind)
    file = adapter.source.file
    functions = StoredFunctions(packed, adapter, file, packing)
    survey = head["survey"]
    return CompiledAdapter(
        adapter.name,
        file,
        adapter,
        StoredPlans(functions, adapter.prefix, None if survey is None else packing.unpack(survey)),
        functions,
        tuple(map(packing.unpack, head["problems"])),
        Place(file, *head["place"]),
        keeps=head["keeps"],
    )


# -- writing --------------------------------------------------------------------------------------


def _write(
    text: str,
    loaded: LoadedAdapter,
    compiled: CompiledAdapter,
    kinds: Kinds,
    environ: Mapping[str, str],
    begun: int,
) -> tuple[bytes, CompiledAdapter]:
    """The entry, and the adapter as it will be read from it. Raises _NotKept."""
    adapter = loaded.adapter
    if adapter is None or loaded.general:
        raise _NotKept("its problems are not only in its functions")
    kind = kinds.find(adapter.kind)
    if not isinstance(kind, StorableKind):
        raise _NotKept(f"the kind `{adapter.kind}` does not offer it")
    cut = cut_of(text, loaded.source, _LATER)
    if cut is None:
        raise _NotKept("its functions are not a section of their own")
    packing = packing_of(kind)
    try:
        packed = pack_functions(compiled.functions, adapter, kind, packing)
        problems = orjson.loads(packing.pack(compiled.problems))
        survey = kind.survey(compiled.plans) if isinstance(kind, SurveyingKind) else None
        surveyed = orjson.loads(packing.pack(survey))
    except Unpackable as error:
        raise _NotKept(str(error)) from None
    head = {
        "file": str(Path(adapter.source.file).absolute()),
        "text": _digest(text),
        "variables": _variables(loaded, environ),
        "files": _files(compiled.files, begun),
        "maker": maker_of(kind),
        "options": _options_of(adapter, kind),
        "cut": cut.sections,
        "problems": problems,
        "place": [compiled.place.line, compiled.place.column],
        "functions": packed.head(),
        "keeps": compiled.keeps,
        "survey": surveyed,
    }
    written = orjson.dumps(head)
    content = b"".join((len(written).to_bytes(_LENGTH, "big"), written, packed.records))
    if _holds(content, secrets_of(adapter)):
        raise _NotKept("a secret of it went into its functions")
    lean = replace(compiled.adapter or adapter, tests=())
    return content, _compiled(packed, lean, kind, head)


def _variables(loaded: LoadedAdapter, environ: Mapping[str, str]) -> dict[str, str | None]:
    """Variables that functions and tests refer to; those of other sections are seen in what they stand for."""
    found: dict[str, str | None] = {}
    for at, name in loaded.named:
        if at[0] in _LATER:
            if name.startswith(FILE) or sounds_secret(name):
                raise _NotKept(f"its {at[0]} refer to a secret ({name})")
            found[name] = environ.get(name)
    return found


def _files(files: Iterable[Path], begun: int) -> dict[str, str | None]:
    """Digests of what the kind read; None for what it looked for in vain."""
    for path in files:
        if path.exists() and path.stat().st_mtime_ns >= begun:
            raise _NotKept(f"{path} was changed meanwhile")
    return {str(path): _file_digest(path) for path in sorted(files)}


# -- ingredients ----------------------------------------------------------------------------------


def _options_of(adapter: Adapter, kind: StorableKind) -> str:
    """A digest of all that functions take from other sections.

    Secrets among the options of the backend are masked: they may change without a new compile. What a compile may
    take from them, the kind tells by itself.
    """
    secrets = secrets_of(adapter)
    shared: dict[str, JsonValue] = {
        "name": adapter.name,
        "prefix": adapter.prefix,
        "description": adapter.description,
        "kind": adapter.kind,
        "errors": [rule.model_dump(mode="json") for rule in adapter.errors],
        "limits": adapter.limits.model_dump(mode="json"),
        "ingredients": kind.ingredients(adapter),
    }
    try:
        told = orjson.dumps(shared)
        backend = orjson.dumps(adapter.backend.model_dump(mode="json")).decode()
    except (PydanticSerializationError, orjson.JSONEncodeError) as error:
        raise _NotKept(f"its backend cannot be told from another: {error}") from None
    if _holds(told, secrets):
        raise _NotKept("a secret stands where functions take it from")
    written = tuple(orjson.dumps(secret)[1:-1].decode() for secret in secrets)
    return _digest(told.decode() + mask(backend, written))


def _holds(content: bytes, secrets: Iterable[str]) -> bool:
    """Whether any of them stands in this JSON."""
    return any(orjson.dumps(secret)[1:-1] in content for secret in secrets)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _file_digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
