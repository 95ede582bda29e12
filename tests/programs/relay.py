"""A mail relay on a free port of this machine: STARTTLS first, then AUTH, as relays on the internet want it.

Takes a folder with server.pem (certificate and key). Prints its port. Writes what comes in as 1.eml, 2.eml, ... and one
line for each connection into connections.txt. Ends when its input does.
"""

import asyncio
import logging
import ssl
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

# Clients that do not trust the certificate hang up; that is no news.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)
folder = Path(sys.argv[1])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder / "server.pem")


class Relay(SMTP):
    def connection_made(self, transport):
        # Comes a second time when TLS begins.
        if transport.get_extra_info("ssl_object") is None:
            with open(folder / "connections.txt", "a") as connections:
                connections.write("connected\n")
        super().connection_made(transport)


class Keep:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return f"550 5.1.1 <{address}>: no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        # Whoever sees the name sees the whole mail.
        part = folder / "part"
        part.write_bytes(envelope.content)
        part.rename(folder / f"{self.count}.eml")
        return "250 2.0.0 queued"


def authenticate(server, session, envelope, mechanism, login):
    good = (login.login, login.password) == (b"acme@relay", b"p@ss/w%rd")
    return AuthResult(success=good, handled=False)


async def main():
    keep = Keep()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Relay(
            keep,
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=authenticate,
        ),
        "127.0.0.1",
        0,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
