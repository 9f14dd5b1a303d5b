import { type Setting, settingsTable } from "./settings-table.ts";

/** What `--help` prints. */
export function settingsHelp(): string {
  const width = Math.max(...settingsTable.map(({ name }) => name.length));
  const lines = settingsTable.map(
    (setting) => `  ${setting.name.padEnd(width)}  ${setting.meaning}${inParentheses(setting)}`,
  );
  return [
    "Usage: npm start [-- options]",
    "",
    "Keeps controller leases alive without disturbing a healthy fast path. SIGTERM or Ctrl-C drains.",
    "",
    "  -h, --help        print this text",
    "  --version         print the version",
    "  --check-settings  print all that would keep a start from serving, or what it would use",
    "",
    "Settings are environment variables, such as LEASE_LOG_LEVEL=debug npm start. [Defaults]",
    "",
    ...lines,
    "",
  ].join("\n");
}

/** The README's table of settings, in Markdown. */
export function settingsMarkdown(): string {
  const rows = settingsTable.map(
    (setting) => `| \`${setting.name}\` | ${defaultInCode(setting)} | ${setting.meaning} |`,
  );
  return ["| name | default | meaning |", "|---|---|---|", ...rows, ""].join("\n");
}

function inParentheses(setting: Setting): string {
  return setting.default === "" ? "" : ` [${setting.default}]`;
}

function defaultInCode(setting: Setting): string {
  return setting.default === "" ? "–" : `\`${setting.default}\``;
}
