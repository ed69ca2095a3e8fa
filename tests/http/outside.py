"""A real HTTPS server that plays someone else's: scripted answers, a certificate authority made for the run."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What the server sends: the bytes of a response, or a function that writes as it likes."""


class Authority:
    """A certificate authority that nobody trusts who is not told to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Authority of a test run")])
        key_usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.ca_file = folder / "authority.pem"
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server_context(self, *names: str) -> ssl.SSLContext:
        """A server's context with a certificate for these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            self._builder(x509.Name([]), key)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / f"{names[0]}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )


@dataclass
class Outside:
    """What a server saw.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        requests: Each request as it came, head and body.
        names: The server name (SNI) of each TLS connection.
        connections: How many TCP connections were opened.
    """

    port: int = 0
    requests: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    connections: int = 0

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Every name leads to this machine."""
        return ["127.0.0.1"]


def response(
    body: bytes | str, *, status: str = "200 OK", content_type: str = "application/json", headers: str = ""
) -> bytes:
    """The bytes of a response with this body."""
    data = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(data)}\r\n{headers}\r\n"
    return head.encode() + data


async def read_request(reader: asyncio.StreamReader) -> str:
    """Head and body of the next request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lengths = [line[16:] for line in head.lower().splitlines() if line.startswith("content-length:")]
    return head + (await reader.readexactly(int(lengths[0]) if lengths else 0)).decode("latin-1")


async def hang(writer: asyncio.StreamWriter) -> None:
    """An answer that never comes; it ends when the other side has gone."""
    await writer.wait_closed()


@asynccontextmanager
async def serve(answer: Answer, context: ssl.SSLContext | None) -> AsyncIterator[Outside]:
    """A server that gives the same answer to every request, until the block ends."""
    outside = Outside()
    open_connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        outside.connections += 1
        task = asyncio.current_task()
        assert task is not None
        open_connections[task] = writer
        try:
            while True:
                outside.requests.append(await read_request(reader))
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass  # the client has what it wants, or did not like what it got
        finally:
            writer.close()
            del open_connections[task]

    if context is not None:
        context.sni_callback = lambda _, name, __: outside.names.append(name)
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    outside.port = server.sockets[0].getsockname()[1]
    try:
        yield outside
    finally:
        server.close()
        still_open = dict(open_connections)
        for writer in still_open.values():
            writer.transport.abort()  # not by cancelling: asyncio would log that
        await asyncio.gather(*still_open)
