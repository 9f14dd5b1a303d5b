// The contract, for the words of what the library shows and for calls that it does not make.
export {
  ControllerLease,
  HandshakeKind,
  type HandshakeOffer,
  type KeepAliveResult,
  type Lease,
  RenegotiationReason,
} from "../gen/beach/controller/v1/controller_lease_pb.js";
export {
  FastPathRegistry,
  type ReportVerdict,
  type SessionSummary,
  type SummarizeFleetResponse,
} from "../gen/beach/controller/v1/fast_path_registry_pb.js";
export {
  ChannelState,
  ConnectionState,
  HandshakeStanding,
  type Lingering,
  type Negotiation,
  TransportChange,
  TransportEnd,
  TransportHealth,
  TransportPath,
  type TransportState,
} from "../gen/beach/controller/v1/transport_pb.js";
