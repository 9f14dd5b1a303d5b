import type { FieldViolation } from "../../core/refusal.ts";
import { done, type Result, refused } from "../refusal/result.ts";
import type { Fault } from "./field-rules.ts";

/** Collects every wrong field of one request, so that one answer lists them all. */
export class FieldCheck {
  readonly violations: FieldViolation[] = [];
  readonly #path: string;

  /** @param path put before each field's name, such as `reports[3].` */
  constructor(path = "") {
    this.#path = path;
  }

  /** Notes the fault, if there is one. */
  note(field: string, fault: Fault): void {
    if (fault !== undefined)
      this.violations.push({ field: this.#path + field, description: fault });
  }

  /** The parsed value, or FIELD_INVALID when anything was noted. */
  finish<T>(value: T): Result<T> {
    const { violations } = this;
    return violations.length === 0 ? done(value) : refused({ reason: "FIELD_INVALID", violations });
  }
}

/** FIELD_INVALID for one field. */
export function fieldInvalid(field: string, description: string): Result<never> {
  return refused({ reason: "FIELD_INVALID", violations: [{ field, description }] });
}
