"""What must not be shown of settings and adapters, and how they are shown without it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from urllib.parse import unquote

from pydantic import BaseModel

from drawbar.kernel.values import JsonValue, Secret

_USER_INFO = re.compile(r"(?P<head>[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@]*:)(?P<secret>[^\s/]*)(?=@)")
_QUERY = re.compile(
    r"(?P<head>[?&;](?:[a-z_-]*(?:password|passwd|pwd|secret|token|api_?key|sig))=)(?P<secret>[^&\s#;]+)",
    re.IGNORECASE,
)
_THROUGH = re.compile(r"(?:odbc|jdbc):")
"""How the address of a database begins that is written in the words of ODBC or JDBC."""
_WORD = re.compile(
    r"(?P<head>[:?&;](?:pwd|password)=)(?P<secret>\{(?:[^}]|\}\})*\}|[^&;]+)", re.IGNORECASE
)
_ORACLE = re.compile(r"(?P<head>jdbc:oracle:[a-z]+:[^/@]*/)(?P<secret>[^@]+)(?=@)")
_SOUNDS_SECRET = re.compile(r"PASS|SECRET|TOKEN|KEY|CRED|AUTH", re.IGNORECASE)
_SHORTEST = 3
"""Shorter texts are no secrets worth the name, and masking them would blank out half of every log line."""


def sounds_secret(name: object) -> bool:
    """Whether what has this name is better not shown, such as `api_key` or `HR_PASSWORD`."""
    return isinstance(name, str) and _SOUNDS_SECRET.search(name) is not None


def holds_secret(at: tuple[str | int, ...]) -> bool:
    """Whether a value at this place of a file is better not shown, such as what stands under `auth:`."""
    keys = at if at[:1] == ("backend",) else at[-1:]
    return any(sounds_secret(key) for key in keys)


def texts_in(value: JsonValue) -> tuple[str, ...]:
    """Every text inside a value, longest first."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        found = {text for inner in value for text in texts_in(inner)}
        return tuple(sorted(found, key=lambda text: (-len(text), text)))
    return (value,) if isinstance(value, str) and len(value) >= _SHORTEST else ()


def mask_url(text: str) -> str:
    """The text with the passwords of the URLs in it replaced by `***`."""
    if _THROUGH.match(text):
        text = _ORACLE.sub(r"\g<head>***", _WORD.sub(r"\g<head>***", text))
    if "://" not in text:
        return text
    return _QUERY.sub(r"\g<head>***", _USER_INFO.sub(r"\g<head>***", text))


def secrets_of(value: object) -> tuple[str, ...]:
    """Every secret text inside a model, longest first: Secrets, and passwords in URLs, encoded or not."""
    found = {text for text in _secrets(value) if len(text) >= _SHORTEST}
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, str):
        yield from _in_url(value)
    else:
        for inner in _held(value):
            yield from _secrets(inner)


def _held(value: object) -> Iterator[object]:
    """What a value is made of."""
    if isinstance(value, BaseModel):
        yield from (getattr(value, name) for name in type(value).model_fields)
    elif isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, (tuple, list, set, frozenset)):
        yield from value
    elif is_dataclass(value):
        for part in fields(value):
            inner = getattr(value, part.name)
            if part.name == "secrets":
                yield from (Secret(text) for text in inner)
            elif part.name != "source":
                yield inner


def _in_url(text: str) -> Iterator[str]:
    if _THROUGH.match(text):
        for match in (*_WORD.finditer(text), *_ORACLE.finditer(text)):
            yield match["secret"]
    if "://" in text:
        for match in (*_USER_INFO.finditer(text), *_QUERY.finditer(text)):
            yield match["secret"]
            yield unquote(match["secret"])


def mask(text: str, secrets: tuple[str, ...]) -> str:
    """The text with each secret replaced by `***`. `secrets` come longest first."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def shown(value: JsonValue) -> JsonValue:
    """A dumped model with the passwords of its URLs masked; Secrets were masked by the dump."""
    if isinstance(value, str):
        return mask_url(value)
    if isinstance(value, list):
        return [shown(inner) for inner in value]
    if isinstance(value, dict):
        return {key: shown(inner) for key, inner in value.items()}
    return value
