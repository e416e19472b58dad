"""Drivers and libraries that tests need, each skipped where it is not installed unless it has to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from machine import missing

JARS = Path("/usr/share/java")


def make_firebird(path: Path) -> None:
    driver = pytest.importorskip("firebird.driver")
    try:
        driver.create_database(str(path), user="SYSDBA", charset="UTF8").close()
    except Exception as error:  # noqa: BLE001 -- a library that is not there is told in many ways
        missing(f"Firebird is not installed ({error})")


def odbc_driver(name: str) -> str:
    try:
        import pyodbc  # noqa: PLC0415 -- the driver is optional, and so is the manager it is linked to
    except ImportError as error:
        missing(f"ODBC is not installed ({error})")
    if name not in pyodbc.drivers():
        missing(f"the ODBC driver {name} is not installed")
    return f"{{{name}}}"


def jar(name: str) -> Path:
    pytest.importorskip("jpype")
    path = JARS / f"{name}.jar"
    if not path.exists():
        missing(f"{path} is not installed")
    return path
