"""A client that stands on Debian's gRPC (C core) alone: acquires, reports, renews, watches, is refused.

Prints what it saw as one line of JSON.
"""

import json
import sys

import grpc
from google.protobuf import duration_pb2

from beach.controller.v1 import (
    controller_lease_pb2,
    controller_lease_pb2_grpc,
    fast_path_registry_pb2,
    fast_path_registry_pb2_grpc,
    transport_pb2,
)
from google.rpc import error_details_pb2, status_pb2

SESSION = "interop-1"
BEACH = "beach-1"


def details_of(error):
    """The details of a refusal, by name, from the trailers."""
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    found = {}
    for detail in status.details:
        name = detail.type_url.rsplit(".", 1)[-1]
        message = getattr(error_details_pb2, name)()
        if not detail.Unpack(message):
            raise ValueError(f"{detail.type_url} cannot be read")
        found[name] = message
    return status, found


def refusal_of(call):
    try:
        call()
    except grpc.RpcError as error:
        status, details = details_of(error)
        info = details["ErrorInfo"]
        return {
            "code": error.code().name,
            "status_code": status.code,
            "message": error.details(),
            "reason": info.reason,
            "domain": info.domain,
            "metadata": dict(info.metadata),
            "fields": [one.field for one in details["BadRequest"].field_violations]
            if "BadRequest" in details
            else [],
            "retries": details["RetryInfo"].retry_delay.ToMilliseconds()
            if "RetryInfo" in details
            else None,
        }
    raise ValueError("the call was not refused")


def ready_report(handshake_id):
    states = transport_pb2
    return states.TransportReport(
        session_id=SESSION,
        handshake_id=handshake_id,
        end=states.TRANSPORT_END_MANAGER,
        transport_id="peer-1",
        connection=states.CONNECTION_STATE_CONNECTED,
        channels=[
            states.ChannelReport(label=label, state=states.CHANNEL_STATE_READY)
            for label in ("mgr-actions", "mgr-acks", "mgr-state")
        ],
        reporter_id="python",
        sequence=1,
    )


def main(address):
    channel = grpc.insecure_channel(address)
    lease = controller_lease_pb2_grpc.ControllerLeaseStub(channel)
    registry = fast_path_registry_pb2_grpc.FastPathRegistryStub(channel)
    requests = controller_lease_pb2
    attach = fast_path_registry_pb2.AttachSessionRequest(session_id=SESSION, private_beach_id=BEACH)
    registry.AttachSession(attach, timeout=20)

    watch = lease.WatchTransport(requests.WatchTransportRequest(session_ids=[SESSION]), timeout=60)
    seen = [next(watch).WhichOneof("event"), next(watch).WhichOneof("event")]

    ttl = duration_pb2.Duration(seconds=20)
    acquired = lease.Acquire(
        requests.AcquireRequest(session_id=SESSION, reason="python", ttl=ttl), timeout=20
    )
    report = ready_report(acquired.offer.handshake_id)
    verdicts = registry.ReportTransport(
        fast_path_registry_pb2.ReportTransportRequest(reports=[report]), timeout=20
    ).verdicts
    path = transport_pb2.TRANSPORT_PATH_FAST_PATH
    state = next(
        event.state
        for event in watch
        if event.WhichOneof("event") == "state" and event.state.path == path
    )

    renewal = requests.RenewRequest(session_id=SESSION, controller_token=acquired.controller_token)
    renewed = lease.Renew(renewal, timeout=20)
    item = requests.KeepAliveRequest(renewals=[renewal])
    kept = [len(answer.results) for answer in lease.KeepAlive(iter([item, item]), timeout=20)]

    unknown = requests.RenewRequest(session_id=SESSION, controller_token="never given out")
    invalid = requests.AcquireRequest(session_id="a/b", reason="r" * 65)
    refusals = {
        "unknown": refusal_of(lambda: lease.Renew(unknown, timeout=20)),
        "invalid": refusal_of(lambda: lease.Acquire(invalid, timeout=20)),
    }
    stop = fast_path_registry_pb2.RevokeLeasesRequest(session_id=SESSION)
    registry.RevokeLeases(stop, timeout=20)
    again = requests.AcquireRequest(session_id=SESSION, reason="python")
    refusals["revoked"] = refusal_of(lambda: lease.Acquire(again, timeout=20))
    watch.cancel()
    kind = requests.HandshakeKind.Name
    return {
        "seen": seen,
        "acquired": kind(acquired.handshake_kind),
        "renewed": kind(renewed.handshake_kind),
        "sameHandshake": state.handshake_id == acquired.offer.handshake_id,
        "verdict": verdicts[0].refusal,
        "kept": kept,
        "refusals": refusals,
    }


print(json.dumps(main(sys.argv[1])))
