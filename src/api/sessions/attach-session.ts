import { type Principal, reaches } from "../../auth/principal.ts";
import type { Attach } from "../../core/command.ts";
import { actionsChannel, channelName } from "../../core/transport/channel.ts";
import type {
  AttachSessionRequest,
  FastPathRegistry,
} from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import type { ApiDependencies } from "../call/dependencies.ts";
import { type Addressed, toAnsweredBySession } from "../call/execute.ts";
import type { Handlers } from "../call/handlers.ts";
import { unary } from "../call/unary.ts";
import { mapDone, type Result, refused } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import { type Fault, idFault, requiredTextFault } from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";
import { presentTransport } from "../transport/present-transport.ts";

export function createAttachSession(
  dependencies: ApiDependencies,
): Handlers<typeof FastPathRegistry>["attachSession"] {
  const { service, defaultManagerUrl } = dependencies;
  return unary(dependencies, {
    rpc: "AttachSession",
    action: "attach the session",
    parse: (request) => parseAttach(request, defaultManagerUrl),
    perform: async (principal, addressed) => {
      if (!ownsAttached(principal, addressed)) return refused({ reason: "NOT_YOUR_BEACH" });
      const { sessionId, command } = addressed;
      // The command checks the owner: a caller of another beach gets NOT_YOUR_BEACH.
      const result = toAnsweredBySession(await service.execute(sessionId, command));
      return mapDone(result, ({ session }) => ({ transport: presentTransport(session, service) }));
    },
  });
}

/** A caller attaches sessions for its own private beach only. */
function ownsAttached(principal: Principal, { sessionId, command }: Addressed<Attach>): boolean {
  return reaches(principal, { id: sessionId, beachId: command.beachId });
}

function parseAttach(
  request: AttachSessionRequest,
  defaultManagerUrl: string,
): Result<Addressed<Attach>> {
  const check = new FieldCheck();
  check.note("session_id", idFault(request.sessionId));
  check.note("private_beach_id", idFault(request.privateBeachId));
  const requiredChannels = parseLabels(check, request.requiredChannels);
  check.note("manager_url", managerUrlFault(request.managerUrl));
  const command: Attach = {
    kind: "Attach",
    beachId: request.privateBeachId,
    managerUrl: request.managerUrl === "" ? defaultManagerUrl : request.managerUrl,
    requiredChannels,
    hostReports: request.hostReports,
  };
  return check.finish({ sessionId: request.sessionId, command });
}

function parseLabels(check: FieldCheck, labels: readonly string[]): readonly string[] {
  if (labels.length === 0) return [actionsChannel];
  if (labels.length > limits.channels) {
    check.note("required_channels", `must have at most ${limits.channels} entries`);
    return [];
  }
  for (const [index, label] of labels.entries()) {
    check.note(`required_channels[${index}]`, requiredTextFault(label, limits.channelLength));
  }
  return [...new Set(labels.map(channelName))];
}

/** URL.parse is more tolerant: it drops line breaks and encodes what is not ASCII. */
const printable = /^[\x21-\x7e]+$/;

const managerUrlWanted: string = `must be an http or https URL of at most ${limits.managerUrlLength} printable ASCII characters, or empty`;

function managerUrlFault(url: string): Fault {
  if (url === "") return undefined;
  if (url.length > limits.managerUrlLength || !printable.test(url)) return managerUrlWanted;
  const protocol = URL.parse(url)?.protocol;
  return protocol === "http:" || protocol === "https:" ? undefined : managerUrlWanted;
}
