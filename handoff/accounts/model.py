"""Users, roles and what a role may do. No I/O, no clock."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final, Literal, get_args

from handoff.accounts.errors import InvalidName, InvalidPassword

Role = Literal["agent", "supervisor", "editor", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

Right = Literal["read_conversations", "converse", "take_over", "edit_content", "release", "manage_people"]
"""What a user may do: read conversations, claim and speak, take a chat from its holder, change articles and
intents, train and publish, manage users and tokens."""

_RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    "agent": frozenset({"read_conversations", "converse"}),
    "supervisor": frozenset({"read_conversations", "converse", "take_over"}),
    "editor": frozenset({"read_conversations", "edit_content", "release"}),
    "admin": frozenset(get_args(Right)),
}

MAX_NAME: Final = 80
MIN_PASSWORD: Final = 12
MAX_PASSWORD: Final = 128


def rights(role: Role) -> frozenset[Right]:
    """Everything a user of this role may do."""
    return _RIGHTS[role]


@dataclass(frozen=True, slots=True)
class User:
    """A person who works with Baton. `must_change_password`: logs in with a one-time password so far."""

    id: str
    name: str
    role: Role
    must_change_password: bool
    disabled: bool

    def may(self, right: Right) -> bool:
        """Whether the role holds this right; a disabled user holds none."""
        return not self.disabled and right in _RIGHTS[self.role]


@dataclass(frozen=True, slots=True)
class Login:
    """A session in a browser. `expires_at` is in epoch milliseconds; `csrf_token` goes back in a header."""

    user: User
    csrf_token: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What is kept of an API token: never the token itself. Times are epoch milliseconds."""

    id: str
    user_id: str
    label: str
    created_at: int
    revoked_at: int | None = None


def _printable(text: str) -> bool:
    # Cc, Cf, Cs, Co, Cn: control, format (bidi overrides, zero-width), surrogate, private and unassigned
    # characters. Two names that look alike but differ in one of these would pass for one person. Zl and Zp
    # break lines.
    return not any(
        unicodedata.category(c).startswith("C") or unicodedata.category(c) in ("Zl", "Zp") for c in text
    )


def clean_name(name: str) -> str:
    """The name as it is stored: trimmed and NFC.

    Raises:
        InvalidName: empty, over 80 characters (also after case folding), or with invisible characters.
    """
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(cleaned) <= MAX_NAME or len(name_key(cleaned)) > MAX_NAME:
        raise InvalidName(f"A name has 1 to {MAX_NAME} characters.")
    if not _printable(cleaned):
        raise InvalidName("A name has no control or invisible characters.")
    return cleaned


def name_key(cleaned: str) -> str:
    """What makes a name unique: two names that differ in case alone are the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", cleaned).casefold())


def check_label(label: str) -> str:
    """The trimmed label of an API token. Raises `InvalidName`."""
    cleaned = unicodedata.normalize("NFC", label).strip()
    if not 1 <= len(cleaned) <= MAX_NAME or not _printable(cleaned):
        raise InvalidName(f"A label has 1 to {MAX_NAME} visible characters.")
    return cleaned


def check_new_password(password: str, name: str) -> None:
    """Refuse a password that is too short or too long, or the user's own name.

    Length counts, composition does not (NIST SP 800-63B, 5.1.1.2): no rule about digits or signs.

    Raises:
        InvalidPassword: the message says what is wrong; it never repeats the password.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidPassword(
            f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.",
            min=MIN_PASSWORD,
            max=MAX_PASSWORD,
        )
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in password):
        raise InvalidPassword("A password has no control characters.")
    if name_key(unicodedata.normalize("NFC", password).strip()) == name_key(name):
        raise InvalidPassword("A password must not be the user's name.")
