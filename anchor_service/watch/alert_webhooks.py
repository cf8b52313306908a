"""Alerts to webhooks: signed and sent as the service's other messages are.

They do not go through the database, as notices do: `watch` only reads it, so that it can run where
whoever has taken over the service can't silence it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from anchor_service.webhooks import sender
from anchor_service.webhooks.sender import NotDelivered
from anchor_service.webhooks.settings import WATCH_ALERT, given_endpoint, read_endpoints
from registry.moments import unix_stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import httpx

    from anchor_service.watch.alerts import Alert
    from anchor_service.watch.told_alerts import Standing, ToldAlerts
    from anchor_service.webhooks.settings import Endpoint
    from registry.values import IssuerId
    from registry.workspaces.workspace import Workspace


class Recipient(NamedTuple):
    """issuer_id: whose alerts it gets, besides those that are no issuer's; None: everyone's."""

    endpoint: Endpoint
    issuer_id: IssuerId | None

    def wants(self, alert: Alert) -> bool:
        return self.issuer_id is None or alert.issuer_id in (None, self.issuer_id)


def given(url: str, secret: str, *, allow_private: bool) -> Recipient:
    """Of a command's arguments. Raises WorkspaceError."""
    return Recipient(given_endpoint(url, secret, allow_private=allow_private), None)


def configured(workspace: Workspace, environment: Mapping[str, str]) -> list[Recipient]:
    """Those of the settings that name `watch.alert` among their events. Raises WorkspaceError."""
    wanted = [
        one for one in read_endpoints(workspace, environment) if one.wants(one.issuer, WATCH_ALERT)
    ]
    ids = [workspace.of(one.issuer).issuer.id for one in wanted]
    return [
        Recipient(one, issuer_id)
        for one, issuer_id in zip(wanted, ids, strict=True)
        if issuer_id is not None
    ]


def tell(
    recipients: Sequence[Recipient], told: ToldAlerts, standing: Sequence[Standing], now: int
) -> list[str]:
    """Send what each has not taken yet; gives a sentence for each that does not answer.

    Who does not take one is asked again at the next look, under the same id, and not before.
    """
    faults = []
    for recipient in recipients:
        name = recipient.endpoint.name
        untold = told.untold(name, [one for one in standing if recipient.wants(one.alert)])
        if not untold:
            continue
        with sender.new_client() as client:
            try:
                for one in untold:
                    _send(client, recipient.endpoint, one, now)
                    told.mark_told(name, one)
                    told.save()  # a crash before: it comes again, under the same id
            except NotDelivered as error:
                faults.append(f"webhook {name} did not take an alert: {error}")
    return faults


def _send(client: httpx.Client, endpoint: Endpoint, one: Standing, now: int) -> None:
    body = {"type": WATCH_ALERT, "timestamp": unix_stamp(one.since), "data": one.to_json()}
    sender.send(client, endpoint, one.message, orjson.dumps(body), now)
