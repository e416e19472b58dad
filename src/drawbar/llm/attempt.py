"""Why one request to a model server came to nothing, whether another may help, and when.

The messages are the second half of a sentence that begins with `the model server at URL`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Literal

import orjson

from drawbar.kernel.values import JsonValue

Code = Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]

_SHOWN = 300
"""Characters of a server's own words in an error."""
_TAGS = re.compile(r"<(script|style|head)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_AGAIN = frozenset({408, 409, 425, 429})
_LIMIT = re.compile(r"rate.?limit|too.?many|\b429\b|overloaded", re.IGNORECASE)
_QUOTA = re.compile(r"insufficient_quota|billing", re.IGNORECASE)
_PROMPT = re.compile(r"context.?length|invalid_request|maximum context|\b400\b", re.IGNORECASE)


class AttemptFailed(Exception):
    """`again`: a new attempt may go better, not before `wait` seconds."""

    def __init__(
        self, message: str, code: Code = "server_error", *, again: bool = True, wait: float = 0.0
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code: Code = code
        self.again = again
        self.wait = wait


def of_status(status: int, text: str, headers: Mapping[str, str], model: str) -> AttemptFailed:
    """What an HTTP status of 300 and more means for the one who runs the deployment."""
    said = words(text)
    tail = f": {said}" if said else ""
    if status == 429:  # noqa: PLR2004 -- HTTP: too many requests
        wait = retry_after(headers)
        later = f"; it asks to wait {wait:g} s" if wait else ""
        message = f"has too much to do (429){tail}{later}"
        return AttemptFailed(
            message, "rate_limit_exceeded", again=not _QUOTA.search(text), wait=wait
        )
    if status in _AGAIN or status >= 500:  # noqa: PLR2004 -- HTTP: the server's own trouble
        return AttemptFailed(f"failed ({status}){tail}", wait=retry_after(headers))
    if status in (401, 403):
        message = f"refused the key ({status}){tail}; check settings.model.api_key"
    elif status in (404, 405):
        message = (
            f"has no model {model!r} or no Chat Completions at this address ({status}){tail}; "
            "check settings.model.base_url, which usually ends in /v1, and settings.model.name"
        )
    elif status in (400, 413, 422):
        return AttemptFailed(f"refused the request ({status}){tail}", "invalid_prompt", again=False)
    else:
        message = f"answered with status {status}{tail}"
    return AttemptFailed(message, again=False)


def of_error_object(error: JsonValue) -> AttemptFailed:
    """An error that a server put into its answer, its status being fine."""
    text = error if isinstance(error, str) else orjson.dumps(error).decode()
    message = f"broke off: {words(text)}"
    if _QUOTA.search(text):
        return AttemptFailed(message, "rate_limit_exceeded", again=False)
    if _LIMIT.search(text):
        return AttemptFailed(message, "rate_limit_exceeded")
    if _PROMPT.search(text):
        return AttemptFailed(message, "invalid_prompt", again=False)
    return AttemptFailed(message)


def words(text: str) -> str:
    """The message in a server's answer: the one in its JSON, or the text of its page, shortened."""
    try:
        told = _message(orjson.loads(text))
    except orjson.JSONDecodeError:
        told = _TAGS.sub(" ", text) if "<" in text else text
    return shortened(told)


def shortened(text: str) -> str:
    """One line of at most 300 characters, without control characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + " ..."


def _message(value: JsonValue) -> str:
    """OpenAI says error.message, others message, error, detail, or a list of details."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "; ".join(_message(item) for item in value)
    if isinstance(value, dict):
        for name in ("error", "message", "detail", "msg"):
            if value.get(name):
                return _message(value[name])
    return orjson.dumps(value).decode()


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a server asks to wait, 0 when it says nothing: a number or a date."""
    if milliseconds := headers.get("retry-after-ms"):
        return _number(milliseconds) / 1000
    said = headers.get("retry-after", "")
    if not said or said[0].isdigit() or said[0] in "+-.":
        return _number(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return 0.0


def _number(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0
