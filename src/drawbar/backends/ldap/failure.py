"""What a result code says about the call and about the work (RFC 4511 4.1.9, appendix A)."""

from __future__ import annotations

from collections.abc import Mapping

from drawbar.backends.ldap.messages import Result
from drawbar.kernel.ports import BackendError

SUCCESS, TIME_LIMIT, SIZE_LIMIT, COMPARE_FALSE, COMPARE_TRUE, REFERRAL = 0, 3, 4, 5, 6, 10
ADMIN_LIMIT, IN_PROGRESS, NO_SUCH_ATTRIBUTE = 11, 14, 16
_NAMES: Mapping[int, tuple[str, str]] = {
    1: ("operationsError", "backend_error"),
    2: ("protocolError", "backend_error"),
    TIME_LIMIT: ("timeLimitExceeded", "timeout"),
    SIZE_LIMIT: ("sizeLimitExceeded", "backend_error"),
    7: ("authMethodNotSupported", "backend_denied"),
    8: ("strongerAuthRequired", "backend_denied"),
    REFERRAL: ("referral", "referral"),
    ADMIN_LIMIT: ("adminLimitExceeded", "backend_error"),
    12: ("unavailableCriticalExtension", "backend_error"),
    13: ("confidentialityRequired", "backend_denied"),
    NO_SUCH_ATTRIBUTE: ("noSuchAttribute", "invalid_request"),
    17: ("undefinedAttributeType", "invalid_request"),
    18: ("inappropriateMatching", "invalid_request"),
    19: ("constraintViolation", "invalid_request"),
    20: ("attributeOrValueExists", "conflict"),
    21: ("invalidAttributeSyntax", "invalid_request"),
    32: ("noSuchObject", "not_found"),
    34: ("invalidDNSyntax", "invalid_request"),
    48: ("inappropriateAuthentication", "backend_denied"),
    49: ("invalidCredentials", "backend_denied"),
    50: ("insufficientAccessRights", "backend_denied"),
    51: ("busy", "backend_unavailable"),
    52: ("unavailable", "backend_unavailable"),
    53: ("unwillingToPerform", "backend_denied"),
    64: ("namingViolation", "invalid_request"),
    65: ("objectClassViolation", "invalid_request"),
    66: ("notAllowedOnNonLeaf", "conflict"),
    67: ("notAllowedOnRDN", "invalid_request"),
    68: ("entryAlreadyExists", "conflict"),
    80: ("other", "backend_error"),
    123: ("authorizationDenied", "backend_denied"),
}
_RETRYABLE = frozenset({TIME_LIMIT, 51, 52})
_UNCLEAR = frozenset({1, 52, 80})
"""Of all others a server says that it did not do it: an operation of LDAP is carried out whole or not at all."""


def failure(result: Result) -> BackendError:
    """A result other than success. Its name is the fact `result`, its number `result_code`."""
    name, code = _NAMES.get(result.code, (f"result {result.code}", "backend_error"))
    said = f": {result.message}" if result.message else ""
    hint = None
    if result.code == REFERRAL:
        said, hint = "", "The entry is on another server, and the gateway asks none but its own."
    return BackendError(
        f"The directory answered {name}{said}.",
        code=code,
        retryable=result.code in _RETRYABLE,
        work="unknown" if result.code in _UNCLEAR else "rolled_back",
        hint=hint,
        facts={"result": name, "result_code": result.code},
    )


def unavailable(why: object) -> BackendError:
    return BackendError(
        f"The directory cannot be asked: {why}.",
        code="backend_unavailable",
        retryable=True,
        work="not_started",
    )


def lost(why: object) -> BackendError:
    return BackendError(
        f"The connection to the directory was lost: {why}.",
        code="connection_lost",
        retryable=True,
        work="unknown",
    )
