"""The settings of one deployment, and where each of them came from."""

from __future__ import annotations

from drawbar.settings.kinds import KindWords, read_kinds
from drawbar.settings.load import LoadedSettings, adapter_files, cache_folder, load_settings
from drawbar.settings.model import (
    CallerSettings,
    FileSettings,
    ListenSettings,
    ModelSettings,
    ResultSettings,
    RunSettings,
    Settings,
)

__all__ = [
    "CallerSettings",
    "FileSettings",
    "KindWords",
    "ListenSettings",
    "LoadedSettings",
    "ModelSettings",
    "ResultSettings",
    "RunSettings",
    "Settings",
    "adapter_files",
    "cache_folder",
    "load_settings",
    "read_kinds",
]
