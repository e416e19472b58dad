"""What a draft proposes for a document's servers and security schemes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from drawbar.backends.http.openapi.documents import Documents
from drawbar.compiler.draft import Inline, Node, Noted, Reference
from drawbar.kernel.values import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class Access:
    """Words of the backend, the variables they refer to, and what a person has to know."""

    words: dict[str, Node] = field(default_factory=dict)
    variables: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    headers: frozenset[str] = frozenset()
    """Names, in lower case, of headers and query parameters that carry credentials."""


def servers_of(root: JsonObject, place: str) -> list[str]:
    """Where the document says the API is, in full where that can be known."""
    found: list[str] = []
    if isinstance(host := root.get("host"), str):
        schemes = root.get("schemes")
        listed = schemes if isinstance(schemes, list) and schemes else ["https"]
        base = root.get("basePath")
        path = base if isinstance(base, str) else ""
        found = [f"{scheme}://{host}{path}" for scheme in listed]
    servers = root.get("servers")
    for server in servers if isinstance(servers, list) else ():
        if isinstance(server, dict) and isinstance(url := server.get("url"), str):
            found.append(_filled(url, server.get("variables")))
    base = place if place.startswith(("http://", "https://")) else "https://"
    whole = [f"https:{url}" if url.startswith("//") else urljoin(base, url) for url in found]
    return [url.rstrip("/") for url in dict.fromkeys(whole) if _is_address(url)]


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "{" not in url


def _filled(url: str, variables: JsonValue) -> str:
    for name, variable in variables.items() if isinstance(variables, dict) else ():
        default = variable.get("default") if isinstance(variable, dict) else None
        url = url.replace(f"{{{name}}}", str(default))
    return url


def access_of(documents: Documents, name: str) -> Access:
    """Of the schemes that the document requires first, or else of all, the first that can be served."""
    schemes = _schemes(documents)
    others: list[str] = []
    for scheme_name, scheme in schemes.items():
        found = _words(scheme, name.upper())
        if found is None:
            others.append(
                f"security scheme `{scheme_name}` ({_kind(scheme)}) has to be written by hand"
            )
            continue
        words, variables = found
        rest = [each for each in schemes if each != scheme_name]
        if rest:
            others.append(f"the document has other security schemes, too: {', '.join(rest)}")
        return Access(words, variables, tuple(others), _carriers(schemes))
    return Access(notes=tuple(others), headers=_carriers(schemes))


def _schemes(documents: Documents) -> dict[str, JsonObject]:
    root = documents.root
    holder = documents.object(root.get("components")).get("securitySchemes")
    found = holder if isinstance(holder, dict) else root.get("securityDefinitions")
    all_of_them = {
        name: documents.object(scheme)
        for name, scheme in (found.items() if isinstance(found, dict) else ())
    }
    required = root.get("security")
    first = required[0] if isinstance(required, list) and required else {}
    wanted = [name for name in (first if isinstance(first, dict) else {}) if name in all_of_them]
    return {name: all_of_them[name] for name in dict.fromkeys((*wanted, *all_of_them))}


def _kind(scheme: Mapping[str, JsonValue]) -> str:
    return " ".join(str(scheme[word]) for word in ("type", "scheme", "in") if word in scheme)


def _words(scheme: JsonObject, name: str) -> tuple[dict[str, Node], tuple[str, ...]] | None:
    kind, how = scheme.get("type"), str(scheme.get("scheme", "")).lower()
    if kind == "basic" or (kind == "http" and how == "basic"):
        variables = (f"{name}_USER", f"{name}_PASSWORD")
        pair = {"username": Reference(variables[0]), "password": Reference(variables[1])}
        return {"auth": {"basic": Inline(pair)}}, variables
    if kind == "apiKey" and scheme.get("in") in ("header", "query"):
        key = f"{name}_KEY"
        written: dict[str, Node] = {"name": str(scheme.get("name")), "value": Reference(key)}
        if scheme["in"] == "query":
            written["in"] = "query"
        return {"auth": {"api_key": Inline(written)}}, (key,)
    if (flow := _client_credentials(scheme)) is not None:
        oauth, variables = flow, (f"{name}_CLIENT", f"{name}_SECRET")
        asked: dict[str, Node] = {
            "token_url": str(oauth["tokenUrl"]),
            "client_id": Reference(variables[0]),
            "client_secret": Reference(variables[1]),
        }
        scopes = oauth.get("scopes")
        if isinstance(scopes, dict) and scopes:
            asked["scope"] = Noted(" ".join(scopes), beside="take out what is not needed")
        return {"auth": {"oauth2": asked}}, variables
    if (kind == "http" and how == "bearer") or kind in ("oauth2", "openIdConnect"):
        token = f"{name}_TOKEN"
        words: Node = {"bearer": Inline({"token": Reference(token)})}
        if kind != "http":
            words = Noted(words, beside=f"the document wants {kind}")
        return {"auth": words}, (token,)
    return None


def _client_credentials(scheme: JsonObject) -> JsonObject | None:
    """The flow in which the gateway asks for itself, in the words of 2.0 and of later versions."""
    flows = scheme.get("flows")
    flow = flows.get("clientCredentials") if isinstance(flows, dict) else None
    if scheme.get("flow") == "application":
        flow = scheme
    url = flow.get("tokenUrl") if isinstance(flow, dict) else None
    return flow if isinstance(flow, dict) and isinstance(url, str) and url[:4] == "http" else None


def _carriers(schemes: Mapping[str, JsonObject]) -> frozenset[str]:
    names = (scheme.get("name") for scheme in schemes.values() if scheme.get("type") == "apiKey")
    return frozenset(str(name).lower() for name in names)
