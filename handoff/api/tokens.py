"""A conversation's token: signed, opaque, and good for that conversation alone."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from handoff.domain.errors import TokenExpired, Unauthorized

SALT: Final = "baton.conversation.v1"


class ConversationTokens:
    """Makes and reads tokens. Lifetimes in seconds."""

    def __init__(self, secret: str, valid_s: float, renew_s: float) -> None:
        self._serializer = URLSafeTimedSerializer(
            secret, salt=SALT, signer_kwargs={"digest_method": hashlib.sha256}
        )
        self._valid_s = valid_s
        self._renew_s = renew_s

    def make(self, conversation_id: str) -> str:
        """A fresh token."""
        return str(self._serializer.dumps(conversation_id))

    def read(self, token: str, *, renewing: bool = False) -> str:
        """The conversation that a token opens.

        Raises:
            TokenExpired: it was valid once; with `renewing`, only after the time for renewal is over too.
            Unauthorized: it was never valid.
        """
        age = self._valid_s + (self._renew_s if renewing else 0)
        try:
            conversation_id = self._serializer.loads(token, max_age=int(age))
        except SignatureExpired:
            raise TokenExpired("This token has expired. Renew it and connect again.") from None
        except (BadData, ValueError):
            raise Unauthorized("This token opens nothing. Start a new conversation.") from None
        return str(conversation_id)


def identity_signature(identity_secret: str, customer_id: str) -> str:
    """Hex HMAC-SHA256 of a customer's id: how a site proves who its visitor is."""
    return hmac.new(identity_secret.encode(), customer_id.encode(), hashlib.sha256).hexdigest()
