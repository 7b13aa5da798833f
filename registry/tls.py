"""TLS contexts from a registry's TLS settings."""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path

from registry.endpoint import TLS
from registry.errors import CredentialsUnavailable


def ssl_context(tls: TLS) -> ssl.SSLContext:
    """The system's CAs and the given ones, the client certificate, or no check at all when that was asked for.

    Raises CredentialsUnavailable when a PEM can't be read.
    """
    context = ssl.create_default_context()
    if bundle := os.environ.get("SSL_CERT_FILE"):
        context.load_verify_locations(cafile=bundle)
    try:
        if tls.ca_certificates:
            context.load_verify_locations(cadata=tls.ca_certificates)
        if tls.client_certificate:
            _load_client_certificate(context, tls)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise CredentialsUnavailable(
            "read the TLS certificates of the registry", f"the PEM is not readable ({error})", "Give PEM texts."
        ) from error
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _load_client_certificate(context: ssl.SSLContext, tls: TLS) -> None:
    # The ssl module reads a client certificate from files only.
    with tempfile.TemporaryDirectory() as folder:
        pair = Path(folder, "client.pem")
        pair.touch(mode=0o600)
        pair.write_text(f"{tls.client_certificate}\n{tls.client_key}\n")
        context.load_cert_chain(pair)
