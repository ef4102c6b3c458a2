"""The example order service behind the order status form. Replace it with your own shop.

Anything with this method can stand in its place, see `bot/endpoints.yml`:

    async def find(self, number: str) -> Order | None

It is awaited inside a customer's turn, so it should answer within a second; None means that there is no such
order; what it raises fails the turn, and the customer is handed to a person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, Protocol

OrderState = Literal["received", "packing", "shipped", "delivered", "cancelled"]


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `expected` and `carrier` are texts to show, None where they mean nothing."""

    number: str
    state: OrderState
    items: str
    expected: str | None = None
    carrier: str | None = None


class OrderService(Protocol):
    """What the bot needs to know about orders."""

    async def find(self, number: str) -> Order | None:
        """The order with this number, None when there is none. `number` is as the customer wrote it."""


_DEMO: Final = (
    Order("FG-1000417", "received", "Trail running shoes, 2 pairs of merino socks"),
    Order("FG-1000532", "packing", "45 l backpack", expected="the day after tomorrow"),
    Order("FG-1000645", "shipped", "Two-person tent", expected="tomorrow", carrier="ParcelLine"),
    Order("FG-1000718", "delivered", "Waterproof jacket", carrier="ParcelLine"),
    Order("FG-1000806", "cancelled", "Camping stove"),
)


class DemoOrders:
    """Five orders of the demo shop, one in each state."""

    def __init__(self) -> None:
        self._orders = {normalised(order.number): order for order in _DEMO}

    async def find(self, number: str) -> Order | None:
        """See `OrderService.find`."""
        return self._orders.get(normalised(number))


def normalised(number: str) -> str:
    """The digits alone: customers write FG-1000417, fg 1000417 and 1000417 for one order."""
    return re.sub(r"\D", "", number)
