import type { Settings } from "../../settings/settings.ts";
import { StartFault } from "../../settings/start-fault.ts";
import {
  grpcTlsNames,
  httpTlsNames,
  type TlsSetting,
  type TlsSettingNames,
} from "../../settings/tls-settings.ts";
import { TlsFilesUnusable } from "./tls-files.ts";
import { TlsIdentity } from "./tls-identity.ts";

/** Of the doors that speak TLS. */
export interface TlsIdentities {
  readonly internal: TlsIdentity | undefined;
  readonly public: TlsIdentity | undefined;
}

/** Reads the files that the settings name; rejects with a StartFault where they cannot be used. */
export async function openTls(
  { grpcTls, httpTls }: Settings,
  wall: () => number,
): Promise<TlsIdentities> {
  const faults: string[] = [];
  const open = async (
    setting: TlsSetting | undefined,
    names: TlsSettingNames,
  ): Promise<TlsIdentity | undefined> => {
    try {
      return setting && (await TlsIdentity.open(setting, names, wall));
    } catch (error) {
      if (!(error instanceof TlsFilesUnusable)) throw error;
      faults.push(...error.faults);
      return undefined;
    }
  };
  const identities = {
    internal: await open(grpcTls, grpcTlsNames),
    public: await open(httpTls, httpTlsNames),
  };
  if (faults.length > 0) throw new StartFault(faults);
  return identities;
}
