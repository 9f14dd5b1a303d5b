import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";

import { FastPathRegistry } from "../gen/beach/controller/v1/fast_path_registry_pb.js";

/** Keeps a process from reporting, as if its network to the service were gone one way. */
export interface Silencer {
  readonly interceptor: Interceptor;
  mute(on: boolean): void;
}

export function createSilencer(): Silencer {
  let muted = false;
  return {
    interceptor: (next) => (request) => {
      if (muted && request.method === FastPathRegistry.method.reportTransport) {
        throw new ConnectError("muted", Code.Unavailable);
      }
      return next(request);
    },
    mute: (on) => {
      muted = on;
    },
  };
}
