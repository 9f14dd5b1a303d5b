import type { EpochMs } from "../../core/time.ts";
import type { RecordReader } from "./flat-reader.ts";
import { type FlatWriter, type Json, type JsonFields, RecordUnreadable } from "./flat-record.ts";

/** How a field is kept that was added to a part of a record after others had been written. */
export interface AddedField<T> {
  /** What the field is in a record that does not have it. It takes no room in the record. */
  readonly absent: T;
  readonly write: (value: T) => Json;
  /**
   * Throws {@link RecordUnreadable} for what `write` cannot have written. Of a text that many
   * records have, `shared` gives the copy that they share.
   */
  readonly read: (json: unknown, shared: (text: string) => string) => T;
}

type AddedTo<T> = { readonly [K in keyof T]?: AddedField<T[K]> };
type ValuesOf<T, A extends AddedTo<T>> = { readonly [K in keyof A & keyof T]: T[K] };

/** Both directions of a part of a record, such as a lease. */
export interface Part<T> {
  readonly write: (out: FlatWriter, value: T) => void;
  readonly read: (from: RecordReader) => T;
}

/**
 * A part that later versions may add fields to. `write` and `read` deal with the fields that every
 * record has, in one order for all time. A field that comes later stands in `added` under its own
 * name, and `read` takes its value from there. It is stored by name in front of the others, unless
 * it is as in a record without it.
 *
 * What a still later version added is kept: it comes back with every copy of the part that is made
 * by spreading it.
 */
export function part<T extends object, A extends AddedTo<T>>(
  added: A & AddedTo<T>,
  write: (out: FlatWriter, value: T) => void,
  read: (from: RecordReader, added: ValuesOf<T, A>) => T,
): Part<T> {
  const fields = new AddedFields<T, A>(added);
  return {
    write(out, value) {
      fields.write(out, value);
      write(out, value);
    },
    read(from) {
      const json = from.added();
      if (json === undefined) return read(from, fields.absent);
      const unknown = fields.unknownIn(json);
      const value = read(
        from,
        fields.read(json, (text) => from.share(text)),
      );
      return unknown === undefined ? value : { ...value, [unknownFields]: unknown };
    },
  };
}

/** Fields of a later version, as they were read. */
const unknownFields = Symbol("unknown fields");

class AddedFields<T extends object, A extends AddedTo<T>> {
  readonly absent: ValuesOf<T, A>;
  readonly #fields: readonly (readonly [name: string, field: AddedField<unknown>])[];
  readonly #names: ReadonlySet<string>;

  constructor(added: A) {
    this.#fields = Object.entries(added) as [string, AddedField<unknown>][];
    this.#names = new Set(Object.keys(added));
    this.absent = this.#values((field) => field.absent);
  }

  write(out: FlatWriter, value: T): void {
    let json = (value as { readonly [unknownFields]?: JsonFields })[unknownFields];
    for (const [name, field] of this.#fields) {
      const held = (value as Readonly<Record<string, unknown>>)[name];
      if (held !== field.absent) json = { ...json, [name]: field.write(held) };
    }
    if (json !== undefined) out.added(json);
  }

  read(json: JsonFields, shared: (text: string) => string): ValuesOf<T, A> {
    return this.#values((field, name) =>
      Object.hasOwn(json, name) ? field.read(json[name], shared) : field.absent,
    );
  }

  unknownIn(json: JsonFields): JsonFields | undefined {
    if (Object.keys(json).every((name) => this.#names.has(name))) return undefined;
    const unknown = Object.entries(json).filter(([name]) => !this.#names.has(name));
    return Object.fromEntries(unknown);
  }

  #values(of: (field: AddedField<unknown>, name: string) => unknown): ValuesOf<T, A> {
    const values = this.#fields.map(([name, field]) => [name, of(field, name)]);
    return Object.fromEntries(values) as ValuesOf<T, A>;
  }
}

/** A number that was added; without it, it is `absent`. */
export function addedNumber(absent: number): AddedField<number> {
  return {
    absent,
    write: (value) => {
      if (!Number.isFinite(value)) throw new TypeError(`Cannot store ${value} as a number`);
      return value;
    },
    read: (json) => {
      if (typeof json === "number") return json;
      throw new RecordUnreadable("a number was expected in an added field");
    },
  };
}

/** A moment that was added; undefined without it. */
export const addedMoment: AddedField<EpochMs | undefined> = {
  absent: undefined,
  write: (value) => addedNumber(0).write(value ?? Number.NaN),
  read: (json, shared) => addedNumber(0).read(json, shared),
};
