import {
  type Copy,
  DockerfileParser,
  type Instruction,
  type JSONInstruction,
  type ModifiableInstruction,
} from "dockerfile-ast";

/** What a Dockerfile makes from one FROM to the next, in order. */
export interface Stage {
  readonly base: string;
  readonly name: string | undefined;
  readonly steps: readonly Step[];
}

export type Step =
  | { readonly kind: "workdir"; readonly path: string }
  | { readonly kind: "env"; readonly values: Readonly<Record<string, string>> }
  | { readonly kind: "run"; readonly command: string }
  | {
      readonly kind: "copy";
      readonly sources: readonly string[];
      readonly target: string;
      /** The stage that the sources are from; undefined: the folder that is built from. */
      readonly from: string | undefined;
      readonly owner: string | undefined;
    }
  | { readonly kind: "user"; readonly name: string }
  | { readonly kind: "volume"; readonly path: string }
  | { readonly kind: "ports"; readonly ports: readonly number[] }
  | {
      readonly kind: "health";
      readonly command: readonly string[];
      readonly flags: Readonly<Record<string, string>>;
    }
  | { readonly kind: "start"; readonly command: readonly string[] };

/** Throws for what it does not know, so that no Dockerfile is understood in part. */
export function stagesOf(text: string): readonly Stage[] {
  const stages: { base: string; name: string | undefined; steps: Step[] }[] = [];
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    const words = wordsOf(instruction);
    if (instruction.getKeyword() === "FROM") {
      stages.push({ base: words[0] ?? "", name: words[2], steps: [] });
      continue;
    }
    stages.at(-1)?.steps.push(stepOf(instruction, words));
  }
  return stages;
}

function stepOf(instruction: Instruction, words: readonly string[]): Step {
  const [first = ""] = words;
  switch (instruction.getKeyword()) {
    case "WORKDIR":
      return { kind: "workdir", path: first };
    case "ENV":
      return { kind: "env", values: Object.fromEntries(words.map((word) => pairOf(word))) };
    case "RUN":
      return { kind: "run", command: words.join(" ") };
    case "COPY": {
      const { from, chown } = flagsOf(instruction as Copy);
      return {
        kind: "copy",
        sources: words.slice(0, -1),
        target: words.at(-1) ?? "",
        from,
        owner: chown,
      };
    }
    case "USER":
      return { kind: "user", name: first };
    case "VOLUME":
      return { kind: "volume", path: first };
    case "EXPOSE":
      return { kind: "ports", ports: words.map(Number) };
    case "HEALTHCHECK":
      return {
        kind: "health",
        command: JSON.parse(words.slice(1).join(" ")) as string[],
        flags: flagsOf(instruction as ModifiableInstruction),
      };
    case "CMD": {
      // A command in the form of a shell's would have a shell between the signals and the service.
      const command = (instruction as JSONInstruction).getJSONStrings();
      return { kind: "start", command: command.map((word) => word.getJSONValue()) };
    }
    default:
      throw new Error(`${instruction.getKeyword()} is not known here`);
  }
}

function wordsOf(instruction: Instruction): readonly string[] {
  return instruction.getArguments().map((word) => word.getValue());
}

function flagsOf(instruction: ModifiableInstruction): Readonly<Record<string, string>> {
  return Object.fromEntries(
    instruction.getFlags().map((flag) => [flag.getName(), flag.getValue() ?? ""]),
  );
}

function pairOf(word: string): [name: string, value: string] {
  const [name = "", ...value] = word.split("=");
  return [name, value.join("=")];
}
