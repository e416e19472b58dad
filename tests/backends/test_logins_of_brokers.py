"""Certificates, nkeys and credentials: the logins that the common brokers of a machine do not ask for."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import aio_pika
import grpc
import nats
import pytest
from aio_pika.abc import AbstractIncomingMessage
from nats.aio.msg import Msg

from certificates import make_certificate, sign_certificate
from drawbar.kernel.outcome import Failed, Outcome, Succeeded
from drawbar.spec.tls import TlsSpec
from drawbar.testing.kinds import opened
from grpc_orders import Orders, descriptor_set
from own_brokers import Key, credentials, nats_server, rabbitmq

ASK = """\
functions:
  ask:
    description: Ask.
    parameters: {text: {type: string}}
    WORD: desk
    request: text
    reply: text
"""


async def asked(backend: str, word: str, folder: Path) -> Outcome:
    text = f"adapter: peer\nbackend:\n{textwrap.indent(backend, '  ')}\n{ASK.replace('WORD', word)}"
    async with opened(text, folder) as gateway:
        return await gateway.call("ask", {"text": "ahoy"})


async def answering(url: str, **login: Any) -> Any:
    """A client of NATS that answers on `desk`; its library's words have many types."""
    client = await nats.connect(url, allow_reconnect=False, **login)

    async def answer(message: Msg) -> None:
        await message.respond(message.data.upper())

    await client.subscribe("desk", cb=answer)
    await client.flush()
    return client


async def test_nats_by_nkey(tmp_path: Path) -> None:
    mine, other = Key("U"), Key("U")
    settings = f"authorization: {{users: [{{nkey: {mine.public}}}]}}\n"
    async with nats_server(tmp_path, settings) as port:
        url = f"nats://127.0.0.1:{port}"
        client = await answering(url, nkeys_seed_str=mine.seed)
        found = await asked(
            f"kind: nats\nservers: [{url}]\nauth: {{nkey: {mine.seed}}}", "subject", tmp_path
        )
        refused = await asked(
            f"kind: nats\nservers: [{url}]\nauth: {{nkey: {other.seed}}}", "subject", tmp_path
        )
        none = await asked(f"kind: nats\nservers: [{url}]", "subject", tmp_path)
        wrong = await asked(
            f"kind: nats\nservers: [{url}]\nauth: {{nkey: SUWRONG}}", "subject", tmp_path
        )
        await client.close()

    assert found == Succeeded("AHOY")
    for outcome in (refused, none, wrong):
        assert isinstance(outcome, Failed), outcome
        assert outcome.code == "backend_unavailable"
        assert other.seed not in str(outcome)


async def test_nats_by_credentials_over_tls_with_a_certificate(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "server")
    make_certificate(tmp_path, "client")
    both = tmp_path / "both.pem"
    both.write_text(certificate.read_text() + (tmp_path / "client.pem").read_text())
    operator, account, user = Key("O"), Key("A"), Key("U")
    told = operator.token(account, {"type": "account", "limits": LIMITS | NO_LIMITS})
    login = credentials(account.token(user, {"type": "user", **NO_LIMITS}), user.seed)
    settings = (
        f"operator: {operator.token(operator, {'type': 'operator'})}\n"
        f"resolver: MEMORY\nresolver_preload: {{{account.public}: {told}}}\n"
        f"tls: {{cert_file: {certificate}, key_file: {key}, ca_file: {both}, verify: true}}\n"
    )
    (tmp_path / "nats.creds").write_text(login)
    async with nats_server(tmp_path, settings) as port:
        url = f"tls://127.0.0.1:{port}"
        words = {"ca": "server.pem", "certificate": "client.pem", "key": "client.key"}
        context = TlsSpec.model_validate(words).context(tmp_path)
        client = await answering(url, user_credentials=str(tmp_path / "nats.creds"), tls=context)
        auth = 'auth: {credentials: "${file:./nats.creds}"}\n'
        tls = "tls: {ca: ./server.pem, certificate: ./client.pem, key: ./client.key}\n"
        head = f"kind: nats\nservers: ['{url}']\n"
        found = await asked(head + auth + tls, "subject", tmp_path)
        no_login = await asked(head + tls, "subject", tmp_path)
        no_certificate = await asked(head + auth + "tls: {ca: ./server.pem}\n", "subject", tmp_path)
        strange = await asked(head + auth + "tls: {ca: ./client.pem}\n", "subject", tmp_path)
        await client.close()

    assert found == Succeeded("AHOY")
    for outcome in (no_login, no_certificate, strange):
        assert isinstance(outcome, Failed), outcome
        assert outcome.code == "backend_unavailable"
    assert "certificate verify failed" in str(strange)


