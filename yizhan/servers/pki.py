"""Certificates of servers on this machine: a CA and what it signed, kept on disk as PEM."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from yizhan.servers.state import private

NAMES: Final = ("127.0.0.1", "localhost")
"""What our certificates vouch for: any other host name is refused by clients."""


@dataclass(frozen=True)
class Certificate:
    """PEM files of one server; `both` is key, then certificate, as Java takes it."""

    key: Path
    chain: Path
    both: Path


class Pki:
    """A certificate authority in a folder: made once, the same at every start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ca = folder / "ca.pem"
        self._key = folder / "ca.key"
        if not self._key.exists():
            made = trustme.CA(organization_name="Yizhan")
            private(self.ca, made.cert_pem.bytes().decode())
            private(self._key, made.private_key_pem.bytes().decode())

    def certificate(self, common_name: str, names: Sequence[str] = NAMES) -> Certificate:
        """A certificate for these host names; made once for each common name."""
        at = self._folder / common_name
        found = Certificate(at.with_suffix(".key"), at.with_suffix(".pem"), at.with_suffix(".both.pem"))
        if not found.both.exists():
            authority = trustme.CA.from_pem(self.ca.read_bytes(), self._key.read_bytes())
            made = authority.issue_cert(*names, common_name=common_name, organization_name="Yizhan")
            key = load_pem_private_key(made.private_key_pem.bytes(), None)
            pkcs8 = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()  # all Java reads
            chain = "".join(pem.bytes().decode() for pem in made.cert_chain_pems)
            private(found.key, pkcs8)
            private(found.chain, chain)
            private(found.both, pkcs8 + chain)
        return found
