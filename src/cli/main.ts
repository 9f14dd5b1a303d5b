#!/usr/bin/env node
import { run } from "./run.ts";
import { Output } from "./terminal/output.ts";

process.exitCode = await run(process.argv.slice(2), new Output(process.stdout, process.stderr));
