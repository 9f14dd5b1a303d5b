import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";

import { EncodedAnswer } from "../../api/call/encoded-answer.ts";
import { WireWriter } from "../../api/call/wire-writer.ts";
import { enveloped } from "../intake/envelopes.ts";

/** A message as handlers answer it: an object in which fields may be missing. */
type Fields = Readonly<Record<string, unknown>>;
type Write = (message: Fields) => void;

/**
 * Encodes answers in binary, each in its envelope. Protobuf-es would make a message of the plain
 * object first, and then two arrays of bytes: for the short answers of this service several times the
 * work. What it writes is the same, byte for byte.
 */
export function answerEncoder(desc: DescMessage): (answer: unknown) => Buffer {
  const write = writerOf(desc);
  return (answer) => {
    if (answer instanceof EncodedAnswer) return enveloped(answer.toBinary());
    out.restart();
    write(answer as Fields);
    return enveloped(out.written());
  };
}

/** One answer is written at a time, from its first byte to its last. */
const out = new WireWriter(64 * 1024);

const writers = new Map<DescMessage, Write>();

/**
 * The writer of a schema is compiled, so that each of its fields is read at a place of its own in
 * the code: one place that reads fields of any name looks each of them up. Nothing but names and
 * numbers of our own schemas becomes code.
 */
function writerOf(desc: DescMessage): Write {
  const known = writers.get(desc);
  if (known !== undefined) return known;
  let write: Write | undefined;
  // Known before its fields are, since a message may have itself inside.
  writers.set(desc, (message) => write?.(message));
  const inOrder = desc.fields.toSorted((one, other) => one.number - other.number);
  const nested = inOrder.map(({ message }) => message && writerOf(message));
  const body = inOrder.map((field, index) => fieldSource(field, `nested[${index}]`));
  const source = `return (message) => { let value, start;\n${body.join("\n")}\n};`;
  write = new Function("out", "nested", source)(out, nested) as Write;
  writers.set(desc, write);
  return write;
}

function fieldSource(field: DescField, nested: string): string {
  const { localName, oneof } = field;
  const write = valueSource(field, nested);
  if (field.fieldKind === "list") {
    return `value = message.${localName};
      if (value !== undefined) for (const each of value) { ${write("each")} }`;
  }
  if (oneof !== undefined) {
    return `value = message.${oneof.localName};
      if (value !== undefined && value.case === "${localName}") { ${write("value.value")} }`;
  }
  const isExplicit =
    field.fieldKind === "message" || field.presence !== FeatureSet_FieldPresence.IMPLICIT;
  const isWritten = isExplicit ? "value !== undefined" : "value";
  return `value = message.${localName}; if (${isWritten}) { ${write("value")} }`;
}

/** How a value is written that is at the place given. */
function valueSource(field: DescField, nested: string): (value: string) => string {
  const { number } = field;
  if (field.message !== undefined && field.fieldKind !== "map") {
    return (value) => `start = out.begin(${number}); ${nested}(${value}); out.end(start);`;
  }
  if (field.fieldKind === "enum") return (value) => `out.number(${number}, ${value});`;
  switch (field.fieldKind === "map" ? undefined : field.scalar) {
    case ScalarType.STRING:
      return (value) => `out.text(${number}, ${value});`;
    case ScalarType.BOOL:
    case ScalarType.INT32:
    case ScalarType.UINT32:
    case ScalarType.INT64:
    case ScalarType.UINT64:
      if (field.fieldKind === "scalar") return (value) => `out.number(${number}, ${value});`;
  }
  throw new Error(`${field}: no answer has a field of its kind so far`);
}
