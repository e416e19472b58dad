"""Reads settings from four places, and remembers where each of them came from.

Defaults are overridden by the settings file, that by `DRAWBAR_*` variables, and those by flags. Variables and flags
are texts; where a number or true/false is wanted they are read as YAML would read them.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from drawbar.kernel.errors import Place, Problem
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.settings.model import Settings
from drawbar.spec.check import check
from drawbar.spec.check_words import shown_value
from drawbar.spec.load import read_text, without_secrets
from drawbar.spec.names import closest, known_keys
from drawbar.spec.references import Reference, References, Resolver
from drawbar.spec.secrets import secrets_of
from drawbar.spec.source import At, Report, Source
from drawbar.spec.yaml12 import read_yaml

DEFAULT_FOLDER = Path("config")
"""Where relative paths of the defaults start when there is no settings file."""
_PREFIX = "DRAWBAR_"
_NO_SETTINGS = re.compile(r"DRAWBAR_(SETTINGS|MODELS|TEST_.*)")
OFF = "off"
_SQLITE_FILE = re.compile(r"sqlite(?:\+\w+)?:///(/[^?]+)(?:\?.*)?")
"""With its absolute path, as settings have it once they are loaded."""
_SQLITE_PATH = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|:memory:|file:)(.+)")


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings and where each of them came from; what is broken in them holds its default."""

    settings: Settings
    origins: Mapping[str, str]
    """By dotted name, such as `model.base_url`: `default`, a place in the file, a variable, or `flag`."""
    problems: tuple[Problem, ...]
    folder: Path
    """Where relative paths of the settings file start."""
    source: Source
    """The file, with the places of variables and flags laid over it."""


def load_settings(
    path: Path | None, environ: Mapping[str, str], flags: Mapping[str, object] = {}
) -> LoadedSettings:
    """Defaults, then the file, then DRAWBAR_* variables, then flags by dotted name; the later one wins.

    Relative paths in the file start at its folder, those in variables and flags at the working directory.
    Nothing is raised for what is wrong.
    """
    loading = _Loading(path, environ)
    for name in sorted(environ):
        if name.startswith(_PREFIX) and environ[name] and not _NO_SETTINGS.fullmatch(name):
            loading.variable(name, environ[name])
    for name, value in flags.items():
        loading.flag(name, value)
    return loading.finish()


class _Loading:
    """Settings on their way through the four places they can be written at."""

    def __init__(self, path: Path | None, environ: Mapping[str, str]) -> None:
        self.folder = DEFAULT_FOLDER if path is None else path.parent
        self.data: JsonObject = {}
        self.references = References()
        self.places: dict[At, Place] = {}
        self.origins: dict[At, str] = {}
        source = Source("settings", {})
        noted: list[tuple[At, Problem]] = []
        if path is not None:
            text, problem = read_text(path, str(path))
            source, noted = read_yaml(text, str(path))
            if problem is not None:
                noted.append(((), problem))
        self.report = Report(Source(source.file, source.data, self.places))
        for at, problem in noted:
            self.report.note(at, problem)
        self.places.update(source.places)
        self.read(source, environ)

    def read(self, source: Source, environ: Mapping[str, str]) -> None:
        if isinstance(source.data, dict):
            resolver = Resolver(environ, self.folder, self.report)
            resolved = resolver.resolve(source.data)
            self.data = resolved if isinstance(resolved, dict) else {}
            self.references = resolver.found
        elif source.data is not None:
            what = shown_value(source.data)
            self.report.add((), "DB106", f"the file is {what}; settings are `key: value` lines")

    def variable(self, name: str, text: str) -> None:
        at: At = tuple(name.removeprefix(_PREFIX).lower().split("__"))
        if not _is_setting(at):
            names = ["__".join(way) for way in _ways(Settings)]
            meant = closest("__".join(map(str, at)), names)
            self.note(
                name,
                Problem(
                    Place(name),
                    "DB701",
                    f"{name} sets nothing: there is no such setting",
                    f"did you mean {_PREFIX}{meant.upper()}?"
                    if meant
                    else "remove it from the environment",
                ),
            )
            return
        value: JsonValue = text
        if text[0] in "[{":
            source, problems = read_yaml(text, name)
            value = source.data
            for _, problem in problems:
                self.note(name, problem)
            if problems:
                return
        self.put(at, value, Place(name), name)

    def note(self, name: str, problem: Problem) -> None:
        self.report.note((name,), problem)

    def flag(self, name: str, value: object) -> None:
        at: At = tuple(name.split("."))
        place = Place(f"--{at[-1]}")
        if not _is_setting(at):
            self.note(name, Problem(place, "DB701", f"there is no setting `{name}`"))
            return
        self.put(at, _plain(value), place, "flag")

    def put(self, at: At, value: JsonValue, place: Place, origin: str) -> None:
        """Write over what earlier places said."""
        holder = self.data
        for key in at[:-1]:
            inner = holder.get(str(key))
            inner = dict(inner) if isinstance(inner, dict) else {}
            holder[str(key)] = inner
            holder = inner
        holder[str(at[-1])] = value
        for known in [way for way in self.references.at if way[: len(at)] == at]:
            del self.references.at[known]
        self.places[at] = place
        self.origins[at] = origin
        if isinstance(value, str):
            self.references.at[at] = Reference(origin, (value,))

    def finish(self) -> LoadedSettings:
        settings = check(Settings, self.data, (), self.report, self.references)
        if settings is None:
            settings = self.unbroken()
        _check_anonymous(settings, self.report)
        settings = _resolved(settings, self.folder, self.origins)
        secrets = secrets_of(settings)
        problems = [without_secrets(problem, secrets) for problem in self.report.problems]
        return LoadedSettings(
            settings,
            dict(self.named(settings)),
            tuple(sorted(problems, key=lambda problem: problem.place)),
            self.folder,
            self.report.source,
        )

    def unbroken(self) -> Settings:
        """Without the keys of the root that are broken or unknown."""
        self.data = {
            key: value
            for key, value in self.data.items()
            if key in Settings.model_fields and not self.report.is_broken((key,))
        }
        rest = Report(self.report.source)  # nothing new can be wrong
        return check(Settings, self.data, (), rest, self.references) or Settings()

    def named(self, settings: Settings) -> Iterator[tuple[str, str]]:
        """Each setting by its dotted name, with its origin."""
        for at in _ways_of(settings):
            known = [at[:length] for length in range(len(at), 0, -1)]
            origin = next((self.origins[way] for way in known if way in self.origins), None)
            if origin is None:
                place = next((self.places[way] for way in known if way in self.places), None)
                written = self.is_written(at)
                origin = str(place) if written and place is not None else "default"
            yield ".".join(map(str, at)), origin

    def is_written(self, at: At) -> bool:
        value: JsonValue = self.data
        for key in at:
            if not isinstance(value, dict) or key not in value:
                return False
            value = value[str(key)]
        return True


