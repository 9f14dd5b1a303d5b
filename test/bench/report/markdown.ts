import type { Report } from "./report.ts";
import type { Row } from "./row.ts";
import { short } from "./table.ts";

const [begin, end] = ["<!-- begin: figures written by npm run bench -->", "<!-- end -->"];
/** The section before which a page without figures gets them. */
const nextSection = "## Where to read on";

/** The page with the figures of this report instead of those that it shows. */
export function withSpeed(page: string, report: Report): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from >= 0 && to > from)
    return page.slice(0, from) + speedMarkdown(report) + page.slice(to + end.length);
  const at = page.indexOf(nextSection);
  if (at < 0)
    throw new Error(`a page needs the heading "${nextSection}" or marks around its figures`);
  return `${page.slice(0, at)}${speedSection(report)}\n\n${page.slice(at)}`;
}

/** The figures that have a target, but those of Connect, and where it was measured, between marks. */
export function speedMarkdown({ parts, machine, startedAt }: Report): string {
  const { processor, cores, node, etcd, commit } = machine;
  const judged = parts.flatMap(({ rows }) =>
    rows.filter(({ name, target }) => target !== undefined && !name.startsWith("Connect")),
  );
  return [
    begin,
    "| what | measured | compared with | ratio | target |",
    "|---|---|---|---|---|",
    ...judged.map(lineOf),
    "",
    `${processor}, ${cores} cores, Node ${node}, etcd ${etcd}, commit ${commit}, ${startedAt.slice(0, 10)}. ✗ marks what misses its target.`,
    end,
  ].join("\n");
}

function speedSection(report: Report): string {
  return [
    "## Speed",
    "",
    "![Processor time of a renewal beside etcd and the floors, and how costs grow](test/bench/chart.svg)",
    "",
    speedMarkdown(report),
    "",
    "`npm run bench` measures all of it anew ([how](test/bench/README.md)). A ratio above 1 is better than what it is compared with.",
  ].join("\n");
}

function lineOf(row: Row): string {
  const { name, value, unit, against = "–", floor, peer, ratio, target = "", met } = row;
  const other = floor ?? peer;
  const cells = [
    name,
    `${short(value)} ${unit}`,
    other === undefined ? "–" : `${against}: ${short(other)}`,
    ratio === undefined ? "–" : ratio.toFixed(2),
    met === false ? `${target} ✗` : target,
  ];
  return `| ${cells.join(" | ")} |`;
}
