"""A SOAP service that wants a Kerberos ticket and has the system's GSSAPI judge it; started as a process of its own.

Prints its port, then a line for each request: the caller's principal, or why there is none. With the header
`X-Reply: impostor` it answers whoever calls, with a proof of itself that is none.
"""

from __future__ import annotations

import base64
from http.server import BaseHTTPRequestHandler, HTTPServer

import gssapi  # type: ignore[import-not-found]  # only its own process has it

DONE = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    b'<t:CancelLeaveResponse xmlns:t="urn:leave"><t:Done>1</t:Done></t:CancelLeaveResponse>'
    b"</s:Body></s:Envelope>"
)


def judged(authorization: str) -> tuple[str | None, bytes, str]:
    """The caller, if proven, with the proof of the service; else why not."""
    scheme, _, token = authorization.partition(" ")
    if scheme != "Negotiate":
        return None, b"", "asked nothing"
    context = gssapi.SecurityContext(usage="accept")
    try:
        answer = context.step(base64.b64decode(token))
        done = context.complete  # tells what was wrong, where the step only had an answer to it
    except gssapi.exceptions.GSSError as error:
        return None, b"", f"refused: {error.maj_code:#x}"
    return (str(context.initiator_name), answer or b"", "") if done else (None, b"", "")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        caller, proof, why = judged(self.headers.get("Authorization", ""))
        if self.headers.get("X-Reply") == "impostor":
            caller, proof = "anybody", b"no proof at all"
        print(caller or why, flush=True)  # noqa: T201 -- its output is its report
        self.send_response(200 if caller else 401)
        token = f" {base64.b64encode(proof).decode()}" if proof else ""
        self.send_header("WWW-Authenticate", f"Negotiate{token}")
        body = DONE if caller else b"who are you"
        self.send_header("Content-Type", "text/xml" if caller else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)  # noqa: T201 -- as above
    server.serve_forever()