def _plain(value: object) -> JsonValue:
    """A flag's value as YAML would give it."""
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)


def _is_setting(at: At) -> bool:
    """Whether there is a setting of this name, or one that holds any names."""
    for length in range(len(at)):
        keys = known_keys(Settings, at[:length])
        if not keys:
            return length > 0 and _takes_any_name(at[:length])
        if at[length] not in keys:
            return False
    return True


def _takes_any_name(at: At) -> bool:
    field_of = known_keys(Settings, at[:-1])
    return at[-1] in field_of and at[-1] in _FREE


_FREE = frozenset({"toolsets", "claims", "kinds"})
"""Settings whose keys are the operator's own words."""


def _ways(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    """The way to every setting."""
    for name in model.model_fields:
        inner = known_keys(model, (name,))
        if not inner:
            yield (name,)
        for key in inner:
            yield (name, key)


def _ways_of(settings: BaseModel, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The way to every value that holds."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _ways_of(value, (*at, name))
        elif isinstance(value, dict) and value:
            yield from ((*at, name, str(key)) for key in value)
        else:
            yield (*at, name)


def _check_anonymous(settings: Settings, report: Report) -> None:
    host = settings.listen.host
    if settings.anonymous is None or _is_loopback(host):
        return
    report.add(
        ("anonymous",) if ("anonymous",) in report.source.places else ("listen", "host"),
        "DB702",
        f"requests without a key would be allowed from other machines: `listen.host` is {host}",
        fix="remove `anonymous`, or listen on 127.0.0.1",
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _resolved(settings: Settings, folder: Path, origins: Mapping[At, str]) -> Settings:
    """With absolute paths."""

    def start(at: At) -> Path:
        return Path() if at in origins else folder

    def path(name: str, at: At) -> str:
        return os.path.abspath(start(at) / name)  # noqa: PTH100 -- resolve() would follow links

    def url(text: str) -> str:
        return _SQLITE_PATH.sub(lambda m: m[1] + path(m[2], ("store",)), text)

    script = settings.model.script
    model = settings.model.model_copy(
        update={"script": None if script is None else path(script, ("model", "script"))}
    )
    return settings.model_copy(
        update={
            "adapters": tuple(path(name, ("adapters",)) for name in settings.adapters),
            "store": url(settings.store),
            "cache": settings.cache
            if settings.cache in {None, OFF}
            else path(settings.cache, ("cache",)),
            "model": model,
        }
    )


def cache_folder(settings: Settings) -> Path | None:
    """Where compiled adapters are kept, if anywhere."""
    if settings.cache == OFF:
        return None
    if settings.cache is not None:
        return Path(settings.cache)
    file = _SQLITE_FILE.fullmatch(settings.store)
    return None if file is None else Path(file[1]).parent / "cache"


def adapter_files(loaded: LoadedSettings) -> tuple[list[Path], list[Problem]]:
    """The adapter files that the settings name; of a folder every YAML file in it, by name."""
    files: list[Path] = []
    report = Report(loaded.source)
    for index, name in enumerate(loaded.settings.adapters):
        path = Path(name)
        if path.is_dir():
            found = (item for item in path.iterdir() if item.suffix in {".yaml", ".yml"})
            files += sorted(_from_here(item) for item in found)
        elif path.exists():
            files.append(_from_here(path))
        else:
            report.add(
                ("adapters", index),
                "DB703",
                f"there is no file or folder of adapters at {path}",
                fix="relative paths start at the folder of the settings file",
            )
    return files, report.problems


def _from_here(path: Path) -> Path:
    """Relative where it is below the working directory, so that messages are short."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
