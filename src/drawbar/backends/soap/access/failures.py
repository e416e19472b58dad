"""What a call that did not end well is told as, and what became of its work.

* a fault is the server's own no: by SOAP's contract the request was not carried out, so `rolled_back`
* an answer that is no SOAP (an error page, half an envelope, nothing) says nothing: `unknown`
* an HTTP status below 500 without a fault comes from a door in front of the service: `not_started`
"""

from __future__ import annotations

from collections.abc import Mapping

from drawbar.backends.soap.access.post import Answer, beginning
from drawbar.backends.soap.message.reply import Fault
from drawbar.kernel.ports import BackendError

MULTIPLE_CHOICES = 300
_SERVER_ERROR = 500
_DENIED = frozenset({401, 403, 407})
_BUSY = frozenset({429, 503})
_XML_TYPES = ("xml", "soap", "multipart/related")


def refused(why: str) -> BackendError:
    """The contract does not take these values; nothing was sent."""
    return BackendError(
        f"the arguments do not fit the service's contract: {why}",
        code="invalid_arguments",
        work="not_started",
        hint="change the argument that is named and call again",
    )


def not_served(name: str, why: str) -> BackendError:
    """Zeep does not take what the compiler took; nothing was sent."""
    return BackendError(
        f"the messages of `{name}` cannot be written: {why}",
        code="unsupported_operation",
        work="not_started",
        hint="the operator has to use another operation, or `wire: plan` where the plan covers this one",
    )


def misconfigured(why: str, hint: str) -> BackendError:
    """A file or an extra that the adapter names cannot be used; nothing was sent."""
    return BackendError(why, code="backend_unavailable", work="not_started", hint=hint)


def not_trusted(why: str) -> BackendError:
    """The reply does not prove that it is the service's; what it says does not count."""
    return BackendError(
        f"the reply cannot be trusted: {why}",
        code="untrusted_reply",
        work="unknown",
        hint="the operator has to look at `security.verify` and `addressing` of the adapter",
    )


def encrypted() -> BackendError:
    return BackendError(
        "the reply is encrypted (XML Encryption), which Drawbar does not read",
        code="encrypted_reply",
        work="unknown",
        hint="the operator has to ask the service for replies that are signed only; TLS keeps them secret",
    )


def faulted(fault: Fault, status: int, *, trusted: bool = True) -> BackendError:
    """Where replies have to be signed, a fault that is not says nothing for sure about the work."""
    return BackendError(
        fault.text if trusted else f"{fault.text} (the fault is not signed)",
        code="fault",
        work="rolled_back" if trusted else "unknown",
        detail={"fault": fault.code, "detail": fault.detail},
        facts={**fault.facts, "status": status},
    )


def no_soap(answer: Answer, why: str) -> BackendError:
    """An answer without an envelope: from a proxy, a broken server, or an address that is no SOAP service."""
    status = answer.status
    facts: dict[str, str | int] = {"status": status}
    start = f": {beginning(answer.body)}" if answer.body.strip() else ""
    if status in _DENIED:
        return BackendError(
            f"the service refused Drawbar's credentials (HTTP {status}){start}",
            code="unauthorized",
            work="not_started",
            hint="the operator has to correct `auth:` of the adapter",
            facts=facts,
        )
    if MULTIPLE_CHOICES <= status < _SERVER_ERROR:
        return BackendError(
            f"HTTP {status} instead of a SOAP answer{start}",
            code="http_error",
            retryable=status in _BUSY,
            work="not_started",
            facts=facts,
        )
    if status >= _SERVER_ERROR:
        return BackendError(
            f"HTTP {status} without a SOAP fault{start}",
            code="http_error",
            retryable=status in _BUSY,
            work="unknown",
            facts=facts,
        )
    return _unusable(answer, why, facts, start)


def _unusable(answer: Answer, why: str, facts: Mapping[str, str | int], start: str) -> BackendError:
    """Status 200, but no envelope: empty, of another type, or not whole."""
    if not answer.body.strip():
        return BackendError(
            f"HTTP {answer.status} with an empty reply",
            code="empty_reply",
            work="unknown",
            facts=facts,
        )
    if not any(word in answer.content_type for word in _XML_TYPES):
        return BackendError(
            f"the reply is {answer.content_type}, not SOAP{start}",
            code="wrong_content_type",
            work="unknown",
            facts=facts,
        )
    return BackendError(
        f"the reply cannot be read, {why}{start}", code="broken_reply", work="unknown", facts=facts
    )
