"""The settings of one deployment: what they are called, what they mean, what holds when nothing is said."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from drawbar.spec.model import SecretText, Spec, UrlText
from drawbar.spec.scalars import Duration, Size


class ModelSettings(Spec):
    """The language model that answers with guided invocations."""

    provider: Literal["openai", "rules", "local", "scripted"] = Field(
        "rules",
        description="openai: any server that speaks Chat Completions; rules: keyword rules, not a model; "
        "local: a model on this machine (`drawbar model pull`); scripted: answers from a file, for tests.",
    )
    base_url: str | None = Field(
        None, description="Of the model server, such as http://llm.internal:8000/v1."
    )
    api_key: SecretText | None = Field(
        None, description="Of the model server; write it as a reference."
    )
    name: str = Field(
        "default", description="The model asked for when an assistant says `default`."
    )
    timeout: Duration = Field(60.0, description="Longest wait for the next piece of an answer.")
    retries: int = Field(
        3, ge=0, le=10, description="New attempts after 429, 5xx or a lost connection."
    )
    script: str | None = Field(None, description="The file of the scripted model.")


class RunSettings(Spec):
    """How runs are carried out."""

    expire_after: Duration = Field(600.0, description="A run that has not ended by then expires.")
    rounds: int = Field(20, ge=1, description="Most model turns of one run.")
    keep_events: Duration = Field(
        86400.0, description="Events of ended runs are deleted after this."
    )


class FileSettings(Spec):
    """Files that callers upload and functions answer with."""

    largest: Size = Field(
        100_000_000,
        description="Largest file. A reply has to fit `limits: {bytes: ...}` of its function, too.",
    )
    keep: Duration = Field(
        604_800.0,
        description="Files that functions answered with are deleted after this; uploads stay until they are deleted.",
    )


class ResultSettings(Spec):
    """All rows of readings whose answers were cut, where `returns: {keep: true}` asks for them."""

    rows: int = Field(100_000, ge=1, description="Most rows of one result; a reading ends there.")
    bytes: Size = Field(50_000_000, description="Largest result, as JSON; a reading ends there.")
    keep: Duration = Field(86_400.0, description="Results are deleted after this.")


class CallerSettings(Spec):
    """Who a request without an API key is taken for."""

    subject: str = Field(description="The name that messages and the audit carry.")
    roles: tuple[str, ...] = Field((), description="What `allow:` rules ask for.")
    claims: dict[str, Any] = Field(
        default_factory=dict, description="Values that `from: caller.claims.NAME` fills in."
    )


class ListenSettings(Spec):
    """Where `drawbar serve` answers."""

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8321, ge=0, le=65535)
    body: Size = Field(10_000_000, description="Largest request body.")
    drain: Duration = Field(
        30.0, description="After SIGTERM, how long calls under way may take to end."
    )


class ActionsSettings(Spec):
    """How the functions are described to clients that call HTTP by themselves: Actions and plugins."""

    url: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#]+$",
        description="Where clients reach the gateway; as the request for the document did, unless set.",
    )
    title: str = Field("Drawbar", description="Name for people.")
    name: str = Field("drawbar", pattern=r"^[A-Za-z0-9_]{1,50}$", description="Name for models.")
    description: str = Field(
        "Functions on the internal systems of this company.",
        description="What they are for, in the words of their users.",
    )
    contact_email: str = Field("", description="Whom to ask.")
    legal_info_url: str | None = Field(None, description="The gateway's own address unless set.")
    logo_url: str | None = None


class Settings(Spec):
    """config/drawbar.yaml. Relative paths start at the folder of the file."""

    adapters: tuple[str, ...] = Field(("../adapters",), description="Folders or files of adapters.")
    listen: ListenSettings = ListenSettings()
    store: UrlText = Field(
        "sqlite:///../var/drawbar.db", description="sqlite:///PATH or postgresql://..."
    )
    cache: str | None = Field(
        None,
        description="Folder in which compiled adapters are kept for the next start, or `off`; "
        "unless set, `cache` beside an SQLite store, and none with another store.",
    )
    model: ModelSettings = ModelSettings()
    runs: RunSettings = RunSettings()
    files: FileSettings = FileSettings()
    results: ResultSettings = ResultSettings()
    toolsets: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Named groups of functions, by name or with `*`; `all` exists already.",
    )
    actions: ActionsSettings = ActionsSettings()
    kinds: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="What this deployment allows kinds of backends, by kind, such as the modules of `python`.",
    )
    anonymous: CallerSettings | None = Field(
        None, description="Allows requests without an API key, on a loopback address only."
    )
