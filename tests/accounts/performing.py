"""Steps of spec/vectors/local that are calls of the package `accounts`, performed on a real file.

`{"people": [CALL, {ARGUMENT: VALUE}, NAME]}`: `$NAME.part` in a later value is a part of what the call gave: an attribute, or the item at
an index. `now` is given in every step that needs it. `{"code_of": "$NAME.secret"}` is the code of an authenticator app at that time.
`{"passkey": ["create" or "get", "$NAME", ORIGIN]}` is what one virtual authenticator answers to the options.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

import pytest

from accounts.authenticator import Authenticator, totp_code
from ceasewire.accounts import Accounts, Client
from ceasewire.errors import LocalError


@dataclass
class People:
    """The accounts in one file. Whoever makes it closes `accounts`."""

    accounts: Accounts
    given: dict[str, Any] = field(default_factory=dict)
    authenticator: Authenticator = field(default_factory=Authenticator)

    def call(self, name: str, arguments: dict[str, Any], keep: str = "") -> Any:
        method = getattr(self.accounts, name)
        now = arguments.get("now", 0)
        values = {key: self.value(value, now) for key, value in arguments.items()}
        if "client" in inspect.signature(method).parameters:
            values["client"] = Client(*arguments.get("client", ["127.0.0.1"]))
        found = method(**values)
        if keep:
            self.given[keep] = found
        return found

    def value(self, value: Any, now: int) -> Any:
        if isinstance(value, str) and value.startswith("$"):
            first, *parts = value[1:].split(".")
            found = self.given[first]
            for part in parts:
                found = found[int(part)] if part.isdecimal() else getattr(found, part)
            return found
        if isinstance(value, dict) and "code_of" in value:
            return totp_code(self.value(value["code_of"], now), now)
        if isinstance(value, dict) and "passkey" in value:
            act, options, origin = value["passkey"]
            return getattr(self.authenticator, act)(self.value(options, now), origin)
        return value

    def refused(self, *step: Any) -> str:
        """The code of a call that must fail."""
        with pytest.raises(LocalError) as caught:
            self.call(*step)
        return caught.value.code
