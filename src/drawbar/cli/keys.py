"""`drawbar keys`: make, list and revoke API keys; a running gateway notices within two seconds."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime

import orjson

from drawbar.cli.caller import claim, name
from drawbar.cli.migrate import add_store_options, store_url
from drawbar.kernel.values import Caller, JsonObject, JsonValue
from drawbar.store.database import Store
from drawbar.store.records import ApiKey

EXAMPLE = "drawbar keys create --subject anna --role hr --claim emp_no=1007 --note 'chat front end'"


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="create|list|revoke")
    create = actions.add_parser("create", help="make a key; it is printed this once")
    create.add_argument("--subject", type=name, required=True, help="whom the key speaks for")
    create.add_argument(
        "--role", type=name, action="append", default=[], help="a role of the caller; repeatable"
    )
    create.add_argument(
        "--claim",
        type=claim,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a claim; repeatable",
    )
    create.add_argument("--note", help="what the key is for")
    add_store_options(create)
    listing = actions.add_parser("list", help="who has keys; the keys themselves are not stored")
    listing.add_argument("--json", action="store_true")
    add_store_options(listing)
    revoke = actions.add_parser("revoke", help="end a key")
    revoke.add_argument("id", help="as `drawbar keys list` shows it")
    add_store_options(revoke)


def run(args: argparse.Namespace) -> int:
    if args.action == "create":
        return _create(args)
    if args.action == "revoke":
        return _revoke(args)
    return _list(args)


def _create(args: argparse.Namespace) -> int:
    claims: dict[str, JsonValue] = dict(args.claim)
    caller = Caller(args.subject, tuple(args.role), claims)

    async def create() -> tuple[ApiKey, str]:
        store = await Store.open(store_url(args), exclusive=False)
        try:
            return await store.keys.create(caller, args.note)
        finally:
            await store.close()

    record, key = asyncio.run(create())
    print(key)
    print(f"{record.id} speaks for {caller.subject}. It is shown only now.", file=sys.stderr)
    return 0


def _list(args: argparse.Namespace) -> int:
    async def read() -> tuple[ApiKey, ...]:
        store = await Store.open(store_url(args), exclusive=False)
        try:
            return await store.keys.list()
        finally:
            await store.close()

    keys = asyncio.run(read())
    if args.json:
        shown = [_as_json(key) for key in keys]
        print(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        return 0
    for key in keys:
        roles = ",".join(key.caller.roles) or "-"
        used = _day(key.last_used_at) if key.last_used_at else "never used"
        line = f"{key.id}  {_day(key.created_at)}  {used:10}  {key.caller.subject}  {roles}"
        print(f"{line}  {key.note or ''}".rstrip())
    if not keys:
        print("There are no keys.", file=sys.stderr)
    return 0


def _revoke(args: argparse.Namespace) -> int:
    async def revoke() -> bool:
        store = await Store.open(store_url(args), exclusive=False)
        try:
            return await store.keys.revoke(args.id)
        finally:
            await store.close()

    if asyncio.run(revoke()):
        print(f"{args.id} is revoked.", file=sys.stderr)
        return 0
    print(f"There is no key {args.id}; `drawbar keys list` shows them.", file=sys.stderr)
    return 1


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def _as_json(key: ApiKey) -> JsonObject:
    return {
        "id": key.id,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "note": key.note,
        "caller": key.caller.as_json(),
    }