NO_LIMITS: dict[str, object] = {"subs": -1, "data": -1, "payload": -1}
LIMITS: dict[str, object] = {
    "imports": -1,
    "exports": -1,
    "conn": -1,
    "leaf": -1,
    "wildcards": True,
}


@pytest.mark.timeout(180)
async def test_amqp_over_tls_with_a_certificate(tmp_path: Path) -> None:
    make_certificate(tmp_path, "authority")
    certificate, key = sign_certificate(tmp_path, "server", "authority")
    sign_certificate(tmp_path, "client", "authority")
    settings = (
        f"ssl_options.cacertfile = {tmp_path / 'authority.pem'}\nssl_options.certfile = {certificate}\n"
        f"ssl_options.keyfile = {key}\nssl_options.verify = verify_peer\n"
        "ssl_options.fail_if_no_peer_cert = true\n"
    )
    words = {"ca": "authority.pem", "certificate": "client.pem", "key": "client.key"}
    async with rabbitmq(tmp_path, settings) as port:
        context = TlsSpec.model_validate(words).context(tmp_path)
        connection = await aio_pika.connect(
            host="127.0.0.1", port=port, ssl=True, ssl_context=context
        )
        async with connection:
            channel = await connection.channel()

            async def answer(message: AbstractIncomingMessage) -> None:
                reply = aio_pika.Message(
                    message.body.upper(), correlation_id=message.correlation_id
                )
                await channel.default_exchange.publish(reply, message.reply_to or "")

            queue = await channel.declare_queue("desk", auto_delete=True)
            await queue.consume(answer, no_ack=True)
            head = f"kind: amqp\nhost: 127.0.0.1\nport: {port}\n"
            tls = "tls: {ca: ./authority.pem, certificate: ./client.pem, key: ./client.key}\n"
            found = await asked(head + tls, "routing_key", tmp_path)
            nobody = await asked(head + "tls: {ca: ./authority.pem}\n", "routing_key", tmp_path)
            strange = await asked(
                head + tls.replace("authority", "client"), "routing_key", tmp_path
            )
            plain = await asked(head, "routing_key", tmp_path)

    assert found == Succeeded("AHOY")
    for outcome in (nobody, strange, plain):
        assert isinstance(outcome, Failed), outcome
        assert outcome.code == "backend_unavailable"


ORDERS = """\
adapter: peer
backend: {{kind: grpc, address: "127.0.0.1:{port}", descriptors: ./orders.protoset, tls: {{{tls}}}}}
functions:
  echo: {{method: orders.v1.Orders/Echo}}
"""


async def test_grpc_with_a_certificate_of_the_client(tmp_path: Path) -> None:
    (tmp_path / "orders.protoset").write_bytes(descriptor_set())
    certificate, key = make_certificate(tmp_path, "server")
    client, _ = make_certificate(tmp_path, "client")
    names: list[bytes] = []

    async def echo(text: Any, context: Any) -> Any:
        names.extend(context.auth_context()["x509_common_name"])
        return text

    server = Orders({"Echo": echo})
    await server.start(
        grpc.ssl_server_credentials(
            [(key.read_bytes(), certificate.read_bytes())],
            root_certificates=client.read_bytes(),
            require_client_auth=True,
        )
    )
    mine = "ca: ./server.pem, certificate: ./client.pem, key: ./client.key"
    whole = tmp_path / "whole.pem"
    whole.write_text(client.read_text() + (tmp_path / "client.key").read_text())
    outcomes = []
    for tls in (mine, "ca: ./server.pem, certificate: ./whole.pem", "ca: ./server.pem"):
        async with opened(ORDERS.format(port=server.port, tls=tls), tmp_path) as gateway:
            outcomes.append(await gateway.call("echo", {"text": "ahoy"}, seconds=4))
    await server.stop()

    found, one_file, nobody = outcomes
    assert found == one_file == Succeeded({"text": "ahoy"})
    assert isinstance(nobody, Failed), nobody
    assert nobody.code == "backend_unavailable"
    assert names == [b"client", b"client"]
