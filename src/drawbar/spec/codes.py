"""The problems that reading an adapter or settings file can find, by code. A code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "DB100": "the file is not YAML",
    "DB101": "a key that is not known here",
    "DB102": "a key that was written before",
    "DB103": "a scalar that is read in two ways, or that JSON cannot hold",
    "DB104": "a part of YAML that is not used here: merge keys, tags, several documents, ...",
    "DB105": "a file that cannot be read, or is no UTF-8",
    "DB106": "a file that is empty or no mapping",
    "DB110": "a key that is missing",
    "DB111": "a value of the wrong type",
    "DB112": "a value out of the allowed range, or none of the allowed ones",
    "DB113": "a value that is wrong in another way",
    "DB120": "an environment variable that is not set",
    "DB121": "a file of a reference that cannot be read",
    "DB122": "a reference that cannot be read",
    "DB130": "a kind of backend that is not known, or cannot be loaded",
    "DB131": "a name that is not made of the right characters",
    "DB140": "a file that `tls` names and that is not there, or a key without its certificate",
    "DB141": "`tls.verify` is off: anyone on the way can read and change all",
}
