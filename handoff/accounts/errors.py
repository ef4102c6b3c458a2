"""Refusals of the accounts part. What the protocol names already is raised as the domain's own error."""

from __future__ import annotations

from handoff.domain.errors import Forbidden, HandoffError, NotFound


class InvalidName(HandoffError):
    """A user's name or a token's label that cannot be stored."""

    code = "invalid_name"
    http_status = 422


class InvalidPassword(HandoffError):
    """A new password that does not meet the rules."""

    code = "invalid_password"
    http_status = 422


class InvalidRole(HandoffError):
    """There is no such role; `data.roles` lists them."""

    code = "invalid_role"
    http_status = 422


class NameTaken(HandoffError):
    """Another user has this name, perhaps in other case."""

    code = "name_taken"
    http_status = 409


class LastAdmin(HandoffError):
    """Without this user nobody could manage the others."""

    code = "last_admin"
    http_status = 409


class WrongPassword(Forbidden):
    """The current password, asked for again before a change, is wrong. The session stays."""

    code = "wrong_password"


class UnknownUser(NotFound):
    """No user of this name or id."""


class UnknownToken(NotFound):
    """No API token with this id."""
