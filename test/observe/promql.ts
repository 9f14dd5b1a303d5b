import { parser } from "@prometheus-io/lezer-promql";

/** Which samples an expression reads. */
export interface Selector {
  readonly metric: string;
  /** Labels that it compares, with the values that it compares them with; of a regular expression, each alternative. */
  readonly matchers: readonly { readonly label: string; readonly values: readonly string[] }[];
}

export interface Expression {
  /** Parts that are no PromQL. */
  readonly faults: readonly string[];
  readonly selectors: readonly Selector[];
  /** Labels that it groups or matches by. */
  readonly grouping: readonly string[];
  /** Names of the functions that it calls, without operators of aggregation such as sum. */
  readonly functions: readonly string[];
}

/** Reads an expression with the parser of Prometheus's own editor. */
export function readPromql(text: string): Expression {
  const faults: string[] = [];
  const selectors: { metric: string; matchers: Selector["matchers"][number][] }[] = [];
  const grouping: string[] = [];
  const functions: string[] = [];
  parser.parse(text).iterate({
    enter({ type, from, to, node }) {
      const words = text.slice(from, to);
      if (type.isError) faults.push(`at ${from}: ${text.slice(from, from + 20)}`);
      if (type.name === "VectorSelector") selectors.push({ metric: "", matchers: [] });
      if (type.name === "FunctionIdentifier") functions.push(words);
      if (type.name === "Identifier") (selectors.at(-1) ?? nothing).metric = words;
      if (type.name === "LabelName" && node.parent?.name === "GroupingLabels") grouping.push(words);
      if (type.name === "UnquotedLabelMatcher") {
        selectors.at(-1)?.matchers.push(matcherOf(words));
        return false;
      }
      return true;
    },
  });
  return { faults, selectors, grouping, functions };
}

const nothing = { metric: "" };

function matcherOf(text: string): Selector["matchers"][number] {
  const [, label = "", operator, value = ""] = /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/.exec(text) ?? [];
  return { label, values: operator?.endsWith("~") ? value.split("|") : [value] };
}
