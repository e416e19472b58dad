"""What PyMySQL raises, in Drawbar's words: told apart by the server's error numbers."""

from __future__ import annotations

from typing import Any

import pymysql

from drawbar.backends.sql.databases.mariadb.numbers import told
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import Secret

NO_SUCH_THREAD = 1094

_LOST = {0, 1053, 1079, 1152, 1153, 1158, 1159, 1160, 1161, 1927, 2006, 2013, 2014, 2055, 4031}


def _number(error: Exception) -> int:
    number: Any = error.args[0] if error.args else 0
    return number if isinstance(number, int) else 0


def _text(error: Exception) -> str:
    return str(error.args[1]) if len(error.args) > 1 else str(error)


def is_lost(error: Exception) -> bool:
    """Whether the connection is gone, so that the answer will never come."""
    if isinstance(error, pymysql.err.InterfaceError):
        return True
    return _number(error) in _LOST and isinstance(
        error, (pymysql.err.OperationalError, pymysql.err.InternalError)
    )


def translate(error: Exception) -> BackendError:
    return told(_number(error), _text(error))


def connect_error(error: Exception, password: Secret | None) -> BackendError:
    """A connection could not be made; nothing has been sent."""
    number, text = _number(error), _text(error)
    if password is not None and password.reveal():
        text = text.replace(password.reveal(), "***")
    if number in {1040, 1203, 1226}:
        return BackendError(
            f"the server takes no more connections: {text}",
            code="backend_busy",
            retryable=True,
            work="not_started",
        )
    if number in {1044, 1045, 1130, 1698, 1862, 3118}:
        return BackendError(
            f"the server refused the login: {text}", code="backend_denied", work="not_started"
        )
    return BackendError(
        f"the database cannot be reached: {text}",
        code="backend_unavailable",
        retryable=number != 1049,  # noqa: PLR2004 -- no such database
        work="not_started",
    )
